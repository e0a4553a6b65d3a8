"""Lower bounds of what a run takes, whatever the order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_orchestra.scheduling.pool import EXCLUSIVE, Demand


@dataclass(frozen=True, slots=True)
class Bound:
    """The makespan bound in seconds, and what makes it: ``critical path``, ``work`` or a resource."""

    seconds: float
    reason: str


def makespan_bound(
    tails: Sequence[float],
    seconds: Sequence[float],
    demands: Sequence[Demand],
    capacities: Mapping[str, int],
    workers: int,
) -> Bound:
    """Return max(critical path, work / workers, per resource: tokens x seconds / capacity).

    ``demands`` are per case; a case that runs alone counts for every worker.
    """
    use: dict[str, float] = {}
    for demand, spent in zip(demands, seconds, strict=True):
        for resource, tokens in demand:
            use[resource] = use.get(resource, 0.0) + spent * (tokens / capacities[resource])
    alone = use.pop(EXCLUSIVE, 0.0)
    work = sum(seconds)
    bounds = [
        Bound(max(tails, default=0.0), "critical path"),
        Bound((work - alone) / workers + alone, "work"),
        *(Bound(spent, resource) for resource, spent in sorted(use.items())),
    ]
    return max(bounds, key=lambda bound: bound.seconds)
