"""What is known of a run that is over, and how long one like it would have taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from pytest_orchestra.model.capacity import UNBOUNDED
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.events import Fixture
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.scheduling.bound import makespan_bound
from pytest_orchestra.scheduling.capacity import Stock
from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.improve import Shop, make_shop
from pytest_orchestra.scheduling.pool import Demand, Pool
from pytest_orchestra.scheduling.score import score

#: A gain is worth a word if it is at least so many seconds, and this share of the run.
LEAST_GAIN: Final = 0.2
LEAST_SHARE: Final = 0.02

#: What one case is taken to cost in the first prediction, in seconds: what a slow machine needs.
SECONDS_A_CASE: Final = 25e-6

#: So many of the tests that a recommendation is about are named.
MOST_NAMED: Final = 5


@dataclass(frozen=True)
class Findings:
    """A run that is over.

    ``may_go`` says of a prerequisite and its dependant whether the edge between them is one that somebody
    has asked for, and no data goes over it.
    ``set_ups`` are seconds that fixtures cost, by worker. ``cpus`` is how many cores the workers' hosts have
    together, None if that is not known. ``clean_runs`` returns in how many recorded runs a case ran, 0 if
    it failed in any of them.
    """

    run: RunRecord
    graph: Graph
    stock: Stock
    kits: Kits = field(default_factory=Kits)
    set_ups: Mapping[Fixture, Mapping[str, float]] = field(default_factory=dict)
    may_go: Callable[[int, int], bool] = lambda _prerequisite, _dependant: True
    cpus: int | None = None
    clean_runs: Callable[[int], int] = lambda _case: 0

    @cached_property
    def specs(self) -> tuple[CaseSpec, ...]:
        """All tests."""
        return tuple(case.spec for case in self.run.cases)

    @cached_property
    def seconds(self) -> tuple[float, ...]:
        """What each test took; nothing if it did not run."""
        return tuple(case.seconds or 0.0 for case in self.run.cases)

    @cached_property
    def tails(self) -> Sequence[float]:
        """The length of the longest path from the start of each test to the end, in seconds."""
        return self.graph.longest(self.seconds, is_bound=True)

    @cached_property
    def bound(self) -> float:
        """Seconds that these tests take at least on so many workers, whatever the order."""
        pool = Pool(self.stock.overall())
        known: dict[tuple[object, ...], Demand] = {}
        demands = []
        for spec in self.specs:
            key = spec.claims, spec.alone, spec.holds
            if key not in known:
                known[key] = pool.demand(spec.claims, alone=spec.alone, holds=spec.holds)
            demands.append(known[key])
        return makespan_bound(
            self.tails, self.seconds, demands, pool.capacities, self.workers
        ).seconds

    @cached_property
    def workers(self) -> int:
        """How many workers there were at a time, as far as the record tells."""
        ends = [(each.joined_at, 1) for each in self.run.workers]
        ends += [(each.joined_at + each.present, -1) for each in self.run.workers]
        now = most = 0
        for _, change in sorted(ends):
            now += change
            most = max(most, now)
        return max(most, 1)

    def is_worth_it(self, gain: float) -> bool:
        """Whether so many seconds less are worth a word."""
        return gain >= max(LEAST_GAIN, LEAST_SHARE * self.run.seconds)

    def nodeid(self, case: int) -> str:
        """Return the node id of ``case``."""
        return self.specs[case].nodeid


class OutOfTimeError(Exception):
    """There is no time for another prediction."""


class WhatIf:
    """Runs like the one that was, under other circumstances.

    All are scheduled by the rule of the engine, with the durations that were measured. So what
    is compared are two predictions, and not a prediction with what happened.

    ``time_left`` returns the seconds that may be spent from now on. A prediction that would take longer,
    as far as can be told, raises OutOfTimeError instead.
    """

    def __init__(self, findings: Findings, time_left: Callable[[], float]) -> None:
        self._findings = findings
        self._stock = findings.stock.overall()
        self._time_left = time_left
        self._cost = len(findings.run.cases) * SECONDS_A_CASE

    @cached_property
    def _keys(self) -> Sequence[float]:
        findings = self._findings
        scores = score(findings.specs, findings.graph, findings.seconds, findings.workers)
        order = sorted(range(len(scores.level)), key=lambda case: (scores.level[case], case))
        keys = [0.0] * len(order)
        for place, case in enumerate(order):
            keys[case] = float(place)
        return keys

    @cached_property
    def _shop(self) -> Shop:
        return self._shop_of(self._findings.workers)

    def _shop_of(self, workers: int, stock: Stock | None = None) -> Shop:
        findings = self._findings
        pool = Pool(stock or self._stock)
        return make_shop(findings.specs, findings.graph, pool, findings.seconds, workers)

    def _makespan(self, make_shop: Callable[[], Shop], key: float | None = None) -> float:
        """Return the seconds of what is made, which may have one case more, with this ``key``."""
        before = self._time_left()
        if before < self._cost:
            raise OutOfTimeError
        keys = self._keys if key is None else [*self._keys, key]
        makespan = make_shop().schedule(keys).makespan
        # The first one is the dearest, since others use what it has worked out.
        self._cost = before - self._time_left()
        return makespan

    @cached_property
    def as_it_was(self) -> float:
        """Seconds under the same circumstances."""
        return self._makespan(lambda: self._shop)

    def with_workers(self, workers: int) -> float:
        """Return the seconds on so many workers, if tests took as long there."""
        return self._makespan(lambda: self._shop_of(workers))

    def with_seconds(self, seconds: Sequence[float]) -> float:
        """Return the seconds if tests took so long."""
        return self._makespan(lambda: replace(self._shop, seconds=seconds))

    def with_more(self, resource: str, tokens: int) -> float:
        """Return the seconds with so many tokens more of ``resource``, which must have a capacity."""
        capacity = self._stock.capacities[resource]
        assert capacity.tokens != UNBOUNDED, f"there is no end of {resource}"  # noqa: S101 - callers ask of bounded ones
        more = replace(capacity, tokens=capacity.tokens + tokens)
        stock = Stock({**self._stock.capacities, resource: more})
        return self._makespan(lambda: self._shop_of(self._findings.workers, stock))

    def with_halves(self, case: int) -> float:
        """Return the seconds if ``case`` were two tests, each of which takes half the time."""
        shop = self._shop
        half = shop.seconds[case] / 2
        number = len(shop.seconds)
        seconds = [*shop.seconds, half]
        seconds[case] = half
        before = [*shop.before, shop.before[case]]
        after = [*shop.after, shop.after[case]]
        for prerequisite in shop.before[case]:
            after[prerequisite] = [*after[prerequisite], number]
        for dependant in shop.after[case]:
            before[dependant] = [*before[dependant], number]
        signature = [*shop.signature, shop.signature[case]]
        stages = [*shop.stages, shop.stages[case]] if shop.stages else ()
        split = replace(
            shop, seconds=seconds, before=before, after=after, signature=signature, stages=stages
        )
        # Right behind the other half: no other key lies between two whole numbers.
        return self._makespan(lambda: split, self._keys[case] + 0.5)

    def without_edges(self, edges: frozenset[tuple[int, int]]) -> float:
        """Return the seconds without these edges, each from a prerequisite to its dependant."""
        shop = self._shop
        before, after = list(shop.before), list(shop.after)
        for prerequisite in {first for first, _ in edges}:
            after[prerequisite] = [
                each for each in after[prerequisite] if (prerequisite, each) not in edges
            ]
        for dependant in {second for _, second in edges}:
            before[dependant] = [
                each for each in before[dependant] if (each, dependant) not in edges
            ]
        return self._makespan(lambda: replace(shop, before=before, after=after))
