"""On which hosts a case can never run, since what it claims is not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from pytest_orchestra.model.capacity import Scope
from pytest_orchestra.model.case import CaseSpec, Mode
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.scheduling.capacity import Stock
from pytest_orchestra.scheduling.quantity import format_quantity

#: Per case, the hosts that it cannot run on; empty where there is one host.
Barred: TypeAlias = Sequence[frozenset[str]]

_NOWHERE: Final[frozenset[str]] = frozenset()


def place(specs: Sequence[CaseSpec], stock: Stock) -> tuple[Barred, tuple[Problem, ...]]:
    """Return on which hosts each case cannot run, and a problem for those that can run on none.

    Cases of one group run on one worker, so what bars one of them bars all.
    """
    if len(stock.hosts) < 2:  # noqa: PLR2004 - nothing to choose from
        return (), ()
    known: dict[tuple[object, object], frozenset[str]] = {}
    barred: list[frozenset[str]] = []
    groups: dict[str, frozenset[str]] = {}
    for spec in specs:
        key = (spec.claims, spec.holds)
        if key not in known:
            known[key] = frozenset(host for host in stock.hosts if _is_barred(spec, stock, host))
        barred.append(known[key])
        if spec.group is not None:
            groups[spec.group] = groups.get(spec.group, _NOWHERE) | known[key]
    problems: list[Problem] = []
    told: set[object] = set()
    for case, spec in enumerate(specs):
        if spec.group is not None:
            barred[case] = groups[spec.group]
        kind = (spec.claims, spec.holds, spec.group)
        if len(barred[case]) == len(stock.hosts) and kind not in told:
            told.add(kind)
            problems.append(_nowhere(spec, stock))
    return tuple(barred), tuple(problems)


def _is_barred(spec: CaseSpec, stock: Stock, host: str) -> bool:
    return any(there < amount for _, amount, there in _wants(spec, stock, host))


def _wants(spec: CaseSpec, stock: Stock, host: str) -> Iterable[tuple[str, int, int]]:
    """Yield what ``spec`` wants of which a host has its own: resource, amount, what is there."""
    held: dict[str, int] = {}
    claimed: dict[str, int] = {}
    for claim in spec.claims:
        claimed[claim.resource] = claim.amount if claim.mode is Mode.COUNT else 1
    for claim in (claim for hold in spec.holds for claim in hold.claims):
        amount = claim.amount if claim.mode is Mode.COUNT else 1
        held[claim.resource] = held.get(claim.resource, 0) + amount
    for resource in sorted({*held, *claimed}):
        if stock.capacities[resource].scope is Scope.HOST:
            amount = max(held.get(resource, 0), claimed.get(resource, 0))
            yield resource, amount, stock.on(resource, host).instances


def _nowhere(spec: CaseSpec, stock: Stock) -> Problem:
    lacking = "; ".join(
        f"{host} has {format_quantity(there)} of the {format_quantity(amount)} of {resource!r}"
        for host in stock.hosts
        for resource, amount, there in _wants(spec, stock, host)
        if there < amount
    )
    who = spec.nodeid
    if spec.group is not None:
        who = f"{who}, together with the others of group {spec.group!r},"
    return Problem(
        what=f"{who} fits on no host: {lacking or 'each lacks something that one of them claims'}",
        remedy="claim less, add a host, or declare what a host has in "
        '[tool.pytest_orchestra.hosts."NAME"]',
        nodeid=spec.nodeid,
        marker="resources" if spec.claims else "",
    )
