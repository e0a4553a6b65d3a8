"""How many tokens are in use, added up from scratch: by tests that run and fixtures that are up."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pytest_orchestra.model.case import CaseSpec, Claim, Hold, Mode
from pytest_orchestra.model.events import Fixture


def fixtures_of(spec: CaseSpec) -> dict[Fixture, Hold]:
    """Return the fixtures of a case that may stay up after it."""
    return {(hold.fixture, hold.scope): hold for hold in spec.holds if hold.scope is not None}


def used_on_worker(
    resource: str, capacity: int, running: Collection[CaseSpec], idle: Iterable[Hold]
) -> int:
    """Return what cases and ``idle`` fixtures, which none of them counts on, use on one worker.

    A writer has all there is, and shares it with what else is on its worker: that is only there
    because one case used both.
    """
    own = [[claim for claim in spec.claims if claim.resource == resource] for spec in running]
    held = [_of(spec.holds, resource) for spec in running]
    spare = _of(idle, resource)
    if any(claim.mode is Mode.WRITE for each in (*own, *held, spare) for claim in each):
        return capacity
    return _sum(spare) + sum(map(max, map(_sum, own), map(_sum, held)))


def _of(holds: Iterable[Hold], resource: str) -> list[Claim]:
    return [claim for hold in holds for claim in hold.claims if claim.resource == resource]


def _sum(claims: Iterable[Claim]) -> int:
    return sum(claim.amount if claim.mode is Mode.COUNT else 1 for claim in claims)
