from __future__ import annotations

from typing import Any

import pytest

from pytest_orchestra.model.attempt import Attempt, Failure
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.attempts import AttemptLog

SPANS = (10.0, 11.0, 1.0, 11.0, 13.0, 2.0, 13.0, 13.5, 0.5)
PASSED = Attempt(Verdict.PASSED, 10.0, 1.0, 2.0, 0.5, "gw0")
PLACE = ("a.py", 1, "test_x")


def report(
    when: Any, outcome: Any = "passed", start: float = 10.0, text: str = ""
) -> pytest.TestReport:
    """Return a report of a phase that took a second."""
    return pytest.TestReport(
        "a.py::test_x", PLACE, {}, outcome, text or None, when, start=start, duration=1.0
    )


def test_a_plain_pass_is_one_attempt() -> None:
    """With what its phases took."""
    log = AttemptLog()
    log.passed(3, SPANS, "gw0")
    assert log.of(3, Verdict.PASSED) == (PASSED,)


def test_reports_make_an_attempt() -> None:
    """The last one ends as the test did; what failed it gives the signature."""
    log = AttemptLog()
    failed = report("call", "failed", text="Bad: 5")
    for each in (report("setup", start=5.0), failed, report("teardown")):
        log.add(0, each, "gw1")
    failure = Failure("call", "Bad", "5", "Bad: 5")
    expected = Attempt(Verdict.FAILED, 5.0, 1.0, 1.0, 1.0, "gw1", "Bad | N", (failure,))
    assert log.of(0, Verdict.FAILED) == (expected,)


def test_every_setup_begins_an_attempt() -> None:
    """Also where a plugin made up outcomes for those that failed, and the last passed plainly."""
    log = AttemptLog()
    for phases in (
        (report("setup"), report("call", "rerun", text="Bad: 5"), report("teardown")),
        (report("setup", "rerun", text="Worse: 5"), report("teardown")),
    ):
        for each in phases:
            log.add(0, each, "gw0")
    log.passed(0, SPANS, "gw0")
    found = log.of(0, Verdict.PASSED)
    assert [each.verdict for each in found] == [Verdict.FAILED, Verdict.ERROR, Verdict.PASSED]
    assert [each.signature for each in found] == ["Bad | N", "Worse | N", ""]
    assert found[-1] == PASSED


def test_a_late_failure_belongs_to_the_attempt_that_passed() -> None:
    """A fixture that outlived the test failed to go down: it takes longer, and has a signature."""
    log = AttemptLog()
    log.passed(0, SPANS, "gw0")
    log.add(0, report("teardown", "failed", text="Bad: 5"), "gw0")
    failure = Failure("teardown", "Bad", "5", "Bad: 5")
    expected = Attempt(Verdict.ERROR, 10.0, 1.0, 2.0, 1.5, "gw0", "Bad | N", (failure,))
    assert log.of(0, Verdict.ERROR) == (expected,)


def test_a_crash_before_any_report_is_an_attempt() -> None:
    """Nothing is known of it but the text, and what follows is another one."""
    log = AttemptLog()
    crash = report("call", "rerun", start=0.0, text="worker 'gw0' crashed while running 'a.py'")
    log.add(0, crash, "gw0")
    log.passed(0, SPANS, "gw0")
    first, second = log.of(0, Verdict.PASSED)
    assert (first.verdict, first.started, first.setup) == (Verdict.FAILED, None, None)
    assert "crashed" in first.signature
    assert second == PASSED


def test_what_a_subtest_says_is_not_a_phase() -> None:
    """Its failure gives the signature; its time is within that of the call."""

    class SubReport(pytest.TestReport):
        pass

    sub = SubReport("a.py::test_x", PLACE, {}, "failed", "Bad: 5", "call", duration=9.0)
    log = AttemptLog()
    for each in (report("setup"), sub, report("call"), report("teardown")):
        log.add(0, each, "gw0")
    (attempt,) = log.of(0, Verdict.FAILED)
    assert (attempt.call, attempt.signature) == (1.0, "Bad | N")


