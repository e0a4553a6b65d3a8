"""CTRF documents, against the demands of the format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError
from records import made_up_run
from reported import EPOCH, attempt, case, check_ctrf, every_kind, run

from pytest_orchestra.model.run import RunRecord, UncollectedRecord
from pytest_orchestra.model.surroundings import Build, Surroundings
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.reports.ctrf import write_ctrf


def document(record: RunRecord, path: Path) -> dict[str, Any]:
    """Return the results in the document of a run."""
    write_ctrf(record, path / "ctrf.json")
    read: dict[str, Any] = json.loads((path / "ctrf.json").read_bytes())
    check_ctrf(read)
    results: dict[str, Any] = read["results"]
    return results


def test_every_kind_is_valid_and_counted(tmp_path: Path) -> None:
    """The five statuses add up, and our own word is kept beside them."""
    cases = every_kind()
    results = document(run(*cases), tmp_path)
    summary = results["summary"]
    names = ("passed", "failed", "skipped", "pending", "other")
    assert [summary[name] for name in names] == [4, 4, 4, 1, 0]
    assert summary["tests"] == len(cases) == sum(summary[name] for name in names)
    assert summary["flaky"] == 2
    assert [each["rawStatus"] for each in results["tests"]] == [each.verdict for each in cases]
    assert (summary["start"], summary["stop"]) == (EPOCH * 1000, EPOCH * 1000 + 4000)


def test_attempts_are_told_apart(tmp_path: Path) -> None:
    """The test is its last attempt, and the others are retries with what they said."""
    failed = attempt(Verdict.FAILED, 0.5, sections=(("Captured stdout call", "a\nb"),))
    flaky = case(Verdict.FLAKY, failed, attempt(Verdict.PASSED, worker="gw1"))
    (test,) = document(run(flaky), tmp_path)["tests"]
    assert (test["flaky"], test["retries"], test["threadId"]) == (True, 1, "gw1")
    (retry,) = test["retryAttempts"]
    assert (retry["attempt"], retry["status"], retry["duration"]) == (1, "failed", 500)
    assert (retry["message"], retry["trace"]) == ("ValueError: no good (0.5)", "trace of 0.5")
    assert retry["stdout"] == ["--- Captured stdout call ---", "a", "b"]


def test_names_places_and_causes(tmp_path: Path) -> None:
    """A test is known by file, classes and name, has the same id in every run, and says why it did not run."""
    blocked = case(
        Verdict.BLOCKED, nodeid="t/a.py::TestX::test[a/b]", cause=Cause("no room", is_denied=True)
    )
    (test,) = document(run(blocked), tmp_path)["tests"]
    assert (test["suite"], test["name"]) == (["t/a.py", "TestX"], "test[a/b]")
    assert (test["filePath"], test["line"]) == ("t/a.py", 7)
    assert test["message"] == "blocked: no room"
    assert test["id"] == document(run(blocked), tmp_path)["tests"][0]["id"]


def test_what_could_not_be_collected_has_failed(tmp_path: Path) -> None:
    """A reader that counts failures sees it."""
    lost = UncollectedRecord("t/b.py", is_skipped=False, text="ImportError: x")
    results = document(run(uncollected=(lost,)), tmp_path)
    assert results["summary"]["failed"] == 1
    (test,) = results["tests"]
    assert (test["name"], test["suite"], test["trace"]) == ("t/b.py", ["t/b.py"], "ImportError: x")


def test_the_build_is_known(tmp_path: Path) -> None:
    """Commit, branch, and the job; a number that is none is left out."""
    build = Build("GitLab CI", "unit", "81", "7", "https://ci/81", "me/app", "main", "c0ffee")
    around = Surroundings("box", "linux", "6.1", "3.12.1", (("pytest", "9.2.0"),), "abc", build)
    record = run(surroundings=around)
    environment = document(record, tmp_path)["environment"]
    assert environment["commit"] == "abc"
    assert (environment["branchName"], environment["buildNumber"]) == ("main", 7)
    odd = replace(record, surroundings=replace(around, build=replace(build, number="7.rc1")))
    assert "buildNumber" not in document(odd, tmp_path)["environment"]


def test_hostile_texts_are_valid(tmp_path: Path) -> None:
    """Whatever tests are called and print, every text can be encoded."""
    results = document(made_up_run(300, is_hostile=True), tmp_path)
    json.dumps(results, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "change",
    [{"status": "flaky"}, {"name": ""}, {"duration": 0.5}, {"marker": 1}, {"suite": []}],
)
def test_the_check_can_fail(tmp_path: Path, change: dict[str, Any]) -> None:
    """A document that breaks a rule of the format is found out."""
    path = tmp_path / "ctrf.json"
    write_ctrf(run(case(Verdict.PASSED)), path)
    read = json.loads(path.read_bytes())
    read["results"]["tests"][0] |= change
    with pytest.raises(ValidationError):
        check_ctrf(read)
