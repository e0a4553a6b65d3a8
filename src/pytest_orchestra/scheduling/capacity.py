"""How many tokens there are of each resource, and which claims can never be met."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final

from pytest_orchestra.model.case import CaseSpec, Claim, Mode
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.scheduling.quantity import format_quantity

#: The capacity of a lock that nobody declared: any number of readers at a time.
UNBOUNDED: Final = sys.maxsize


def settle_capacities(
    specs: Sequence[CaseSpec], declared: Mapping[str, int]
) -> tuple[Mapping[str, int], tuple[Problem, ...]]:
    """Return the capacity of every declared or claimed resource, and the claims that cannot be.

    A resource that nobody declared has one token; one that is only read and written has as
    many readers as want to.
    """
    users: dict[str, dict[Claim, CaseSpec]] = {}
    for spec in specs:
        for claim in sorted(spec.claims):  # a set of texts has another order in every process
            users.setdefault(claim.resource, {}).setdefault(claim, spec)
    capacities = dict(declared)
    problems: list[Problem] = []
    for resource, claims in users.items():
        counted = [claim for claim in claims if claim.mode is Mode.COUNT]
        locked = [claim for claim in claims if claim.mode is not Mode.COUNT]
        if resource not in declared:
            capacities[resource] = 1 if counted else UNBOUNDED
            if counted and locked:
                problems.append(_mixed(resource, claims[counted[0]], claims[locked[0]]))
                continue
        problems.extend(
            _too_large(claim, capacities[resource], claims[claim], is_declared=resource in declared)
            for claim in sorted(counted)
            if claim.amount > capacities[resource]
        )
    return capacities, tuple(problems)


def _mixed(resource: str, counts: CaseSpec, locks: CaseSpec) -> Problem:
    return Problem(
        what=f"resource {resource!r} is claimed as a count here and as a read/write lock by "
        f"{locks.nodeid}, and nobody says how many tokens it has",
        remedy=f"use one way throughout, or declare {resource} = N in "
        "[tool.pytest_orchestra.resources]",
        nodeid=counts.nodeid,
        marker="resources",
        needle=resource,
    )


def _too_large(claim: Claim, capacity: int, spec: CaseSpec, *, is_declared: bool) -> Problem:
    source = "it has" if is_declared else "nobody declared it, so it has"
    return Problem(
        what=f"{spec.nodeid} claims {format_quantity(claim.amount)} of {claim.resource!r}, but {source} "
        f"{format_quantity(capacity)}",
        remedy=f"claim less, or declare {claim.resource} = {claim.amount} or more in "
        "[tool.pytest_orchestra.resources]",
        nodeid=spec.nodeid,
        marker="resources",
        needle=claim.resource,
    )