def test_a_verdict_without_reports_is_an_attempt_all_the_same() -> None:
    """A worker may die where nobody looks."""
    assert AttemptLog().of(0, Verdict.ERROR) == (Attempt(Verdict.ERROR),)


def test_output_and_properties_are_those_of_the_last_report() -> None:
    """Since each has what the earlier ones had; values are written as text."""
    log = AttemptLog()
    first, last = report("setup"), report("call")
    first.sections = [("Captured stdout setup", "one")]
    last.sections = [*first.sections, ("Captured stdout call", "two")]
    last.user_properties = [("seed", 3)]
    for each in (first, last):
        log.add(0, each, "gw0")
    (attempt,) = log.of(0, Verdict.PASSED)
    assert attempt.sections == tuple(last.sections)
    assert attempt.properties == (("seed", "3"),)


def test_the_reason_of_a_skip_is_kept() -> None:
    """And that of an expected failure."""
    log = AttemptLog()
    skipped, expected = report("setup", "skipped"), report("call", "skipped")
    skipped.longrepr = ("a.py", 3, "Skipped: no database")
    expected.wasxfail = "reason: known"
    log.add(0, skipped, "gw0")
    log.add(1, expected, "gw0")
    reasons = [log.of(case, Verdict.SKIPPED)[0].reason for case in (0, 1)]
    assert reasons == ["no database", "known"]


def test_what_comes_after_the_end_of_an_attempt_is_another() -> None:
    """Even if its worker died before it told of a setup; but not what is torn down late."""
    log = AttemptLog()
    for number in (1, 2):
        log.add(0, report("call", "failed", text=f"crash {number}"), f"gw{number}")
        log.close(0)
    log.add(0, report("teardown", "failed", text="late"), "gw2")
    assert log.has_failed(0)
    log.passed(0, SPANS, "gw0")
    found = log.of(0, Verdict.FLAKY)
    assert [each.verdict for each in found] == [Verdict.FAILED, Verdict.FAILED, Verdict.PASSED]
    assert [each.worker for each in found] == ["gw1", "gw2", "gw0"]
    assert [len(each.failures) for each in found] == [1, 2, 0]


def test_a_call_that_follows_a_repeated_one_is_another_attempt() -> None:
    """pytest-retry tells of the last call with the report of the first, which it changes."""
    log = AttemptLog()
    log.add(0, report("setup"), "gw0")
    call = report("call", "retried", text="Bad: 5")
    log.add(0, call, "gw0")
    call.outcome, call.longrepr = "passed", None
    log.add(0, call, "gw0")
    log.add(0, report("teardown"), "gw0")
    first, second = log.of(0, Verdict.FLAKY)
    assert (first.verdict, first.failures[0].text) == (Verdict.FAILED, "Bad: 5")
    assert (second.verdict, second.failures) == (Verdict.PASSED, ())
    assert log.has_failed(0)


def test_an_attempt_without_a_call_that_was_followed_by_another_failed() -> None:
    """The plugin flaky does not tell of calls that it repeats."""
    log = AttemptLog()
    for phases in (("setup", "teardown"), ("setup", "call", "teardown")):
        for when in phases:
            log.add(0, report(when), "gw0")
    assert log.has_failed(0)
    assert [each.verdict for each in log.of(0, Verdict.FLAKY)] == [Verdict.FAILED, Verdict.PASSED]


def test_a_test_that_only_passed_has_not_failed() -> None:
    """Nor has one that failed once, before its last attempt."""
    log = AttemptLog()
    log.passed(0, SPANS, "gw0")
    log.add(1, report("call", "failed", text="Bad: 5"), "gw0")
    log.close(2)
    assert not any(map(log.has_failed, range(3)))
