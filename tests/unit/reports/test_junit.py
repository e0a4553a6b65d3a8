"""JUnit files, as their readers take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from junitparser import JUnitXml
from reported import attempt, case, check_junit, every_kind, run

from pytest_orchestra.model.attempt import Failure
from pytest_orchestra.model.flakes import QuarantineRecord
from pytest_orchestra.model.run import RunRecord, UncollectedRecord, WorkerRecord
from pytest_orchestra.model.shard import ShardRecord
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.reports.junit_files import write_junit
from pytest_orchestra.reports.junit_options import Dialect, JunitOptions

FAILED, PASSED, ERROR = Verdict.FAILED, Verdict.PASSED, Verdict.ERROR


def only_case(record: RunRecord, path: Path, dialect: Dialect = Dialect.SUPERSET) -> ET.Element:
    """Return the only testcase of a run, from its file."""
    write_junit(record, path / "junit.xml", JunitOptions(dialect))
    (found,) = check_junit(path / "junit.xml", dialect).iter("testcase")
    return found


def children(element: ET.Element) -> list[tuple[str, str | None]]:
    """Return the names and messages of results in an element."""
    plain = {"properties", "system-out", "system-err"}
    return [(each.tag, each.get("message")) for each in element if each.tag not in plain]


def properties(element: ET.Element) -> dict[str, str]:
    """Return the properties of a testcase."""
    return {str(each.get("name")): str(each.get("value")) for each in element.iter("property")}


@pytest.mark.parametrize("dialect", Dialect)
def test_every_kind_is_valid_and_counted(tmp_path: Path, dialect: Dialect) -> None:
    """There is one testcase for each test, and junitparser counts what the suite says."""
    cases = every_kind()
    write_junit(run(*cases), tmp_path / "junit.xml", JunitOptions(dialect))
    root = check_junit(tmp_path / "junit.xml", dialect)
    suite = root if dialect is Dialect.SUREFIRE else root[0]
    assert [each.get("name") for each in root.iter("testcase")] == [
        each.spec.nodeid.partition("::")[2] for each in cases
    ]
    read = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    (suite_read,) = read
    counted = [
        sum(bool(each.is_failure) for each in suite_read),
        sum(bool(each.is_error) for each in suite_read),
        sum(bool(each.is_skipped) for each in suite_read),
    ]
    assert counted == [int(suite.get(name, "")) for name in ("failures", "errors", "skipped")]
    assert counted == [2, 2, 5]


def test_a_flaky_test_passes_and_shows_each_failure(tmp_path: Path) -> None:
    """Its time is that of the success, and failures in setup are errors."""
    attempts = attempt(FAILED, 0.5), attempt(ERROR, 0.75, "gw1"), attempt(PASSED, 0.125, "gw0")
    found = only_case(run(case(Verdict.FLAKY, *attempts)), tmp_path)
    assert found.get("time") == "0.125"
    assert children(found) == [
        ("flakyFailure", "ValueError: no good (0.5)"),
        ("flakyError", 'failed on setup with "ValueError: no good (0.75)"'),
    ]
    assert found.findtext("flakyFailure/stackTrace") == "trace of 0.5"
    assert properties(found) == {"worker": "gw0", "attempts": "3", "verdict": "flaky"}


def test_what_failed_throughout_is_told_by_its_first_failure(tmp_path: Path) -> None:
    """Later ones are reruns, and the time is the first one's."""
    attempts = attempt(FAILED, 0.5), attempt(FAILED, 0.75), attempt(ERROR, 0.25)
    found = only_case(run(case(ERROR, *attempts)), tmp_path)
    assert found.get("time") == "0.5"
    assert [tag for tag, _ in children(found)] == ["rerunFailure", "error", "rerunError"]


