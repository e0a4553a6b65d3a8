from __future__ import annotations

from pytest_orchestra.model.attempt import Attempt, Failure
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.retry_words import MOST_NAMED, retry_lines, retry_notice

BAD = Failure("call", "ValueError", "bad\nand worse", "def test_x():\n>   raise")
FAILED = Attempt(Verdict.FAILED, worker="gw0", failures=(BAD,))
PASSED = Attempt(Verdict.PASSED, worker="gw1")
FLAKY = CaseRecord(CaseSpec("a.py::test_x"), Verdict.FLAKY, attempts=(FAILED, PASSED))
BROKEN = CaseRecord(CaseSpec("a.py::test_y"), Verdict.FAILED, attempts=(FAILED, FAILED))

SKIPPED = CaseRecord(
    CaseSpec("a.py::test_s"),
    Verdict.SKIPPED,
    attempts=(FAILED, Attempt(Verdict.SKIPPED, worker="gw1")),
)
XFAILED = CaseRecord(
    CaseSpec("a.py::test_w"),
    Verdict.XFAILED,
    attempts=(FAILED, Attempt(Verdict.XFAILED, worker="gw1")),
)


def lines(*cases: CaseRecord, is_long: bool = False, fails: bool = False) -> list[str]:
    """Return what is said of a run with these cases."""
    record = RunRecord(cases, (), (), 0, 1.0)
    return list(retry_lines(record, is_long=is_long, fails_on_flaky=fails))


def test_a_run_in_which_nothing_was_tried_again_says_nothing() -> None:
    """Failed once is no news here."""
    once = CaseRecord(CaseSpec("a.py::test_z"), Verdict.FAILED, attempts=(FAILED,))
    assert lines(once, fails=True) == []


def test_flaky_tests_are_told_with_what_failed() -> None:
    """In a line each; where the last attempt failed too, pytest has told of that."""
    assert lines(FLAKY, BROKEN) == [
        "flaky, passed only when tried again:",
        "  a.py::test_x  failed on gw0, passed on gw1",
        "    attempt 1, call: ValueError: bad",
        "failed at every attempt:",
        "  a.py::test_y  failed on gw0, failed on gw0",
    ]


def test_a_failure_is_told_that_a_skip_would_hide() -> None:
    """Nobody else tells of it; and who wants no flaky tests wants none of these."""
    once = CaseRecord(
        CaseSpec("a.py::test_z"), Verdict.SKIPPED, attempts=(Attempt(Verdict.SKIPPED),)
    )
    assert lines(SKIPPED, XFAILED, once, fails=True) == [
        "failed, then skipped or xfailed when tried again:",
        "  a.py::test_s  failed on gw0, skipped on gw1",
        "    attempt 1, call: ValueError: bad",
        "  a.py::test_w  failed on gw0, xfailed on gw1",
        "    attempt 1, call: ValueError: bad",
        "2 tests failed and then skipped or xfailed, so the run has failed (--orchestrate-fail-on-flaky)",
    ]
    assert lines(FLAKY, SKIPPED, fails=True)[-1] == (
        "1 test is flaky and 1 test failed and then skipped or xfailed, so the run has failed "
        "(--orchestrate-fail-on-flaky)"
    )
    assert lines(SKIPPED)[-1] == "    attempt 1, call: ValueError: bad"


def test_the_long_form_has_the_whole_text_of_every_attempt() -> None:
    """Losing what a flaky test said would be a loss."""
    assert lines(FLAKY, is_long=True)[2:] == [
        "    attempt 1, call:",
        "      def test_x():\n      >   raise",
    ]
    assert len(lines(BROKEN, is_long=True)) == 6


def test_many_are_not_all_named() -> None:
    """Unless the long form is asked for."""
    many = [FLAKY] * (MOST_NAMED + 2)
    assert lines(*many)[-1] == "  and 2 more (-v shows all)"
    assert len(lines(*many, is_long=True)) == 1 + 3 * len(many)


def test_what_makes_the_run_fail_is_said() -> None:
    """With the option that does."""
    assert lines(FLAKY, fails=True)[-1] == (
        "1 test is flaky, so the run has failed (--orchestrate-fail-on-flaky)"
    )
    assert lines(FLAKY, FLAKY, fails=True)[-1].startswith("2 tests are flaky")


def test_an_attempt_is_announced_by_its_number() -> None:
    """And how many there may be."""
    assert retry_notice("a.py::test_x", "gw1", ("gw0",), 2).text == (
        "retrying a.py::test_x on gw1, attempt 2 of 3"
    )
