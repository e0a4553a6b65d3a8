"""What this run takes of that which all runs on this machine share, and what it says of others."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_orchestra.errors import MachineError
from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.pulse import Pulse

if TYPE_CHECKING:
    from pytest_orchestra.machine import Grant, Holder, Ledger

#: Seconds between looks at what was granted, while something waits.
INTERVAL: Final = 0.025

#: Seconds after which others that wait make fixtures here give up what they keep.
PATIENCE: Final = 2.0

#: So many holders of a resource are named at the most.
MOST_NAMED: Final = 3


class Life(NamedTuple):
    """What a worker needs to prove that it lives: where, for which run, and on which host."""

    directory: str
    run: str
    host: str


class Sharing:
    """Acquires tokens for cases and gives them back. The case is the ticket."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger: Final = ledger
        self._wants: Final[dict[int, Mapping[str, int]]] = {}
        self._granted: Final[dict[int, Mapping[str, tuple[str, ...]]]] = {}
        self._waiting: Final[set[int]] = set()
        self._is_due = False
        self._pulse: Pulse | None = None

    @classmethod
    def open(
        cls, resources: Mapping[str, Capacity], directory: str | None, project: Path
    ) -> Sharing | None:
        """Join the other runs, if any of ``resources`` is shared with them.

        Raises MachineError where that cannot be done.
        """
        shared = {
            name: capacity
            for name, capacity in resources.items()
            if capacity.scope is Scope.MACHINE
        }
        if not shared:
            return None
        from pytest_orchestra.machine import Ledger, Supply  # noqa: PLC0415 - only if needed

        supplies = {
            name: Supply(capacity.tokens, _names(capacity), capacity.slots)
            for name, capacity in shared.items()
        }
        place = None if directory is None else _path(directory, project)
        return cls(Ledger.open(place, project=str(project), supplies=supplies))

    def life(self, host: str) -> Life:
        """Return what workers on ``host`` need to prove that they live."""
        return Life(str(self._ledger.directory), self._ledger.run, host)

    # tokens

    def acquire(self, case: int, wants: Iterable[tuple[str, int]], what: str) -> bool:
        """Ask for tokens; say whether they were there. Raises MachineError if nobody can be asked."""
        amounts = dict(wants)
        grant = self._ledger.request(str(case), amounts, what)
        self._wants[case] = amounts
        if grant is None:
            self._waiting.add(case)
            return False
        self._note(grant)
        return True

    def give_back(self, case: int) -> None:
        """Give back what was acquired for ``case``, or ask for it no longer."""
        if self._wants.pop(case, None) is not None:
            self._waiting.discard(case)
            self._granted.pop(case, None)
            with contextlib.suppress(MachineError):  # whoever asks next is told of it
                self._ledger.give_back(str(case))

    def poll(self) -> list[int]:
        """Return the cases that got what they want since; raises MachineError."""
        self._is_due = False
        return [self._note(grant) for grant in self._ledger.poll()]

    @property
    def waiting(self) -> tuple[int, ...]:
        """The cases that wait for others."""
        return tuple(self._waiting)

    def wanted(self) -> tuple[str, ...]:
        """Return the resources that cases wait for."""
        return tuple(sorted({name for case in self._waiting for name in self._wants[case]}))

    def leases(self, case: int) -> list[Lease]:
        """Return what was acquired for ``case``."""
        names = self._granted.get(case, {})
        return [
            Lease(resource, amount, tuple(names.get(resource, ())))
            for resource, amount in self._wants.get(case, {}).items()
        ]

    def _note(self, grant: Grant) -> int:
        case = int(grant.ticket_id)
        self._waiting.discard(case)
        self._granted[case] = grant.names
        return case

    # others

    def held_by(self, resource: str) -> str:
        """Return who has ``resource`` in other runs, for people; empty if nobody has."""
        holders = [
            str(holder)
            for holder in self._holders(resource)
            if not holder.waiting and not holder.is_own
        ]
        more = f" and {len(holders) - MOST_NAMED} more" if len(holders) > MOST_NAMED else ""
        return ", ".join(holders[:MOST_NAMED]) + more

    def wanted_by_others(self, resource: str) -> bool:
        """Whether others have waited for ``resource`` for so long that fixtures should make way."""
        now = time.time()
        return any(
            holder.waiting and not holder.is_own and now - holder.since >= PATIENCE
            for holder in self._holders(resource)
        )

    def _holders(self, resource: str) -> tuple[Holder, ...]:
        """Return who has or wants ``resource``; nobody where that cannot be known."""
        try:
            return self._ledger.holders(resource)
        except MachineError:
            return ()

    def watch(self, on_look: Callable[[], None]) -> None:
        """Call ``on_look`` in a thread of its own whenever ``poll`` should be called again."""

        def look() -> None:
            if self._waiting and not self._is_due:
                self._is_due = True
                on_look()

        self._pulse = Pulse(INTERVAL, look)
        self._pulse.start()

    def close(self) -> None:
        """Leave; what is left is given back."""
        if self._pulse is not None:
            self._pulse.stop()
        self._ledger.close()


def _path(directory: str, project: Path) -> Path:
    """Return where ``directory`` is, as the configuration has it; raises MachineError if nowhere."""
    try:
        if "\0" in directory:
            raise ValueError("it has a NUL in it")  # noqa: TRY301 - told below, like the other
        return Path(project, Path(directory).expanduser())
    except (RuntimeError, ValueError) as error:
        what = f"{directory!r} is no directory: {error}"
        remedy = "write the path of a directory that is there"
        where = "tool.pytest_orchestra.runtime_dir"
        raise MachineError(Problem(what, remedy, where)) from None


def _names(capacity: Capacity) -> tuple[str, ...]:
    if capacity.names or not capacity.is_numbered:
        return capacity.names
    return tuple(map(str, range(capacity.instances)))
