"""What keeps people from trusting a suite: tests that fail by chance, and code that none runs."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_orchestra.advice.findings import MOST_NAMED, Findings, WhatIf
from pytest_orchestra.advice.words import count, seconds
from pytest_orchestra.model.advice import Recommendation, Topic
from pytest_orchestra.model.run import CaseRecord
from pytest_orchestra.model.verdict import Verdict


def flaky_tests(findings: Findings, what_if: WhatIf) -> Iterator[Recommendation]:  # noqa: ARG001 - all get both
    """Yield the tests that failed and then passed, those first whose failures cost most."""
    cases = findings.run.cases
    lost = {
        number: _lost(case) for number, case in enumerate(cases) if case.verdict is Verdict.FLAKY
    }
    if not lost:
        return
    order = sorted(lost, key=lambda number: -lost[number])
    whole = sum(lost.values())
    yield Recommendation(
        topic=Topic.FLAKY,
        text=f"{count(len(lost), 'test')} failed and passed when tried again, "
        f"which took {seconds(whole)} of a worker",
        remedy=f"mend {findings.nodeid(order[0])} first, which cost most",
        gain=whole / findings.workers,
        figures=tuple((findings.nodeid(each), seconds(lost[each])) for each in order[:MOST_NAMED]),
        cases=tuple(order[:MOST_NAMED]),
        total=len(order),
    )


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
