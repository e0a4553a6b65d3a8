"""How the tests of whole runs compare with what is expected of each: pure.

What a test is expected to take is a median, so that outliers do not carry on. But durations spread
upwards more than downwards, so of many tests together the medians come to less than a run takes.
Outliers of single tests even out in a run, and a run that was slow as a whole is an outlier among runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pytest_orchestra.history.estimates import Observed, recent_median
from pytest_orchestra.model.verdict import FAILURE

#: A run tells something of all tests if it had those that take this share of their time.
_MOST: Final = 0.5

#: What lies between two tests is taken to be a wait for something beyond so many times the median.
_WAIT: Final = 4.0


def pace_of(tests: Iterable[tuple[float, Sequence[Observed]]]) -> float:
    """Return by what to multiply expected durations for what they come to in a run.

    ``tests`` have expected seconds and what was observed, of one run each.
    """
    total = 0.0
    runs: dict[float, list[float]] = {}
    for expected, observed in tests:
        total += expected
        for each in observed:
            if each.is_here and each.verdict not in FAILURE:
                sums = runs.setdefault(each.started, [0.0, 0.0])
                sums[0] += each.seconds
                sums[1] += expected
    ratios = [
        seconds / expected
        for _, (seconds, expected) in sorted(runs.items())
        if expected > 0.0 and expected >= _MOST * total
    ]
    return recent_median(ratios) or 1.0


def gap_of(spans: Iterable[tuple[object, float, float]]) -> float:
    """Return the seconds that a worker takes from one test to the next; 0.0 if that is not known.

    ``spans`` are worker, start and seconds of tests, sorted by worker and start. Workers also wait, for
    tests that are held back, and that is no part of it.
    """
    gaps: list[float] = []
    last: object = None
    end = 0.0
    for worker, start, seconds in spans:
        if worker == last:
            gaps.append(max(0.0, start - end))
        last, end = worker, start + seconds
    if not gaps:
        return 0.0
    limit = _WAIT * sorted(gaps)[len(gaps) // 2]
    return sum(min(gap, limit) for gap in gaps) / len(gaps)
