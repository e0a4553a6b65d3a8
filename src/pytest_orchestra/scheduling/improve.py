"""Better orders than the rule's, found by scheduling the same cases many times over.

From the rule's schedule: perturb the start times of the best schedule so far, schedule anew in
that order, then justify: schedule the reversed problem in order of latest end, and forward
again in order of its starts. What is not worse is kept. (Iterated forward-backward scheduling;
Li and Willis 1992, Valls, Ballestin and Quintanilla 2005.) Every schedule starts whatever fits
in order of its key and never idles on purpose, as the engine does, so the engine can run it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace
from itertools import islice
from typing import Final

from pytest_orchestra.model.capacity import UNBOUNDED
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.pool import EXCLUSIVE, Demand, Pool

#: Standard deviations of the perturbation, as shares of the makespan.
NOISE: Final = (0.01, 0.02, 0.04, 0.08, 0.12)

#: What is worse than the best by more than this is not justified: that would rarely mend it.
HOPELESS: Final = 1.1

#: Normal variates that are drawn once and used over and over, each time from another place.
_VARIATES: Final = 4096

_WORKER: Final = "a worker"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Start per case and end of the last, in seconds."""

    makespan: float
    starts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Shop:
    """What is to be scheduled: cases with seconds, edges and a demand for tokens each.

    ``demands`` are the distinct demands (a worker is a token like any other), and
    ``signature`` says which one each case has. ``wakes[signature]`` are those that want something
    which a case of it gives back. ``stages`` has the stage of each case, if there are any, and ``needs``
    all stages that must have ended before the cases of each stage start.
    """

    seconds: Sequence[float]
    before: Sequence[Sequence[int]]
    after: Sequence[Sequence[int]]
    signature: Sequence[int]
    demands: Sequence[Demand]
    capacities: dict[str, int]
    wakes: Sequence[Collection[int]]
    stages: Sequence[int] = ()
    needs: Sequence[Collection[int]] = ()

    def reversed(self) -> Shop:
        """Return the same with time running backward."""
        return Shop(
            self.seconds,
            self.after,
            self.before,
            self.signature,
            self.demands,
            self.capacities,
            self.wakes,
            self.stages,
            [
                [stage for stage, needed in enumerate(self.needs) if each in needed]
                for each in range(len(self.needs))
            ],
        )

    def schedule(  # noqa: C901, PLR0912, PLR0915 - in one piece, since all the time is spent here
        self, keys: Sequence[float]
    ) -> Schedule:
        """Start whatever fits, in order of ``keys`` (the smaller first), as early as possible."""
        seconds, after, signature, demands = self.seconds, self.after, self.signature, self.demands
        wakes = self.wakes
        order = sorted(range(len(keys)), key=keys.__getitem__)
        rank = [0] * len(keys)
        for place, case in enumerate(order):
            rank[case] = place
        missing = [len(each) for each in self.before]
        stages = self.stages
        halls = _Halls(stages, self.needs, missing) if stages else None
        waiting: list[list[int]] = [[] for _ in demands]
        free = dict(self.capacities)
        starts = [0.0] * len(seconds)
        ends: list[tuple[float, int]] = []
        for case, count in enumerate(missing):
            if not count:
                waiting[signature[case]].append(rank[case])
        for each in waiting:
            heapify(each)
        touched: Iterable[int] = range(len(demands))
        now = 0.0
        while True:
            heads = [(waiting[number][0], number) for number in touched if waiting[number]]
            if len(heads) > 1:
                heapify(heads)
            while heads:
                place, number = heads[0]
                demand = demands[number]
                for resource, tokens in demand:
                    if free[resource] < tokens:
                        if resource == _WORKER:  # then nobody else finds one either
                            heads.clear()
                        else:
                            heappop(heads)
                        break
                else:
                    for resource, tokens in demand:
                        free[resource] -= tokens
                    queue = waiting[number]
                    heappop(queue)
                    case = order[place]
                    starts[case] = now
                    heappush(ends, (now + seconds[case], case))
                    if queue:
                        heapreplace(heads, (queue[0], number))
                    else:
                        heappop(heads)
            if not ends:
                return Schedule(now, tuple(starts))
            now = ends[0][0]
            freed: set[int] = set()
            while ends and ends[0][0] == now:
                _, case = heappop(ends)
                number = signature[case]
                for resource, tokens in demands[number]:
                    free[resource] += tokens
                freed.update(wakes[number])
                freed_by = (
                    after[case] if halls is None else (*after[case], *halls.end(stages[case]))
                )
                for dependant in freed_by:
                    missing[dependant] -= 1
                    if not missing[dependant]:
                        heappush(waiting[signature[dependant]], rank[dependant])
                        freed.add(signature[dependant])
            touched = freed


