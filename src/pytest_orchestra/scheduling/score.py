"""One total order over cases: priority, then urgency; the engine breaks ties.

A smaller rank goes first. Ranks compare cases; edges and tokens decide what may start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.pool import EXCLUSIVE, Demand, Pool

#: A case whose path to the end is shorter than this share of the makespan bound fills gaps: it
#: is not urgent, and keeps the order of the collection, which suits fixtures.
FILLER_SHARE: Final = 0.02

#: A resource is contended if it is in use for this share of the makespan bound. (Where all of
#: several are, as in the job shops of the benchmarks, it does not matter which share.)
CONTENDED_SHARE: Final = 0.5

#: What a case is taken to cost, in seconds, where nothing is known of any.
UNKNOWN_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Scores:
    """Per case: ``tier`` ranks priority alone, ``level`` ranks priority and then urgency.

    ``tail`` is the length of the critical path from the start of the case to the end of the
    run, in seconds; ``priority`` includes what is inherited from dependants. ``urgency`` is what
    is left to do, in seconds, when the case starts: the tail, or more where others wait for
    a resource that it takes. ``bound`` is what the run takes at least, in seconds.
    """

    tier: tuple[int, ...]
    level: tuple[int, ...]
    tail: tuple[float, ...]
    priority: tuple[float, ...]
    urgency: tuple[float, ...] = ()
    bound: float = 0.0

    def urgent(self, share: float) -> list[float]:
        """Return the urgency of each case, 0.0 if that is at most this ``share`` of the bound."""
        threshold = share * self.bound
        return [each if each > threshold else 0.0 for each in self.urgency]


@dataclass(frozen=True, slots=True)
class Demands:
    """What cases take of the tokens there are: ``of_case[case]`` is a place in ``distinct``."""

    distinct: tuple[Demand, ...] = ()
    of_case: tuple[int, ...] = ()
    capacities: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, specs: Sequence[CaseSpec], pool: Pool) -> Demands:
        """Return what ``specs`` take of ``pool``."""
        numbers: dict[Demand, int] = {}
        known: dict[object, int] = {}
        of_case = []
        for spec in specs:
            key = (spec.claims, spec.alone, spec.holds)
            number = known.get(key)
            if number is None:
                demand = pool.demand(spec.claims, alone=spec.alone, holds=spec.holds)
                number = known[key] = numbers.setdefault(demand, len(numbers))
            of_case.append(number)
        return cls(tuple(numbers), tuple(of_case), pool.capacities)

    def shares(self) -> dict[str, dict[int, float]]:
        """Return per resource which share of it each distinct demand takes."""
        found: dict[str, dict[int, float]] = {}
        for number, demand in enumerate(self.distinct):
            for resource, tokens in demand:
                if resource != EXCLUSIVE:
                    share = tokens / self.capacities[resource]
                    found.setdefault(resource, {})[number] = share
        return found


def score(
    specs: Sequence[CaseSpec],
    graph: Graph,
    seconds: Sequence[float | None],
    workers: int,
    demands: Demands | None = None,
) -> Scores:
    """Rank ``specs`` for a run on ``workers`` workers; ``seconds`` are expected durations.

    A prerequisite inherits the priority of what waits for it. So do all tests of a stage from what waits
    for its gate; among themselves they go by their own. With ``demands`` a case is as urgent as
    the work that still waits for a contended resource that it takes. With one worker nothing is
    urgent: every order takes the same time, so the collection's is kept.
    """
    filled = fill(seconds)
    priority = [spec.priority for spec in specs]
    for case in reversed(graph.order):
        for dependant, _ in graph.dependents[case]:
            priority[case] = max(priority[case], priority[dependant])
    tail = graph.longest(filled, workers=workers, is_bound=True)
    _lengthen_groups(specs, filled, tail)
    urgency, bound = _urgency(graph, tail, filled, workers, demands or Demands())
    if graph.staging is not None:
        urgency = graph.longest(filled, urgency, workers)
    if workers == 1:
        urgency = [0.0] * len(specs)
    tier = _tiers(graph, priority)
    scores = Scores(tier, (), tuple(tail), tuple(priority), tuple(urgency), bound)
    level = rank_within(tier, [-each for each in scores.urgent(FILLER_SHARE)])
    return Scores(tier, level, scores.tail, scores.priority, scores.urgency, bound)


def _tiers(graph: Graph, priority: Sequence[float]) -> tuple[int, ...]:
    """Return the rank of each case by the priority of what waits for its gate, then by its own."""
    staging = graph.staging
    if staging is None:
        return tuple(ranks([-each for each in priority]))
    highest = [-math.inf] * len(staging.specs)
    for case, stage in enumerate(staging.of_case):
        highest[stage] = max(highest[stage], priority[case])
    behind = [
        max((highest[each] for each in staging.after(stage)), default=-math.inf)
        for stage in range(len(highest))
    ]
    return tuple(
        ranks(
            [
                (-max(own, behind[stage]), -own)
                for own, stage in zip(priority, staging.of_case, strict=True)
            ]
        )
    )


def fill(seconds: Sequence[float | None]) -> list[float]:
    """Return ``seconds`` with the mean of the known ones where nothing is known."""
    known = [each for each in seconds if each is not None]
    default = sum(known) / len(known) if known else UNKNOWN_SECONDS
    return [default if each is None else each for each in seconds]


def _lengthen_groups(specs: Sequence[CaseSpec], filled: list[float], tail: list[float]) -> None:
    """Cases of one group follow one another on one worker, so each stands for all of them."""
    total: dict[str, float] = {}
    for spec, cost in zip(specs, filled, strict=True):
        if spec.group is not None:
            total[spec.group] = total.get(spec.group, 0.0) + cost
    if not total:
        return
    for case, spec in enumerate(specs):
        if spec.group is not None:
            tail[case] = max(tail[case], total[spec.group])


def _urgency(
    graph: Graph,
    tail: Sequence[float],
    filled: Sequence[float],
    workers: int,
    demands: Demands,
) -> tuple[list[float], float]:
    """Return what is left to do when each case starts, and the bound of the run, in seconds."""
    work = [0.0] * len(demands.distinct)
    for number, spent in zip(demands.of_case, filled, strict=False):
        work[number] += spent
    shares = demands.shares()
    loads = {
        resource: sum(share * work[number] for number, share in takers.items())
        for resource, takers in shares.items()
    }
    bound = max(max(tail, default=0.0), sum(filled) / workers, *loads.values(), 0.0)
    contended = {name: load for name, load in loads.items() if load >= CONTENDED_SHARE * bound}
    urgency = list(tail)
    if not any(contended.values()):
        return urgency, bound
    order = sorted(range(len(tail)), key=lambda case: (-tail[case], case))
    for resource, load in contended.items():
        rest, takers = load, shares[resource]
        for case in order:
            share = takers.get(demands.of_case[case])
            if share is not None:
                urgency[case] = max(urgency[case], rest)
                rest -= share * filled[case]
    return graph.longest(filled, urgency), bound


def ranks(keys: Sequence[float] | Sequence[tuple[float, ...]]) -> list[int]:
    """Return the place of each key among the distinct ones, from 0."""
    rank = {key: number for number, key in enumerate(sorted(set(keys)))}  # type: ignore[type-var]
    return [rank[key] for key in keys]


def rank_within(
    tiers: Sequence[int], keys: Sequence[float] | Sequence[tuple[float, ...]]
) -> tuple[int, ...]:
    """Return the place of each case by its tier, and within that by its key."""
    if not any(tiers):
        return tuple(ranks(keys))
    places = ranks(keys)
    return tuple(ranks(list(zip(tiers, places, strict=True))))
