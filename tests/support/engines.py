"""Cases and engines for the tests of scheduling, made in one line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.case import CaseSpec, Claim, Mode
from pytest_orchestra.model.verdict import ANY_VERDICT, SUCCESS, Verdict
from pytest_orchestra.scheduling.capacity import Stock, settle_stock
from pytest_orchestra.scheduling.engine import Engine, Tuning
from pytest_orchestra.scheduling.estimates import Estimates
from pytest_orchestra.scheduling.fixtures import Fixtures
from pytest_orchestra.scheduling.graph import Graph, arrange
from pytest_orchestra.scheduling.placement import place
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.retries import RetryPolicy
from pytest_orchestra.scheduling.score import score
from pytest_orchestra.scheduling.script import Script
from pytest_orchestra.scheduling.selection import Selection
from pytest_orchestra.scheduling.stage_order import stage_cases
from pytest_orchestra.scheduling.staging import Staging

#: Per case, its prerequisites and the verdicts of them that it accepts.
Edges: TypeAlias = Mapping[int, Mapping[int, frozenset[Verdict]]]

DB: Final = Claim("db")
READ: Final = Claim("schema", mode=Mode.READ)
WRITE: Final = Claim("schema", mode=Mode.WRITE)


def spec(
    *claims: Claim, alone: bool = False, group: str | None = None, priority: float = 0.0
) -> CaseSpec:
    """Return a case; its name does not matter to anything that is made here."""
    return CaseSpec(
        "test_a.py::test_x",
        claims=frozenset(claims),
        alone=alone,
        group=group,
        priority=priority,
    )


def counted(tokens: Mapping[str, int | Capacity]) -> Mapping[str, Capacity]:
    """Return capacities of so many tokens each, and those that are given in full."""
    return {
        name: Capacity(each) if isinstance(each, int) else each for name, each in tokens.items()
    }


def make_pool(**tokens: int | Capacity) -> Pool:
    """Return a pool with so many tokens of each resource."""
    return Pool(Stock(counted(tokens)))


def after(*cases: int) -> Mapping[int, frozenset[Verdict]]:
    """Say that ``cases`` must have passed."""
    return dict.fromkeys(cases, SUCCESS)


def once_over(*cases: int) -> Mapping[int, frozenset[Verdict]]:
    """Say that ``cases`` must have ended, in whatever way."""
    return dict.fromkeys(cases, ANY_VERDICT)


def make_graph(cases: int, edges: Edges | None = None, staging: Staging | None = None) -> Graph:
    """Return the graph of so many cases."""
    prerequisites = [(edges or {}).get(case, {}) for case in range(cases)]
    graph = arrange(prerequisites)
    return graph if staging is None else stage_cases(staging, prerequisites, graph).graph


def make_engine(  # noqa: PLR0913 - each is a different thing that a test may care about
    specs: Sequence[CaseSpec],
    edges: Edges | None = None,
    *,
    capacities: Mapping[str, int | Capacity] | None = None,
    seconds: Sequence[float | None] | None = None,
    segments: Sequence[int] | None = None,
    workers: int = 2,
    horizon: float = 0.0,
    patience: float = 1.0,
    fixtures: Fixtures | None = None,
    cleaners: Mapping[int, Collection[int]] | None = None,
    hosts: Mapping[str, Mapping[str, Capacity]] | None = None,
    retries: RetryPolicy | None = None,
    staging: Staging | None = None,
    script: Script | None = None,
) -> Engine:
    """Return an engine for ``specs``; what is not given is left at its plainest."""
    graph = make_graph(len(specs), edges, staging)
    stock, problems = settle_stock(specs, counted(capacities or {}), hosts)
    assert not problems
    barred, problems = place(specs, stock)
    assert not problems
    known = [None] * len(specs) if seconds is None else seconds
    return Engine(
        specs,
        graph,
        score(specs, graph, known, workers),
        Pool(stock),
        Estimates([0] * len(specs) if segments is None else segments, known, fixtures),
        Tuning(horizon=horizon, patience=patience),
        barred,
        cleaners,
        retries,
        script,
    )


def make_selection(  # noqa: PLR0913 - each is a different thing that a test may care about
    specs: Sequence[CaseSpec],
    *,
    capacities: Mapping[str, int | Capacity] | None = None,
    segments: Sequence[int] | None = None,
    patience: float = 1.0,
    workers: Sequence[str] = ("w1", "w2"),
    late: Collection[int] = (),
) -> Selection:
    """Return a selection from ``specs`` for ``workers``; all but the ``late`` ones are ready."""
    stock, problems = settle_stock(specs, counted(capacities or {}))
    assert not problems
    graph = arrange([{} for _ in specs])
    selection = Selection(
        specs,
        score(specs, graph, [None] * len(specs), len(workers)),
        Pool(stock),
        Estimates([0] * len(specs) if segments is None else segments, [None] * len(specs)),
        patience=patience,
    )
    for worker in workers:
        selection.join(worker)
    for case in range(len(specs)):
        if case not in late:
            selection.offer(case, 0.0)
    return selection
