"""Fixtures that cost more than the tests that use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pytest_orchestra.advice.findings import MOST_NAMED, Findings, WhatIf
from pytest_orchestra.advice.words import count, seconds
from pytest_orchestra.model.advice import Recommendation, Topic
from pytest_orchestra.model.events import Fixture

#: A fixture is used by few tests if it is used by no more than this.
FEW: Final = 3

#: So many fixtures are told of, those first from which most is to be gained.
MOST_FIXTURES: Final = 3


def wide_fixtures(findings: Findings, what_if: WhatIf) -> Iterator[Recommendation]:
    """Yield fixtures that were set up on too many workers, or for too few tests."""
    users = _users(findings)
    found: list[Recommendation] = []
    for fixture, costs in findings.set_ups.items():
        cases = users.get(fixture, [])
        if len(costs) > 1:
            found += _scattered(findings, fixture, costs, cases)
        elif 0 < len(cases) <= FEW:
            found += _dear(findings, what_if, fixture, costs, cases)
    found.sort(key=lambda each: -(each.gain or 0.0))
    yield from found[:MOST_FIXTURES]


def _users(findings: Findings) -> dict[Fixture, list[int]]:
    """Return which cases use each fixture that was measured."""
    kits = findings.kits
    measured = {
        number: fixture
        for number, fixture in enumerate(kits.fixtures)
        if fixture in findings.set_ups
    }
    of_kit = [[measured[each] for each in kit if each in measured] for kit in kits.kits]
    users: dict[Fixture, list[int]] = {}
    for case, kit in enumerate(kits.of_case if any(of_kit) else ()):
        for fixture in of_kit[kit]:
            users.setdefault(fixture, []).append(case)
    return users


def _scattered(
    findings: Findings, fixture: Fixture, costs: Mapping[str, float], cases: list[int]
) -> Iterator[Recommendation]:
    """Tell of a fixture that one worker could have set up for all, and been done no later."""
    once, every = max(costs.values()), sum(costs.values())
    saved = every - once
    workers = findings.workers
    tests = max(0.0, sum(findings.seconds[case] for case in cases) - every)
    gain = saved / workers
    share = (sum(findings.seconds) - saved) / workers
    if once + tests > share or not findings.is_worth_it(gain):
        return
    yield Recommendation(
        topic=Topic.FIXTURE,
        text=f"fixture {fixture[0]!r} was set up on {count(len(costs), 'worker')} for "
        f"{count(len(cases), 'test')}; set up on one it would save about {seconds(gain)}",
        remedy="mark its tests with @pytest.mark.xdist_group, so that they run on one worker",
        gain=gain,
        figures=(
            ("set-ups", f"{len(costs)}, {seconds(every)} in all"),
            ("its tests take besides", seconds(tests)),
            ("scope", fixture[1] or "session"),
        ),
        cases=tuple(cases[:MOST_NAMED]),
        total=len(cases),
    )


def _dear(
    findings: Findings,
    what_if: WhatIf,
    fixture: Fixture,
    costs: Mapping[str, float],
    cases: list[int],
) -> Iterator[Recommendation]:
    """Tell of a fixture that costs more than all that is done with it."""
    cost = sum(costs.values())
    # Whoever came first has paid for it.
    payer = max(cases, key=findings.seconds.__getitem__)
    tests = max(0.0, sum(findings.seconds[case] for case in cases) - cost)
    if cost <= tests or not findings.is_worth_it(cost):
        return
    changed = list(findings.seconds)
    changed[payer] = max(0.0, changed[payer] - cost)
    gain = what_if.as_it_was - what_if.with_seconds(changed)
    if not findings.is_worth_it(gain):
        return
    yield Recommendation(
        topic=Topic.FIXTURE,
        text=f"fixture {fixture[0]!r} takes {seconds(cost)} for {seconds(tests)} of work in "
        f"{count(len(cases), 'test')}; without it the run would be about {seconds(gain)} shorter",
        remedy="give them something cheaper, or run them less often",
        gain=gain,
        figures=(("set-up and tear-down", seconds(cost)), ("scope", fixture[1] or "session")),
        cases=tuple(cases[:MOST_NAMED]),
        total=len(cases),
    )
