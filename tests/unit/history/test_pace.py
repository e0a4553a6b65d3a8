"""What the tests of whole runs come to."""

from __future__ import annotations

from math import exp
from random import Random

import pytest

from pytest_orchestra.history.estimates import Observed, expected_seconds
from pytest_orchestra.history.pace import gap_of, pace_of
from pytest_orchestra.model.verdict import Verdict


def seen(*seconds: float, verdict: Verdict = Verdict.PASSED, here: bool = True) -> list[Observed]:
    """Return runs that took so long, one after the other."""
    return [Observed(float(at), each, verdict, here) for at, each in enumerate(seconds)]


def test_one_run_is_as_it_was() -> None:
    """Of a second run nothing better is known than what the first one took."""
    assert pace_of([(2.0, seen(2.0)), (3.0, seen(3.0))]) == 1.0
    assert pace_of([]) == 1.0


def test_medians_of_spread_durations_are_made_up_for() -> None:
    """Durations that spread by a factor of two take a quarter more than their medians, in each run."""
    random = Random(7)  # noqa: S311 - made-up durations
    spread = 0.7
    tests = [seen(*(random.lognormvariate(0.0, spread) for _ in range(9))) for _ in range(3000)]
    expected = [(expected_seconds(each) or 0.0, each) for each in tests]
    total = sum(seconds for seconds, _ in expected)
    assert pace_of(expected) * total == pytest.approx(3000 * exp(spread**2 / 2), rel=0.05)


def test_a_slow_run_is_an_outlier_among_runs() -> None:
    """A machine that swapped for one run is not expected to do so again."""
    assert pace_of([(1.0, seen(1.0, 5.0, 1.0, 1.0)), (2.0, seen(2.0, 9.0, 2.0, 2.0))]) == 1.0


def test_runs_of_few_tests_failures_and_other_environments_say_nothing() -> None:
    """What a fraction of the tests took elsewhere, or up to their failure, is no example."""
    tests = [
        (1.0, seen(4.0)),
        (5.0, seen(8.0, verdict=Verdict.FAILED)),
        (5.0, seen(8.0, here=False)),
    ]
    assert pace_of(tests) == 1.0
    assert pace_of([(0.0, seen(0.0))]) == 1.0


def test_the_gap_is_that_between_tests_of_one_worker() -> None:
    """From the end of one to the start of the next, whatever other workers do."""
    spans = [("gw0", 10.0, 1.0), ("gw0", 11.25, 1.0), ("gw1", 10.0, 5.0), ("gw1", 15.25, 1.0)]
    assert gap_of(spans) == 0.25


def test_a_wait_is_no_gap() -> None:
    """A worker that had nothing to do for a while counts for a long gap, and tests may overlap a little."""
    ends = [0.0, 1.1, 2.2, 3.3, 60.0]
    assert gap_of([("gw0", start, 1.0) for start in ends]) == pytest.approx((3 * 0.1 + 0.4) / 4)
    assert gap_of([("gw0", 0.0, 1.0), ("gw0", 0.9, 1.0)]) == 0.0


def test_without_two_tests_on_a_worker_there_is_no_gap() -> None:
    """None is made up."""
    assert gap_of([]) == gap_of([("gw0", 0.0, 1.0), ("gw1", 0.0, 1.0)]) == 0.0
