"""Workers as a driver sees them: what they say comes in order, and late."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from uses import fixtures_of

from pytest_orchestra.model.case import CaseSpec, Hold
from pytest_orchestra.model.events import (
    Assign,
    CaseFinished,
    CasesReturned,
    Command,
    Event,
    Fixture,
    FixturesDown,
    Recall,
    Relinquish,
    VerdictAmended,
)
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.nodeid import is_within


@dataclass
class Player:
    """One worker, with what is under way to it and from it.

    ``queue`` holds what it knows of and has not begun: cases, and fixtures to tear down; ``last`` is
    what it ran last, as long as it has not begun anything else. ``up`` are fixtures that outlive
    their tests.
    """

    name: str
    specs: Sequence[CaseSpec]
    host: str = ""
    inbox: deque[Assign | Recall | Relinquish] = field(default_factory=deque)
    queue: deque[int | tuple[Fixture, ...]] = field(default_factory=deque)
    up: dict[Fixture, Hold] = field(default_factory=dict)
    outbox: deque[Event] = field(default_factory=deque)
    running: int | None = None
    last: int | None = None

    @property
    def can_listen(self) -> bool:
        """Whether a command is under way to it."""
        return bool(self.inbox)

    @property
    def can_report(self) -> bool:
        """Whether a message of its own is under way."""
        return bool(self.outbox)

    @property
    def can_begin(self) -> bool:
        """Whether it has a case and is not busy with one."""
        return self.running is None and bool(self.queue)

    @property
    def can_end(self) -> bool:
        """Whether it is busy with a case."""
        return self.running is not None

    @property
    def can_amend(self) -> bool:
        """Whether fixtures of its last case may be alive."""
        return self.last is not None

    def listen(self) -> None:
        """Receive the next command."""
        match self.inbox.popleft():
            case Assign(_, case):
                self.queue.append(case)
            case Relinquish(_, fixtures):
                self.queue.append(fixtures)
            case Recall(_, cases):
                returned = tuple(
                    each for each in self.queue if isinstance(each, int) and each in cases
                )
                self.queue = deque(each for each in self.queue if each not in returned)
                self.outbox.append(CasesReturned(self.name, returned))

    def begin(self) -> None:
        """Do the next thing; what the last case left behind and this one does not share is torn down."""
        errand = self.queue.popleft()
        if isinstance(errand, tuple):
            self._tear_down(errand)
            return
        self.running, self.last = errand, None
        leaves = self._outside_of(errand)
        if leaves:
            self._tear_down(leaves)
        self.up.update(fixtures_of(self.specs[errand]))

    def end(
        self,
        verdict: Verdict,
        seconds: float,
        missing: Collection[Fixture] = (),
        *,
        again: bool = False,
    ) -> None:
        """Finish what runs, and say so; of its fixtures the ``missing`` ones were never up.

        If the next case is known already, what that does not share goes down with this one.
        """
        assert self.running is not None
        leaves = dict.fromkeys(each for each in missing if each in self.up)
        if self.queue and isinstance(self.queue[0], int):
            leaves.update(dict.fromkeys(self._outside_of(self.queue[0])))
        if leaves:
            self._tear_down(tuple(leaves), self.running)
        self.outbox.append(CaseFinished(self.running, verdict, seconds, again))
        self.running, self.last = None, self.running

    def _outside_of(self, case: int) -> tuple[Fixture, ...]:
        nodeid = self.specs[case].nodeid
        return tuple(each for each in self.up if not is_within(nodeid, each[1]))

    def _tear_down(self, fixtures: tuple[Fixture, ...], case: int | None = None) -> None:
        for fixture in fixtures:
            self.up.pop(fixture, None)
        self.outbox.append(FixturesDown(self.name, fixtures, case))

    def amend(self, verdict: Verdict) -> None:
        """Find that a fixture which outlived the last case cannot be torn down, and say so."""
        assert self.last is not None
        self.outbox.append(VerdictAmended(self.last, verdict))
        self.last = None


@dataclass
class Troupe:
    """The workers that are there; ``tell`` passes on what they say and returns commands.

    Commands that are not for workers go to ``pass_on``.
    """

    tell: Callable[[Event], tuple[Command, ...]]
    pass_on: Callable[[Command], None]
    players: dict[str, Player] = field(default_factory=dict)

    def able(self, skill: str) -> list[Player]:
        """Return the workers of which ``can_...`` is true."""
        return [player for player in self.players.values() if getattr(player, skill)]

    def announce(self, event: Event) -> None:
        """Let something happen, and send the workers what is for them."""
        for command in self.tell(event):
            if isinstance(command, Assign | Recall | Relinquish):
                self.players[command.worker].inbox.append(command)
            else:
                self.pass_on(command)

    def report(self, player: Player) -> None:
        """Let the oldest message of a worker arrive."""
        self.announce(player.outbox.popleft())

    def play_out(self, check: Callable[[], None]) -> None:
        """Let everything arrive and every case pass, until the workers have nothing left."""
        while [player for player in self.players.values() if self._advance(player)]:
            check()

    def _advance(self, player: Player) -> bool:
        """Let a worker take one step; false if there is none to take."""
        if player.can_report:
            self.report(player)
        elif player.can_listen:
            player.listen()
        elif player.can_end:
            player.end(Verdict.PASSED, 1.0)
        elif player.can_begin:
            player.begin()
        else:
            return False
        return True
