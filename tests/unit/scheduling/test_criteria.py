"""What gates ask for, from the first test that makes it certain to the last."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_orchestra.model.stage import Gate
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.criteria import check_all, criteria_of
from pytest_orchestra.scheduling.tally import Tally

PASSED, FLAKY, FAILED, ERROR = Verdict.PASSED, Verdict.FLAKY, Verdict.FAILED, Verdict.ERROR
SKIPPED, XFAILED, XPASSED = Verdict.SKIPPED, Verdict.XFAILED, Verdict.XPASSED
BLOCKED, NOT_RUN = Verdict.BLOCKED, Verdict.NOT_RUN


def tally_of(verdicts: Sequence[Verdict], total: int | None = None) -> Tally:
    """Return the tally of cases with these ``verdicts``, of so many in all."""
    tally = Tally(len(verdicts) if total is None else total)
    for case, verdict in enumerate(verdicts):
        tally.add(case, verdict)
    return tally


def judge(gate: Gate, tally: Tally, now: float = 0.0) -> tuple[bool | None, str]:
    """Return what becomes of the only thing that ``gate`` asks for."""
    (check,) = check_all(criteria_of(gate), tally, now, lambda case: f"test_{case}")
    return check.is_met, check.detail


@pytest.mark.parametrize(
    ("verdicts", "total", "least", "is_met"),
    [
        ([PASSED, FLAKY, XPASSED, XFAILED], 4, 1.0, True),
        ([PASSED, SKIPPED], 2, 1.0, True),
        ([SKIPPED, SKIPPED], 2, 1.0, True),
        ([PASSED, BLOCKED], 2, 1.0, False),
        ([PASSED] * 19 + [FAILED], 20, 0.95, True),
        ([PASSED] * 18 + [FAILED, ERROR], 20, 0.95, False),
        ([PASSED] * 3, 4, 1.0, None),
        ([PASSED] * 3, 4, 0.75, True),
        ([FAILED], 4, 1.0, False),
        ([FAILED], 4, 0.75, None),
        ([PASSED, NOT_RUN], 2, 1.0, None),
        ([], 0, 1.0, True),
    ],
)
def test_pass_rate(
    verdicts: list[Verdict],
    total: int,
    least: float,
    is_met: bool | None,  # noqa: FBT001 - a parameter
) -> None:
    """It is certain when the rest can make no difference; who was skipped counts for nothing."""
    assert judge(Gate(pass_rate=least), tally_of(verdicts, total))[0] is is_met


@pytest.mark.parametrize(
    ("verdicts", "total", "most", "is_met"),
    [
        ([PASSED, FLAKY], 2, 0.5, True),
        ([PASSED, FLAKY], 2, 0.49, False),
        ([FLAKY, SKIPPED], 2, 0.5, False),
        ([FLAKY], 4, 0.2, False),
        ([FLAKY], 4, 0.25, None),
        ([PASSED] * 3, 4, 0.25, True),
        ([], 0, 0.0, True),
    ],
)
def test_flaky_rate(
    verdicts: list[Verdict],
    total: int,
    most: float,
    is_met: bool | None,  # noqa: FBT001 - a parameter
) -> None:
    """It is the share of those that ran."""
    assert judge(Gate(max_flaky_rate=most), tally_of(verdicts, total))[0] is is_met


@pytest.mark.parametrize(
    ("failed", "blocked", "left", "is_met"),
    [(1, 0, 0, True), (2, 0, 3, False), (0, 0, 2, None), (0, 5, 1, True)],
)
def test_failures(
    failed: int,
    blocked: int,
    left: int,
    is_met: bool | None,  # noqa: FBT001 - a parameter
) -> None:
    """One more than there may be is one too many, whatever is left; what is blocked is no failure."""
    verdicts = [FAILED] * failed + [BLOCKED] * blocked
    tally = tally_of(verdicts, len(verdicts) + left)
    assert judge(Gate(max_failures=1), tally)[0] is is_met


def test_blocked() -> None:
    """Those that a gate holds back are none that are blocked: of them nothing is known."""
    tally = tally_of([BLOCKED, PASSED])
    assert judge(Gate(max_blocked=0), tally) == (False, "1 blocked, at most 0 allowed (test_0)")
    tally.held_at = 1.0
    assert judge(Gate(max_blocked=0), tally) == (None, "0 blocked, at most 0 allowed")
    assert judge(Gate(pass_rate=0.6), tally)[0] is None


def test_duration() -> None:
    """It runs from the first test to the last, and is kept for certain only when that is over."""
    gate = Gate(max_duration=10.0)
    tally = Tally(2)
    assert judge(gate, tally, 99.0)[0] is None
    tally.begin(100.0)
    tally.begin(105.0)
    assert judge(gate, tally, 110.0) == (None, "duration 10 s so far, at most 10 s allowed")
    assert judge(gate, tally, 110.5)[0] is False
    for case, end in enumerate((103.0, 109.0)):
        tally.spend(case, 1.0, end)
        tally.add(case, PASSED)
    assert judge(gate, tally, 500.0) == (True, "duration 9 s, at most 10 s allowed")


def test_duration_of_what_was_held_back() -> None:
    """What was held back because it took too long does not take less for that."""
    tally = Tally(2)
    tally.begin(0.0)
    tally.spend(0, 1.0, 1.0)
    tally.add(0, PASSED)
    tally.held_at = 11.0
    tally.add(1, BLOCKED)
    assert judge(Gate(max_duration=10.0), tally, 50.0)[0] is False


def test_slowest() -> None:
    """The first test that takes too long decides; otherwise the last."""
    gate, tally = Gate(max_slowest=2.0), Tally(2)
    tally.spend(1, 1.5, 1.5)
    tally.add(1, PASSED)
    assert judge(gate, tally) == (None, "slowest test 1.5 s, at most 2 s allowed (test_1)")
    tally.spend(0, 0.5, 2.0)
    tally.add(0, PASSED)
    assert judge(gate, tally)[0] is True
    tally.spend(0, 2.5, 4.0)
    assert judge(gate, tally) == (False, "slowest test 2.5 s, at most 2 s allowed (test_0)")
    assert judge(gate, Tally(0))[1] == "slowest test 0 ms, at most 2 s allowed"


def test_figures_never_look_better_than_they_are() -> None:
    """A share that is not enough is not rounded to one that is."""
    tally = tally_of([FAILED] + [PASSED] * 99_999)
    assert judge(Gate(pass_rate=1.0), tally) == (
        False,
        "pass rate 0.9999, at least 1.00 needed (1 of 100000 failed: test_0)",
    )
    tally = tally_of([FLAKY] + [PASSED] * 29_999)
    assert "flaky rate 0.0001, at most 0.00 allowed" in judge(Gate(max_flaky_rate=0.0), tally)[1]
    assert judge(Gate(pass_rate=1.0), tally_of([FAILED], 3))[1].startswith(
        "pass rate 0.6666 at best"
    )


def test_blame_names_the_first_and_counts_the_rest() -> None:
    """Who failed, in the order in which it was known; those that did not pass, if some were blocked."""
    tally = tally_of([FAILED, PASSED, ERROR, FAILED, FAILED, FAILED])
    _, detail = judge(Gate(max_failures=1), tally)
    assert detail == "5 failed, at most 1 allowed (test_0, test_2, test_3 and 2 more)"
    _, detail = judge(Gate(pass_rate=1.0), tally_of([FAILED, BLOCKED]))
    assert detail.endswith("(2 of 2 did not pass: test_0, test_1)")


def test_amended_verdicts_and_excused_flakes() -> None:
    """What has another verdict after all counts by that alone; who is excused may be flaky."""
    tally = Tally(4, excused=frozenset({0}))
    for case, verdict in enumerate((FLAKY, FLAKY, PASSED, FAILED)):
        tally.add(case, verdict)
    assert tally.flaky == 1
    tally.amend(1, FLAKY, ERROR)
    tally.amend(2, PASSED, ERROR)
    tally.amend(0, FLAKY, ERROR)
    assert (tally.good, tally.failed, tally.flaky, tally.unknown) == (0, 4, 0, 0)
    assert tally.cases((FAILED, ERROR)) == (3, 1, 2, 0)
    assert tally.counts[ERROR] == 3
