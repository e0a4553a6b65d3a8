"""The distinct demands of a collection: what holds back one case of a signature holds back all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.scheduling.placement import Barred
from pytest_orchestra.scheduling.pool import EXCLUSIVE, Demand, Pool

_NOWHERE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Signature:
    """What cases have in common.

    ``demands`` are what they take here, per host, and ``outside`` what they take of that which is
    shared with other runs; ``barred`` are the hosts that they cannot run on. ``holds`` are the
    fixtures, with their claims, that may stay up after them.
    """

    demands: tuple[Demand, ...]
    outside: Demand = ()
    barred: frozenset[str] = _NOWHERE
    holds: tuple[tuple[str, tuple[Claim, ...]], ...] = ()


class Signatures:
    """Numbers the signatures of ``specs``; ``barred`` says per case where it cannot run.

    Cases that may be ``retried`` have another for then: alone, with all that they take.
    """

    def __init__(
        self,
        specs: Sequence[CaseSpec],
        pool: Pool,
        barred: Barred = (),
        retried: Iterable[int] = (),
    ) -> None:
        #: The hosts that tokens are counted for; a single one has no name.
        self.hosts: Final = tuple(pool.stock.hosts) if len(pool.stock.hosts) > 1 else ("",)
        numbers: dict[Signature, int] = {}
        known: dict[object, int] = {}
        self.of_case: Final[list[int]] = []

        def sign(case: int, *, alone: bool) -> int:
            spec = specs[case]
            where = barred[case] if barred else _NOWHERE
            kept = tuple(
                (hold.fixture, hold.claims) for hold in spec.holds if hold.scope is not None
            )
            passing = tuple(hold.claims for hold in spec.holds if hold.scope is None)
            key = (spec.claims, alone, kept, passing, where)
            if key not in known:
                signature = self._sign(spec, pool, where, kept, alone=alone)
                known[key] = numbers.setdefault(signature, len(numbers))
            return known[key]

        self.of_case.extend(sign(case, alone=spec.alone) for case, spec in enumerate(specs))
        self._when_retried: Final = {case: sign(case, alone=True) for case in retried}
        self.all: Final = tuple(numbers)
        #: What each signature takes on each host, by number.
        self.demands: Final = {
            host: [each.demands[place] for each in self.all]
            for place, host in enumerate(self.hosts)
        }
        self.outside: Final = [each.outside for each in self.all]
        #: The signatures that can never run on a host.
        self.hopeless: Final = {
            host: frozenset(number for number, each in enumerate(self.all) if host in each.barred)
            for host in self.hosts
        }
        #: What each signature wants and others may take away; all take the lock of all cases.
        self.wants: Final = [_wanted(each) for each in self.all]
        #: The signatures that want a resource.
        self.wanting: Final[dict[str, list[int]]] = {}
        for number, wanted in enumerate(self.wants):
            for name in wanted:
                self.wanting.setdefault(name, []).append(number)
        #: The signatures whose cases run alone.
        self.alone: Final = tuple(self.wanting.get(EXCLUSIVE, ()))
        free = Signature(tuple(pool.demand((), alone=False) for _ in self.hosts))
        #: The number of the signature that claims nothing; None if no case has it.
        self.free: Final = numbers.get(free)
        #: The signatures whose cases use a fixture that may stay up, by its name.
        self.using: Final[dict[str, list[int]]] = {}
        for number, each in enumerate(self.all):
            for fixture, _ in each.holds:
                self.using.setdefault(fixture, []).append(number)

    def isolate(self, case: int) -> None:
        """Let ``case``, which nobody has or waits for at the moment, run alone from now on."""
        self.of_case[case] = self._when_retried[case]

    def _sign(
        self,
        spec: CaseSpec,
        pool: Pool,
        where: frozenset[str],
        kept: tuple[tuple[str, tuple[Claim, ...]], ...],
        *,
        alone: bool,
    ) -> Signature:
        demands = tuple(
            pool.demand(spec.claims, alone=alone, holds=spec.holds, host=host)
            for host in self.hosts
        )
        return Signature(demands, pool.outside(spec.claims, spec.holds), where, kept)


def _wanted(signature: Signature) -> frozenset[str]:
    local = {
        name
        for demand in signature.demands
        for name, tokens in demand
        if name != EXCLUSIVE or tokens > 1
    }
    return frozenset((*local, *(name for name, _ in signature.outside)))
