"""A run may fail although no test has: every report says so, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from reported import attempt, case, check_ctrf, check_junit, run

from pytest_orchestra.model.flakes import FlakeRecord, QuarantineRecord, Rate, Standing
from pytest_orchestra.model.run import RunRecord, UncollectedRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.ctrf import write_ctrf
from pytest_orchestra.reports.html import render
from pytest_orchestra.reports.junit_files import write_junit
from pytest_orchestra.reports.summary import make_summary


def quarantined(*, gates: bool) -> RunRecord:
    """Return a run of a good test and a flaky one that is in quarantine."""
    flaky = case(
        Verdict.FLAKY, attempt(Verdict.FAILED), attempt(Verdict.PASSED), nodeid="a.py::test_flaky"
    )
    sentence = "in quarantine, but fails the run: </script>" if gates else "in quarantine until May"
    entry = QuarantineRecord(1, "ana", "races", date(2027, 5, 1), gates, sentence)
    return run(case(Verdict.PASSED), flaky, quarantine=(entry,))


def test_junit_and_ctrf_say_what_quarantine_makes_of_a_test(tmp_path: Path) -> None:
    """The property ``quarantine`` tells readers of a test that is in it, and none of the others has it."""
    record = quarantined(gates=False)
    (junit,) = write_junit(record, tmp_path / "junit.xml")
    found = [
        [each.get("value") for each in element.iter("property") if each.get("name") == "quarantine"]
        for element in check_junit(junit).iter("testcase")
    ]
    assert found == [[], ["ana, until 2027-05-01: in quarantine until May"]]
    (ctrf,) = write_ctrf(record, tmp_path / "ctrf.json")
    document = json.loads(ctrf.read_text())
    check_ctrf(document)
    assert [each.get("extra", {}).get("quarantine") for each in document["results"]["tests"]] == [
        None,
        "in quarantine until May",
    ]


def test_a_run_that_quarantine_let_through_is_well() -> None:
    """A failure that the quarantine excuses is shown with its entry, in a run that is well."""
    record = quarantined(gates=False)
    summary = make_summary(record)
    assert summary.startswith("## ✅")
    assert "in quarantine until May" in summary
    page = render(record)
    assert "<title>✓" in page
    assert "in quarantine until May" in page


def test_a_run_that_quarantine_fails_does_not_look_well() -> None:
    """Where the exit code is 1 because of an entry, titles say that it failed, and the reports why."""
    record = quarantined(gates=True)
    summary = make_summary(record)
    assert summary.startswith("## ❌ 2 tests, none failed, but the run has")
    assert (
        "`quarantine of a.py::test_flaky: in quarantine, but fails the run: </script>`" in summary
    )
    page = render(record)
    assert "<title>✗" in page
    assert "in quarantine, but fails the run: &lt;/script&gt;" in page


@pytest.mark.parametrize("is_excused", [False, True])
def test_a_run_that_must_not_be_flaky_does_not_look_well(*, is_excused: bool) -> None:
    """With --orchestrate-fail-on-flaky a flaky test fails the run, and reports show that it did."""
    record = quarantined(gates=False)
    record = replace(
        record, fails_on_flaky=True, quarantine=record.quarantine if is_excused else ()
    )
    mark, sign = ("✅", "✓") if is_excused else ("❌", "✗")
    assert make_summary(record).startswith(f"## {mark}")
    assert ("1 test is flaky" in make_summary(record)) is not is_excused
    assert f"<title>{sign}" in render(record)


def test_a_page_shows_what_could_not_be_collected() -> None:
    """A file with an error makes the run fail, be all tests of the others well: the page tells of it."""
    lost = UncollectedRecord("test_lost.py", is_skipped=False, text="ImportError: <no> such thing")
    away = UncollectedRecord("test_away.py", is_skipped=True, text="Skipped: not here")
    page = render(run(case(Verdict.PASSED), uncollected=(lost, away)))
    assert "<title>✗ 1 file could not be collected" in page
    assert "test_lost.py" in page
    assert "ImportError: &lt;no&gt; such thing" in page
    page = render(run(case(Verdict.PASSED), uncollected=(away,)))
    assert "<title>✓" in page


def test_a_page_shows_what_is_known_of_flaky_tests() -> None:
    """What the history says of tests that failed is on the page of the run, with their latest outcomes."""
    outcomes = (Verdict.PASSED, Verdict.FAILED, Verdict.FLAKY)
    rate = Rate(0.2, 0.1, 0.3)
    known = FlakeRecord(
        0, Standing.FLAKY, "fails now and then", 3, rate, 0.3, 0.9, 1, (), 2.0, 1, outcomes
    )
    well = replace(known, case=1, standing=Standing.HEALTHY, sentence="is just well")
    page = render(run(*quarantined(gates=False).cases, flakes=(known, well)))
    assert "fails now and then" in page
    assert "2 of the last 3 runs not passed at once" in page
    assert "is just well" not in page
