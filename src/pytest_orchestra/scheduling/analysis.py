"""What each case needs, and from whom: the graph as one case sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pytest_orchestra.model.case import CaseSpec, Claim, Hold, Mode
from pytest_orchestra.model.requirement import Kind, Requirement
from pytest_orchestra.model.verdict import ANY_VERDICT
from pytest_orchestra.scheduling.data import Pairing
from pytest_orchestra.scheduling.graph import Links
from pytest_orchestra.scheduling.quantity import format_quantity


def analyse(
    specs: Sequence[CaseSpec],
    links: Links,
    pairing: Pairing,
) -> tuple[tuple[Requirement, ...], ...]:
    """Return the requirements of each of ``specs``: data, tests, resources, then services.

    ``links`` and ``pairing`` are those of ``specs``. What a fixture holds is a service to the
    cases that use it.
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
        found[case] += _services(spec.holds)
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
