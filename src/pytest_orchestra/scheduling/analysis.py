"""What each case needs, and from whom: the graph as one case sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from pytest_orchestra.model.case import CaseSpec, Claim, Mode
from pytest_orchestra.model.requirement import Kind, Requirement
from pytest_orchestra.model.verdict import ANY_VERDICT
from pytest_orchestra.scheduling.data import Pairing
from pytest_orchestra.scheduling.graph import Links
from pytest_orchestra.scheduling.quantity import format_quantity


class Hold(Protocol):
    """What a fixture keeps for the tests that use it."""

    @property
    def fixture(self) -> str:
        """The name of the fixture."""

    @property
    def claims(self) -> Iterable[Claim]:
        """What it takes of resources."""


def no_holds(spec: CaseSpec) -> tuple[Hold, ...]:  # noqa: ARG001 - the signature is what counts
    """Return what a case holds through fixtures where nothing is known of that: nothing."""
    return ()


def analyse(
    specs: Sequence[CaseSpec],
    links: Links,
    pairing: Pairing,
    holds: Callable[[CaseSpec], Iterable[Hold]] = no_holds,
) -> tuple[tuple[Requirement, ...], ...]:
    """Return the requirements of each of ``specs``: data, tests, resources, then services.

    ``links`` and ``pairing`` are those of ``specs``; ``holds`` tells what a case has through
    its fixtures, which is a service to it.
    """
    found: list[list[Requirement]] = [[] for _ in specs]
    for case, sources in pairing.sources.items():
        found[case] += (
            Requirement(Kind.DATA, name, (provider,)) for name, provider in sources.items()
        )
    for case, need, cases in links.meanings:
        kind = Kind.ORDER if need.accepts == ANY_VERDICT else Kind.DEPENDENCY
        found[case].append(Requirement(kind, need.target, cases))
    for case, spec in enumerate(specs):
        found[case] += _resources(spec)
        found[case] += _services(holds(spec))
    return tuple(tuple(each) for each in found)


def _resources(spec: CaseSpec) -> Iterator[Requirement]:
    if spec.alone:
        yield Requirement(Kind.RESOURCE, "*")
    for claim in sorted(spec.claims):
        yield Requirement(Kind.RESOURCE, claim.resource, amount=_amount(claim))


def _services(holds: Iterable[Hold]) -> Iterator[Requirement]:
    for hold in holds:
        for claim in sorted(hold.claims):
            yield Requirement(
                Kind.SERVICE, claim.resource, fixture=hold.fixture, amount=_amount(claim)
            )


def _amount(claim: Claim) -> str:
    return format_quantity(claim.amount) if claim.mode is Mode.COUNT else str(claim.mode)
