"""One run under way: the engine on a real clock, and the record that comes of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from pytest_orchestra.errors import MachineError
from pytest_orchestra.model.capacity import UNBOUNDED
from pytest_orchestra.model.events import (
    Acquire,
    Assign,
    CaseBlocked,
    CaseFinished,
    CasesReturned,
    Command,
    CrewComplete,
    DispatchLimited,
    Event,
    Fixture,
    FixturesDown,
    GiveBack,
    ReviewStage,
    StageReviewed,
    StopRequested,
    TokensGranted,
    TokensWanted,
    VerdictAmended,
    WorkerLost,
    WorkersDismissed,
    WorkersJoined,
)
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.pressure import PressureRecord
from pytest_orchestra.model.requirement import Requirement
from pytest_orchestra.model.run import CaseRecord, ResourceRecord, RunRecord, WorkerRecord
from pytest_orchestra.model.usage import UNKNOWN, Usage
from pytest_orchestra.model.verdict import FAILURE, SUCCESS, Cause, Verdict
from pytest_orchestra.running.attempts import AttemptLog
from pytest_orchestra.running.dispatch_log import DispatchLog
from pytest_orchestra.running.gates import Review
from pytest_orchestra.running.outcome import Outcome
from pytest_orchestra.running.plan import Plan
from pytest_orchestra.running.retry_words import Notice, outage_notice, retry_notice
from pytest_orchestra.running.stage_words import gate_notice
from pytest_orchestra.running.telling import Telling
from pytest_orchestra.running.values import Values
from pytest_orchestra.running.withheld import Withheld
from pytest_orchestra.scheduling.crew_size import CrewSize, size_crew
from pytest_orchestra.scheduling.duration import format_duration
from pytest_orchestra.scheduling.engine import State
from pytest_orchestra.scheduling.explain import blocked_text
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.stages import Stages

if TYPE_CHECKING:
    from pytest_orchestra.running.sharing import Sharing


def _joined(one: Lease | None, other: Lease) -> Lease:
    if one is None:
        return other
    names = tuple(dict.fromkeys((*one.names, *other.names)))
    return Lease(other.resource, one.amount + other.amount, names)


class Run:
    """What both drivers do alike: feed the engine, note verdicts, keep the books."""

    def __init__(
        self, plan: Plan, sharing: Sharing | None = None, review: Review = lambda _: ()
    ) -> None:
        """Take a plan, who shares tokens with it, and who has a say in gates; nothing has begun yet."""
        self._review = review
        self._sharing = sharing
        self._unclaimed: dict[str, int] = {}
        self._leases: dict[int, tuple[Lease, ...]] = {}
        self.plan = plan
        self.engine = plan.engine
        self.values = Values(plan.specs, plan.data)
        self.last_progress = time.monotonic()
        self._began = time.monotonic()
        self._started = time.time()
        self._outcomes: dict[int, Outcome] = {}
        self._seconds: dict[int, float] = {}
        #: What shared fixtures took of that.
        self._shared: dict[int, float] = {}
        self._usage: dict[int, Usage] = {}
        self._joined: dict[str, float] = {}
        self._left: dict[str, float] = {}
        self._hosts: dict[str, str] = {}
        self._ended: float | None = None
        self._in_flight: dict[int, str] = {}
        self._costs: dict[Fixture, dict[str, float]] = {}
        #: What each attempt at each test was like.
        self.attempts = AttemptLog()
        #: Failures of tests that are to be tried again.
        self.withheld = Withheld()
        #: What earlier attempts took, with the worker of each.
        self._earlier: list[tuple[str, float]] = []
        self._notices: list[Notice] = []
        #: What it takes to run this again.
        self._dispatch = DispatchLog()
        self._has_told_of_outage = False
        #: Identifies this run, also in its record.
        self.uuid = uuid4().hex
        #: Tells those who watch it what happens.
        self.telling = Telling(plan.engine, self.attempts, self.blocked_text)
        #: When and why workers were held back so far.
        self.pressure: tuple[PressureRecord, ...] = ()

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    # events

    def begin(self, workers: Mapping[str, tuple[str, ...]]) -> tuple[Command, ...]:
        """Start the clock and let the first ``workers`` work, by the host that they are on."""
        self._began = time.monotonic()
        self._started = time.time()
        self.telling.began(len(self.plan.specs), workers)
        commands: tuple[Command, ...] = ()
        for case, reason in self.plan.blocked.items():
            commands += self._handle(CaseBlocked(case, Cause(reason)))
        return commands + self.join(workers)

    def join(self, workers: Mapping[str, tuple[str, ...]]) -> tuple[Command, ...]:
        """Let more ``workers`` work, by the host that they are on."""
        for host, names in workers.items():
            self._joined.update(dict.fromkeys(names, self.now))
            self._hosts.update(dict.fromkeys(names, host))
            self.telling.came(names, host)
        return self._handle(*(WorkersJoined(names, host) for host, names in workers.items()))

    def dismiss(self, workers: Iterable[str]) -> tuple[Command, ...]:
        """Give the idle ``workers`` nothing more: they have been told to go home."""
        return self._deal(self.engine.handle(WorkersDismissed(tuple(workers)), self.now))

    def limit(self, most: int | None) -> tuple[Command, ...]:
        """Let no more than ``most`` workers be busy from now on; None: all may be."""
        return self._deal(self.engine.handle(DispatchLimited(most), self.now))

    def knows(self, host: str) -> bool:
        """Whether it is known what there is on ``host``."""
        hosts = self.plan.pool.stock.hosts
        return len(hosts) <= 1 or host in hosts

    def fixtures_down(
        self, worker: str, fixtures: tuple[Fixture, ...], case: int | None = None
    ) -> tuple[Command, ...]:
        """``fixtures`` are not up on ``worker``, where ``case``, if given, is about to be over."""
        return self._handle(FixturesDown(worker, fixtures, case))

    def note_unclaimed(self, case: int, fixture: str) -> None:
        """``case`` asked for ``fixture`` while it ran, without what that takes."""
        self._unclaimed.setdefault(fixture, case)

    def lose(self, worker: str, culprit: int | None = None) -> tuple[Command, ...]:
        """``worker`` is gone, and ``culprit`` with it, which has the verdict of its reports."""
        self._left[worker] = self.now
        self.telling.went(worker)
        if culprit is None:
            return self._handle(WorkerLost(worker))
        verdict = self.verdict(culprit) or Verdict.FAILED
        if culprit not in self.engine.queue_of(worker):  # it was over, and being torn down
            self.telling.amended(culprit, verdict)
            return self._handle(WorkerLost(worker, culprit, verdict))
        self._note_seconds(culprit, self.now - (self.engine.waits.assigned_at[culprit] or 0.0))
        again = self._end_attempt(culprit, verdict)
        self.telling.case_ended(culprit, verdict, self._seconds[culprit], again=again)
        return self._handle(WorkerLost(worker, culprit, verdict, again))

    def note_in_flight(self, case: int | None, worker: str) -> None:
        """``worker`` went home of its own accord in the middle of ``case``, if it had one."""
        if case is not None:
            self._in_flight[case] = worker

    def add_report(self, case: int, report: pytest.TestReport) -> None:
        """Take in one of the reports of ``case``; what is to be tried again is no failure any more."""
        outcome = self._outcomes.setdefault(case, Outcome())
        outcome.add(report)
        self.note_report(case, report)
        if report.failed:
            self._withhold(case, report, outcome.verdict or Verdict.FAILED)
        elif type(report) is pytest.TestReport and self.attempts.has_failed(case):
            report.orchestra_flaky = True  # type: ignore[attr-defined]

    def _withhold(self, case: int, report: pytest.TestReport, verdict: Verdict) -> None:
        engine = self.engine
        is_late = engine.states[case] in (State.RESTS, State.READY)
        if is_late or self.withheld.is_promised(case) or engine.tries_again(case, verdict):
            self.withheld.keep(case, report, is_late=is_late)

    def _end_attempt(self, case: int, verdict: Verdict) -> bool:
        """An attempt at ``case`` came to ``verdict``; return whether that was not reported as such."""
        again = self.withheld.end_attempt(case) and verdict in FAILURE
        if again:
            self.attempts.close(case)
            self._outcomes.pop(case)
        return again

    def may_be_tried_again(self, case: int) -> bool:
        """Whether the running ``case`` would be tried again if it failed."""
        return self.engine.tries_again(case, Verdict.FAILED)

    def is_decisive(self, case: int) -> bool:
        """Whether a gate may open because of the running ``case``, for good, or users may be asked about it."""
        stages = self.engine.stages
        return stages is not None and stages.is_decisive(case)

    def note_report(self, case: int, report: pytest.TestReport) -> None:
        """Take in a report for the books alone, since what it tells of will be tried again."""
        self.attempts.add(case, report, self.engine.worker_of.get(case, ""))

    def note_cost(self, worker: str, fixture: Fixture, seconds: float) -> None:
        """Setting up and tearing down ``fixture`` took ``seconds`` on ``worker``, as far as known."""
        self.plan.fixtures.learn(fixture, seconds)
        self._costs.setdefault(fixture, {})[worker] = seconds

    def note_shared(self, case: int, seconds: float) -> None:
        """Of the time of ``case``, which is about to be over, shared fixtures took ``seconds``."""
        self._shared[case] = seconds

    def own_seconds(self, case: int) -> float | None:
        """Return what ``case`` took without fixtures that others share; None if that is not known."""
        spent = self._seconds.get(case)
        return None if spent is None else max(0.0, spent - self._shared.get(case, 0.0))

    @property
    def costs(self) -> Mapping[Fixture, float]:
        """What shared fixtures cost where they were set up, the median of all workers, in seconds."""
        return {
            fixture: sorted(each.values())[len(each) // 2] for fixture, each in self._costs.items()
        }

    @property
    def session_cost(self) -> float:
        """What fixtures of the whole session cost each worker that uses them, in seconds."""
        return sum(seconds for (_, scope), seconds in self.costs.items() if not scope)

    @property
    def set_ups(self) -> Mapping[Fixture, Mapping[str, float]]:
        """What shared fixtures cost on each worker that set them up, in seconds."""
        return self._costs

    def note_passed(self, case: int, spans: Sequence[float], worker: str) -> None:
        """All three reports of ``case`` say that it passed, with these start, stop and duration."""
        self.attempts.passed(case, spans, worker)
        outcome = self._outcomes[case] = Outcome()
        outcome.verdict = Verdict.PASSED

    def note_usage(self, case: int, usage: Usage) -> None:
        """What was measured of ``case`` while it ran."""
        self._usage[case] = usage

    def verdict(self, case: int) -> Verdict | None:
        """Return what the reports of ``case`` come to so far."""
        outcome = self._outcomes.get(case)
        verdict = outcome.verdict if outcome else None
        if verdict in SUCCESS and self.attempts.has_failed(case):
            return Verdict.FLAKY
        return verdict

    def finish(self, seconds: Mapping[int, float]) -> tuple[Command, ...]:
        """Cases are over after so many seconds, with the verdicts of their reports."""
        events: list[Event] = []
        for case, spent in seconds.items():
            self._note_seconds(case, spent)
            verdict = self.verdict(case) or Verdict.ERROR
            if verdict in SUCCESS and self.values.lacking(case):
                events += self._starved(case)
            # Who sets a fixture up for others is no example of what they will take.
            own = self.own_seconds(case) or 0.0
            again = self._end_attempt(case, verdict)
            events.append(CaseFinished(case, verdict, own, again))
            self.telling.case_ended(case, verdict, spent, again=again)
        return self._handle(*events)

    def _note_seconds(self, case: int, spent: float) -> None:
        tried = self.engine.failed_on(case)
        if tried:
            self._earlier.append((tried[-1], self._seconds[case]))
        self._seconds[case] = spent

    def _starved(self, provider: int) -> Iterator[CaseBlocked]:
        """Block who cannot run without what ``provider``, which passed, has not provided."""
        for name in self.values.lacking(provider):
            reason = f"passed, but provided no {name!r}"
            cause = Cause(reason, provider, self.engine.worker_of.get(provider))
            for user in self.plan.data.users(provider, name):
                yield CaseBlocked(user, cause)

    def correct_seconds(self, case: int, seconds: float) -> None:
        """The finished ``case`` took ``seconds`` in the end."""
        self._seconds[case] = seconds

    def amend(self, case: int) -> tuple[Command, ...]:
        """Look at the reports of the finished ``case`` again: one came late."""
        verdict = self.verdict(case)
        if verdict is None or not self.is_amended(case):
            return ()
        self.telling.amended(case, verdict)
        return self._handle(VerdictAmended(case, verdict))

    def is_amended(self, case: int) -> bool:
        """Whether the reports of the finished ``case`` come to something else by now."""
        known = self.engine.verdicts[case]
        return known is not None and self.verdict(case) not in (None, known)

    def take_back(self, worker: str, cases: tuple[int, ...]) -> tuple[Command, ...]:
        """``worker`` has not begun ``cases`` and will not."""
        return self._handle(CasesReturned(worker, cases))

    def stop(self, reason: str) -> tuple[Command, ...]:
        """Start nothing more but what cleans up after tests that have begun."""
        self.telling.stopping(reason)
        return self._handle(StopRequested(reason, cleaning=True))

    @property
    def cleans_up(self) -> bool:
        """Whether there are tests that run even when the run is stopped."""
        return bool(self.plan.cleaners)

    def halt(self, reason: str) -> tuple[Command, ...]:
        """Start nothing more at all."""
        self.telling.stopping(reason)
        return self._handle(StopRequested(reason))

    def look_again(self) -> tuple[Command, ...]:
        """Nothing happened, but time went by: somebody may have waited for long enough."""
        now = self.now
        events: list[Event] = [
            CaseBlocked(case, self._too_long(resource, limit))
            for case, resource, limit in self.engine.overdue(now)
        ]
        sharing = self._sharing
        if sharing is not None:
            events += (
                TokensWanted(resource)
                for resource in self.engine.kept_from_others()
                if sharing.wanted_by_others(resource)
            )
        return self._deal(self.engine.handle_all(events, now))

    def hear_of_others(self) -> tuple[Command, ...]:
        """See what was granted of that which other runs share."""
        if self._sharing is None:
            return ()
        try:
            granted = self._sharing.poll()
        except MachineError as error:
            cause = Cause(str(error), is_denied=True)
            return self._handle(*(CaseBlocked(case, cause) for case in self._sharing.waiting))
        return self._handle(*map(TokensGranted, granted)) if granted else ()

    def block_stranded(self) -> tuple[Command, ...]:
        """Block what no worker that is left can run; only if none is about to come."""
        if len(self.plan.pool.stock.hosts) <= 1 or self.engine.done:
            return ()
        cause = Cause("no worker is left on a host that has what it claims", is_denied=True)
        return self._handle(*(CaseBlocked(case, cause) for case in self.engine.stranded()))

    def expect_nobody(self) -> tuple[Command, ...]:
        """No worker is about to come any more; a run that is to go like another one waits for them."""
        return self._handle(CrewComplete()) if self.plan.is_scripted else ()

    @property
    def waits_for_others(self) -> bool:
        """Whether some case waits for what other runs have."""
        return self._sharing is not None and bool(self._sharing.waiting)

    def _too_long(self, resource: str, limit: float) -> Cause:
        held_by = self.held_by_others(resource)
        holders = f", held by {held_by}" if held_by else ""
        return Cause(f"waited {format_duration(limit)} for {resource!r}{holders}", is_denied=True)

    def wanted_from_others(self) -> tuple[str, ...]:
        """Return the resources that some case waits for and other runs may have."""
        return self._sharing.wanted() if self._sharing is not None else ()

    def held_by_others(self, resource: str) -> str:
        """Return which other runs have ``resource``, for people; empty if none has."""
        return self._sharing.held_by(resource) if self._sharing is not None else ""

    def _handle(self, *events: Event) -> tuple[Command, ...]:
        self.last_progress = time.monotonic()
        now = self.now
        self._dispatch.note(events)
        return self._deal(self.engine.handle_all(events, now))

    def take_notices(self) -> list[Notice]:
        """Return what is to be told of retries, and was not yet."""
        notices, self._notices = self._notices, []
        return notices

    def _note_retries(self, commands: tuple[Command, ...]) -> None:
        engine = self.engine
        if engine.has_given_up and not self._has_told_of_outage:
            self._has_told_of_outage = True
            self._notices.append(outage_notice())
        for command in commands if engine.has_retries else ():
            if isinstance(command, Assign) and (tried := engine.failed_on(command.case)):
                case = command.case
                budget = self.plan.specs[case].retries or 0
                notice = retry_notice(self.nodeid(case), command.worker, tried, budget)
                self._notices.append(notice)

    def _deal(self, commands: tuple[Command, ...]) -> tuple[Command, ...]:
        """Carry out what is about tokens that other runs share, and return the rest."""
        stages = self.engine.stages
        if stages is not None:
            commands = self._ask_for_reviews(commands)
        dealt = self._share(commands)
        self._dispatch.note(dealt)
        self._note_retries(dealt)
        if stages is not None and stages.news:
            self._note_gates(stages)
        if self.engine.done and self._ended is None:
            self._ended = self.now
        self.telling.decided(dealt)
        return dealt

    def _ask_for_reviews(self, commands: tuple[Command, ...]) -> tuple[Command, ...]:
        """Let users look at stages that have ended, and return the other commands, with those that follow."""
        left: list[Command] = []
        waiting = deque(commands)
        while waiting:
            command = waiting.popleft()
            if isinstance(command, ReviewStage):
                event = StageReviewed(command.stage, self._review(command.figures))
                waiting.extend(self.engine.handle_all((event,), self.now))
            else:
                left.append(command)
        return tuple(left)

    def _note_gates(self, stages: Stages) -> None:
        for news in stages.news:
            self._notices.append(gate_notice(news, stages.staging))
            self.telling.judged(news)
        stages.news.clear()

    def _share(self, commands: tuple[Command, ...]) -> tuple[Command, ...]:
        sharing = self._sharing
        if sharing is None:
            return commands
        left: list[Command] = []
        waiting = deque(commands)
        while waiting:
            match waiting.popleft():
                case GiveBack(case):
                    sharing.give_back(case)
                case Acquire(case, wants):
                    event = self._acquire(sharing, case, wants)
                    if event is not None:
                        waiting.extend(self.engine.handle_all((event,), self.now))
                case command:
                    left.append(command)
        return tuple(left)

    def _acquire(
        self, sharing: Sharing, case: int, wants: tuple[tuple[str, int], ...]
    ) -> Event | None:
        try:
            is_there = sharing.acquire(case, wants, self.nodeid(case))
        except MachineError as error:
            return CaseBlocked(case, Cause(str(error), is_denied=True))
        return TokensGranted(case) if is_there else None

    def leases(self, case: int) -> tuple[Lease, ...]:
        """Return what ``case``, which a worker has just got, holds of everything."""
        spec = self.plan.specs[case]
        if not spec.claims and not spec.holds:
            return ()
        found = {lease.resource: lease for lease in self.engine.leases_of(case)}
        if self._sharing is not None:
            for ticket in self.engine.tickets_of(case):
                for lease in self._sharing.leases(ticket):
                    found[lease.resource] = _joined(found.get(lease.resource), lease)
        leases = self._leases[case] = tuple(found[resource] for resource in sorted(found))
        return leases

    def is_shared(self, case: int) -> bool:
        """Whether ``case`` has something that other runs wait for."""
        return self._sharing is not None and bool(self.engine.tickets_of(case))

    def size_crew(self, limit: int, start_up: float) -> CrewSize:
        """Return how many of at most ``limit`` workers this run could use, by what its tests took."""
        plan = self.plan
        seconds: list[float | None] = [self._seconds.get(case) for case in range(len(plan.specs))]
        pool = Pool(plan.pool.stock.overall())
        return size_crew(plan.specs, plan.graph, pool, seconds, limit, start_up)

    # words

    def nodeid(self, case: int) -> str:
        """Return the node id of ``case``."""
        return self.plan.specs[case].nodeid

    def blocked_text(self, cause: Cause) -> str:
        """Return why a case is blocked."""
        return blocked_text(cause, self.nodeid)

    def waited(self, case: int) -> float:
        """Return for how many seconds ``case`` was ready before a worker got it."""
        waits = self.engine.waits
        ready_at, assigned_at = waits.ready_at[case], waits.assigned_at[case]
        return assigned_at - ready_at if ready_at is not None and assigned_at is not None else 0.0

    # the end

    def close(self, reason: str) -> RunRecord:
        """End the run, whatever is left: what has no verdict is ``not run`` for ``reason``."""
        dispatch = self._dispatch.close()
        self.halt(reason)
        # What is still in flight uses what it has until its worker ends.
        self._sharing = None
        seconds = self.now if self._ended is None else self._ended
        for worker in self.engine.workers:
            self.note_in_flight(next(iter(self.engine.queue_of(worker)), None), worker)
        for worker in self.engine.workers:
            self.lose(worker)
        requirements = self.plan.requirements()
        return RunRecord(
            cases=tuple(
                self._case_record(case, requirements[case]) for case in range(len(self.plan.specs))
            ),
            resources=self._resource_records(seconds),
            workers=self._worker_records(seconds),
            edges=self.plan.graph.edges,
            seconds=seconds,
            stopped=self.engine.stopped if self._stopped_early else None,
            unclaimed=tuple(sorted(self._unclaimed.items())),
            started=self._started,
            has_given_up_retrying=self.engine.has_given_up,
            uuid=self.uuid,
            predicted=self.plan.foresight.makespan if self.plan.foresight is not None else None,
            dispatch=dispatch,
            stages=() if self.engine.stages is None else self.engine.stages.records(seconds),
            pressure=self.pressure,
        )

    @property
    def _stopped_early(self) -> bool:
        return Verdict.NOT_RUN in self.engine.verdicts

    def _case_record(self, case: int, requirements: tuple[Requirement, ...]) -> CaseRecord:
        engine = self.engine
        assert engine.states[case] is State.DONE  # noqa: S101 - losing all workers ends all
        verdict = engine.verdicts[case] or Verdict.NOT_RUN
        cause = engine.causes.get(case)
        if case in self._in_flight and cause is not None:
            cause = Cause(f"{cause.reason}, while it ran", worker=self._in_flight[case])
        refusal = engine.waits.refusals.get(case)
        cpu_seconds, memory_peak, memory_used = self._usage.get(case, UNKNOWN)
        return CaseRecord(
            spec=self.plan.specs[case],
            verdict=verdict,
            worker=engine.worker_of.get(case),
            ready_at=engine.waits.ready_at[case],
            refused_at=refusal.since if refusal else None,
            assigned_at=engine.waits.assigned_at[case],
            seconds=self._seconds.get(case),
            waited_for=refusal.resource if refusal else None,
            cause=cause,
            cpu_seconds=cpu_seconds,
            memory_peak=memory_peak,
            memory_used=memory_used,
            requirements=requirements,
            leases=self._leases.get(case, ()),
            attempts=() if cause is not None else self.attempts.of(case, verdict),
        )

    def _resource_records(self, seconds: float) -> tuple[ResourceRecord, ...]:
        peaks = {**self.plan.pool.peak, **self.engine.tickets.peak}
        return tuple(
            ResourceRecord(
                name=name,
                capacity=None if capacity.tokens == UNBOUNDED else capacity.tokens,
                peak=peaks.get(name, 0),
                held_up=self.engine.waits.held_up(name, seconds),
                scope=capacity.scope,
                is_quantity=capacity.is_quantity,
            )
            for name, capacity in sorted(self.plan.pool.stock.counted().items())
        )

    def _worker_records(self, seconds: float) -> tuple[WorkerRecord, ...]:
        busy = dict.fromkeys(self._joined, 0.0)
        cases = dict.fromkeys(self._joined, 0)
        for case, spent in self._seconds.items():
            worker = self.engine.worker_of[case]
            busy[worker] += spent
            cases[worker] += 1
        for worker, spent in self._earlier:
            busy[worker] += spent
        return tuple(
            WorkerRecord(
                name=name,
                cases=cases[name],
                busy=busy[name],
                present=min(self._left.get(name, seconds), seconds) - joined,
                joined_at=joined,
                host=self._hosts[name],
            )
            for name, joined in self._joined.items()
        )