def test_phases_of_one_attempt_are_one_failure(tmp_path: Path) -> None:
    """A test that fails, and then in its teardown, counts once and tells of both."""
    failures = Failure("call", "E", "one", "first"), Failure("teardown", "F", "two", "second")
    found = only_case(run(case(FAILED, attempt(FAILED, failures=failures))), tmp_path)
    assert children(found) == [("failure", "E: one")]
    assert found.findtext("failure") == "[call]\nfirst\n\n[teardown]\nsecond"


def test_skips_say_why(tmp_path: Path) -> None:
    """Blocked tests name the root cause, tests that never ran why the run stopped."""
    root = case(FAILED, nodeid="a.py::test_root")
    cases = (
        root,
        case(Verdict.BLOCKED, cause=Cause("failed", 0, "gw1")),
        case(Verdict.NOT_RUN, cause=Cause("stopped by -x")),
        case(Verdict.SKIPPED, attempt(Verdict.SKIPPED, reason="not now")),
        case(Verdict.XFAILED, attempt(Verdict.XFAILED, reason="known")),
    )
    write_junit(run(*cases), tmp_path / "junit.xml")
    skips = check_junit(tmp_path / "junit.xml").iter("skipped")
    assert [(each.get("type"), each.get("message")) for each in skips] == [
        ("orchestra.blocked", "blocked: a.py::test_root failed (gw1)"),
        ("orchestra.not_run", "not run: stopped by -x"),
        ("pytest.skip", "not now"),
        ("pytest.xfail", "known"),
    ]


def test_places_times_and_properties(tmp_path: Path) -> None:
    """File, 1-based line, time of day, host if there are several, waits, and what the test recorded."""
    record = run(
        case(
            PASSED,
            attempt(PASSED, worker="gw1", properties=(("seed", "7"), ("seed", "\0"))),
            refused_at=0.25,
            waited_for="db",
        ),
        workers=tuple(WorkerRecord(f"gw{n}", 1, 1.0, 4.0, host=f"h{n}") for n in range(2)),
    )
    found = only_case(record, tmp_path)
    assert (found.get("file"), found.get("line")) == ("t/test_a.py", "7")
    assert found.get("timestamp") == "2023-11-14T22:13:21.000+00:00"
    names = [(each.get("name"), each.get("value")) for each in found.iter("property")]
    assert names == [
        ("worker", "gw1"),
        ("host", "h1"),
        ("wait", "0.750"),
        ("waited_for", "db"),
        ("seed", "7"),
        ("seed", "#x00"),
    ]
    assert only_case(record, tmp_path, Dialect.SUREFIRE).attrib.keys() == {
        "name",
        "classname",
        "time",
    }


def test_the_shard_is_known(tmp_path: Path) -> None:
    """Of the suite and of each test, since files of several shards are put together."""
    shard = ShardRecord(2, 4, "abc", (1, 1, 1, 1), (1.0, 1.0, 1.0, 1.0))
    assert properties(only_case(run(case(PASSED), shard=shard), tmp_path))["shard"] == "2/4"
    facts = properties(check_junit(tmp_path / "junit.xml")[0][0])
    assert (facts["shard"], facts["shard_digest"]) == ("2/4", "abc")


def test_output_stands_where_it_belongs(tmp_path: Path) -> None:
    """That of the failure with it, standard error and logs apart, and of what is long not the middle."""
    sections = ("Captured stdout call", "x" * 300_000), ("Captured stderr call", "bad]]>\x1b")
    attempts = attempt(FAILED, sections=sections), attempt(PASSED)
    found = only_case(run(case(Verdict.FLAKY, *attempts)), tmp_path)
    assert found.find("system-out") is None
    out = found.findtext("flakyFailure/system-out", "")
    assert len(out) < 101_000
    assert "characters left out" in out
    assert found.findtext("flakyFailure/system-err") == "--- Captured stderr call ---\nbad]]>#x1B"


def test_output_of_what_did_not_fail_is_kept_shorter(tmp_path: Path) -> None:
    """Ten thousand tests that each print a lot make no file of gigabytes."""
    sections = (("Captured stdout call", "x" * 300_000),)
    found = only_case(run(case(PASSED, attempt(PASSED, sections=sections))), tmp_path)
    assert 10_000 < len(found.findtext("system-out", "")) < 11_000


