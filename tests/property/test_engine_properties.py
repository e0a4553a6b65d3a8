"""Random runs on random workers: no promise of the engine is broken at any step.

Messages to and from the workers are in order and arrive late, so the engine's picture of a
worker is behind. The judge recomputes everything from what was said.

Not checked: that a pick is the best one by rank (see the unit tests of the selection), when a
reservation is made (see test_simulate_properties), verdicts that are amended to a better one, and drivers
that break their own side of the bargain, such as finishing a case twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from engines import Edges, make_engine
from hypothesis import given, note, settings
from hypothesis import strategies as st
from judge import Judge
from troupe import Player, Troupe

from pytest_orchestra.model.case import CaseSpec, Claim, Mode
from pytest_orchestra.model.events import (
    CaseBlocked,
    Command,
    Event,
    StopRequested,
    WorkerLost,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import ANY_VERDICT, SUCCESS, Cause, Verdict
from pytest_orchestra.scheduling.engine import Engine, State

CAPACITIES: Final = {"db": 3, "gpu": 1, "disk": 2}
CLAIMS: Final = (
    Claim("db", 1),
    Claim("db", 2),
    Claim("db", mode=Mode.READ),
    Claim("db", mode=Mode.WRITE),
    Claim("gpu", 1),
    Claim("disk", 2),
    Claim("schema", mode=Mode.READ),
    Claim("schema", mode=Mode.WRITE),
    Claim("undeclared", 1),
)
MOST_WORKERS: Final = 5
BAD: Final = (Verdict.FAILED, Verdict.ERROR)
ENDINGS: Final = (*[Verdict.PASSED] * 9, Verdict.XPASSED, *BAD, Verdict.SKIPPED, Verdict.XFAILED)


@dataclass(frozen=True)
class Scenario:
    """All that an engine is made of."""

    specs: tuple[CaseSpec, ...]
    edges: Edges
    segments: tuple[int, ...]
    seconds: tuple[float | None, ...]
    horizon: float
    patience: float

    def engine(self) -> Engine:
        """Return a new engine."""
        return make_engine(
            self.specs,
            self.edges,
            capacities=CAPACITIES,
            seconds=self.seconds,
            segments=self.segments,
            workers=3,
            horizon=self.horizon,
            patience=self.patience,
        )


def make_scenario(random: Random, cases: int) -> Scenario:
    """Make up ``cases`` cases; their dependencies point back, so that there is no cycle."""
    share = random.choice((0.1, 0.5, 0.9))
    most_needs = random.choice((0, 1, 2))
    accepts = (SUCCESS, SUCCESS, ANY_VERDICT)
    return Scenario(
        specs=tuple(make_spec(random, share) for _ in range(cases)),
        edges={
            case: {
                random.randrange(case): random.choice(accepts)
                for _ in range(random.randint(0, most_needs))
            }
            for case in range(1, cases)
        },
        segments=tuple(case // 3 for case in range(cases)),
        seconds=tuple(random.choice((None, 0.0, 0.004, 0.1, 3.0)) for _ in range(cases)),
        horizon=random.choice((0.0, 0.02, 5.0)),
        patience=random.choice((0.0, 1.0, math.inf)),
    )


def make_spec(random: Random, share: float) -> CaseSpec:
    """Make up a case; ``share`` of them claim something."""
    claims = random.choices(CLAIMS, k=random.randint(1, 3)) if random.random() < share else []
    return CaseSpec(
        "test_a.py::test_x",
        claims=frozenset({claim.resource: claim for claim in claims}.values()),
        alone=random.random() < share / 8,
        group=random.choice((None, None, None, None, "g", "h")),
        priority=random.choice((0.0, 0.0, 0.0, 5.0, -5.0)),
    )


class Show:
    """An engine, its workers, and somebody who pulls a plug now and then."""

    def __init__(self, random: Random, cases: int) -> None:
        self.random = random
        self.scenario = make_scenario(random, cases)
        self.engine = self.scenario.engine()
        self.judge = Judge(self.scenario.specs, self.scenario.edges, CAPACITIES)
        self.troupe = Troupe(self.tell)
        self.now = 0.0
        self.joined = 0
        self.history: list[tuple[Event, float, tuple[Command, ...]]] = []
        note(str(self.scenario))

    def tell(self, event: Event) -> tuple[Command, ...]:
        """Hand ``event`` to the engine, and what it commands to the judge."""
        commands = self.engine.handle(event, self.now)
        note(f"{self.now}: {event} -> {commands}")
        self.history.append((event, self.now, commands))
        self.judge.hear(event)
        self.judge.judge(commands)
        self.check_books()
        self.check_idlers()
        return commands

    def check_books(self) -> None:
        """The engine's books say what was said to it and by it."""
        engine, judge = self.engine, self.judge
        assert engine.workers == tuple(judge.given)
        assert {name: list(engine.queue_of(name)) for name in judge.given} == judge.given
        known = {case: each for case, each in enumerate(engine.verdicts) if each is not None}
        assert known == judge.verdicts
        assert engine.done == (len(known) == len(self.scenario.specs))

    def check_idlers(self) -> None:
        """While nothing is reserved, no worker idles next to a case that it could run."""
        if self.scenario.patience < math.inf or self.engine.stopped is not None:
            return
        idle = [name for name, given in self.judge.given.items() if not given]
        for case, state in enumerate(self.engine.states):
            if state is State.READY:
                assert not any(self.judge.may_run(case, name) for name in idle)

    # what may happen

    def play(self) -> None:
        """Let one thing happen that can."""
        self.now += self.random.choice((0.0, 0.001, 0.3, 2.0))
        acts: dict[Callable[[], None], float] = {
            self.arrive: 8 * len(self.troupe.able("can_listen")),
            self.begin: 8 * len(self.troupe.able("can_begin")),
            self.end: 8 * len(self.troupe.able("can_end")),
            self.report: 8 * len(self.troupe.able("can_report")),
            self.amend: 2 * len(self.troupe.able("can_amend")),
            self.join: 0.5 * (len(self.troupe.players) < MOST_WORKERS),
            self.lose: 0.1 * len(self.troupe.players),
            self.bar: 0.1 * bool(self.waiting),
            self.stop: 0.02,
        }
        (act,) = self.random.choices(tuple(acts), tuple(acts.values()))
        act()

    def some(self, skill: str) -> Player:
        """Return one of the workers that ``can_...``."""
        return self.random.choice(self.troupe.able(skill))

    @property
    def waiting(self) -> list[int]:
        """The cases that no worker has and that have no verdict."""
        return [case for case in range(len(self.scenario.specs)) if self.judge.is_waiting(case)]

    def join(self) -> None:
        """New workers come, each under a name that nobody had."""
        names = tuple(f"gw{self.joined + each}" for each in range(self.random.randint(1, 3)))
        self.joined += len(names)
        self.troupe.players.update({name: Player(name) for name in names})
        self.troupe.announce(WorkersJoined(names))

    def arrive(self) -> None:
        """A worker learns what to do, or what no longer to do."""
        self.some("can_listen").listen()

    def begin(self) -> None:
        """A worker begins a case; nobody is told."""
        self.some("can_begin").begin()

    def end(self) -> None:
        """A case ends, which is not known at once."""
        seconds = self.random.choice((0.0, 0.01, 2.0))
        self.some("can_end").end(self.random.choice(ENDINGS), seconds)

    def amend(self) -> None:
        """A case that has ended gets a worse verdict."""
        self.some("can_amend").amend(self.random.choice(BAD))

    def report(self) -> None:
        """The engine hears what a worker said a while ago."""
        self.troupe.report(self.some("can_report"))

    def lose(self) -> None:
        """A worker dies; what it said before still arrives, and one case may be blamed."""
        player = self.random.choice(tuple(self.troupe.players.values()))
        while player.can_report:
            self.troupe.report(player)
        queue = self.engine.queue_of(player.name)
        culprit = self.random.choice((None, queue[0] if queue else None, player.last))
        del self.troupe.players[player.name]
        self.troupe.announce(WorkerLost(player.name, culprit, self.random.choice(BAD)))

    def bar(self) -> None:
        """Somebody outside knows that a case cannot run."""
        cause = Cause("what it needs was not collected")
        self.troupe.announce(CaseBlocked(self.random.choice(self.waiting), cause))

    def stop(self) -> None:
        """Somebody has seen enough."""
        self.troupe.announce(StopRequested("ctrl-c"))

    # the end

    def play_out(self) -> None:
        """Let all that is left run to the end."""
        if not self.troupe.players:
            self.join()
        self.troupe.play_out()


def played(random: Random, cases: int, acts: int) -> Show:
    """Return a show after so many acts, or at its end if that comes sooner."""
    show = Show(random, cases)
    for _ in range(acts):
        if show.engine.done:
            break
        show.play()
    return show


@settings(max_examples=250, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(1, 40), st.integers(0, 300))
def test_no_promise_is_broken(random: Random, cases: int, acts: int) -> None:
    """Whatever happens, the judge finds nothing, and every case ends with one verdict."""
    show = played(random, cases, acts)
    show.play_out()
    assert show.engine.done
    assert sorted(show.judge.verdicts) == list(range(cases))


@settings(max_examples=50, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(1, 40), st.integers(0, 300))
def test_the_same_events_give_the_same_commands(random: Random, cases: int, acts: int) -> None:
    """A run can be told again, step by step."""
    show = played(random, cases, acts)
    again = show.scenario.engine()
    for event, now, commands in show.history:
        assert again.handle(event, now) == commands
