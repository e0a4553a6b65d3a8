"""One run's view of what all runs on this machine share."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from pytest_orchestra.machine.book import STANDING, Book, Seen
from pytest_orchestra.machine.guard import Guard
from pytest_orchestra.machine.holder import Holder, list_holders
from pytest_orchestra.machine.life import MAIN, Life
from pytest_orchestra.machine.place import Place, Signature, refusal, signature, trouble, user_name
from pytest_orchestra.machine.process import Process
from pytest_orchestra.machine.record import Shares, Standing, Ticket, encode
from pytest_orchestra.machine.supply import Supply
from pytest_orchestra.machine.turns import grants

T = TypeVar("T")

#: How often something is tried while somebody keeps deleting the directory.
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Grant:
    """A ticket has got all that it wanted.

    ``names`` has the instances of each resource, each name once; () for one without. It
    waited for ``waited`` seconds.
    """

    ticket_id: str
    names: Shares
    waited: float


class Ledger:
    """Takes and gives back what runs share, first come, first served, all or nothing.

    Threads may share it. What a process forked from this one does with it is refused.
    All methods raise MachineError if the directory has become unusable, or the guard is not
    let go by somebody.
    """

    def __init__(
        self, place: Place, project: str, supplies: Mapping[str, Supply], timeout: float
    ) -> None:
        """Use ``open`` instead, which checks the directory."""
        self.directory: Final = Path(place.path)
        self.run: Final = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._place: Final = place
        self._supplies: Final = supplies
        self._guard: Final = Guard(place, timeout)
        self._book: Final = Book(place, self.run)
        self._thread: Final = threading.RLock()
        self._file: Final = self.run + STANDING
        self._tickets: Final[dict[str, Ticket]] = {}
        self._due: Final[dict[str, Grant]] = {}
        self._written: Signature | None = None
        self._is_closed = False
        with self._refusing(), self._guard.held():
            self._life: Final = Life(place, self.run, MAIN)
            self._me = Standing(self._life.name.process, user_name(os.geteuid()), project, ())
            self._write()

    @classmethod
    def open(
        cls,
        directory: Path | None = None,
        *,
        project: str,
        supplies: Mapping[str, Supply],
        timeout: float = 10.0,
    ) -> Ledger:
        """Join the runs that use ``directory``; None: the one that each user has.

        ``supplies`` is what this run takes each resource to be. Nobody holds the guard for more
        than some milliseconds; after ``timeout`` seconds it is an error. Raises MachineError.
        """
        return cls(Place.open(directory), project, supplies, timeout)

    def request(self, ticket_id: str, wants: Mapping[str, int], what: str) -> Grant | None:
        """Queue for all of ``wants``, tokens or bytes by resource, for ``what`` (a node id).

        Returns the grant if it is given at once; otherwise ``poll`` will. Raises ValueError for
        what can never be granted, and for an id that is in use.
        """
        for resource, amount in wants.items():
            if resource not in self._supplies or not self._supplies[resource].suffices(amount):
                raise ValueError(f"{amount} of {resource!r} can never be granted to {what}")
        with self._using():
            if ticket_id in self._tickets:
                raise ValueError(f"ticket {ticket_id!r} has been requested already")
            self._guarded(lambda: self._queue(Ticket(ticket_id, 0, dict(wants), what, time.time())))
            return self._due.pop(ticket_id, None)

    def poll(self) -> list[Grant]:
        """Return what has been granted since; takes some microseconds if nothing has changed.

        To be called every 20 to 50 ms while something waits, and now and then while something
        is held: it also writes again what others have damaged.
        """
        with self._using():
            if self._is_lost() or self._has_turn():
                self._guarded(lambda: self._settle(self._look()))
            due = list(self._due.values())
            self._due.clear()
            return due

    def give_back(self, ticket_id: str) -> None:
        """Give back what the ticket holds, or let it wait no more. Raises KeyError if unknown."""
        with self._using():
            del self._tickets[ticket_id]
            self._due.pop(ticket_id, None)
            self._book.forget()
            if self._is_lost():
                self._guarded(self._restore)
            else:
                self._guarded_if_lost(self._write)

    def holders(self, resource: str) -> tuple[Holder, ...]:
        """Return who has tokens of ``resource``, longest first, then who waits, in order."""
        with self._using():
            if self._is_lost():
                self._guarded(self._restore)
            others = self._guarded_if_lost(self._book.look)
            self._book.forget()
            return list_holders(resource, self.run, self._standing(), others)

    def close(self) -> None:
        """Leave: what waits is withdrawn, and all is given back.

        Only what was granted stays taken until the last worker of this run has ended, if one
        lives that may still use it. In a process that was forked from this one it does nothing.
        """
        with self._thread:
            if self._is_closed or self._me.process.pid != os.getpid():
                return
            self._is_closed = True
            try:
                with self._refusing():
                    self._guarded(self._leave)
            finally:
                self._life.close()
                self._book.close()

    # what is done under the guard

    def _guarded(self, action: Callable[[], T]) -> T:
        """Do it under the guard; again, if somebody deletes the directory meanwhile."""
        for _ in range(_ATTEMPTS - 1):
            with contextlib.suppress(FileNotFoundError), self._guard.held():
                return action()
        with self._guard.held():
            return action()

    def _guarded_if_lost(self, action: Callable[[], T]) -> T:
        """Do it without the guard, unless something has to be made again first."""
        with contextlib.suppress(FileNotFoundError):
            return action()
        self._guarded(self._restore)
        return action()

    def _queue(self, ticket: Ticket) -> None:
        """Put the ticket behind all others, and take what can be taken."""
        others = self._look()
        number = 1 + max((each.number for _, each in self._all(others)), default=0)
        self._tickets[ticket.id] = replace(ticket, number=number)
        try:
            self._settle(others, is_new=True)
        except BaseException:
            del self._tickets[ticket.id]
            raise

    def _look(self) -> tuple[Seen, ...]:
        """Return the other runs that live; what the dead have left is removed."""
        self._restore()
        seen = self._book.look()
        for each in seen:
            if not each.alive:
                self._bury(each.run)
        return tuple(each for each in seen if each.alive)

    def _settle(self, others: tuple[Seen, ...], *, is_new: bool = False) -> None:
        """Take whatever it is this run's turn to take, and write it down."""
        turns = self._turns(others)
        if not turns and not is_new:
            return
        before = {each: self._tickets[each] for each in turns}
        now = time.time()
        for each, got in turns.items():
            self._tickets[each] = replace(before[each], got=got, since=now)
        try:
            self._write()
            is_sure = self._guard.is_intact()
        except BaseException:
            self._tickets.update(before)
            raise
        if not is_sure:
            # Somebody deleted the guard's file, and another run may have taken the same.
            self._tickets.update(before)
            self._book.forget()
            self._write()
            return
        for each, got in turns.items():
            names = {resource: tuple(dict.fromkeys(shares)) for resource, shares in got.items()}
            self._due[each] = Grant(each, names, max(0.0, now - before[each].since))

    def _restore(self) -> None:
        """Make again what somebody has deleted or damaged."""
        if self._is_lost():
            self._place.restore()
            if self._life.is_lost():
                self._life.hold()
            self._write()

    def _bury(self, run: str) -> None:
        with os.scandir(self._place.path) as entries:
            names = [each.name for each in entries if each.name.startswith((f"{run}.", f"{run}~"))]
        for name in names:
            with contextlib.suppress(OSError):
                os.unlink(self._place.name(name))  # noqa: PTH108 - names are texts here

    def _leave(self) -> None:
        for each in [each for each in self._tickets.values() if each.got is None]:
            del self._tickets[each.id]
        if self._tickets and self._book.has_workers():
            # From now on they alone prove that it lives, whether this process runs or not.
            self._me = replace(self._me, process=Process(self._me.process.pid, 0, 0))
            self._write()
        else:
            self._bury(self.run)

    # what needs no guard

    def _has_turn(self) -> bool:
        """Whether it is this run's turn to take something, by a look without the guard."""
        if all(each.got is not None for each in self._tickets.values()):
            return False
        try:
            if not self._book.has_changed():
                return False
            seen = self._book.look()
        except FileNotFoundError:
            return True  # the directory is gone, and is to be made again
        return bool(self._turns(tuple(each for each in seen if each.alive)))

    def _turns(self, others: tuple[Seen, ...]) -> dict[str, Shares]:
        if any(each.standing is None for each in others):
            return {}  # what it has cannot be read, so it may be anything
        return grants(self.run, self._all(others), self._supplies)

    def _all(self, others: tuple[Seen, ...]) -> Iterator[tuple[str, Ticket]]:
        yield from ((self.run, ticket) for ticket in self._tickets.values())
        for each in others:
            if each.standing is not None:
                yield from ((each.run, ticket) for ticket in each.standing.tickets)

    def _standing(self) -> Standing:
        return replace(self._me, tickets=tuple(self._tickets.values()))

    def _write(self) -> None:
        data = encode(self._standing())
        self._written = self._place.write(self._file, data, self._file + ".new")

    def _is_lost(self) -> bool:
        """Whether a file of this run is not as this run has made it."""
        try:
            status = os.stat(self._place.name(self._file))  # noqa: PTH116 - asked at each poll
        except OSError:
            return True
        return signature(status) != self._written or self._life.is_lost()

    @contextlib.contextmanager
    def _using(self) -> Iterator[None]:
        with self._thread, self._refusing():
            if self._is_closed or self._me.process.pid != os.getpid():
                what = "has been closed, or was opened by the process that this one comes from"
                raise trouble(self._place.path, f"the ledger {what}", "open one")
            yield

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise refusal(self._place.path, error) from error
