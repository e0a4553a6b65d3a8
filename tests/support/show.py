"""An engine on stage: workers that hear and say things late, and somebody who pulls plugs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from engines import Edges, make_engine
from hypothesis import note
from judge import Judge
from scene import check_scene
from shares import Shares
from troupe import Player, Troupe
from uses import fixtures_of

from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.dispatch import Step
from pytest_orchestra.model.events import (
    Acquire,
    CaseBlocked,
    Command,
    CrewComplete,
    DispatchLimited,
    Event,
    GiveBack,
    StopRequested,
    TimePassed,
    TokensGranted,
    TokensWanted,
    WorkerLost,
    WorkersDismissed,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.scheduling.engine import END_OF_SCRIPT, Engine, State
from pytest_orchestra.scheduling.retries import RetryPolicy
from pytest_orchestra.scheduling.script import Script

CAPACITIES: Final = {
    "db": Capacity(3),
    "gpu": Capacity(1),
    "disk": Capacity(2),
    "staging": Capacity(4, slots=2),
    "box": Capacity(2, scope=Scope.HOST),
    "license": Capacity(2, scope=Scope.MACHINE),
    "seat": Capacity(1, scope=Scope.MACHINE),
}
#: Two hosts; what the second has of its own does not suffice for everything.
HOSTS: Final = {
    "big": {"box": Capacity(2, scope=Scope.HOST)},
    "small": {"box": Capacity(1, scope=Scope.HOST)},
}
SHARED: Final = {
    name: each.tokens for name, each in CAPACITIES.items() if each.scope is Scope.MACHINE
}
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
    cleaners: dict[int, set[int]]
    hosts: Mapping[str, Mapping[str, Capacity]] = field(default_factory=dict)
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    #: What a show is to go like; None: it goes its own way.
    steps: tuple[Step, ...] | None = None

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
            cleaners=self.cleaners,
            hosts=self.hosts,
            retries=self.retries,
            script=None if self.steps is None else Script(self.steps),
        )


class Show:
    """An engine, its workers, other runs, and somebody who pulls a plug now and then."""

    def __init__(self, random: Random, scenario: Scenario) -> None:
        self.random = random
        self.scenario = scenario
        self.engine = self.scenario.engine()
        self.judge = Judge(
            self.scenario.specs,
            self.scenario.edges,
            CAPACITIES,
            self.scenario.hosts,
            cleaners=self.scenario.cleaners,
            retries=self.scenario.retries,
            waits_for_crew=self.scenario.steps is not None,
            is_scripted=self.scenario.steps is not None,
        )
        self.troupe = Troupe(self.tell, self.pass_on)
        self.shares = Shares(SHARED)
        self.others = 0
        self.now = 0.0
        self.joined = 0
        self.history: list[tuple[Event, float, tuple[Command, ...]]] = []
        note(str(self.scenario))

    def tell(self, event: Event) -> tuple[Command, ...]:
        """Hand ``event`` to the engine, and what it commands to the judge."""
        commands = self.engine.handle(event, self.now)
        note(f"{self.now}: {event} -> {commands}")
        self.history.append((event, self.now, commands))
        self.judge.now = self.now
        self.judge.hear(event)
        self.hear_of_script(event)
        self.judge.judge(commands)
        self.check_books()
        self.check_idlers()
        return commands

    def hear_of_script(self, event: Event) -> None:
        """Tell the judge whom a script waits for, and where it ends."""
        if self.scenario.steps is not None:
            is_waiting = self.judge.waits_for_crew or isinstance(event, WorkerLost)
            self.judge.waits_for_crew = is_waiting and not isinstance(event, CrewComplete)
            has_stopped = self.engine.stopped == END_OF_SCRIPT
            self.judge.is_stopping = has_stopped and self.judge.stopped is None
            if self.judge.is_stopping:
                self.judge.hear(StopRequested(END_OF_SCRIPT, cleaning=True))

    def pass_on(self, command: Command) -> None:
        """Take a command that is not for a worker."""
        match command:
            case Acquire(case, wants):
                self.shares.ask(case, wants)
            case GiveBack(case):
                self.shares.leave(case)

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
        idle = self.judge.takers
        assert set(self.engine.idle) >= set(idle)
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
            self.dismiss: 0.5 * bool(self.dispensable and not self.is_replay),
            self.leave: 2.0 * bool(self.judge.dismissed),
            self.limit: 0.1 * (not self.is_replay),
            self.bar: 0.1 * bool(self.waiting),
            self.stop: 0.05,
            self.grant: 4 * (self.shares.next() is not None),
            self.want: 0.3,
            self.demand: 1.0 * bool(self.shares.wanted() & self.engine.kept_from_others()),
            self.yield_up: 2 * len(self.strangers),
            self.pass_time: 1.0 * (self.engine.next_due is not None),
        }
        (act,) = self.random.choices(tuple(acts), tuple(acts.values()))
        act()
        self.check()

    def check(self) -> None:
        """What really goes on is within bounds."""
        mine = [wants for holder, wants in self.shares.held.items() if isinstance(holder, int)]
        check_scene(tuple(self.troupe.players.values()), self.judge, mine)

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
        self.admit(names, self.random.choice(tuple(self.scenario.hosts) or ("",)))

    def admit(self, names: tuple[str, ...], host: str) -> None:
        """Workers come on ``host``."""
        specs = self.scenario.specs
        self.troupe.players.update({name: Player(name, specs, host) for name in names})
        self.troupe.announce(WorkersJoined(names, host))

    def arrive(self) -> None:
        """A worker learns what to do, or what no longer to do."""
        self.some("can_listen").listen()

    def begin(self) -> None:
        """A worker begins a case; nobody is told."""
        self.some("can_begin").begin()

    def end(self) -> None:
        """A case ends, which is not known at once."""
        seconds = self.random.choice((0.0, 0.01, 2.0))
        player = self.some("can_end")
        mine = fixtures_of(self.scenario.specs[player.running or 0])
        missing = [each for each in mine if self.random.random() < 0.1]
        case, verdict = player.running or 0, self.random.choice(ENDINGS)
        # What was promised then may not hold any more by the time at which the engine hears it.
        again = self.engine.tries_again(case, verdict)
        player.end(verdict, seconds, missing, again=again)

    def pass_time(self) -> None:
        """It is time for a case to be tried again."""
        self.now = max(self.now, self.engine.next_due or 0.0)
        self.troupe.announce(TimePassed())

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
        verdict = self.random.choice(BAD)
        again = culprit in queue and self.engine.tries_again(culprit or 0, verdict)
        self.troupe.announce(WorkerLost(player.name, culprit, verdict, again))

    @property
    def is_replay(self) -> bool:
        """Whether it goes as another run went: then nobody is sent home or held back."""
        return self.scenario.steps is not None

    @property
    def dispensable(self) -> list[str]:
        """The idle workers that are not the last ones of their host."""
        hosts = [
            player.host
            for player in self.troupe.players.values()
            if player.name not in self.judge.dismissed
        ]
        players = self.troupe.players
        return [name for name in self.engine.idle if hosts.count(players[name].host) > 1]

    def dismiss(self) -> None:
        """An idle worker is told to go home."""
        self.troupe.announce(WorkersDismissed((self.random.choice(self.dispensable),)))

    def leave(self) -> None:
        """A worker that was told to go home has left."""
        player = self.troupe.players[self.random.choice(sorted(self.judge.dismissed))]
        while player.can_report:
            self.troupe.report(player)
        del self.troupe.players[player.name]
        self.troupe.announce(WorkerLost(player.name))

    def limit(self) -> None:
        """Somebody holds workers back, or does so no longer."""
        self.troupe.announce(DispatchLimited(self.random.choice((1, 2, None))))

    def bar(self) -> None:
        """Somebody outside knows that a case cannot run."""
        cause = Cause("what it needs was not collected")
        self.troupe.announce(CaseBlocked(self.random.choice(self.waiting), cause))

    def stop(self) -> None:
        """Somebody has seen enough, or even more than that."""
        cleaning = self.random.random() < 0.8
        self.troupe.announce(StopRequested("-x" if cleaning else "ctrl-c", cleaning))

    # other runs

    @property
    def strangers(self) -> list[str]:
        """The other runs that have something, or wait for it."""
        return [each for each in (*self.shares.held, *self.shares.waiting) if isinstance(each, str)]

    def grant(self) -> None:
        """Whoever is next gets what it waits for."""
        holder = self.shares.next()
        self.shares.grant(holder)
        if isinstance(holder, int):
            self.troupe.announce(TokensGranted(holder))

    def want(self) -> None:
        """Another run queues up for something that all share."""
        self.others += 1
        name, capacity = self.random.choice(tuple(SHARED.items()))
        self.shares.ask(f"run{self.others}", ((name, self.random.randint(1, capacity)),))

    def demand(self) -> None:
        """The engine is told that others wait for what its fixtures keep, or another case of its own."""
        wanted = self.shares.wanted() & self.engine.kept_from_others()
        self.troupe.announce(TokensWanted(self.random.choice(sorted(wanted))))

    def yield_up(self) -> None:
        """Another run gives back what it has, or wants it no more."""
        self.shares.leave(self.random.choice(self.strangers))

    # the end

    def play_out(self) -> None:
        """Let all that is left run to the end: there is somebody on each host, and others give way."""
        while self.judge.dismissed:
            self.leave()
        for host in tuple(self.scenario.hosts) or ("",):
            if all(player.host != host for player in self.troupe.players.values()):
                self.joined += 1
                self.admit((f"gw{self.joined - 1}",), host)
        self.troupe.announce(CrewComplete())
        self.troupe.play_out(self.check)
        while not self.engine.done:
            for stranger in self.strangers:
                self.shares.leave(stranger)
            if self.engine.next_due is not None:
                self.pass_time()
            else:
                assert self.shares.next() is not None, "there is work, and nothing happens any more"
                self.grant()
            self.troupe.play_out(self.check)
        self.check()
