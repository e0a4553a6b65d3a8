"""A run as the engine would run it, under virtual time, before it is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.estimates import Estimates, number_segments
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.improve import Schedule
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import Scores
from pytest_orchestra.scheduling.setups import SetUps
from pytest_orchestra.scheduling.simulate import Simulation, makespan


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is to be rehearsed: ``seconds`` are durations of ``specs``, without ``setups``."""

    specs: Sequence[CaseSpec]
    graph: Graph
    pool: Pool
    scores: Scores
    seconds: Sequence[float]
    workers: int
    setups: SetUps

    def run(self, level: tuple[int, ...]) -> tuple[Schedule, list[float]]:
        """Run in the order ``level``; return the schedule, and what each case took, in seconds."""
        estimates = Estimates(
            number_segments(self.setups.kits.places([spec.file for spec in self.specs])),
            self.seconds,
            self.setups.fixtures(),
        )
        scores = replace(self.scores, level=level)
        engine = Engine(self.specs, self.graph, scores, Pool(self.pool.stock), estimates)
        workers = [f"gw{number}" for number in range(self.workers)]
        spans = Simulation(engine, self.seconds, workers, setups=self.setups).run()
        starts, took = [0.0] * len(self.specs), [0.0] * len(self.specs)
        for span in spans:
            starts[span.case], took[span.case] = span.start, span.end - span.start
        return Schedule(makespan(spans), tuple(starts)), took
