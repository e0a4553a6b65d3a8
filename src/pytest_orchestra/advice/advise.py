"""All that can be recommended after a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from pytest_orchestra.advice.chains import long_tests, prerequisites
from pytest_orchestra.advice.crew import best_crew
from pytest_orchestra.advice.findings import Findings, OutOfTimeError, WhatIf
from pytest_orchestra.advice.fixtures import wide_fixtures
from pytest_orchestra.advice.resources import scarce_resources
from pytest_orchestra.advice.trust import flaky_tests, low_coverage
from pytest_orchestra.model.advice import Recommendation

#: Looks for one kind of thing.
Adviser: TypeAlias = Callable[[Findings, WhatIf], Iterator[Recommendation]]

#: By what they look for; those that need least time come first.
_ADVISERS: Final[tuple[tuple[str, Adviser], ...]] = (
    ("coverage", low_coverage),
    ("flaky tests", flaky_tests),
    ("resources", scarce_resources),
    ("prerequisites", prerequisites),
    ("long tests", long_tests),
    ("fixtures", wide_fixtures),
    ("numbers of workers", best_crew),
)


@dataclass(frozen=True, slots=True)
class Advice:
    """What is recommended, what is worth most first; ``unadvised`` are names of what there was no time for."""

    recommendations: tuple[Recommendation, ...]
    unadvised: tuple[str, ...]


def advise(findings: Findings, time_left: Callable[[], float]) -> Advice:
    """Return what is recommended; ``time_left`` returns the seconds that may be spent from now on."""
    what_if = WhatIf(findings, time_left)
    found: list[Recommendation] = []
    unadvised: list[str] = []
    for name, adviser in _ADVISERS:
        try:
            found += adviser(findings, what_if)
        except OutOfTimeError:
            unadvised.append(name)
    found.sort(key=lambda each: -(each.gain or 0.0))
    return Advice(tuple(found), tuple(unadvised))
