"""A run as the engine would run it if every case took what is expected of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.events import CaseBlocked
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.scheduling.capacity import Stock
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import Scores
from pytest_orchestra.scheduling.setups import SetUps
from pytest_orchestra.scheduling.simulate import Simulation, Span, makespan

#: Makes the engine of a run with these tokens and in this order; each time a new one.
MakeEngine: TypeAlias = Callable[[Pool, Scores], Engine]


@dataclass(frozen=True, slots=True)
class Prospect:
    """What is known of a run before it begins.

    ``seconds`` are what each of ``specs`` is expected to take by itself; ``setups`` what shared fixtures
    take. ``blocked`` maps cases that cannot run to the reason; ``verdicts`` are of those that do not pass.
    """

    specs: Sequence[CaseSpec]
    seconds: Sequence[float]
    make_engine: MakeEngine
    setups: SetUps
    blocked: Mapping[int, str] = field(default_factory=dict)
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What came of it: ``spans`` in the order in which they begin; ``engine`` and ``pool`` are used up."""

    spans: tuple[Span, ...]
    engine: Engine
    pool: Pool

    @property
    def makespan(self) -> float:
        """When the last case ends, in seconds."""
        return makespan(self.spans)


def forecast(prospect: Prospect, scores: Scores, stock: Stock, workers: Sequence[str]) -> Forecast:
    """Run in the order of ``scores`` on ``workers``, with the tokens that are in ``stock``.

    What other runs or hosts have is not known here, so what is in stock should be the run's own.
    """
    pool = Pool(stock)
    engine = prospect.make_engine(pool, scores)
    simulation = Simulation(
        engine,
        prospect.seconds,
        workers,
        dict(prospect.verdicts),
        specs=prospect.specs,
        setups=prospect.setups,
    )
    for case, reason in prospect.blocked.items():
        simulation.tell(CaseBlocked(case, Cause(reason)), 0.0)
    spans = simulation.run()
    places = {worker: place for place, worker in enumerate(workers)}
    in_order = sorted(spans, key=lambda span: (span.start, places[span.worker]))
    return Forecast(tuple(in_order), engine, pool)


def wanted_verdicts(graph: Graph) -> Mapping[int, Verdict]:
    """Return what must become of cases for those to run that wait for them, where that is not to pass."""
    found: dict[int, Verdict] = {}
    for case, dependents in enumerate(graph.dependents):
        if all(Verdict.PASSED in accepts for _, accepts in dependents):
            continue
        suits = [
            verdict for verdict in Verdict if all(verdict in accepts for _, accepts in dependents)
        ]
        if suits:
            found[case] = suits[0]
    return found