class _Halls:
    """The stages of one schedule: which have ended, and which may start."""

    def __init__(
        self, stages: Sequence[int], needs: Sequence[Collection[int]], missing: list[int]
    ) -> None:
        """Let each case miss one thing more, in ``missing``, as long as its stage may not start."""
        self._left = [0] * len(needs)
        self._members: list[list[int]] = [[] for _ in needs]
        for case, stage in enumerate(stages):
            self._left[stage] += 1
            self._members[stage].append(case)
        self._closed = [{each for each in needed if self._left[each]} for needed in needs]
        for case, stage in enumerate(stages):
            missing[case] += bool(self._closed[stage])

    def end(self, stage: int) -> Iterable[int]:
        """A case of ``stage`` has ended; return the cases of the stages that may start now."""
        self._left[stage] -= 1
        if self._left[stage]:
            return ()
        freed: list[int] = []
        for members, closed in zip(self._members, self._closed, strict=True):
            if stage in closed:
                closed.remove(stage)
                freed += members if not closed else ()
        return freed


def make_shop(
    specs: Sequence[CaseSpec], graph: Graph, pool: Pool, seconds: Sequence[float], workers: int
) -> Shop:
    """Return the problem; cases of one group take turns, which worker they are on is left open."""
    capacities = dict(pool.capacities)
    before: list[list[int]] = [[] for _ in specs]
    for case, dependents in enumerate(graph.dependents):
        for dependant, _ in dependents:
            before[dependant].append(case)
    has_alone = any(spec.alone for spec in specs)
    is_limited = workers < _most_at_once(specs, capacities)
    numbers: dict[Demand, int] = {}
    signature: list[int] = []
    for spec in specs:
        tokens = dict(pool.demand(spec.claims, alone=spec.alone, holds=spec.holds))
        if not has_alone:
            del tokens[EXCLUSIVE]
        if is_limited:
            tokens[_WORKER] = 1
        if spec.group is not None:
            tokens[f"group {spec.group}"] = capacities[f"group {spec.group}"] = 1
        signature.append(numbers.setdefault(tuple(sorted(tokens.items())), len(numbers)))
    capacities[_WORKER] = workers
    wanting: dict[str, list[int]] = {}
    for number, demand in enumerate(numbers):
        for resource, _ in demand:
            wanting.setdefault(resource, []).append(number)
    return Shop(
        seconds,
        before,
        [[dependant for dependant, _ in each] for each in graph.dependents],
        signature,
        list(numbers),
        capacities,
        _wakes(list(numbers), wanting),
        graph.staging.of_case if graph.staging is not None else (),
        graph.staging.ancestors if graph.staging is not None else (),
    )


def _most_at_once(specs: Sequence[CaseSpec], capacities: Mapping[str, int]) -> int:
    """Return how many cases can run at once for their claims, each of at least one token."""
    claimed: set[str] = set()
    for spec in specs:
        bounded = [
            claim.resource for claim in spec.claims if capacities[claim.resource] != UNBOUNDED
        ]
        if not bounded:
            return len(specs)
        claimed.update(bounded)
    return min(len(specs), sum(capacities[resource] for resource in claimed))


def _wakes(
    demands: Sequence[Demand], wanting: Mapping[str, Sequence[int]]
) -> Sequence[Collection[int]]:
    """Return for each demand which demands want something of it, sharing what is the same."""
    known: dict[tuple[str, ...], frozenset[int]] = {}
    found = []
    for demand in demands:
        names = tuple(name for name, _ in demand)
        if names not in known:
            known[names] = frozenset(each for name in names for each in wanting[name])
        found.append(known[names])
    return found


@dataclass(frozen=True, slots=True)
class Improvement:
    """The best schedule that was found, and in how many rounds; ``first`` is what it began with."""

    first: Schedule
    best: Schedule
    rounds: int


def improve(  # noqa: PLR0913 - two of them are for the caller's convenience
    shop: Shop,
    keys: Sequence[float],
    rounds: int,
    *,
    tiers: Sequence[int] | None = None,
    seed: int = 0,
    go_on: Callable[[], bool] = lambda: True,
) -> Improvement:
    """Schedule in order of ``keys``, and try to better that in so many ``rounds``.

    Cases of a lower tier keep going first. The same ``seed`` gives the same schedules;
    ``go_on`` is asked before each round.
    """
    first = best = shop.schedule(keys)
    backward = shop.reversed()
    chance = random.Random(seed)  # noqa: S311 - nothing secret hangs on it
    seconds = shop.seconds
    apart = 10 * first.makespan
    offsets = [apart * tier for tier in tiers] if tiers is not None else [0.0] * len(seconds)
    normal = [chance.gauss(0.0, 1.0) for _ in range(_VARIATES + len(seconds))] if rounds else []
    done = 0
    deviation = 0.0  # at first the rule's schedule is only justified
    while done < rounds and go_on():
        done += 1
        drawn = islice(normal, chance.randrange(_VARIATES), None)
        found = shop.schedule(
            [
                offset + start + deviation * variate
                for offset, start, variate in zip(offsets, best.starts, drawn, strict=False)
            ]
        )
        deviation = chance.choice(NOISE) * best.makespan
        if found.makespan > HOPELESS * best.makespan:
            continue
        late = backward.schedule(
            [-start - spent for start, spent in zip(found.starts, seconds, strict=True)]
        )
        justified = shop.schedule(
            [
                offset + late.makespan - start - spent
                for offset, start, spent in zip(offsets, late.starts, seconds, strict=True)
            ]
        )
        # Of equals the newest is kept, so that the search does not stand still.
        best = min(justified, found, best, key=lambda schedule: schedule.makespan)
    return Improvement(first, best, done)
