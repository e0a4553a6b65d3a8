"""How many workers suit the suite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_orchestra.advice.findings import Findings, WhatIf
from pytest_orchestra.advice.words import count, seconds
from pytest_orchestra.model.advice import Recommendation, Topic

#: The smallest number of workers counts that is this close to the best.
CLOSE_ENOUGH: Final = 1.05

#: In runs shorter than this many seconds a worker less makes no difference to anybody.
SHORTEST_RUN: Final = 2.0

#: Larger crews are not looked into: that many predictions would take too long.
_MOST_PREDICTIONS: Final = 64


def best_crew(findings: Findings, what_if: WhatIf) -> Iterator[Recommendation]:
    """Yield the number of workers that would do better, or as well with fewer."""
    workers = findings.workers
    if findings.run.seconds < SHORTEST_RUN or workers * 2 > _MOST_PREDICTIONS:
        return
    floor = _cpu_floor(findings)
    most = workers * 2 if floor is not None else workers
    times = {
        number: max(what_if.with_workers(number), floor or 0.0) for number in range(1, most + 1)
    }
    best = min(times.values())
    knee = next(number for number, time in times.items() if time <= CLOSE_ENOUGH * best)
    gain = times[workers] - times[knee]
    figures = tuple(
        (f"-n {number}", seconds(times[number])) for number in sorted({1, knee, workers, most})
    )
    if knee > workers and findings.is_worth_it(gain):
        yield Recommendation(
            topic=Topic.WORKERS,
            text=f"{count(knee, 'worker')} instead of {workers} would save about {seconds(gain)}",
            remedy=f"run with -n {knee}",
            gain=gain,
            figures=figures,
        )
    elif knee < workers:
        yield Recommendation(
            topic=Topic.WORKERS,
            text=f"{count(knee, 'worker')} would do instead of {workers}: the run is predicted to take "
            f"{seconds(times[knee])} with them, and {seconds(times[workers])} as it is",
            remedy=f"run with -n {knee}, which leaves {workers - knee} for something else",
            gain=max(0.0, gain),
            figures=figures,
        )


def _cpu_floor(findings: Findings) -> float | None:
    """Return what the cores need for the work at least, in seconds; None if they are not known.

    What was not measured is taken to have computed all the time.
    """
    if findings.cpus is None:
        return None
    used = sum(
        (case.seconds or 0.0) if case.cpu_seconds is None else case.cpu_seconds
        for case in findings.run.cases
    )
    return used / findings.cpus
