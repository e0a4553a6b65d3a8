"""From a plan to what is predicted of its run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pytest_orchestra.history.estimates import Guesses, Likeness
from pytest_orchestra.model.capacity import UNBOUNDED
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.plan import BoundRecord, GainRecord, PlanRecord, Source
from pytest_orchestra.model.requirement import Requirement
from pytest_orchestra.model.run import CaseRecord, ResourceRecord, RunRecord, WorkerRecord
from pytest_orchestra.model.stage import StageRecord, StageSpec
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.ordering import postpone_flaking
from pytest_orchestra.running.plan import Plan
from pytest_orchestra.scheduling.bound import CRITICAL_PATH, lower_bounds
from pytest_orchestra.scheduling.capacity import Stock
from pytest_orchestra.scheduling.chain import critical_path
from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.scheduling.forecast import Forecast, Prospect, forecast, wanted_verdicts
from pytest_orchestra.scheduling.pool import EXCLUSIVE, Demand, Pool
from pytest_orchestra.scheduling.score import Demands, fill, score
from pytest_orchestra.scheduling.setups import SetUps
from pytest_orchestra.scheduling.simulate import Span
from pytest_orchestra.scheduling.what_if import gains_of_more, scarce

#: So many tests are simulated in all while looking for gains, at some 50 microseconds each.
MOST_SIMULATED: Final = 400_000

#: Of so many scarce resources one more is tried, those first for which tests wait longest.
MOST_RESOURCES: Final = 4

#: Bounds below this share of the greatest are not worth a line.
LEAST_SHARE: Final = 0.01

_SOURCES: Final = {
    Likeness.PARAMETERS: Source.OTHER_PARAMETERS,
    Likeness.FILE: Source.SAME_FILE,
    Likeness.ALL: Source.OTHER_TESTS,
}


@dataclass(frozen=True)
class Foretelling:
    """Predicts the run of a ``plan`` on ``workers``.

    ``kits`` tell which fixtures its cases share, ``remembered`` are the node ids of which the history knows
    what they take, and ``stages`` those of the configuration.
    """

    plan: Plan
    workers: tuple[str, ...]
    kits: Kits
    remembered: frozenset[str]
    stages: tuple[StageSpec, ...] = ()

    @cached_property
    def seconds(self) -> list[float]:
        """What each case is expected to take from the run, with what comes before the next one."""
        expected = self.plan.expected
        nodeids = (spec.nodeid for spec in self.plan.specs)
        known = [expected.durations.get(each, expected.guesses.get(each)) for each in nodeids]
        return fill(expected.in_a_run(known))

    @cached_property
    def spent(self) -> list[float]:
        """What each case will take by itself: nothing if it cannot run."""
        run = {span.case for span in self.forecast.spans}
        return [each if case in run else 0.0 for case, each in enumerate(self.seconds)]

    @cached_property
    def tails(self) -> tuple[float, ...]:
        """The length of the longest path from the start of each case to the end of the run, by what is ``spent``."""
        demands = Demands.read(self.plan.specs, Pool(self.stock))
        specs, graph = self.plan.specs, self.plan.graph
        return score(specs, graph, self.spent, len(self.workers), demands).tail

    @cached_property
    def stock(self) -> Stock:
        """What there is for the run, as if it had no others beside it."""
        return self.plan.pool.stock.overall()

    @cached_property
    def forecast(self) -> Forecast:
        """The run under virtual time."""
        return forecast(self._prospect, self.plan.scores, self.stock, self.workers)

    @cached_property
    def _prospect(self) -> Prospect:
        plan = self.plan
        setups = SetUps(self.kits, plan.expected.costs, [spec.nodeid for spec in plan.specs])
        specs = postpone_flaking(plan.specs, plan.expected.flaking)
        verdicts = wanted_verdicts(plan.graph)
        return Prospect(specs, self.seconds, plan.make_engine, setups, plan.blocked, verdicts)

    @cached_property
    def _set_ups(self) -> float:
        """Seconds that shared fixtures take in all."""
        spans = self.forecast.spans
        extra = sum(span.end - span.start - self.seconds[span.case] for span in spans)
        return max(0.0, extra)  # differences of times are rounded

    @property
    def _least_set_ups(self) -> float:
        """What they take in any order; no more than here, since who cannot run sets nothing up."""
        return min(self._prospect.setups.least, self._set_ups)

    @cached_property
    def _demands(self) -> list[Demand]:
        read = Demands.read(self.plan.specs, Pool(self.stock))
        return [read.distinct[number] for number in read.of_case]

    def tell(self, notes: Iterable[str] = ()) -> PlanRecord:
        """Return all that is predicted; ``notes`` are lines for people."""
        spans = self.forecast.spans
        gains, left_out = self._gains()
        return PlanRecord(
            run=self._run(),
            order=tuple(span.case for span in spans),
            expected=tuple(self.seconds),
            sources=tuple(self._sources()),
            bounds=tuple(self._bounds()),
            gains=gains,
            set_ups=self._set_ups,
            least_set_ups=self._least_set_ups,
            order_name=str(self.plan.order or ""),
            notes=(*notes, *left_out),
        )

    def _sources(self) -> Iterator[Source]:
        known = self.plan.expected.durations
        guesses = Guesses(known)
        for spec in self.plan.specs:
            if spec.nodeid in self.remembered:
                yield Source.HISTORY
            elif spec.nodeid in known:
                yield Source.FILE
            else:
                guess = guesses.of(spec.nodeid)
                yield Source.NOTHING if guess is None else _SOURCES[guess[1]]

    def _bounds(self) -> Iterator[BoundRecord]:
        plan = self.plan
        pool = Pool(self.stock)
        bounds = lower_bounds(
            self.tails,
            self.spent,
            self._demands,
            pool.capacities,
            len(self.workers),
            besides=self._least_set_ups,
        )
        for bound in bounds:
            if bound.seconds < LEAST_SHARE * bounds[0].seconds:
                return
            path = bound.reason == CRITICAL_PATH
            cases = critical_path(plan.specs, plan.graph, self.tails, self.spent) if path else ()
            yield BoundRecord(bound.seconds, bound.reason, cases)

    def _gains(self) -> tuple[tuple[GainRecord, ...], tuple[str, ...]]:
        """Return what one more of anything would gain, and what there was no time to try."""
        waits, end = self.forecast.engine.waits, self.forecast.makespan
        held_up = {
            name: waits.held_up(name, end)
            for name, capacity in self.stock.capacities.items()
            if capacity.tokens != UNBOUNDED
        }
        wanted = scarce(held_up, MOST_RESOURCES)
        most = MOST_SIMULATED // max(1, len(self.plan.specs)) - 2  # one as it is, one for a worker
        if most < 0:
            return (), ("too many tests to try one more worker or token",)
        tried = wanted[:most]
        found = gains_of_more(self._prospect, self.plan.graph, self.stock, len(self.workers), tried)
        gains = tuple(GainRecord(each.resource, each.amount, each.seconds) for each in found)
        left_out = ", ".join(map(repr, wanted[most:]))
        return gains, (f"too many tests to try more of {left_out}",) if left_out else ()

    # the record

    def _run(self) -> RunRecord:
        found = self.forecast
        spans = {span.case: span for span in found.spans}
        requirements = self.plan.requirements()
        leases = _leases(self._demands)
        cases = [
            _case(self.plan, case, spans.get(case), found, leases[case], requirements[case])
            for case in range(len(self.plan.specs))
        ]
        return RunRecord(
            cases=tuple(cases),
            resources=tuple(self._resources()),
            workers=tuple(self._workers()),
            edges=self.plan.graph.edges,
            seconds=found.makespan,
            stages=tuple(_stages(self.stages, cases)),
        )

    def _resources(self) -> Iterator[ResourceRecord]:
        engine, pool, end = self.forecast.engine, self.forecast.pool, self.forecast.makespan
        for name, capacity in sorted(self.plan.pool.stock.capacities.items()):
            there = self.stock.capacities[name].tokens
            yield ResourceRecord(
                name=name,
                capacity=None if there == UNBOUNDED else there,
                peak=pool.peak.get(name, 0),
                held_up=engine.waits.held_up(name, end),
                scope=capacity.scope,
                is_quantity=capacity.is_quantity,
            )

    def _workers(self) -> Iterator[WorkerRecord]:
        taken: dict[str, list[float]] = {name: [] for name in self.workers}
        for span in self.forecast.spans:
            taken[span.worker].append(span.end - span.start)
        for name, seconds in taken.items():
            yield WorkerRecord(name, len(seconds), sum(seconds), self.forecast.makespan)


def _leases(demands: Sequence[Demand]) -> list[tuple[Lease, ...]]:
    known: dict[Demand, tuple[Lease, ...]] = {}
    for demand in demands:
        if demand not in known:
            known[demand] = tuple(Lease(name, n) for name, n in demand if name != EXCLUSIVE)
    return [known[demand] for demand in demands]


def _case(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of it
    plan: Plan,
    case: int,
    span: Span | None,
    found: Forecast,
    leases: tuple[Lease, ...],
    requirements: tuple[Requirement, ...],
) -> CaseRecord:
    spec, engine = plan.specs[case], found.engine
    if span is None:
        cause = engine.causes.get(case)
        return CaseRecord(spec, Verdict.BLOCKED, cause=cause, requirements=requirements)
    refusal = engine.waits.refusals.get(case)
    return CaseRecord(
        spec,
        Verdict.NOT_RUN,
        worker=span.worker,
        ready_at=engine.waits.ready_at[case],
        refused_at=refusal.since if refusal else None,
        assigned_at=span.start,
        seconds=span.end - span.start,
        waited_for=refusal.resource if refusal else None,
        requirements=requirements,
        leases=leases,
    )


def _stages(specs: Sequence[StageSpec], cases: Sequence[CaseRecord]) -> Iterator[StageRecord]:
    """Yield when each stage begins and ends; None for one that no test belongs to."""
    times: dict[int, list[float]] = {}
    for case in cases:
        if (
            case.assigned_at is not None
            and case.seconds is not None
            and case.spec.stage is not None
        ):
            times.setdefault(case.spec.stage, []).extend(
                (case.assigned_at, case.assigned_at + case.seconds)
            )
    for number, spec in enumerate(specs):
        found = times.get(number)
        yield StageRecord(spec, min(found), max(found)) if found else StageRecord(spec)
