"""Who has something, and who waits for it: for people to read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_orchestra.machine.book import Seen
from pytest_orchestra.machine.record import Standing

_UNREADABLE = "nobody can say what: its file is damaged"


@dataclass(frozen=True, slots=True)
class Holder:
    """One ticket for a resource, as ``pid 4711 (/home/a/shop, tests/test_a.py::test_x)``.

    ``amount`` is in tokens or bytes, ``names`` are the instances that it has. ``since`` is when
    it got them or, while it is ``waiting``, when it came, in seconds of the epoch. ``is_own``:
    it is of the run that asks. A run whose file is damaged counts as having everything; its
    amount is 0 here.
    """

    pid: int
    user: str
    project: str
    what: str
    amount: int
    names: tuple[str, ...]
    since: float
    waiting: bool
    is_own: bool

    def __str__(self) -> str:
        where = ", ".join(filter(None, (self.project, self.what)))
        return f"pid {self.pid} ({where})"


def list_holders(
    resource: str, run: str, standing: Standing, others: Iterable[Seen]
) -> tuple[Holder, ...]:
    """Return those of the ``run`` that asks, and of the others that live.

    Who has something comes first, and whoever got it earliest; then who waits, in order.
    """
    found: list[tuple[bool, float, str, Holder]] = []
    for seen in (Seen(run, standing, (), alive=True), *others):
        if not seen.alive:
            continue
        if seen.standing is None:
            pid = seen.lives[0].life.process.pid if seen.lives else 0
            holder = Holder(pid, "", "", _UNREADABLE, 0, (), 0.0, waiting=False, is_own=False)
            found.append((False, 0.0, seen.run, holder))
            continue
        found.extend(_of_run(resource, seen.run, seen.standing, is_own=seen.run == run))
    return tuple(each[3] for each in sorted(found, key=lambda each: each[:3]))


def _of_run(
    resource: str, run: str, standing: Standing, *, is_own: bool
) -> Iterable[tuple[bool, float, str, Holder]]:
    for ticket in standing.tickets:
        if resource in ticket.wants:
            waiting = ticket.got is None
            holder = Holder(
                pid=standing.process.pid,
                user=standing.user,
                project=standing.project,
                what=ticket.what,
                amount=ticket.wants[resource],
                names=tuple(dict.fromkeys((ticket.got or {}).get(resource, ()))),
                since=ticket.since,
                waiting=waiting,
                is_own=is_own,
            )
            yield waiting, ticket.number if waiting else ticket.since, run, holder