def names_in(paths: Sequence[Path]) -> list[list[str | None]]:
    """Return the names of the testcases in each of the files."""
    return [[each.get("name") for each in check_junit(path).iter("testcase")] for path in paths]


def test_files_are_split_by_count(tmp_path: Path) -> None:
    """Each file has its own counts, and together they have every test once."""
    cases = [case(FAILED, nodeid=f"a.py::test_{number}") for number in range(5)]
    paths = write_junit(run(*cases), tmp_path / "junit.xml", JunitOptions(most_cases=2))
    assert [path.name for path in paths] == ["junit.xml", "junit-2.xml", "junit-3.xml"]
    assert names_in(paths) == [["test_0", "test_1"], ["test_2", "test_3"], ["test_4"]]
    assert [check_junit(path)[0].get("failures") for path in paths] == ["2", "2", "1"]


def test_files_are_split_by_size(tmp_path: Path) -> None:
    """No file is larger than was allowed, and a test that is gets one of its own."""
    big = attempt(PASSED, sections=(("Captured stdout call", "<" * 5000),))
    cases = [case(PASSED, nodeid=f"a.py::test_{number}") for number in range(40)]
    cases[7] = case(PASSED, big, nodeid="a.py::test_7")
    paths = write_junit(run(*cases), tmp_path / "junit.xml", JunitOptions(most_bytes=4000))
    named = names_in(paths)
    assert [name for names in named for name in names] == [f"test_{n}" for n in range(40)]
    assert ["test_7"] in named
    sizes = [
        path.stat().st_size for path, names in zip(paths, named, strict=True) if len(names) > 1
    ]
    assert max(sizes) < 5000


def test_parts_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    """Else readers of junit*.xml would count tests of two runs; files of others are left alone."""
    cases = [case(PASSED, nodeid=f"a.py::test_{number}") for number in range(3)]
    write_junit(run(*cases), tmp_path / "junit.xml", JunitOptions(most_cases=1))
    (tmp_path / "junit-4.xml").write_text("<testsuite/>")
    write_junit(run(*cases), tmp_path / "junit.xml")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["junit-4.xml", "junit.xml"]


def test_what_could_not_be_collected_is_there(tmp_path: Path) -> None:
    """As in pytest's own file, with its error, or as skipped."""
    lost = (
        UncollectedRecord("t/b.py", is_skipped=False, text="ImportError: x"),
        UncollectedRecord("t/c.py", is_skipped=True, text="Skipped: no c"),
    )
    write_junit(run(uncollected=lost), tmp_path / "junit.xml")
    suite = check_junit(tmp_path / "junit.xml")[0]
    assert [suite.get(name) for name in ("tests", "errors", "skipped")] == ["2", "1", "1"]
    cases = list(suite.iter("testcase"))
    names = [(each.get("classname"), each.get("name")) for each in cases]
    assert names == [("", "t.b"), ("", "t.c")]
    assert [children(each) for each in cases] == [
        [("error", "collection failure")],
        [("skipped", "collection skipped")],
    ]
    assert cases[0].findtext("error") == "ImportError: x"


def test_a_run_without_tests_has_a_file(tmp_path: Path) -> None:
    """Who waits for the file finds it."""
    write_junit(run(), tmp_path / "junit.xml")
    assert check_junit(tmp_path / "junit.xml")[0].get("tests") == "0"


def test_quarantine_is_a_property(tmp_path: Path) -> None:
    """With who is to mend the test, until when, and what became of the failure."""
    held = QuarantineRecord(0, "ana", "late", date(2030, 1, 1), gates=False, sentence="as usual")
    record = replace(run(case(Verdict.FLAKY, attempt(FAILED), attempt(PASSED))), quarantine=(held,))
    found = properties(only_case(record, tmp_path))
    assert found["quarantine"] == "ana, until 2030-01-01: as usual"
