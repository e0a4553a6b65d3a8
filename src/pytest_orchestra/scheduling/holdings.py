"""What a case takes on a certain worker: its own tokens, what fixtures keep there, what was acquired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.scheduling.crew import Crew
from pytest_orchestra.scheduling.keeps import Keeps
from pytest_orchestra.scheduling.pool import EXCLUSIVE, Demand, Pool
from pytest_orchestra.scheduling.signatures import Signatures
from pytest_orchestra.scheduling.tickets import Tickets


class Holdings:
    """Tokens of one run, wherever they are."""

    def __init__(
        self, specs: Sequence[CaseSpec], pool: Pool, signs: Signatures, crew: Crew
    ) -> None:
        """Nobody has anything yet."""
        self.pool: Final = pool
        self.tickets: Final = Tickets()
        self.keeps: Final = Keeps(specs, pool, self.tickets)
        self._signs: Final = signs
        self._crew: Final = crew

    def demand(self, case: int, host: str) -> Demand:
        """Return what ``case`` takes on ``host`` where no fixtures are up."""
        return self._signs.demands[host][self._signs.of_case[case]]

    def outside(self, case: int) -> Demand:
        """Return what ``case`` takes of that which is shared with other runs."""
        return self._signs.outside[self._signs.of_case[case]]

    def needs(self, worker: str, case: int) -> Demand:
        """Return what ``case`` takes on ``worker`` besides what fixtures keep there for it."""
        demand = self.demand(case, self._crew.host_of[worker])
        return self.keeps.still_needs(worker, case, demand) if self.keeps.are_there else demand

    def fits(self, worker: str, case: int, kept: Mapping[str, int] | None) -> bool:
        """Whether ``case`` could run on ``worker`` now and leave what is ``kept``."""
        return (
            self._may_run(worker, case)
            and self._has_outside(worker, case)
            and self.pool.lacks(self.needs(worker, case), kept) is None
        )

    def _may_run(self, worker: str, case: int) -> bool:
        if self._signs.of_case[case] in self._signs.hopeless[self._crew.host_of[worker]]:
            return False
        return self._crew.home(case) in (None, worker)

    def _has_outside(self, worker: str, case: int) -> bool:
        outside = self.outside(case)
        if not outside or case in self.tickets.granted:
            return True
        return self.keeps.has_outside(worker, case, outside)

    def short(self, host: str, case: int) -> dict[str, int]:
        """Return what ``case`` lacks on ``host`` if all fixtures had to make way for it.

        Of what is shared with other runs only that counts which they cannot give back.
        """
        short = self.pool.short_of(self.demand(case, host))
        for resource, tokens in () if case in self.tickets.granted else self.outside(case):
            capacity = self.pool.stock.capacities[resource]
            # Which instances are taken is not known here, so each slot counts for one.
            most = capacity.instances if tokens <= capacity.instances else capacity.tokens
            over = self.tickets.in_use.get(resource, 0) + tokens - most
            if over > 0:
                short[resource] = over
        return short

    def take(self, worker: str, case: int) -> bool:
        """Let ``case`` have what it needs on ``worker``; say whether others may acquire now."""
        needs = self.needs(worker, case)
        outside = self.outside(case)
        if outside and not self.keeps.has_outside(worker, case, outside):
            has_asked = self.tickets.begin(case)
        else:
            has_asked = bool(outside) and self.tickets.cancel(case)
        self.pool.take(case, needs)
        self.keeps.begin(worker, case)
        return has_asked

    def release(self, worker: str, case: int, now: float, *, has_run: bool) -> Iterable[str]:
        """``case`` is off the desk of ``worker``; return of which resources tokens came back."""
        freed = self.keeps.end(worker, case, now, has_run=has_run)
        return (*freed, *(resource for resource, _ in self.pool.give_back(case)))

    def leases(self, case: int) -> tuple[Lease, ...]:
        """Return what the running ``case`` has here, fixtures that are up for it included."""
        worker = self._crew.worker_of[case]
        keepers = [keeper for keeper, _ in self.keeps.serving(worker, case)]
        names: dict[str, tuple[str, ...]] = {}
        for holder in (*keepers, case):
            for key, found in self.pool.names(holder).items():
                names[key] = tuple(dict.fromkeys((*names.get(key, ()), *found)))
        return tuple(
            Lease(self.pool.resource_of(key), tokens, names.get(key, ())[:tokens])
            for key, tokens in self.demand(case, self._crew.host_of[worker])
            if key != EXCLUSIVE
        )

    def tickets_of(self, case: int) -> tuple[int, ...]:
        """Return the cases for which was acquired what the running ``case`` has from others."""
        found = {case} if self.tickets.has(case) else set[int]()
        for _, keep in self.keeps.serving(self._crew.worker_of[case], case):
            found |= keep.tickets
        return tuple(sorted(found))
