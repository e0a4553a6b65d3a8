"""Random runs on random workers: no promise of the engine is broken at any step.

Messages to and from the workers are in order and arrive late, so the engine's picture of a
worker is behind. The judge recomputes everything from what was said.

Not checked: that a pick is the best one by rank (see the unit tests of the selection), when a
reservation is made (see test_simulate), verdicts that are amended to a better one, and drivers
that break their own side of the bargain, such as finishing a case twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from engines import Edges, make_engine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
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

PICK: Final = st.integers(0, 1000)

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
ENDINGS: Final = (*[Verdict.PASSED] * 6, Verdict.XPASSED, *BAD, Verdict.SKIPPED, Verdict.XFAILED)


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


def somebody(skill: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Let a rule apply only while some worker is able to do what it is about."""
    return precondition(lambda machine: bool(machine.troupe.able(skill)))


def _one_per_resource(claims: list[Claim]) -> frozenset[Claim]:
    return frozenset({claim.resource: claim for claim in claims}.values())


SPECS: Final = st.builds(
    CaseSpec,
    nodeid=st.just("test_a.py::test_x"),
    claims=st.one_of(
        st.just(frozenset()), st.lists(st.sampled_from(CLAIMS), max_size=3).map(_one_per_resource)
    ),
    alone=st.sampled_from((False,) * 7 + (True,)),
    group=st.sampled_from((None, None, None, "g", "h")),
    priority=st.sampled_from((0.0, 0.0, 0.0, 5.0, -5.0)),
)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Draw cases whose dependencies point back, so that there is no cycle."""
    specs = tuple(draw(st.lists(SPECS, min_size=1, max_size=14)))
    accepts = st.sampled_from((SUCCESS, SUCCESS, ANY_VERDICT))
    edges = {
        case: draw(st.dictionaries(st.integers(0, case - 1), accepts, max_size=2))
        for case in range(1, len(specs))
    }
    steps = draw(st.lists(st.integers(0, 1), min_size=len(specs), max_size=len(specs)))
    seconds = st.sampled_from((None, 0.0, 0.004, 0.1, 3.0))
    return Scenario(
        specs=specs,
        edges=edges,
        segments=tuple(sum(steps[: case + 1]) for case in range(len(specs))),
        seconds=tuple(draw(seconds) for _ in specs),
        horizon=draw(st.sampled_from((0.0, 0.02, 5.0))),
        patience=draw(st.sampled_from((0.0, 1.0, math.inf))),
    )


class EngineMachine(RuleBasedStateMachine):
    """An engine, its workers, and somebody who pulls a plug now and then."""

    @initialize(scenario=scenarios(), count=st.integers(0, 4))
    def set_up(self, scenario: Scenario, count: int) -> None:
        """Begin."""
        self.scenario = scenario
        self.engine = scenario.engine()
        self.judge = Judge(scenario.specs, scenario.edges, CAPACITIES)
        self.troupe = Troupe(self.tell)
        self.now = 0.0
        self.joined = 0
        self.history: list[tuple[Event, float, tuple[Command, ...]]] = []
        if count:
            self.workers_join(count)

    def tell(self, event: Event) -> tuple[Command, ...]:
        """Hand ``event`` to the engine, and what it commands to the judge."""
        commands = self.engine.handle(event, self.now)
        self.history.append((event, self.now, commands))
        self.judge.hear(event)
        self.judge.judge(commands)
        return commands

    def able(self, skill: str, pick: int) -> Player:
        """Return one of the workers that ``can_...``."""
        able = self.troupe.able(skill)
        return able[pick % len(able)]

    @property
    def waiting(self) -> list[int]:
        """The cases that no worker has and that have no verdict."""
        return [case for case in range(len(self.scenario.specs)) if self.judge.is_waiting(case)]

    # rules

    @rule(seconds=st.sampled_from((0.001, 0.3, 2.0)))
    def time_passes(self, seconds: float) -> None:
        """The clock goes on."""
        self.now += seconds

    @precondition(lambda self: len(self.troupe.players) < MOST_WORKERS)
    @rule(count=st.integers(1, 3))
    def workers_join(self, count: int) -> None:
        """New workers come, each under a name that nobody had."""
        names = tuple(f"gw{self.joined + number}" for number in range(count))
        self.joined += count
        self.troupe.players.update({name: Player(name) for name in names})
        self.troupe.announce(WorkersJoined(names))

    @somebody("can_listen")
    @rule(pick=PICK)
    def a_command_arrives(self, pick: int) -> None:
        """A worker learns what to do, or what no longer to do."""
        self.able("can_listen", pick).listen()

    @somebody("can_begin")
    @rule(pick=PICK)
    def a_case_begins(self, pick: int) -> None:
        """A worker begins a case; nobody is told."""
        self.able("can_begin", pick).begin()

    @somebody("can_end")
    @rule(pick=PICK, verdict=st.sampled_from(ENDINGS), seconds=st.sampled_from((0.0, 0.01, 2.0)))
    def a_case_ends(self, pick: int, verdict: Verdict, seconds: float) -> None:
        """A case ends, which is not known at once."""
        self.able("can_end", pick).end(verdict, seconds)

    @somebody("can_amend")
    @rule(pick=PICK, verdict=st.sampled_from(BAD))
    def a_late_teardown_fails(self, pick: int, verdict: Verdict) -> None:
        """A case that has ended gets a worse verdict."""
        self.able("can_amend", pick).amend(verdict)

    @somebody("can_report")
    @rule(pick=PICK)
    def a_message_arrives(self, pick: int) -> None:
        """The engine hears what a worker said a while ago."""
        self.troupe.report(self.able("can_report", pick))

    @somebody("can_listen")
    @rule(pick=PICK, case=PICK)
    def a_quick_worker(self, pick: int, case: int) -> None:
        """A worker does in one go what else takes several rules, so that runs get somewhere."""
        player = self.able("can_listen", pick)
        while player.can_listen:
            player.listen()
        while player.can_begin:
            player.begin()
            player.end(ENDINGS[case % len(ENDINGS)], 0.01)
        while player.can_report:
            self.troupe.report(player)

    @precondition(lambda self: self.troupe.players)
    @rule(
        pick=PICK,
        blame=st.sampled_from(("nothing", "running", "last")),
        verdict=st.sampled_from(BAD),
    )
    def a_worker_is_lost(self, pick: int, blame: str, verdict: Verdict) -> None:
        """A worker dies; what it said before still arrives, and one case may be blamed."""
        player = tuple(self.troupe.players.values())[pick % len(self.troupe.players)]
        while player.can_report:
            self.troupe.report(player)
        queue = self.engine.queue_of(player.name)
        culprits = {"running": queue[0] if queue else None, "last": player.last}
        del self.troupe.players[player.name]
        self.troupe.announce(WorkerLost(player.name, culprits.get(blame), verdict))

    @precondition(lambda self: self.waiting)
    @rule(pick=PICK)
    def a_case_is_barred(self, pick: int) -> None:
        """Somebody outside knows that a case cannot run."""
        case = self.waiting[pick % len(self.waiting)]
        self.troupe.announce(CaseBlocked(case, Cause("what it needs was not collected")))

    @precondition(lambda self: len(self.history) > 10)
    @rule(reason=st.sampled_from(("ctrl-c", "-x")))
    def the_run_is_stopped(self, reason: str) -> None:
        """Somebody has seen enough."""
        self.troupe.announce(StopRequested(reason))

    # promises

    @invariant()
    def engine_and_judge_agree(self) -> None:
        """The engine's books say what was said to it and by it."""
        engine, judge = self.engine, self.judge
        assert engine.workers == tuple(judge.given)
        assert {name: list(engine.queue_of(name)) for name in judge.given} == judge.given
        known = {case: each for case, each in enumerate(engine.verdicts) if each is not None}
        assert known == judge.verdicts
        assert engine.done == (len(known) == len(self.scenario.specs))

    @invariant()
    def nobody_idles_in_vain(self) -> None:
        """While nothing is reserved, no worker idles next to a case that it could run."""
        if self.scenario.patience < math.inf or self.engine.stopped is not None:
            return
        idle = [name for name, given in self.judge.given.items() if not given]
        for case, state in enumerate(self.engine.states):
            if state is State.READY:
                assert not any(self.judge.may_run(case, name) for name in idle)

    def teardown(self) -> None:
        """All that is left can be run to the end, and all of it again with the same result."""
        if not hasattr(self, "engine"):
            return
        if not self.troupe.players:
            self.workers_join(1)
        self.troupe.play_out()
        assert self.engine.done
        assert sorted(self.judge.verdicts) == list(range(len(self.scenario.specs)))
        again = self.scenario.engine()
        for event, now, commands in self.history:
            assert again.handle(event, now) == commands


EngineMachine.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
TestEngine = EngineMachine.TestCase
