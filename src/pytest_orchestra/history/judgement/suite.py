"""How flaky a suite is, now and over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from pytest_orchestra.model.flakes import Rate, SuiteFlakes, Trend

#: What a standard normal variable exceeds with 5 %. In figures, since loading ``statistics`` takes
#: longer than all that is done here.
_NORMAL: Final = 1.6448536269514722

#: With fewer runs in each half nothing is said of a trend.
_FEWEST: Final = 4


@dataclass(frozen=True, slots=True)
class RunFlakes:
    """One run: how many ``tests`` ran, at least one, and how many of them were ``flaky``.

    Those are the ones that passed after a failure, or failed where the same code has passed.
    """

    tests: int
    flaky: int


def summarise(runs: Sequence[RunFlakes], last: int) -> SuiteFlakes:
    """Return the rates of the latest of ``runs``, of which there is one, and of the ``last`` ones."""
    some = runs[-last:]
    change = _change(some)
    return SuiteFlakes(
        _rate(runs[-1:], 1.0), _rate(some, _dispersion(some)), len(some), change, _trend(change)
    )


def _rate(runs: Sequence[RunFlakes], dispersion: float) -> Rate:
    """Return the pooled rate with Wilson's interval, which is never empty or below zero."""
    tests = sum(run.tests for run in runs)
    mean = sum(run.flaky for run in runs) / tests
    size = tests / dispersion
    square = _NORMAL**2 / size
    centre = (mean + square / 2) / (1 + square)
    reach = sqrt(square * (mean * (1 - mean) + square / 4)) / (1 + square)
    return Rate(mean, max(0.0, centre - reach), min(1.0, centre + reach))


def _dispersion(runs: Sequence[RunFlakes]) -> float:
    """Return how much more the rates of runs differ than chance alone lets them, at least 1.

    Flaky tests fail together when a machine is slow, so a run says less than its number of tests.
    """
    tests = sum(run.tests for run in runs)
    mean = sum(run.flaky for run in runs) / tests
    if len(runs) == 1 or mean in {0.0, 1.0}:
        return 1.0
    squares = sum(
        (run.flaky - run.tests * mean) ** 2 / (run.tests * mean * (1 - mean)) for run in runs
    )
    return max(1.0, squares / (len(runs) - 1))


def _change(runs: Sequence[RunFlakes]) -> Rate | None:
    half = len(runs) // 2
    if half < _FEWEST:
        return None
    # a bad day in one half shows what the other may only have been spared
    dispersion = max(_dispersion(runs[:-half]), _dispersion(runs[-half:]))
    older, newer = _rate(runs[:-half], dispersion), _rate(runs[-half:], dispersion)
    mean = newer.mean - older.mean
    # Newcombe's interval of a difference, made of those of its parts
    below = sqrt((newer.mean - newer.low) ** 2 + (older.high - older.mean) ** 2)
    above = sqrt((newer.high - newer.mean) ** 2 + (older.mean - older.low) ** 2)
    return Rate(mean, mean - below, mean + above)


def _trend(change: Rate | None) -> Trend:
    if change is None or change.low <= 0 <= change.high:
        return Trend.UNCLEAR
    return Trend.RISING if change.mean > 0 else Trend.FALLING
