"""Whose turn it is: first come, first served, without anybody who decides for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_orchestra.machine.record import Shares, Ticket
from pytest_orchestra.machine.supply import Supply


@dataclass(slots=True)
class InUse:
    """What is out: tokens by resource, and slots by instance of each."""

    tokens: Counter[str] = field(default_factory=Counter)
    slots: dict[str, Counter[str]] = field(default_factory=dict)

    def take(self, ticket: Ticket, got: Shares) -> None:
        """Count what ``ticket`` holds."""
        self.tokens.update(ticket.wants)
        for resource, names in got.items():
            self.slots.setdefault(resource, Counter()).update(names)

    def shares(self, ticket: Ticket, supplies: Mapping[str, Supply]) -> Shares | None:
        """Return what ``ticket`` would get of what is left; None if that is too little."""
        got: dict[str, tuple[str, ...]] = {}
        for resource, amount in ticket.wants.items():
            taken = self.slots.get(resource, Counter())
            names = supplies[resource].choose(amount, self.tokens[resource], taken)
            if names is None:
                return None
            got[resource] = names
        return got


def grants(
    run: str, tickets: Iterable[tuple[str, Ticket]], supplies: Mapping[str, Supply]
) -> dict[str, Shares]:
    """Return what ``run`` may take now, by the ids of its tickets.

    ``tickets`` are those of all runs that live, each with its run, and ``supplies`` is what
    ``run`` declared for whatever its own tickets want. A ticket gets something if all of it
    is there and no earlier one waits for any of it.
    """
    in_use = InUse()
    queue: list[tuple[int, str, Ticket]] = []
    for owner, ticket in tickets:
        if ticket.got is None:
            queue.append((ticket.number, owner, ticket))
        else:
            in_use.take(ticket, ticket.got)
    granted: dict[str, Shares] = {}
    wanted: set[str] = set()
    for _, owner, ticket in sorted(queue, key=lambda each: each[:2]):
        got = None
        if owner == run and wanted.isdisjoint(ticket.wants):
            got = in_use.shares(ticket, supplies)
        if got is None:
            wanted.update(ticket.wants)
        else:
            in_use.take(ticket, got)
            granted[ticket.id] = got
    return granted
