"""Orders that show failures early, and how far a run can go by them without ending later.

A run by urgency alone starts long cases first, and so has its failures late: most are in what is
short, or lately changed. But it need not: what is long may start as late as it still ends in time. So
a schedule is made backward, from the end of the run, in which that which is worth least comes last.
It says when each case must start; before that, whoever is worth most goes first. Several such orders
are tried, and the one is taken by which a failure shows first, of those that keep the promise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_orchestra.model.order import Order
from pytest_orchestra.scheduling.feedback import Worth, feedback_level, take_front, weigh
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.improve import Schedule, Shop
from pytest_orchestra.scheduling.rehearsal import Rehearsal
from pytest_orchestra.scheduling.score import FILLER_SHARE, Scores, rank_within
from pytest_orchestra.scheduling.setups import SetUps

#: A balanced run is predicted to end at most so many times later than one by urgency alone.
PROMISE: Final = 1.02

#: Starts are told apart in so many parts of the run; within one, worth counts.
SLOTS: Final = 64

#: How much earlier than it must a case is to start, as shares of the run.
MARGINS: Final = (0.0, 0.03, 0.1, 0.3)

#: For which part of the run what is worth most goes first, whatever is urgent.
FRONTS: Final = (0.5, 0.25, 0.12, 0.06, 0.03, 0.01)

#: What seems to take longer than it may by this share of the run can yet be tried by the engine, which
#: goes out of its way to save set-ups.
LEEWAY: Final = 0.08

#: Where nothing is rehearsed, the run may seem to end this share of it later, and no more.
UNSURE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is wanted of the order, and what is known of failures and fixtures.

    ``failing`` are probabilities of failure per case. ``go_on`` gets the predicted makespan, in
    seconds, and says whether there is time to try another order.
    """

    order: Order
    failing: Sequence[float]
    setups: SetUps
    go_on: Callable[[float], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class Gain:
    """What an order brings and costs against urgency alone, as predicted.

    ``shows`` is when a failure ends, in seconds from the start, and ``showed`` when it would
    have; ``longer`` are seconds by which the run ends later.
    """

    order: Order
    shows: float
    showed: float
    longer: float


@dataclass(frozen=True, slots=True)
class Trial:
    """An order that was tried: what it takes, and when a failure is expected to end, in seconds."""

    level: tuple[int, ...]
    makespan: float
    shows: float


class Balance:
    """Tries orders for the cases of a ``shop``; ``scores`` is the order by urgency alone.

    With a ``rehearsal`` the engine itself has the last word on what an order takes.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of the run
        self,
        shop: Shop,
        graph: Graph,
        scores: Scores,
        outlook: Outlook,
        workers: int,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        self._shop: Final = shop
        self._graph: Final = graph
        self._tiers: Final = scores.tier
        self._outlook: Final = outlook
        self._workers: Final = workers
        self._rehearsal: Final = rehearsal
        self._urgency: Final = scores.urgent(FILLER_SHARE)
        self._odds: Final = sum(outlook.failing) or 1.0
        self._blocks: Final = outlook.setups.blocks()
        self.worth: Final = weigh(outlook.failing, shop.seconds, graph, self._blocks)
        self._wish: Final = feedback_level(self._tiers, self.worth, self._urgency)
        self._estimate: Final = self._sketch(scores.level)
        self.urgent: Final = self._attempt(scores.level) if rehearsal else self._estimate

    def feedback(self) -> Trial:
        """Return what it is to go by worth alone, and by urgency among equals."""
        return self._attempt(self._wish)

    def balanced(self) -> Trial:
        """Return the order by which failures show first, of those that keep the promise."""
        if len(set(self.worth.grade)) < 2:  # noqa: PLR2004 - nothing tells them apart
            return self.urgent
        sketches = sorted(self._sketches(), key=lambda sketch: sketch.shows)
        if self._rehearsal is None:
            return sketches[0] if sketches else self.urgent
        return self._rehearse(sketches) or self.urgent

    def _rehearse(self, sketches: Sequence[Trial]) -> Trial | None:
        """Return one of ``sketches`` that keeps the promise when the engine runs it, if one is found.

        The earlier failures show the longer the run is likely to take, so that one is looked for by
        bisection that only just keeps it.
        """
        limit = PROMISE * self.urgent.makespan
        best: Trial | None = None
        low, high, middle = 0, len(sketches), 0
        while low < high:
            trial = self._attempt(sketches[middle].level)
            if trial.makespan <= limit and trial.shows < self.urgent.shows:
                best, high = trial, middle
            else:
                low = middle + 1
            middle = (low + high) // 2
        return best

    def _sketches(self) -> Iterator[Trial]:
        """Yield orders that seem to keep the promise, and show failures earlier."""
        leeway = LEEWAY if self._outlook.setups.matter else 0.0
        limit = (PROMISE + leeway if self._rehearsal else 1.0 + UNSURE) * self._estimate.makespan
        for level in self._candidates():
            sketch = self._sketch(level)
            if sketch.makespan <= limit and sketch.shows < self._estimate.shows:
                yield sketch
            if not self._outlook.go_on(self.urgent.makespan):
                return

    def _attempt(self, level: tuple[int, ...]) -> Trial:
        """Return what it would be to run in the order ``level``, by the best that is known."""
        if self._rehearsal is None:
            return self._sketch(level)
        return self._judge(level, *self._rehearsal.run(level))

    def _sketch(self, level: tuple[int, ...]) -> Trial:
        """Return about what it would be to run in the order ``level``."""
        return self._judge(level, *self._run([float(each) for each in level]))

    def _judge(self, level: tuple[int, ...], schedule: Schedule, seconds: Sequence[float]) -> Trial:
        shows = sum(
            chance * (start + spent)
            for chance, start, spent in zip(
                self._outlook.failing, schedule.starts, seconds, strict=True
            )
        )
        return Trial(level, schedule.makespan, shows / self._odds)

    def _candidates(self) -> Iterator[tuple[int, ...]]:
        """Yield orders, those first that are most likely to be taken."""
        yield self._wish
        worths = [self.worth]
        if self._blocks:
            args = self._outlook.failing, self._shop.seconds, self._graph, self._blocks
            worths.append(weigh(*args, whole=True))
        for weighed in (True, False):
            for worth in worths:
                yield from self._in_time(worth, weighed=weighed)
        for share in FRONTS:
            for worth in worths:
                yield self._with_front(worth, share)

    def _in_time(self, worth: Worth, *, weighed: bool) -> Iterator[tuple[int, ...]]:
        """Yield orders in which cases start when they must, or earlier if they are worth it."""
        wish = feedback_level(self._tiers, worth, self._urgency)
        soon, _ = self._run([float(each) for each in wish])
        latest = self._latest(wish, weighed=weighed)
        for margin in MARGINS:
            due = [each - margin * self._estimate.makespan for each in latest]
            times = [min(pair) for pair in zip(soon.starts, due, strict=True)]
            yield self._by_time(times, worth)

    def _with_front(self, worth: Worth, share: float) -> tuple[int, ...]:
        """Return the order by urgency, but for what is worth most, for this ``share`` of the run."""
        seconds = self._shop.seconds
        room = share * self._estimate.makespan * self._workers
        front = take_front(self._tiers, worth, seconds, room)
        keys = [
            (0, grade) if is_front else (1, usual)
            for is_front, grade, usual in zip(front, worth.grade, self._estimate.level, strict=True)
        ]
        return rank_within(self._tiers, keys)

    def _by_time(self, times: Sequence[float], worth: Worth) -> tuple[int, ...]:
        """Return the order in which cases start at ``times``, what belongs together in one."""
        width = self._estimate.makespan / SLOTS or 1.0
        slots = [math.floor(each / width) for each in times]
        if self._outlook.setups.matter:
            first: dict[int, int] = {}
            for bundle, slot in zip(worth.bundle, slots, strict=True):
                first[bundle] = min(slot, first.get(bundle, slot))
            slots = [first[bundle] for bundle in worth.bundle]
        return rank_within(self._tiers, list(zip(slots, worth.grade, strict=True)))

    def _latest(self, wish: Sequence[int], *, weighed: bool) -> list[float]:
        """Return when each case must start for the run to end when it would by urgency alone.

        That is a schedule of the reversed problem, in reversed order of ``wish``. If ``weighed``,
        what much must happen before comes first in it, as what is urgent does in a run.
        """
        backward = self._shop.reversed()
        heads = self._heads() if weighed else [0.0] * len(wish)
        top = max(self._tiers, default=0)
        level = rank_within(
            [top - tier for tier in self._tiers],
            [
                (-head, -place, -case)
                for case, (head, place) in enumerate(zip(heads, wish, strict=True))
            ],
        )
        keys = [float(each) for each in level]
        late = backward.schedule(keys)
        return [
            self._estimate.makespan - start - spent
            for start, spent in zip(late.starts, self._shop.seconds, strict=True)
        ]

    def _heads(self) -> list[float]:
        """Return what must happen up to the end of each case, in seconds, 0.0 where that is little."""
        seconds = self._shop.seconds
        head = list(seconds)
        staging = self._graph.staging
        until = [0.0] * len(staging.specs) if staging is not None else []
        for case in self._graph.order:
            if staging is not None:
                stage = staging.of_case[case]
                opened = max((until[each] for each in staging.ancestors[stage]), default=0.0)
                head[case] = max(head[case], opened + seconds[case])
                until[stage] = max(until[stage], opened, head[case])
            for dependant, _ in self._graph.dependents[case]:
                head[dependant] = max(head[dependant], head[case] + seconds[dependant])
        threshold = FILLER_SHARE * self._estimate.makespan
        return [each if each > threshold else 0.0 for each in head]

    def _run(self, keys: Sequence[float]) -> tuple[Schedule, Sequence[float]]:
        """Return the schedule by ``keys``, and seconds per case with the set-ups it leads to."""
        shop = self._shop
        schedule = shop.schedule(keys)
        if not self._outlook.setups.take_time:
            return schedule, shop.seconds
        charges = self._outlook.setups.charges(schedule.starts, shop.seconds, self._workers)
        seconds = [spent + extra for spent, extra in zip(shop.seconds, charges, strict=True)]
        return replace(shop, seconds=seconds).schedule(keys), seconds
