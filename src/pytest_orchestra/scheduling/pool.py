"""Tokens: what fits, who holds what, and what each resource was used for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from pytest_orchestra.model.case import Claim, Mode
from pytest_orchestra.scheduling.capacity import UNBOUNDED

#: The lock behind ``resources("*")``: every case reads it, one that runs alone writes it.
EXCLUSIVE: Final = "*"

#: Tokens per resource, sorted by name.
Demand: TypeAlias = tuple[tuple[str, int], ...]


class Pool:
    """Counted tokens. A reader takes one, a writer takes all: one arithmetic for every mode.

    Demands are met all or nothing, so nobody holds one thing while waiting for another and
    no deadlock is possible.
    """

    def __init__(self, capacities: Mapping[str, int]) -> None:
        """Take the capacity of every resource that will be claimed, in tokens or bytes."""
        self.capacities: Final = {**capacities, EXCLUSIVE: UNBOUNDED}
        self._free: Final = dict(self.capacities)
        self._held: Final[dict[int, Demand]] = {}
        self._holders: Final = dict.fromkeys(self.capacities, 0)
        #: Most tokens out at a time; of a resource without bounds, most holders at a time.
        self.peak: Final = dict.fromkeys(self.capacities, 0)

    def demand(self, claims: Iterable[Claim], *, alone: bool) -> Demand:
        """Return what a case with these claims takes, the lock that all cases share included."""
        tokens = {
            claim.resource: self.capacities[claim.resource]
            if claim.mode is Mode.WRITE
            else claim.amount
            if claim.mode is Mode.COUNT
            else 1
            for claim in claims
        }
        tokens[EXCLUSIVE] = UNBOUNDED if alone else 1
        return tuple(sorted(tokens.items()))

    def lacks(self, demand: Demand, keep: Mapping[str, int] | None = None) -> str | None:
        """Return a resource of which there is too little for ``demand`` now, or None if it fits.

        ``keep`` is what must stay free for somebody else.
        """
        free = self._free
        if keep is None:
            for resource, tokens in demand:
                if free[resource] < tokens:
                    return resource
            return None
        for resource, tokens in demand:
            if free[resource] - tokens < keep.get(resource, 0):
                return resource
        return None

    def take(self, holder: int, demand: Demand) -> None:
        """Let ``holder`` have what ``demand`` says; it must fit and hold nothing yet."""
        assert holder not in self._held, f"{holder} holds tokens already"  # noqa: S101
        for resource, tokens in demand:
            left = self._free[resource] - tokens
            assert left >= 0, f"{resource} is overdrawn"  # noqa: S101
            self._free[resource] = left
            self._holders[resource] += 1
            capacity = self.capacities[resource]
            used = self._holders[resource] if capacity == UNBOUNDED else capacity - left
            self.peak[resource] = max(self.peak[resource], used)
        self._held[holder] = demand

    def give_back(self, holder: int) -> Demand:
        """Take back all that ``holder`` has, and return it."""
        demand = self._held.pop(holder)
        for resource, tokens in demand:
            self._free[resource] += tokens
            self._holders[resource] -= 1
        return demand

    def holders(self, resource: str) -> tuple[int, ...]:
        """Return who holds tokens of ``resource``, in ascending order."""
        return tuple(
            sorted(
                holder
                for holder, demand in self._held.items()
                if any(name == resource for name, _ in demand)
            )
        )

    @property
    def idle(self) -> bool:
        """Whether nobody holds anything."""
        return not self._held
