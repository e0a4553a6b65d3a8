"""Asks for advice when a run is over, and puts it on the record."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pytest_orchestra.advice.advise import advise
from pytest_orchestra.advice.findings import Findings
from pytest_orchestra.advice.quality import judge_quality
from pytest_orchestra.model.verdict import FAILURE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_orchestra.history.archive import Recollection
    from pytest_orchestra.model.host import Host
    from pytest_orchestra.model.run import RunRecord
    from pytest_orchestra.running.plan import Plan
    from pytest_orchestra.running.run import Run

#: The most that advice may take, in seconds and as a share of the run; what nobody notices is free.
MOST_SECONDS: Final = 1.0
SHARE_OF_RUN: Final = 0.02
UNNOTICED: Final = 0.05

#: In so many runs a suite shows whether any test is flaky.
LEAST_RUNS: Final = 10


def with_advice(
    record: RunRecord, run: Run, recollection: Recollection | None, hosts: Iterable[Host]
) -> RunRecord:
    """Return ``record`` of ``run`` with recommendations and the quality of the suite.

    ``recollection`` is what was known before, ``hosts`` are all that had workers.
    """
    if not record.cases:
        return record
    plan = run.plan
    findings = Findings(
        run=record,
        graph=plan.graph,
        stock=plan.pool.stock,
        kits=plan.fixtures.kits,
        set_ups=run.set_ups,
        may_go=_may_go(plan),
        cpus=sum(host.cpus for host in hosts) or None,
        clean_runs=_clean_runs(record, recollection),
    )
    limit = min(MOST_SECONDS, max(UNNOTICED, SHARE_OF_RUN * record.seconds))
    # Of half a run nobody knows how long the rest takes.
    until = time.perf_counter() + (0.0 if record.stopped else limit)
    advice = advise(findings, lambda: until - time.perf_counter())
    names = ", ".join(advice.unadvised)
    why = "the run was stopped" if record.stopped else f"advice may take {limit:.2g} s"
    return replace(
        record,
        recommendations=advice.recommendations,
        unadvised=f"{names}, since {why}" if names else "",
        quality=judge_quality(record, findings.bound, _flaky_rate(record)),
    )


def _flaky_rate(record: RunRecord) -> float | None:
    """Return how many tests fail by chance; None as long as too few runs are known to say that none does."""
    flakes = record.suite_flakes
    if flakes is None or (flakes.runs < LEAST_RUNS and not flakes.overall.mean):
        return None
    return flakes.overall.mean


def _may_go(plan: Plan) -> Callable[[int, int], bool]:
    prerequisites, sources = plan.links.prerequisites, plan.data.sources

    def may_go(prerequisite: int, dependant: int) -> bool:
        is_asked_for = prerequisite in prerequisites[dependant]
        return is_asked_for and prerequisite not in sources.get(dependant, {}).values()

    return may_go


def _clean_runs(record: RunRecord, recollection: Recollection | None) -> Callable[[int], int]:
    def clean_runs(case: int) -> int:
        past = recollection.tests.get(record.cases[case].spec.nodeid) if recollection else None
        if past is None or any(each.verdict in FAILURE for each in past.observed):
            return 0
        return len(past.observed)

    return clean_runs
