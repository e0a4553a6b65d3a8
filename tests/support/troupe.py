"""Workers as a driver sees them: what they say comes in order, and late."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_orchestra.model.events import (
    Assign,
    CaseFinished,
    CasesReturned,
    Command,
    Event,
    Recall,
    VerdictAmended,
)
from pytest_orchestra.model.verdict import Verdict


@dataclass
class Player:
    """One worker, with what is under way to it and from it.

    ``queue`` holds what it knows of and has not begun; ``last`` is what it ran last, as long as
    it has not begun anything else.
    """

    name: str
    inbox: deque[Assign | Recall] = field(default_factory=deque)
    queue: deque[int] = field(default_factory=deque)
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
            case Recall(_, cases):
                returned = tuple(case for case in self.queue if case in cases)
                self.queue = deque(case for case in self.queue if case not in cases)
                self.outbox.append(CasesReturned(self.name, returned))

    def begin(self) -> None:
        """Start the next case; what the last one left behind is torn down by now."""
        self.running, self.last = self.queue.popleft(), None

    def end(self, verdict: Verdict, seconds: float) -> None:
        """Finish what runs, and say so."""
        assert self.running is not None
        self.outbox.append(CaseFinished(self.running, verdict, seconds))
        self.running, self.last = None, self.running

    def amend(self, verdict: Verdict) -> None:
        """Find that a fixture which outlived the last case cannot be torn down, and say so."""
        assert self.last is not None
        self.outbox.append(VerdictAmended(self.last, verdict))
        self.last = None


@dataclass
class Troupe:
    """The workers that are there; ``tell`` passes on what they say and returns commands."""

    tell: Callable[[Event], tuple[Command, ...]]
    players: dict[str, Player] = field(default_factory=dict)

    def able(self, skill: str) -> list[Player]:
        """Return the workers of which ``can_...`` is true."""
        return [player for player in self.players.values() if getattr(player, skill)]

    def announce(self, event: Event) -> None:
        """Let something happen, and send the workers what is for them."""
        for command in self.tell(event):
            if isinstance(command, Assign | Recall):
                self.players[command.worker].inbox.append(command)

    def report(self, player: Player) -> None:
        """Let the oldest message of a worker arrive."""
        self.announce(player.outbox.popleft())

    def play_out(self) -> None:
        """Let everything arrive and every case pass, until the workers have nothing left."""
        while [player for player in self.players.values() if self._advance(player)]:
            pass

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
