"""What keeps people from trusting a suite: tests that fail by chance, and code that none runs."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_orchestra.advice.findings import MOST_NAMED, Findings, WhatIf
from pytest_orchestra.advice.words import count, seconds
from pytest_orchestra.model.advice import Recommendation, Topic
from pytest_orchestra.model.flakes import Standing
from pytest_orchestra.model.run import CaseRecord
from pytest_orchestra.model.verdict import Verdict


def flaky_tests(findings: Findings, what_if: WhatIf) -> Iterator[Recommendation]:  # noqa: ARG001 - all get both
    """Yield the flaky tests that failed in this run, those first whose failures cost most, as far as known."""
    run = findings.run
    here = {number: _lost(case) for number, case in enumerate(run.cases) if _is_flaky(case)}
    costs = {number: (0, seconds) for number, seconds in here.items()}
    costs |= {
        each.case: (each.red_builds, max(each.seconds_lost, here.get(each.case, 0.0)))
        for each in run.flakes
        if each.standing is Standing.FLAKY
    }
    if not costs:
        return
    order = sorted(costs, key=lambda number: (*(-each for each in costs[number]), number))
    builds, whole = (sum(each) for each in zip(*costs.values(), strict=True))
    reds = f" and {count(builds, 'red build')}" if builds else ""
    yield Recommendation(
        topic=Topic.FLAKY,
        text=f"{count(len(costs), 'flaky test')} failed in this run; so far their failures by chance "
        f"have cost {seconds(whole)} of workers{reds}",
        remedy=f"mend {findings.nodeid(order[0])} first, which cost most",
        gain=sum(here.values()) / findings.workers,
        figures=tuple(
            (
                findings.nodeid(each),
                f"{seconds(costs[each][1])}, {count(costs[each][0], 'red build')}",
            )
            for each in order[:MOST_NAMED]
        ),
        cases=tuple(order[:MOST_NAMED]),
        total=len(order),
    )


def _is_flaky(case: CaseRecord) -> bool:
    return case.verdict is Verdict.FLAKY


def _lost(case: CaseRecord) -> float:
    """Return what its attempts took that did not count."""
    return sum(attempt.seconds for attempt in case.attempts[:-1])


def low_coverage(findings: Findings, what_if: WhatIf) -> Iterator[Recommendation]:  # noqa: ARG001 - as above
    """Yield coverage that is less than it should be."""
    coverage = findings.run.coverage
    if coverage is None or coverage.percent >= coverage.least:
        return
    yield Recommendation(
        topic=Topic.COVERAGE,
        text=f"tests run {coverage.percent:.1f} % of the code, less than {coverage.least:g} %",
        remedy="see in the coverage report what no test runs",
        figures=(("coverage", f"{coverage.percent:.1f} %"), ("from", coverage.source)),
    )
