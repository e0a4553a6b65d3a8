"""Better orders than the rule's, found by scheduling the same cases many times over.

From the rule's schedule: perturb the start times of the best schedule so far, schedule anew in
that order, then justify: schedule the reversed problem in order of latest end, and forward
again in order of its starts. What is not worse is kept. (Iterated forward-backward scheduling;
Li and Willis 1992, Valls, Ballestin and Quintanilla 2005.) Every schedule starts whatever fits
in order of its key and never idles on purpose, as the engine does, so the engine can run it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.pool import EXCLUSIVE, Demand, Pool

#: Standard deviations of the perturbation, as shares of the makespan.
NOISE: Final = (0.01, 0.02, 0.04, 0.08, 0.12)

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
    ``signature`` says which one each case has. ``rivals[resource]`` are the signatures that
    want it.
    """

    seconds: Sequence[float]
    before: Sequence[Sequence[int]]
    after: Sequence[Sequence[int]]
    signature: Sequence[int]
    demands: Sequence[Demand]
    capacities: dict[str, int]
    rivals: dict[str, tuple[int, ...]]

    def reversed(self) -> Shop:
        """Return the same with time running backward."""
        return Shop(
            self.seconds,
            self.after,
            self.before,
            self.signature,
            self.demands,
            self.capacities,
            self.rivals,
        )

    def schedule(  # noqa: C901, PLR0912 - in one piece, since all the time is spent here
        self, keys: Sequence[float]
    ) -> Schedule:
        """Start whatever fits, in order of ``keys`` (the smaller first), as early as possible."""
        seconds, after, signature, demands = self.seconds, self.after, self.signature, self.demands
        missing = [len(each) for each in self.before]
        waiting: list[list[tuple[float, int]]] = [[] for _ in demands]
        free = dict(self.capacities)
        starts = [0.0] * len(seconds)
        ends: list[tuple[float, int]] = []
        for case, count in enumerate(missing):
            if not count:
                waiting[signature[case]].append((keys[case], case))
        for each in waiting:
            heapify(each)
        touched = set(range(len(demands)))
        now = 0.0
        while True:
            heads = [(*waiting[number][0], number) for number in touched if waiting[number]]
            heapify(heads)
            while heads:
                _, case, number = heappop(heads)
                demand = demands[number]
                if any(free[resource] < tokens for resource, tokens in demand):
                    continue
                for resource, tokens in demand:
                    free[resource] -= tokens
                heappop(waiting[number])
                starts[case] = now
                heappush(ends, (now + seconds[case], case))
                if waiting[number]:
                    heappush(heads, (*waiting[number][0], number))
            if not ends:
                return Schedule(now, tuple(starts))
            now = ends[0][0]
            touched = set()
            while ends and ends[0][0] == now:
                _, case = heappop(ends)
                for resource, tokens in demands[signature[case]]:
                    free[resource] += tokens
                    touched.update(self.rivals[resource])
                for dependant in after[case]:
                    missing[dependant] -= 1
                    if not missing[dependant]:
                        heappush(waiting[signature[dependant]], (keys[dependant], dependant))
                        touched.add(signature[dependant])


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
    is_limited = workers < len(specs)
    numbers: dict[Demand, int] = {}
    signature: list[int] = []
    for spec in specs:
        tokens = dict(pool.demand(spec.claims, alone=spec.alone))
        if not has_alone:
            del tokens[EXCLUSIVE]
        if is_limited:
            tokens[_WORKER] = 1
        if spec.group is not None:
            tokens[f"group {spec.group}"] = capacities[f"group {spec.group}"] = 1
        signature.append(numbers.setdefault(tuple(sorted(tokens.items())), len(numbers)))
    capacities[_WORKER] = workers
    rivals: dict[str, list[int]] = {}
    for number, demand in enumerate(numbers):
        for resource, _ in demand:
            rivals.setdefault(resource, []).append(number)
    return Shop(
        seconds,
        before,
        [[dependant for dependant, _ in each] for each in graph.dependents],
        signature,
        list(numbers),
        capacities,
        {resource: tuple(each) for resource, each in rivals.items()},
    )


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
    done = 0
    while done < rounds and go_on():
        done += 1
        deviation = chance.choice(NOISE) * best.makespan
        found = shop.schedule(
            [
                offset + start + chance.gauss(0.0, deviation)
                for offset, start in zip(offsets, best.starts, strict=True)
            ]
        )
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
