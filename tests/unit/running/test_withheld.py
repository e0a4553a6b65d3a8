from __future__ import annotations

import pytest

from pytest_orchestra.running.withheld import Withheld


def failure(text: str) -> pytest.TestReport:
    """Return the report of a call that failed."""
    return pytest.TestReport("a.py::test_x", ("a.py", 1, "x"), {}, "failed", text, "call")


def outcome(report: pytest.TestReport) -> str:
    """Return the outcome of a report, which may be one that pytest does not know."""
    return report.outcome


def test_a_failure_becomes_a_rerun_and_is_given_back_as_it_was() -> None:
    """What was passed on stays as it is."""
    withheld = Withheld()
    report = failure("bad")
    withheld.keep(0, report)
    assert outcome(report) == "rerun"
    assert withheld.is_promised(0)
    assert withheld.end_attempt(0)
    (taken,) = withheld.take(0)
    assert (taken.outcome, taken.longrepr, outcome(report)) == ("failed", "bad", "rerun")
    assert withheld.take(0) == ()


def test_only_the_last_attempt_is_given_back() -> None:
    """With what came late of it."""
    withheld = Withheld()
    for text in ("first", "second"):
        withheld.keep(0, failure(text))
        withheld.keep(0, failure(f"{text} too"))
        assert withheld.end_attempt(0)
    late = failure("late")
    withheld.keep(0, late, is_late=True)
    assert not withheld.is_promised(0)
    assert not withheld.end_attempt(0)
    assert [each.longrepr for each in withheld.take(0)] == ["second", "second too", "late"]
