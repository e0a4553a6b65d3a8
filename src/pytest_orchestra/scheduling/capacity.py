"""How many tokens there are of each resource, and which claims can never be met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pytest_orchestra.model.capacity import UNBOUNDED, Capacity, Scope
from pytest_orchestra.model.case import CaseSpec, Claim, Mode
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.scheduling.quantity import format_quantity

_DECLARE: Final = "in [tool.pytest_orchestra.resources]"


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is for a run.

    ``capacities`` has every declared or claimed resource; of those that each host has for itself,
    ``hosts`` has what is on which. Without hosts, all workers are on one.
    """

    capacities: Mapping[str, Capacity] = field(default_factory=dict)
    hosts: Mapping[str, Mapping[str, Capacity]] = field(default_factory=dict)

    def key(self, resource: str, host: str) -> str:
        """Return under which name tokens of ``resource`` are counted for a worker on ``host``."""
        is_local = len(self.hosts) > 1 and self.capacities[resource].scope is Scope.HOST
        return f"{resource} on {host}" if is_local else resource

    def on(self, resource: str, host: str) -> Capacity:
        """Return what there is of ``resource`` for a worker on ``host``."""
        return self.hosts.get(host, {}).get(resource, self.capacities[resource])

    def best(self, resource: str) -> Capacity:
        """Return what there is of ``resource`` where there is most of it."""
        there = [each[resource] for each in self.hosts.values() if resource in each]
        return max(there, key=lambda capacity: capacity.tokens, default=self.capacities[resource])

    def counted(self) -> Mapping[str, Capacity]:
        """Return all that there is, by the name that it is counted under."""
        return {
            self.key(resource, host): self.on(resource, host)
            for resource, capacity in self.capacities.items()
            for host in (self.hosts if capacity.scope is Scope.HOST and self.hosts else ("",))
        }

    def limits(self) -> Mapping[str, float]:
        """Return for how many seconds a test may wait for what, by the name that it is counted under."""
        found: dict[str, float] = {}
        for resource in self.capacities:
            for host in self.hosts or ("",):
                limit = self.on(resource, host).max_wait
                if limit is not None:
                    found[self.key(resource, host)] = limit
        return found

    def overall(self) -> Stock:
        """Return the same as if all hosts were one and nothing were shared, for predictions."""
        found: dict[str, Capacity] = {}
        for name, capacity in self.capacities.items():
            there = [each[name] for each in self.hosts.values() if name in each] or [capacity]
            tokens = sum(each.tokens for each in there)
            found[name] = replace(capacity, tokens=tokens, names=(), scope=Scope.RUN)
        return Stock(found)


def settle_stock(
    specs: Sequence[CaseSpec],
    declared: Mapping[str, Capacity],
    hosts: Mapping[str, Mapping[str, Capacity]] | None = None,
) -> tuple[Stock, tuple[Problem, ...]]:
    """Return what there is of every declared or claimed resource, and the claims that cannot be.

    ``hosts`` has what differs from ``declared`` on each host. A resource that nobody declared has
    one token; one that is only read and written has as many readers as want to.
    """
    users: dict[str, dict[tuple[str, Claim], CaseSpec]] = {}
    for spec in specs:
        for fixture, claim in _claims(spec):
            users.setdefault(claim.resource, {}).setdefault((fixture, claim), spec)
    capacities = dict(declared)
    problems: list[Problem] = []
    for resource, claims in users.items():
        if resource in declared:
            continue
        counted = [key for key in claims if key[1].mode is Mode.COUNT]
        locked = [key for key in claims if key[1].mode is not Mode.COUNT]
        capacities[resource] = Capacity(1 if counted else UNBOUNDED)
        if counted and locked:
            problems.append(_mixed(resource, claims[counted[0]], claims[locked[0]]))
            claims.clear()
    local = {
        host: {
            name: there.get(name, capacity)
            for name, capacity in capacities.items()
            if capacity.scope is Scope.HOST
        }
        for host, there in (hosts or {}).items()
    }
    stock = Stock(capacities, local)
    problems += [
        _too_large(fixture, claim, stock, spec, is_declared=resource in declared)
        for resource, claims in users.items()
        for (fixture, claim), spec in sorted(claims.items(), key=lambda item: item[0])
        if claim.mode is Mode.COUNT and claim.amount > stock.best(resource).instances
    ]
    problems += _too_many_holds(specs, stock) if not problems else []
    return stock, tuple(problems)


def _claims(spec: CaseSpec) -> Iterator[tuple[str, Claim]]:
    """Yield what ``spec`` claims, with the fixture that does or an empty text."""
    for claim in sorted(spec.claims):  # a set of texts has another order in every process
        yield "", claim
    for hold in spec.holds:
        for claim in hold.claims:
            yield hold.fixture, claim


def _too_many_holds(specs: Sequence[CaseSpec], stock: Stock) -> Iterator[Problem]:
    """Yield a problem for each set of fixtures that together take more than there is."""
    told: set[object] = set()
    for spec in specs:
        if len(spec.holds) < 2 or spec.holds in told:  # noqa: PLR2004 - one was looked at before
            continue
        told.add(spec.holds)
        sums: dict[str, int] = {}
        for claim in (claim for hold in spec.holds for claim in hold.claims):
            amount = 0 if claim.mode is Mode.WRITE else claim.amount
            sums[claim.resource] = sums.get(claim.resource, 0) + amount
        for resource, amount in sums.items():
            if amount > stock.best(resource).instances:
                yield _together(resource, amount, spec, stock)


def _together(resource: str, amount: int, spec: CaseSpec, stock: Stock) -> Problem:
    fixtures = ", ".join(
        hold.fixture
        for hold in spec.holds
        if any(claim.resource == resource for claim in hold.claims)
    )
    return Problem(
        what=f"{spec.nodeid} uses the fixtures {fixtures}, which together take "
        f"{format_quantity(amount)} of {resource!r}, but there is "
        f"{format_quantity(stock.best(resource).instances)}",
        remedy=f"declare {resource} = {amount} or more {_DECLARE}, or use fewer of them in one test",
        nodeid=spec.nodeid,
    )


def _mixed(resource: str, counts: CaseSpec, locks: CaseSpec) -> Problem:
    return Problem(
        what=f"resource {resource!r} is claimed as a count here and as a read/write lock by "
        f"{locks.nodeid}, and nobody says how many tokens it has",
        remedy=f"use one way throughout, or declare {resource} = N {_DECLARE}",
        nodeid=counts.nodeid,
        marker="resources",
        needle=resource,
    )


def _too_large(
    fixture: str, claim: Claim, stock: Stock, spec: CaseSpec, *, is_declared: bool
) -> Problem:
    capacity = stock.best(claim.resource)
    source = "it has" if is_declared else "nobody declared it, so it has"
    if len(stock.hosts) > 1 and capacity.scope is Scope.HOST:
        source = "the best of the hosts has"
    there = format_quantity(capacity.instances)
    if capacity.slots > 1:
        there = f"{there} instances"
    who = f"{spec.nodeid} claims" if not fixture else f"fixture {fixture!r} of {spec.nodeid} takes"
    return Problem(
        what=f"{who} {format_quantity(claim.amount)} of {claim.resource!r}, but {source} {there}",
        remedy=f"claim less, or declare {claim.resource} = {claim.amount} or more {_DECLARE}",
        nodeid=spec.nodeid,
        marker="" if fixture else "resources",
        needle=claim.resource,
    )
