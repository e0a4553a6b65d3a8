"""Runs made by hand for those who give advice: simulated, so that they fit what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_orchestra.advice.advise import Advice, advise
from pytest_orchestra.advice.findings import Findings
from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.case import CaseSpec, Claim, Need
from pytest_orchestra.model.run import CaseRecord, ResourceRecord, RunRecord, WorkerRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.capacity import settle_stock
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.estimates import Estimates
from pytest_orchestra.scheduling.graph import arrange, link
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import score
from pytest_orchestra.scheduling.simulate import Simulation, makespan


@dataclass(frozen=True)
class Made:
    """A test to be: seconds, names of resources, and numbers of those that it depends on."""

    seconds: float = 1.0
    claims: tuple[str, ...] = ()
    needs: tuple[int, ...] = ()
    verdict: Verdict = Verdict.PASSED


def findings_of(
    tests: Sequence[Made],
    workers: int = 2,
    capacities: Mapping[str, Capacity] | None = None,
    run: Mapping[str, Any] | None = None,
    **more: Any,
) -> Findings:
    """Return what is known when ``tests`` have run on ``workers``; ``run`` overrides what is in its record."""
    specs = [
        CaseSpec(
            f"a.py::test_{number}",
            needs=tuple(Need(f"test_{each}") for each in test.needs),
            claims=frozenset(map(Claim, test.claims)),
        )
        for number, test in enumerate(tests)
    ]
    seconds = [test.seconds for test in tests]
    graph = arrange(link(specs).prerequisites)
    stock, problems = settle_stock(specs, capacities or {})
    assert not problems
    pool, names = Pool(stock), [f"gw{number}" for number in range(workers)]
    scores = score(specs, graph, seconds, workers)
    engine = Engine(specs, graph, scores, pool, Estimates([0] * len(specs), seconds))
    spans = {span.case: span for span in Simulation(engine, seconds, names).run()}
    end = makespan(tuple(spans.values()))
    waits = engine.waits
    cases = tuple(
        CaseRecord(
            spec,
            tests[number].verdict,
            worker=spans[number].worker,
            ready_at=waits.ready_at[number],
            refused_at=refusal.since if (refusal := waits.refusals.get(number)) else None,
            assigned_at=spans[number].start,
            seconds=seconds[number],
            waited_for=refusal.resource if refusal else None,
            cpu_seconds=0.0,
        )
        for number, spec in enumerate(specs)
    )
    resources = tuple(
        ResourceRecord(name, each.tokens, 0, waits.held_up(name, end), is_quantity=each.is_quantity)
        for name, each in stock.capacities.items()
    )
    told: dict[str, Any] = {
        "cases": cases,
        "resources": resources,
        "workers": tuple(WorkerRecord(name, 1, 0.0, end) for name in names),
        "edges": graph.edges,
        "seconds": end,
    }
    return Findings(run=RunRecord(**{**told, **(run or {})}), graph=graph, stock=stock, **more)


def advice_on(findings: Findings) -> Advice:
    """Return all advice, with all the time in the world."""
    return advise(findings, lambda: 1e9)
