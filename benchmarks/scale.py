"""Planning and dispatch at size: 100,000 tests, 300,000 edges and 50 claim signatures.

Times are processor time of the one thread that does it all: nothing here waits, and what
others do on a shared machine meanwhile is not the engine's doing.

Every measurement has a process of its own, so that its peak memory is its own too:
``python -m benchmarks.scale CASES WORKERS SEED`` makes one and prints it as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from random import Random
from statistics import median, quantiles
from typing import Final

from benchmarks.machine import Machine
from benchmarks.measure import peak_memory, tell
from benchmarks.options import Options
from benchmarks.results import MIB, Bar, Report, Table, show
from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.case import CaseSpec, Claim, Mode, Need
from pytest_orchestra.model.events import CaseFinished, Command, Event
from pytest_orchestra.running.distributed import HORIZON
from pytest_orchestra.running.garbage import searched_seldom
from pytest_orchestra.running.ordering import MOST_FORESEEN
from pytest_orchestra.scheduling.capacity import settle_stock
from pytest_orchestra.scheduling.engine import Engine, Tuning
from pytest_orchestra.scheduling.estimates import Estimates, number_segments
from pytest_orchestra.scheduling.feedback import PRIOR, weigh
from pytest_orchestra.scheduling.foresight import foresee
from pytest_orchestra.scheduling.graph import arrange, link
from pytest_orchestra.scheduling.names import Names
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import Demands, score
from pytest_orchestra.scheduling.setups import SetUps
from pytest_orchestra.scheduling.simulate import Simulation, makespan
from pytest_orchestra.scheduling.slack import by_slack

#: Cases.
SIZE: Final = 100_000
EDGES_PER_CASE: Final = 3
SIGNATURES: Final = 50
CASES_PER_FILE: Final = 100

#: Simulated workers.
WORKERS: Final = (4, 1000)

#: Resources that are claimed, and how many tokens there are of one, as shares of the workers:
#: scarce enough to hold some cases back, but not all workers all the time.
RESOURCES: Final = 24
TOKENS: Final = (1 / 16, 1 / 8, 1 / 4, 1 / 2)

#: Every third resource is a lock. Of the sets of claims that want one, this share writes, but
#: each of them belongs to fewer cases, for writers wait for everybody.
WRITER_SHARE: Final = 0.2
WRITER_WEIGHT: Final = 0.05

#: The share of the cases that claim nothing, and of those that depend on nothing.
FREE_SHARE: Final = 0.5
ROOT_SHARE: Final = 0.1

#: The step of planning that only runs have whose durations are known.
PREDICTION: Final = "predict"

#: How far before its dependant a prerequisite in another file is, as shares of the collection:
#: so no chain is as long as to keep many workers from having work.
NEAREST: Final = 0.1
FARTHEST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Probe:
    """What one process measured.

    ``planning`` has the seconds of each step, ``planning_wall`` is what all took by the clock.
    ``dispatch_*`` are microseconds that the engine took over the end of a case, ``run`` is how
    long the run is in virtual time, and ``busy`` the share of the workers' time that cases take.
    Memory is in bytes: ``baseline`` before planning, with the cases made, and ``peak``.
    """

    workers: int
    edges: int
    signatures: int
    planning: dict[str, float]
    planning_wall: float
    dispatch_median: float
    dispatch_p99: float
    dispatch_worst: float
    simulation: float
    run: float
    busy: float
    baseline: int
    peak: int

    @property
    def total(self) -> float:
        """Seconds of planning in all, with known durations."""
        return sum(self.planning.values())

    @property
    def blind(self) -> float:
        """Seconds of planning where nothing is known of durations, so nothing is predicted."""
        return self.total - self.planning.get(PREDICTION, 0.0)


class Timed(Engine):
    """An engine that notes how long it takes over the end of each case, in nanoseconds."""

    took: list[int]

    def handle(self, event: Event, now: float) -> tuple[Command, ...]:
        """Do what the engine does, by the clock."""
        started = time.thread_time_ns()
        commands = super().handle(event, now)
        if isinstance(event, CaseFinished):
            self.took.append(time.thread_time_ns() - started)
        return commands


def run(options: Options) -> Report:
    """Measure ``size`` cases with few and with many workers, in turn, so many times."""
    machine = Machine.this()
    size = options.size or SIZE
    found: dict[int, list[Probe]] = {workers: [] for workers in WORKERS}
    for number in range(1, options.runs + 1):
        for workers in WORKERS:
            found[workers].append(_start(size, workers, options))
            tell(f"{number}/{options.runs}  {workers} workers")
    probes = [probe for each in found.values() for probe in each]
    blind = median(probe.blind for probe in probes)
    planning = median(probe.total for probe in probes)
    dispatch = {
        workers: median(probe.dispatch_median for probe in each) for workers, each in found.items()
    }
    first = probes[0]
    return Report(
        "scale",
        f"{size} cases, {first.edges} edges, {first.signatures} claim signatures, under virtual time",
        machine,
        {
            "cases": size,
            "edges": first.edges,
            "signatures": first.signatures,
            "runs": options.runs,
            "seed": options.seed,
            "planning_seconds": planning,
            "planning_seconds_without_prediction": blind,
            "planning_wall_seconds": median(probe.planning_wall for probe in probes),
            "planning_steps_seconds": _steps(probes),
            "workers": {str(workers): _figures(each) for workers, each in found.items()},
            "samples": [asdict(probe) for probe in probes],
        },
        (_planning_table(probes), _dispatch_table(found)),
        (
            Bar("seconds of planning, durations unknown", 2.0, blind),
            Bar("seconds of planning and predicting, durations known", 2.0, planning),
            *(
                Bar(f"median microseconds of a dispatch, {workers} workers", 50.0, figure)
                for workers, figure in dispatch.items()
            ),
        ),
    )


def make_cases(size: int, seed: int) -> tuple[CaseSpec, ...]:
    """Make cases whose prerequisites come before them: the one nearest by its short name."""
    random = Random(seed)
    claims = _make_claims(random)
    drawn = random.choices(claims, [*map(_weight, claims)], k=size)
    counts = _edge_counts(size, random)
    return tuple(
        CaseSpec(
            _nodeid(case),
            file=_file(case),
            line=1 + 4 * (case % CASES_PER_FILE),
            needs=tuple(_make_needs(case, size, counts[case], random)),
            claims=frozenset() if random.random() < FREE_SHARE else drawn[case],
        )
        for case in range(size)
    )


def probe(size: int, workers: int, seed: int) -> Probe:
    """Plan ``size`` cases, run them on simulated workers, and return what it took."""
    random = Random(seed)
    specs = make_cases(size, seed)
    seconds = [0.02 * random.lognormvariate(0.0, 1.0) for _ in specs]
    declared = {
        _resource(number): Capacity(max(1, round(TOKENS[number % len(TOKENS)] * workers)))
        for number in range(RESOURCES)
        if not _is_lock(number)
    }
    baseline = peak_memory(os.getpid())
    with searched_seldom():  # as the controller does
        began = time.perf_counter()
        engine, planning = _plan(specs, seconds, workers, declared)
        planning_wall = time.perf_counter() - began
        names = tuple(f"gw{number}" for number in range(workers))
        started = time.thread_time()
        spans = Simulation(engine, seconds, names).run()
        simulation = time.thread_time() - started
    took = [nanoseconds / 1000 for nanoseconds in engine.took]
    return Probe(
        workers=workers,
        edges=sum(len(spec.needs) for spec in specs),
        signatures=len({(spec.claims, spec.alone) for spec in specs}),
        planning=planning,
        planning_wall=planning_wall,
        dispatch_median=median(took),
        dispatch_p99=quantiles(took, n=100)[-1],
        dispatch_worst=max(took),
        simulation=simulation,
        run=makespan(spans),
        busy=sum(seconds) / (makespan(spans) * workers),
        baseline=baseline,
        peak=peak_memory(os.getpid()),
    )


def _plan(
    specs: Sequence[CaseSpec],
    seconds: Sequence[float],
    workers: int,
    declared: Mapping[str, Capacity],
) -> tuple[Timed, dict[str, float]]:
    """Do what a controller does between the collection and the first command.

    But it does not look for a better order, which has a budget of its own: only what it would
    begin with, the prediction of the run in the order of the rule, is made, where the controller
    would make it: not for many cases.
    """
    steps: dict[str, float] = {}
    with _timing(steps, "names"):
        names = Names(specs)
    with _timing(steps, "link"):
        links = link(specs, names)
    with _timing(steps, "capacities"):
        stock, problems = settle_stock(specs, declared)
    assert not links.unresolved, links.unresolved[:3]
    assert not problems, problems[:3]
    with _timing(steps, "arrange"):
        graph = arrange(links.prerequisites)
    with _timing(steps, "score"):
        scores = score(specs, graph, seconds, workers, Demands.read(specs, Pool(stock)))
    with _timing(steps, "order"):
        worth = weigh([PRIOR] * len(specs), seconds, graph)
        scores = replace(scores, level=by_slack(scores, worth, seconds, workers, SetUps()))
    if len(specs) <= MOST_FORESEEN:
        with _timing(steps, PREDICTION):
            scores = foresee(
                specs, graph, Pool(stock), scores, seconds, workers, 0, lambda _: False
            ).scores
    with _timing(steps, "engine"):
        estimates = Estimates(number_segments([spec.file for spec in specs]), seconds)
        tuning = Tuning(horizon=HORIZON)
        engine = Timed(specs, graph, scores, Pool(stock), estimates, tuning)
    engine.took = []
    return engine, steps


@contextmanager
def _timing(steps: dict[str, float], name: str) -> Iterator[None]:
    started = time.thread_time()
    yield
    steps[name] = time.thread_time() - started


def _make_claims(random: Random) -> tuple[frozenset[Claim], ...]:
    """Draw distinct sets of one to three claims; together with none they are 50."""
    found: dict[frozenset[Claim], None] = {}
    while len(found) < SIGNATURES - 1:
        resources = random.sample(range(RESOURCES), random.choice((1, 1, 2, 3)))
        found[frozenset(_draw_claim(number, random) for number in resources)] = None
    return tuple(found)


def _draw_claim(number: int, random: Random) -> Claim:
    if _is_lock(number):
        mode = Mode.WRITE if random.random() < WRITER_SHARE else Mode.READ
        return Claim(_resource(number), mode=mode)
    return Claim(_resource(number))


def _is_lock(number: int) -> bool:
    return number % 3 == 0


def _weight(claims: frozenset[Claim]) -> float:
    return WRITER_WEIGHT if any(claim.mode is Mode.WRITE for claim in claims) else 1.0


def _edge_counts(size: int, random: Random) -> list[int]:
    """Say how many edges each case has, so that together they are three times the cases."""
    roots = round(size * ROOT_SHARE)
    counts = [0] * size
    total, bearers = EDGES_PER_CASE * size, range(roots, size)
    for case in bearers:
        counts[case] = total // len(bearers)
    for case in random.sample(bearers, total - sum(counts)):
        counts[case] += 1
    return counts


def _make_needs(case: int, size: int, count: int, random: Random) -> Iterator[Need]:
    """Draw distinct prerequisites: one of the same file, if there is any, others far off."""
    drawn: set[int] = set()
    first = case - case % CASES_PER_FILE
    earliest = max(0, case - round(size * FARTHEST))
    latest = max(round(size * ROOT_SHARE), case - round(size * NEAREST))
    if count and case > first:
        drawn.add(random.randrange(first, case))
        yield Need(_name(*drawn))
    while len(drawn) < count:
        other = random.randrange(earliest, latest)
        if other not in drawn:
            drawn.add(other)
            yield Need(_nodeid(other))


def _file(case: int) -> str:
    return f"tests/area_{case // CASES_PER_FILE // 50:02}/test_file_{case // CASES_PER_FILE:04}.py"


def _name(case: int) -> str:
    return f"test_case_{case % CASES_PER_FILE:02}"


def _nodeid(case: int) -> str:
    return f"{_file(case)}::{_name(case)}"


def _resource(number: int) -> str:
    return f"resource{number:02}"


def _start(size: int, workers: int, options: Options) -> Probe:
    """Measure in a process of its own."""
    arguments = (str(size), str(workers), str(options.seed))
    done = subprocess.run(
        (sys.executable, "-m", "benchmarks.scale", *arguments),
        check=True,
        stdout=subprocess.PIPE,
        timeout=options.timeout,
    )
    return Probe(**json.loads(done.stdout))


def _steps(probes: Sequence[Probe]) -> dict[str, float]:
    return {step: median(probe.planning[step] for probe in probes) for step in probes[0].planning}


def _figures(probes: Sequence[Probe]) -> dict[str, float]:
    return {
        "planning_seconds": median(probe.total for probe in probes),
        "dispatch_median_microseconds": median(probe.dispatch_median for probe in probes),
        "dispatch_p99_microseconds": median(probe.dispatch_p99 for probe in probes),
        "dispatch_worst_microseconds": median(probe.dispatch_worst for probe in probes),
        "simulation_seconds": median(probe.simulation for probe in probes),
        "run_seconds": median(probe.run for probe in probes),
        "busy_share": median(probe.busy for probe in probes),
        "baseline_bytes": median(probe.baseline for probe in probes),
        "peak_bytes": median(probe.peak for probe in probes),
    }


def _planning_table(probes: Sequence[Probe]) -> Table:
    rows = [(step, show(seconds, 3)) for step, seconds in _steps(probes).items()]
    total = median(probe.total for probe in probes)
    wall = median(probe.planning_wall for probe in probes)
    last = (("all", show(total, 3)), ("all, by the clock", show(wall, 3)))
    return Table("planning", ("step", "seconds"), (*rows, *last))


def _dispatch_table(found: Mapping[int, Sequence[Probe]]) -> Table:
    columns = {
        "median us": ("dispatch_median_microseconds", 1.0, 1),
        "p99 us": ("dispatch_p99_microseconds", 1.0, 1),
        "worst us": ("dispatch_worst_microseconds", 1.0, 0),
        "whole run s": ("simulation_seconds", 1.0, 2),
        "virtual s": ("run_seconds", 1.0, 1),
        "busy": ("busy_share", 1.0, 2),
        "MiB before": ("baseline_bytes", MIB, 0),
        "peak MiB": ("peak_bytes", MIB, 0),
    }
    rows = []
    for workers, probes in found.items():
        figures = _figures(probes)
        cells = [show(figures[key] / unit, digits) for key, unit, digits in columns.values()]
        rows.append((str(workers), *cells))
    return Table("dispatch: one event, the end of a case", ("workers", *columns), tuple(rows))


if __name__ == "__main__":
    print(json.dumps(asdict(probe(*map(int, sys.argv[1:])))))
