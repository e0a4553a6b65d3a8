"""Lower bounds of what a run takes, whatever the order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.scheduling.pool import EXCLUSIVE, Demand

#: What makes a bound, if it is no resource.
CRITICAL_PATH: Final = "critical path"
WORK: Final = "work"


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound of the makespan in seconds, and what makes it: ``critical path``, ``work`` or a resource."""

    seconds: float
    reason: str


def makespan_bound(
    tails: Sequence[float],
    seconds: Sequence[float],
    demands: Sequence[Demand],
    capacities: Mapping[str, int],
    workers: int,
) -> Bound:
    """Return the greatest of :func:`lower_bounds`."""
    return lower_bounds(tails, seconds, demands, capacities, workers)[0]


def lower_bounds(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of the run
    tails: Sequence[float],
    seconds: Sequence[float],
    demands: Sequence[Demand],
    capacities: Mapping[str, int],
    workers: int,
    besides: float = 0.0,
) -> tuple[Bound, ...]:
    """Return critical path, work / workers, and per resource tokens x seconds / capacity; the greatest first.

    ``demands`` are per case; a case that runs alone counts for every worker. ``besides`` are seconds of work
    that is no case's own.
    """
    use: dict[str, float] = {}
    for demand, spent in zip(demands, seconds, strict=True):
        for resource, tokens in demand:
            use[resource] = use.get(resource, 0.0) + spent * (tokens / capacities[resource])
    alone = use.pop(EXCLUSIVE, 0.0)
    work = sum(seconds)
    bounds = [
        Bound(max(tails, default=0.0), CRITICAL_PATH),
        Bound((work + besides - alone) / workers + alone, WORK),
        *(Bound(spent, resource) for resource, spent in sorted(use.items())),
    ]
    return tuple(sorted(bounds, key=lambda bound: -bound.seconds))
