"""Resources of which there could be more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_orchestra.advice.findings import MOST_NAMED, Findings, WhatIf
from pytest_orchestra.advice.words import count, seconds
from pytest_orchestra.model.advice import Recommendation, Topic
from pytest_orchestra.model.capacity import UNBOUNDED, Scope
from pytest_orchestra.model.run import ResourceRecord
from pytest_orchestra.scheduling.quantity import format_quantity, round_bytes
from pytest_orchestra.scheduling.what_if import one_more

#: So many resources are looked at, those first for which tests waited longest.
MOST_RESOURCES: Final = 3

#: Where tests waited for less than this many seconds in all nothing is to be gained.
LEAST_WAIT: Final = 0.1


def scarce_resources(findings: Findings, what_if: WhatIf) -> Iterator[Recommendation]:
    """Yield what one more of each resource that tests waited for would gain."""
    waiting: dict[str, list[int]] = {}
    for number, case in enumerate(findings.run.cases):
        if case.waited_for is not None and case.held_up > 0:
            waiting.setdefault(case.waited_for, []).append(number)
    found = [each for each in findings.run.resources if _can_be_more(findings, each)]
    found.sort(key=lambda each: -each.held_up)
    for resource in found[:MOST_RESOURCES]:
        capacity = findings.stock.capacities[resource.name]
        amount = one_more(findings.specs, resource.name, capacity)
        gain = what_if.as_it_was - what_if.with_more(resource.name, amount)
        if findings.is_worth_it(gain):
            cases = waiting.get(resource.name, [])
            yield _recommendation(findings, resource, amount, gain, cases)


def _can_be_more(findings: Findings, resource: ResourceRecord) -> bool:
    """Whether it is known what more of it would do: what other runs or hosts have is not."""
    capacity = findings.stock.capacities.get(resource.name)
    return (
        resource.held_up >= LEAST_WAIT
        and capacity is not None
        and capacity.tokens != UNBOUNDED
        and capacity.scope is not Scope.MACHINE
    )


def _recommendation(
    findings: Findings, resource: ResourceRecord, amount: int, gain: float, cases: list[int]
) -> Recommendation:
    records = findings.run.cases
    cases.sort(key=lambda case: -records[case].held_up)
    show = round_bytes if resource.is_quantity else format_quantity
    capacity = findings.stock.capacities[resource.name]
    there = capacity.tokens // (1 if resource.is_quantity else capacity.slots)
    more = show(amount) if resource.is_quantity else "one"
    wanted = there + (amount if resource.is_quantity else 1)
    return Recommendation(
        topic=Topic.RESOURCE,
        text=f"{more} more of {resource.name!r} would save about {seconds(gain)}: "
        f"{count(len(cases), 'test')} waited for it, during {seconds(resource.held_up)}",
        remedy=f"if there can be more, declare {resource.name} = {_declared(resource, wanted)} in "
        "[tool.pytest_orchestra.resources]",
        gain=gain,
        figures=(
            ("capacity", show(there)),
            ("tests waited for it during", seconds(resource.held_up)),
            ("predicted with one more", f"{seconds(gain)} less"),
        ),
        cases=tuple(cases[:MOST_NAMED]),
        total=len(cases),
    )


def _declared(resource: ResourceRecord, amount: int) -> str:
    return f'"{format_quantity(amount)}"' if resource.is_quantity else str(amount)
