"""Random stages, gates and dependencies: whatever they are, every run comes to its end, and heeds its gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Final

from engines import Edges, make_engine, make_graph, spec
from hypothesis import given, note, settings
from hypothesis import strategies as st

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.events import StopRequested, TimePassed, WorkersJoined
from pytest_orchestra.model.stage import Gate, OnFail, StageSpec, Strategy
from pytest_orchestra.model.verdict import ANY_VERDICT, SUCCESS, Verdict
from pytest_orchestra.scheduling.capacity import Stock
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.improve import make_shop
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.retries import RetryPolicy
from pytest_orchestra.scheduling.score import score
from pytest_orchestra.scheduling.simulate import Simulation, Span, makespan
from pytest_orchestra.scheduling.stages import GateState
from pytest_orchestra.scheduling.staging import Staging

WORKERS: Final = ("gw0", "gw1", "gw2")
ENDINGS: Final = (
    *[Verdict.PASSED] * 12,
    Verdict.FAILED,
    Verdict.ERROR,
    Verdict.SKIPPED,
    Verdict.XFAILED,
)


@dataclass(frozen=True)
class Scenario:
    """All that a run with stages is made of."""

    specs: Sequence[CaseSpec]
    edges: Edges
    staging: Staging
    cleaners: dict[int, set[int]]
    seconds: Sequence[float]
    verdicts: dict[int, Verdict]
    retries: RetryPolicy
    horizon: float

    def engine(self) -> Engine:
        """Return a new engine."""
        return make_engine(
            self.specs,
            self.edges,
            seconds=self.seconds,
            workers=len(WORKERS),
            horizon=self.horizon,
            cleaners=self.cleaners,
            retries=self.retries,
            staging=self.staging,
        )


def make_scenario(random: Random, cases: int) -> Scenario:
    """Make up stages for ``cases`` cases, whose dependencies may point forward and back among stages."""
    stages = random.randint(1, 5)
    accepts = (SUCCESS, ANY_VERDICT)
    shuffled = random.sample(range(cases), cases)
    edges = {
        case: {
            shuffled[random.randrange(place)]: random.choice(accepts)
            for _ in range(random.choice((0, 0, 0, 1, 1, 2)))
        }
        for place, case in enumerate(shuffled)
        if place
    }
    specs = [
        spec(
            alone=random.random() < 0.05,
            group=random.choice((None, None, None, None, "g")),
            priority=random.choice((0.0, 0.0, 5.0)),
        )
        for _ in range(cases)
    ]
    return Scenario(
        specs,
        edges,
        Staging(
            tuple(make_stage(random, number) for number in range(stages)),
            tuple(random.randrange(stages) for _ in range(cases)),
            frozenset(random.sample(range(cases), cases // 4)),
            is_reviewed=random.random() < 0.3,
        ),
        {
            case: set(needed)
            for case, needed in edges.items()
            if needed and all(each == ANY_VERDICT for each in needed.values())
        },
        [random.choice((0.01, 0.1, 1.0)) for _ in range(cases)],
        {case: random.choice(ENDINGS) for case in range(cases)},
        RetryPolicy({case: random.choice((0, 0, 2)) for case in range(cases)}, backoff=0.5),
        random.choice((0.0, 5.0)),
    )


def make_stage(random: Random, number: int) -> StageSpec:
    """Make up a stage that needs some of those before it."""

    def maybe(value: float) -> float | None:
        return value if random.random() < 0.2 else None

    return StageSpec(
        f"stage{number}",
        strategy=random.choice(tuple(Strategy)),
        needs=tuple(f"stage{each}" for each in range(number) if random.random() < 0.4),
        gate=Gate(
            pass_rate=maybe(random.choice((0.5, 0.9, 1.0))),
            max_failures=random.choice((None, None, None, 0, 2)),
            max_flaky_rate=maybe(0.1),
            max_blocked=random.choice((None, None, None, 0)),
            max_duration=maybe(random.choice((0.05, 1.0, 3.0))),
            max_slowest=maybe(0.5),
        ),
        on_fail=random.choice(tuple(OnFail)),
    )


def check(scenario: Scenario, engine: Engine, spans: Sequence[Span]) -> None:
    """Every case has its one verdict, and nothing ran that a gate should have held back."""
    stages = engine.stages
    assert stages is not None
    assert engine.done
    assert None not in engine.verdicts
    ran = {span.case for span in spans}
    assert ran.isdisjoint(engine.causes)
    staging = stages.staging
    records = stages.records(makespan(spans))
    for span in spans:
        stage = staging.of_case[span.case]
        if span.case in scenario.cleaners and stages.state(stage) is not GateState.PASSED:
            continue  # it cleans up, although a gate holds back the others
        for needed in staging.ancestors[stage]:
            is_enough = (
                stages.state(needed) in (GateState.PASSED, GateState.FAILED_LATE)
                or staging.specs[needed].on_fail is OnFail.CONTINUE
                or span.case in scenario.cleaners
            )
            assert is_enough, "it ran although a gate had not passed"
            judged_at = records[needed].judged_at
            if span.case not in scenario.cleaners:
                assert judged_at is not None
                assert span.start >= judged_at, "it ran before the gate had passed"
    for stage, each in enumerate(staging.specs):
        if each.strategy is Strategy.SEQUENTIAL:
            members = sorted(
                (span for span in spans if staging.of_case[span.case] == stage),
                key=lambda span: (span.start, span.end),
            )
            for one, other in pairwise(members):
                assert one.end <= other.start, "two of a sequential stage ran at once"


@settings(max_examples=400, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(1, 30))
def test_every_run_comes_to_its_end(random: Random, cases: int) -> None:
    """No stages, gates and dependencies make a run wait for ever, whatever fails and whoever stops it."""
    scenario = make_scenario(random, cases)
    note(str(scenario))
    engine = scenario.engine()
    simulation = Simulation(engine, scenario.seconds, WORKERS, scenario.verdicts, judges_time=True)
    simulation.tell(WorkersJoined(WORKERS), 0.0)
    stop_at = random.choice((None, random.randrange(cases)))
    for step in range(1000 * cases):
        if step == stop_at:
            now = simulation.spans[-1].end if simulation.spans else 0.0
            simulation.tell(StopRequested("-x", cleaning=random.random() < 0.8), now)
        if simulation.next_end is None and engine.next_due is None:
            break
        simulation.step()
    check(scenario, engine, simulation.spans)
    for event in (TimePassed(), TimePassed()):
        assert engine.handle(event, 1e6) == (), "there was more to be done"


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(1, 30))
def test_orders_and_schedules_heed_gates(random: Random, cases: int) -> None:
    """A plan has every case once, after its prerequisites and after all cases of the stages it needs."""
    scenario = make_scenario(random, cases)
    note(str(scenario))
    graph = make_graph(cases, scenario.edges, scenario.staging)
    assert graph.staging is not None
    place = {case: number for number, case in enumerate(graph.order)}
    assert sorted(place) == list(range(cases))
    scores = score(scenario.specs, graph, scenario.seconds, 2)
    shop = make_shop(scenario.specs, graph, Pool(Stock({})), scenario.seconds, 2)
    forward = shop.schedule([float(level) for level in scores.level])
    backward = shop.reversed().schedule([-float(level) for level in scores.level])
    for case, stage in enumerate(graph.staging.of_case):
        assert stage <= scenario.staging.of_case[case]
        for prerequisite in scenario.edges.get(case, ()):
            assert place[prerequisite] < place[case]
        for needed in graph.staging.ancestors[stage]:
            for other in graph.staging.members[needed]:
                assert place[other] < place[case]
                assert (
                    forward.starts[other] + scenario.seconds[other] <= forward.starts[case] + 1e-9
                )
                assert (
                    backward.starts[case] + scenario.seconds[case] <= backward.starts[other] + 1e-9
                )
    barred = [not graph.staging.is_barrier(stage) for stage in range(len(scenario.staging.specs))]
    if not any(barred):
        assert max(scores.tail) <= forward.makespan + 1e-9
