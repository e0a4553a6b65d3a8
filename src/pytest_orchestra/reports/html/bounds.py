"""Where the time of the workers went, and how short the run could have been."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.html.causes import Causes
from pytest_orchestra.reports.html.spans import Timeline


@dataclass(frozen=True, slots=True)
class TimeUse:
    """Seconds of all workers together: at work, held up while tests waited for tokens, or idle otherwise."""

    busy: float
    held_up: float
    idle: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.busy + self.held_up + self.idle


@dataclass(frozen=True, slots=True)
class Bound:
    """No order of the same tests takes less than ``seconds``, because of ``reason``."""

    seconds: float
    reason: str


def time_use(timeline: Timeline) -> TimeUse:
    """Return where the workers' time went."""
    busy = held_up = idle = 0.0
    for lane in timeline.lanes:
        busy += lane.busy
        for gap in timeline.gaps(lane):
            if gap.waiting:
                held_up += gap.seconds
            else:
                idle += gap.seconds
    return TimeUse(busy, held_up, idle)


def lower_bound(run: RunRecord, timeline: Timeline, causes: Causes) -> Bound:
    """Return the strictest of the bounds that are known."""
    return max(_bounds(run, timeline, causes), key=lambda bound: bound.seconds)


def _bounds(run: RunRecord, timeline: Timeline, causes: Causes) -> Iterator[Bound]:
    workers = max(1, len(timeline.lanes))
    work = sum(lane.busy for lane in timeline.lanes)
    yield Bound(work / workers, "all the work, shared evenly by the workers")
    yield Bound(causes.critical_seconds, "the longest chain of dependencies")
    used: defaultdict[str, float] = defaultdict(float)
    for case in run.cases:
        for lease in case.leases:
            used[lease.resource] += lease.amount * (case.seconds or 0.0)
    hosts = max(1, len({worker.host for worker in run.workers}))
    for resource in run.resources:
        if resource.capacity:
            # What every host has by itself is there several times.
            there = resource.capacity * (hosts if resource.scope == "host" else 1)
            yield Bound(used[resource.name] / there, f"what tests took of {resource.name!r}")
