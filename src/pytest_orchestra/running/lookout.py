"""Keeps in sight where a run stands: hears of each moment, and makes a status when asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_orchestra.live.events_file import first_line
from pytest_orchestra.live.forecast import Forecast
from pytest_orchestra.live.status import (
    FailureNote,
    ResourceStatus,
    StageState,
    StageStatus,
    Status,
    Waiting,
    WorkerStatus,
)
from pytest_orchestra.live.words import gates_of
from pytest_orchestra.model.attempt import Failure
from pytest_orchestra.model.capacity import UNBOUNDED
from pytest_orchestra.model.moments import (
    CaseAmended,
    CaseBegan,
    CaseEnded,
    CaseLeft,
    GateJudged,
    Moment,
    RunStopping,
    WorkerWent,
)
from pytest_orchestra.model.stage import Gate
from pytest_orchestra.model.verdict import FAILURE, Verdict
from pytest_orchestra.running.plan import Plan
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.stall import NAMED_HOLDERS
from pytest_orchestra.scheduling.explain import waited_for_text
from pytest_orchestra.scheduling.quantity import format_quantity, round_bytes
from pytest_orchestra.scheduling.score import fill
from pytest_orchestra.scheduling.stages import GateState, Stages
from pytest_orchestra.scheduling.standing import Standing

#: So many failures are kept to be shown, each with so many characters of what pytest says at the most.
MOST_FAILURES: Final = 200
_MOST_TEXT: Final = 8_000


class Lookout:
    """What one run looks like from outside.

    A status costs a look at each worker and each kind of case that waits, not at each case.
    """

    def __init__(self, run: Run, workers: int, *, hears: bool = True) -> None:
        """Without ``hears`` it is not told of moments, and has to look at each case."""
        self._run: Final = run
        self._hears: Final = hears
        self._known: Final[dict[int, Verdict]] = {}
        self._stages: Final = run.engine.stages
        self._done_in: Final[Counter[int]] = Counter()
        self._failed_in: Final[Counter[int]] = Counter()
        #: Why gates have failed, by the names of stages.
        self._gate_failures: Final[dict[str, str]] = {}
        self._counts: Final[Counter[Verdict]] = Counter()
        self._running: Final[dict[str, tuple[int, float]]] = {}
        self._last: Final[dict[str, float]] = {}
        self._forecast: Final = _forecast(run.plan, workers)
        self._counted: Final = run.plan.pool.stock.counted()
        self._stopping = ""
        #: Since when somebody has been waiting for each resource, without a moment in which nobody was.
        self._wanted: dict[str, float] = {}
        #: The first failures.
        self.failures: Final[list[FailureNote]] = []

    def hear(self, moment: Moment) -> None:
        """Take in what happens."""
        match moment:
            case CaseBegan(case, worker):
                if self._running.get(worker, (None, 0.0))[0] != case:
                    self._running[worker] = (case, self._run.now)
            case CaseEnded():
                self._ended(moment)
            case CaseLeft(case, verdict):
                self._settle(case, verdict, None)
            case CaseAmended(case, verdict, was, failure):
                self._amend(case, verdict, was, failure)
            case WorkerWent(worker):
                self._running.pop(worker, None)
            case GateJudged(stage) if moment.has_failed:
                self._gate_failures[stage] = "; ".join(moment.reasons)
            case RunStopping(reason):
                self._stopping = reason
            case _:
                pass  # the engine knows the workers, and all that is left

    def look(self) -> Status:
        """Return where the run stands now; asked of the thread that drives it."""
        if not self._hears:
            self._catch_up()
        now = self._run.now
        workers = tuple(self._workers(now))
        standing = self._run.engine.standing
        is_over = self._run.engine.done
        stages = tuple(self._stages_now())
        return Status(
            now=now,
            tests=len(self._run.plan.specs),
            counts=dict(self._counts),
            workers=workers,
            ready=standing.free,
            waiting=tuple(self._waiting(standing, stages)),
            resources=tuple(self._resources()),
            stages=stages,
            ends_at=None if is_over else self._ends_at(now),
            stopping=self._stopping,
        )

    # moments

    def _catch_up(self) -> None:
        """Find out which cases have ended."""
        known = self._known
        for case, verdict in enumerate(self._run.engine.verdicts):
            if verdict is not None and known.get(case) is not verdict:
                if case in known:
                    self._count(case, known[case], -1)
                    self._count(case, verdict, 1)
                else:
                    self._settle(case, verdict, self._run.own_seconds(case))
                known[case] = verdict

    def _ended(self, moment: CaseEnded) -> None:
        case, verdict = moment.case, moment.verdict
        self._last[moment.worker] = self._run.now
        if self._running.get(moment.worker, (None, 0.0))[0] == case:
            del self._running[moment.worker]
        if not moment.again:
            self._settle(case, verdict, moment.seconds)
        if verdict in FAILURE:
            self._note(case, verdict, moment.worker, moment.failure, again=moment.again)

    def _settle(self, case: int, verdict: Verdict, seconds: float | None) -> None:
        self._count(case, verdict, 1)
        if self._forecast is not None:
            self._forecast.ended(case, seconds)

    def _amend(
        self, case: int, verdict: Verdict, was: Verdict | None, failure: Failure | None
    ) -> None:
        if was is None:
            self._settle(case, verdict, None)
            return  # its failure has been noted
        self._count(case, was, -1)
        self._count(case, verdict, 1)
        if verdict in FAILURE:
            worker = self._run.engine.worker_of.get(case, "")
            self._note(case, verdict, worker, failure, again=False)

    def _count(self, case: int, verdict: Verdict, by: int) -> None:
        self._counts[verdict] += by
        if self._stages is not None:
            stage = self._stages.staging.of_case[case]
            self._done_in[stage] += by
            self._failed_in[stage] += by * (verdict in FAILURE)

    def _note(
        self, case: int, verdict: Verdict, worker: str, failure: Failure | None, *, again: bool
    ) -> None:
        if len(self.failures) < MOST_FAILURES:
            message = first_line(failure) if failure is not None else ""
            text = failure.text if failure is not None else ""
            if len(text) > _MOST_TEXT:
                text = f"…{text[-_MOST_TEXT:]}"  # what went wrong stands at the end
            nodeid, now = self._run.nodeid(case), self._run.now
            self.failures.append(FailureNote(nodeid, verdict, worker, now, message, text, again))

    # a status

    def _workers(self, now: float) -> Iterator[WorkerStatus]:
        """Yield what each worker does; of what it has not told yet, what it was given."""
        engine = self._run.engine
        for worker in engine.workers:
            known = self._running.get(worker)
            if known is None:
                queue = engine.queue_of(worker)
                last = self._last.get(worker, 0.0)
                if not queue:
                    yield WorkerStatus(worker, None, last)
                    continue
                known = queue[0], max(engine.waits.assigned_at[queue[0]] or now, last)
            yield WorkerStatus(worker, self._run.nodeid(known[0]), known[1])

    def _waiting(self, standing: Standing, stages: Iterable[StageStatus]) -> Iterator[Waiting]:
        """Yield who waits for what, most first."""
        pool = self._run.plan.pool
        # Whenever some of it comes back, all that lacked it is tried anew.
        self._wanted = {
            lack.resource: self._wanted.get(lack.resource, lack.since) for lack in standing.lacks
        }
        for lack in sorted(standing.lacks, key=lambda lack: -lack.cases):
            what = waited_for_text(pool.resource_of(lack.resource), alone=lack.alone)
            holders = pool.holders(lack.resource) if lack.resource in pool.capacities else ()
            named = map(self._run.nodeid, holders) if len(holders) <= NAMED_HOLDERS else ()
            yield Waiting(what, lack.cases, self._wanted[lack.resource], tuple(named))
        others = standing.waiting
        for stage in stages:
            # What else they may wait for comes after that.
            behind = min(others, stage.tests - stage.done) if stage.waits_for else 0
            if behind:
                others -= behind
                yield Waiting(gates_of(stage.waits_for), behind)
        if others:
            yield Waiting("tests they depend on", others)
        if standing.resting:
            yield Waiting("their next attempt", standing.resting)

    def _resources(self) -> Iterator[ResourceStatus]:
        pool = self._run.plan.pool
        for name, capacity in sorted(self._counted.items()):
            used = pool.in_use(name) if name in pool.capacities else 0
            if used:
                show = round_bytes if capacity.is_quantity else format_quantity
                is_bounded = capacity.tokens != UNBOUNDED
                bound = f" of {show(capacity.tokens)}" if is_bounded else ""
                yield ResourceStatus(name, f"{show(used)}{bound}")

    def _stages_now(self) -> Iterator[StageStatus]:
        """Yield how far each stage is, and what has become of its gate."""
        stages = self._stages
        if stages is None:
            return
        staging = stages.staging
        for number, spec in enumerate(staging.specs):
            yield StageStatus(
                name=spec.name,
                tests=len(staging.members[number]),
                done=self._done_in[number],
                failed=self._failed_in[number],
                state=self._state(stages, number),
                waits_for=stages.gates_before(number),
                why=self._gate_failures.get(spec.name, ""),
            )

    def _state(self, stages: Stages, number: int) -> StageState:
        state, spec = stages.state(number), stages.staging.specs[number]
        if state is GateState.PASSED and spec.name not in self._gate_failures:
            has_gate = spec.gate != Gate() or stages.staging.is_reviewed
            return StageState.PASSED if has_gate else StageState.OVER
        if state is not GateState.UNCERTAIN:
            return StageState.FAILED
        if stages.gates_before(number):
            return StageState.WAITS
        is_held = stages.tally(number).held_at is not None or not stages.is_open(number)
        return StageState.HELD if is_held else StageState.OPEN

    def _ends_at(self, now: float) -> float | None:
        if self._forecast is None:
            return None
        return self._forecast.ends_at(now, dict(self._running.values()))


def _forecast(plan: Plan, workers: int) -> Forecast | None:
    """Return what is expected of a run, None where nothing is known of what its tests take."""
    scores = plan.scores
    if not any(each is not None for each in plan.known):
        return None
    seconds = fill(plan.known)
    if plan.foresight is not None:
        makespan = plan.foresight.makespan
    else:
        makespan = max(sum(seconds) / workers, scores.bound)
    return Forecast(seconds, scores.tail, makespan)
