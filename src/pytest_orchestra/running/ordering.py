"""In what order the tests of a run are to go, by all that is known of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.order import Order
from pytest_orchestra.scheduling.balance import Outlook
from pytest_orchestra.scheduling.capacity import Stock
from pytest_orchestra.scheduling.feedback import PRIOR, feedback_level, weigh
from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.scheduling.foresight import Foresight, foresee
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import FILLER_SHARE, Demands, Scores, fill, score
from pytest_orchestra.scheduling.setups import SetUps
from pytest_orchestra.scheduling.slack import by_slack

#: Larger runs are not predicted: scheduling them once would take longer than it could save.
MOST_FORESEEN: Final = 5_000

#: Cases scheduled while looking for a better order: what a slow machine does in a second.
SCHEDULED_CASES: Final = 100_000

#: The most that looking for a better order may take, in seconds and as a share of the run.
MOST_SECONDS: Final = 1.0
SHARE_OF_RUN: Final = 0.02

#: Tests that flake more often than this go last, with this priority on top of their own.
OFTEN: Final = 0.1
FLAKING_WEIGHT: Final = -1000.0


@dataclass(frozen=True, slots=True)
class Expectations:
    """What is expected of tests, by node id.

    ``durations`` are known seconds, and ``guesses`` what others may take; ``failing`` are
    probabilities of failure and ``flaking`` flake rates; ``costs`` are seconds of fixtures by name
    and scope. All tests together take ``pace`` times what is known of each, and a worker takes ``gap``
    seconds from one to the next.
    """

    durations: Mapping[str, float] = field(default_factory=dict)
    guesses: Mapping[str, float] = field(default_factory=dict)
    failing: Mapping[str, float] = field(default_factory=dict)
    flaking: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[tuple[str, str], float] = field(default_factory=dict)
    pace: float = 1.0
    gap: float = 0.0

    def in_a_run(self, seconds: Sequence[float | None]) -> list[float | None]:
        """Return what tests that take these ``seconds`` take from a run, each with what comes after it."""
        return [None if each is None else self.pace * each + self.gap for each in seconds]


@dataclass(frozen=True, slots=True)
class Ordering:
    """What came of it: ``known`` are seconds per case, None where nothing is known.

    ``order`` is None where too little is known for it to make a difference; ``foresight`` is there
    where the run is predicted.
    """

    scores: Scores
    known: Sequence[float | None]
    order: Order | None = None
    foresight: Foresight | None = None


def put_in_order(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of the run
    specs: Sequence[CaseSpec],
    graph: Graph,
    stock: Stock,
    workers: int,
    expected: Expectations,
    kits: Kits | None,
    order: Order,
    *,
    is_timed: bool = True,
) -> Ordering:
    """Return the order in which ``specs`` go on so many ``workers``.

    ``is_timed``: a better one is looked for as long as there is time; else as long as a slow
    machine would, so that it is the same each time.
    """
    specs = postpone_flaking(specs, expected.flaking)
    known = [expected.durations.get(spec.nodeid) for spec in specs]
    if not any(each is not None for each in known):
        return Ordering(score(specs, graph, known, workers), known)
    # A guess is good enough to plan by; the run itself soon knows better.
    seconds = [
        expected.guesses.get(spec.nodeid) if each is None else each
        for spec, each in zip(specs, known, strict=True)
    ]
    everything = Pool(stock.overall())
    scores = score(specs, graph, seconds, workers, Demands.read(specs, everything))
    if order is Order.MAKESPAN and workers == 1:
        return Ordering(scores, known, order)
    failing = [expected.failing.get(spec.nodeid, PRIOR) for spec in specs]
    setups = SetUps(kits, expected.costs, [spec.nodeid for spec in specs])
    if len(specs) > MOST_FORESEEN:
        outlook = Outlook(order, failing, setups)
        scores = _unforeseen(scores, graph, fill(seconds), workers, outlook)
        return Ordering(scores, known, order)
    # Two searches share the time: for an earlier end, and for earlier failures.
    patience = Patience() if is_timed else Patience(_steps(len(specs)))
    outlook = Outlook(order, failing, setups, patience)
    foresight = foresee(
        specs,
        graph,
        everything,
        scores,
        expected.in_a_run(seconds),
        workers,
        _rounds(len(specs)),
        patience if order is Order.MAKESPAN else patience.half,
        outlook=outlook,
    )
    return Ordering(foresight.scores, known, order, foresight)


class Patience:
    """Says whether there is time to look for a better order: 2 % of the run, at most a second.

    It begins when it is made; ``clock`` says what time it is, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began = clock()

    def __call__(self, predicted: float) -> bool:
        """Say whether there is time left, for a run of so many seconds as is ``predicted``."""
        return self._spent() < min(MOST_SECONDS, SHARE_OF_RUN * predicted)

    def half(self, predicted: float) -> bool:
        """Say whether more than half of that time is left."""
        return 2.0 * self._spent() < min(MOST_SECONDS, SHARE_OF_RUN * predicted)

    def _spent(self) -> float:
        return self._clock() - self._began


def _steps(cases: int) -> Callable[[], float]:
    """Return a clock that goes on by what a slow machine needs for one more order, each time it is asked."""
    step = 3 * cases / SCHEDULED_CASES
    times = count(step=step)
    return lambda: next(times)


def postpone_flaking(specs: Sequence[CaseSpec], flaking: Mapping[str, float]) -> Sequence[CaseSpec]:
    """Return ``specs`` with less priority for those that flake often; ``flaking`` are rates by node id."""
    if not any(rate > OFTEN for rate in flaking.values()):
        return specs
    return [
        replace(spec, priority=spec.priority + FLAKING_WEIGHT)
        if flaking.get(spec.nodeid, 0.0) > OFTEN
        else spec
        for spec in specs
    ]


def _unforeseen(
    scores: Scores, graph: Graph, seconds: Sequence[float], workers: int, outlook: Outlook
) -> Scores:
    """Return the order of a run that is too large to be scheduled beforehand."""
    if outlook.order is Order.MAKESPAN:
        return scores
    setups = outlook.setups
    if outlook.order is Order.FEEDBACK:
        worth = weigh(outlook.failing, seconds, graph, setups.blocks())
        level = feedback_level(scores.tier, worth, scores.urgent(FILLER_SHARE))
    else:
        worth = weigh(outlook.failing, seconds, graph, setups.files(), whole=True)
        level = by_slack(scores, worth, seconds, workers, setups)
    return replace(scores, level=level)


def _rounds(cases: int) -> int:
    """Return how often to reschedule: the same on every machine, for the same order everywhere."""
    return SCHEDULED_CASES // (3 * max(cases, 1))
