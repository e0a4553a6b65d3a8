"""How many workers a run can use, before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, inf
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.bound import Bound, makespan_bound
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.improve import Schedule, make_shop
from pytest_orchestra.scheduling.pool import EXCLUSIVE, Pool
from pytest_orchestra.scheduling.score import Scores, fill, score
from pytest_orchestra.scheduling.setups import Blocks

#: Larger runs are not scheduled for this: how wide they are is reckoned from bounds.
MOST_SCHEDULED: Final = 5_000

#: A worker must make the run so many seconds shorter: to start it takes the controller as long.
WORTH_A_WORKER: Final = 0.1

#: Why there are no more workers where there could be.
NO_SHORTER: Final = "more would not make the run shorter"

#: What takes no time at all is there for a moment all the same, in seconds.
_INSTANT: Final = 1e-9


@dataclass(frozen=True, slots=True)
class CrewSize:
    """``most`` workers are of use at a time, and ``first`` of them from the beginning.

    ``reason`` says why no more are; empty if there may be no more.
    """

    most: int
    first: int
    reason: str = ""

    def with_present(self, workers: int) -> CrewSize:
        """Return the same where so many ``workers`` are there already: those that may be of use later stay."""
        return replace(self, first=max(self.first, min(workers, self.most)))


def size_crew(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of the run
    specs: Sequence[CaseSpec],
    graph: Graph,
    pool: Pool,
    seconds: Sequence[float | None],
    limit: int,
    lead: float = 0.0,
) -> CrewSize:
    """Return how many of at most ``limit`` workers the cases can keep busy.

    ``seconds`` are expected durations; where none is known, all cases count alike. What is to begin
    within ``lead`` seconds counts as there from the beginning, since a worker takes as long to start.
    """
    return _Run(specs, graph, pool, seconds).size(limit, lead)


def with_set_ups(seconds: Sequence[float | None], blocks: Blocks) -> list[float | None]:
    """Return ``seconds`` with what shared fixtures cost, spread over the cases that use them."""
    found = list(seconds)
    for cost, cases in blocks:
        for case in cases:
            found[case] = (found[case] or 0.0) + cost / len(cases)
    return found


@dataclass(frozen=True)
class _Run:
    """What is known of a run."""

    specs: Sequence[CaseSpec]
    graph: Graph
    pool: Pool
    seconds: Sequence[float | None]

    def size(self, limit: int, lead: float) -> CrewSize:
        most = max(1, min(limit, self._units))
        if len(self.specs) > MOST_SCHEDULED:
            size = self._reckon(most)
        elif most == 1 or not (self._is_known or self._is_bound):
            size = CrewSize(most, most)
        else:
            size = self._schedule(most, lead if self._is_known else 0.0)
        if size.reason or size.most >= limit:
            return size
        return CrewSize(size.most, size.first, self._obstacle(size.most))

    @cached_property
    def _units(self) -> int:
        """How many things there are to hand out: single cases, and groups that stay together."""
        groups = {spec.group for spec in self.specs if spec.group is not None}
        return sum(spec.group is None for spec in self.specs) + len(groups)

    @cached_property
    def _is_known(self) -> bool:
        """Whether anything is known of how long cases take."""
        return any(each is not None for each in self.seconds)

    @cached_property
    def _is_bound(self) -> bool:
        """Whether anything but the number of workers can keep cases from running side by side."""
        # Tests of a sequential stage wait for one another, although nobody asked for each of these edges.
        if any(self.graph.waits_for) or self._closed_stages or any(s.alone for s in self.specs):
            return True
        return bool(self.pool.capacities.keys() - {EXCLUSIVE})

    @cached_property
    def _closed_stages(self) -> frozenset[int]:
        """The stages that wait for gates of stages which have tests."""
        staging = self.graph.staging
        if staging is None:
            return frozenset()
        return frozenset(
            stage
            for stage, ancestors in enumerate(staging.ancestors)
            if any(staging.members[each] for each in ancestors)
        )

    def _is_free(self, case: int) -> bool:
        """Whether ``case`` can start at once, for all that is to come before it."""
        staging = self.graph.staging
        is_closed = staging is not None and staging.of_case[case] in self._closed_stages
        return not self.graph.waits_for[case] and not is_closed

    @cached_property
    def _filled(self) -> list[float]:
        return fill(self.seconds)

    @cached_property
    def _scores(self) -> Scores:
        return score(self.specs, self.graph, self.seconds, len(self.specs))

    @cached_property
    def _bound(self) -> Bound:
        """What no number of workers makes shorter."""
        demands = [
            self.pool.demand(spec.claims, alone=spec.alone, holds=spec.holds) for spec in self.specs
        ]
        tails, capacities = self._scores.tail, self.pool.capacities
        return makespan_bound(tails, self._filled, demands, capacities, len(self.specs))

    def _schedule(self, most: int, lead: float) -> CrewSize:
        """Schedule the run on ``most`` workers, then on as few as make no difference."""
        best = self._on(most)
        widest = workers = min(most, _at_once(best, self._filled))
        if self._is_known:
            least = 1
            while least < workers:
                middle = (least + workers) // 2
                trial = self._on(middle)
                if trial.makespan - best.makespan < WORTH_A_WORKER:
                    workers = middle
                else:
                    least = middle + 1
            best = self._on(workers)
        first = min(workers, _at_once(best, self._filled, lead))
        return CrewSize(workers, first, NO_SHORTER if workers < widest else "")

    def _on(self, workers: int) -> Schedule:
        return make_shop(self.specs, self.graph, self.pool, self._filled, workers).schedule(
            self._scores.level
        )

    def _reckon(self, most: int) -> CrewSize:
        """Take as many as bring the share of each down to what no number of workers makes shorter."""
        if not self._is_bound:
            return CrewSize(most, most)
        workers = ceil(sum(self._filled) / max(self._bound.seconds, _INSTANT))
        workers = max(1, min(most, workers))
        free = sum(map(self._is_free, range(len(self.specs))))
        return CrewSize(workers, min(workers, free))

    def _obstacle(self, workers: int) -> str:
        """Say why no more than so many ``workers`` are of use."""
        if workers >= len(self.specs):
            return "there is no other test" if workers == 1 else "there are no other tests"
        tests = (
            "1 test can run at a time" if workers == 1 else f"{workers} tests can run side by side"
        )
        return f"no more than {tests} ({self._cause(workers)})"

    def _cause(self, workers: int) -> str:
        if workers >= self._units:
            return "groups that stay on one worker"
        reason = self._bound.reason
        if reason == "work":
            return "tests that run alone"
        if reason != "critical path":
            return f"resource {self.pool.resource_of(reason)}"
        return "dependencies" if self.graph.edges else "stages"


def _at_once(schedule: Schedule, seconds: Sequence[float], until: float = inf) -> int:
    """Return how many cases run at the busiest moment, of those that start at ``until`` at the latest."""
    changes = [
        change
        for start, spent in zip(schedule.starts, seconds, strict=True)
        if start <= until
        for change in ((start, 1), (start + max(spent, _INSTANT), -1))
    ]
    busy = most = 0
    for _, change in sorted(changes):
        busy += change
        most = max(most, busy)
    return most
