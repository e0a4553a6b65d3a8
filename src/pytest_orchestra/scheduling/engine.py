"""The state machine of a run: events in, commands out.

It knows no clock, no process and no pytest: a driver says what happened and when. The same
engine runs tests in one process, on xdist's workers, and in a simulation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from typing import Final, assert_never

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.events import (
    Assign,
    CaseBlocked,
    CaseFinished,
    CasesReturned,
    Command,
    Conclude,
    CrewComplete,
    DispatchLimited,
    Event,
    Fixture,
    FixturesDown,
    GiveUp,
    Recall,
    Relinquish,
    ReviewStage,
    StageReviewed,
    StopRequested,
    TimePassed,
    TokensGranted,
    TokensWanted,
    VerdictAmended,
    WorkerLost,
    WorkersDismissed,
    WorkersJoined,
)
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.stage import OnFail
from pytest_orchestra.model.verdict import FAILURE, SUCCESS, Cause, Verdict
from pytest_orchestra.scheduling.cleanup import CleanUp
from pytest_orchestra.scheduling.estimates import Estimates
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.placement import Barred
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.retries import Retries, RetryPolicy
from pytest_orchestra.scheduling.score import Scores
from pytest_orchestra.scheduling.script import Script
from pytest_orchestra.scheduling.selection import Selection
from pytest_orchestra.scheduling.sequences import Sequences
from pytest_orchestra.scheduling.stages import Ended, Fallen, Opened, Stages
from pytest_orchestra.scheduling.standing import Standing
from pytest_orchestra.scheduling.tickets import Tickets

#: So many dependants of a case are looked at, to see which of them are ready soon.
MOST_ASKED: Final = 1_000

#: No case is taken to cost less, in seconds, so that no queue grows without end.
SHORTEST: Final = 1e-4

#: Why nothing more begins in a run that goes like another one.
END_OF_SCRIPT: Final = "the recorded run ended here"


class State(IntEnum):
    """Where a case stands; one that ``RESTS`` has failed and waits until it may be tried again."""

    WAITS_FOR_CASES = 0
    RESTS = 1
    READY = 2
    ASSIGNED = 3
    DONE = 4


@dataclass(slots=True)
class Desk:
    """What one worker has before it: ``queue[0]`` runs, the rest was sent ahead.

    ``seconds`` is what the whole queue is expected to cost; ``costs`` what each case adds.
    """

    name: str
    queue: deque[int] = field(default_factory=deque)
    costs: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0
    is_recalled: bool = False

    def put(self, case: int, cost: float) -> None:
        """Add ``case`` at the end."""
        self.queue.append(case)
        self.costs[case] = cost
        self.seconds += cost

    def drop(self, case: int) -> None:
        """Take ``case`` out, wherever it is."""
        self.queue.remove(case)
        self.seconds -= self.costs.pop(case)
        if not self.queue:
            self.seconds = 0.0


@dataclass(frozen=True, slots=True)
class Vacancies:
    """What more workers would find to do: ``ready`` cases now, and others that are ready ``soon``.

    ``wait`` is how long it takes, as far as is known, until those who are there have begun all of
    them, in seconds; infinity where nothing is known.
    """

    ready: int
    soon: int
    wait: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """How far ahead to look, in seconds.

    ``horizon``: send a worker up to this much work ahead, of cases that are free to run
    anywhere at any time; 0 sends none. ``patience``: a case that wants more tokens than are
    free, and that others have overtaken for this long, gets them kept for it.
    """

    horizon: float = 0.0
    patience: float = 1.0


class Engine:
    """Decides what runs where and when. Deterministic: the same events give the same commands."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of the run
        self,
        specs: Sequence[CaseSpec],
        graph: Graph,
        scores: Scores,
        pool: Pool,
        estimates: Estimates,
        tuning: Tuning | None = None,
        barred: Barred = (),
        cleaners: Mapping[int, Collection[int]] | None = None,
        retries: RetryPolicy | None = None,
        script: Script | None = None,
    ) -> None:
        """Take the cases, what is known of them, and the tokens that there are.

        ``estimates`` learn from the run while it goes on. Without ``tuning`` nothing is sent
        ahead. ``barred`` has the hosts that each case cannot run on, where there are several.
        ``cleaners`` maps cases that clean up to those after which they do: they run even
        in a run that was stopped, if any of those has begun. Without ``retries`` no case is tried
        again. The ``graph`` says whether cases wait for gates. With a ``script`` the run goes like another one, and
        what that did not run is not run.
        """
        tuning = tuning or Tuning()
        retries = retries or RetryPolicy()
        self._dependents: Final = list(graph.dependents)
        self._order: Final = graph.order
        self._estimates: Final = estimates
        self._horizon: Final = tuning.horizon
        self._selection: Final = Selection(
            specs,
            scores,
            pool,
            estimates,
            patience=tuning.patience,
            barred=barred,
            retried=retries.budgets,
        )
        self._retries: Final = Retries(retries, len(specs))
        self.waits: Final = self._selection.waits
        self.states: Final = [State.WAITS_FOR_CASES] * len(specs)
        self.verdicts: Final[list[Verdict | None]] = [None] * len(specs)
        self.causes: Final[dict[int, Cause]] = {}
        self.worker_of: Final[dict[int, str]] = {}
        self.stopped: str | None = None
        self._open = len(specs)
        self._waits_for: Final = list(graph.waits_for)
        #: What has become of stages and gates; None where there are none.
        self.stages: Final = (
            None
            if graph.staging is None
            else Stages(graph.staging, lambda case: specs[case].nodeid)
        )
        #: Cases that clean up, if there is anything to, although a gate holds back the others of their stage.
        self._barred: Final[dict[int, Cause]] = {}
        self._doomed: Final[dict[int, Cause]] = {}
        self._desks: Final[dict[str, Desk]] = {}
        self._idle: Final[dict[str, Desk]] = {}
        self._leaving: Final[set[str]] = set()
        #: How many workers may be busy at a time; None: all.
        self._most_busy: int | None = None
        self._loaded: Final[dict[str, Desk]] = {}
        self._touched: list[Desk] = []
        self._now = 0.0
        self._commands: list[Command] = []
        self._script: Final = script
        self._clean_up: Final = CleanUp(
            cleaners or {}, self._may_have_begun, lambda case: self.states[case] < State.ASSIGNED
        )
        self._is_cleaning = False
        self._sequences: Final = Sequences(graph.staging.sequences if graph.staging else ())
        if self.stages is not None:
            self._wait_for_gates(self.stages)
        for case, count in enumerate(self._waits_for):
            if not count:
                self._make_ready(case)

    # what a driver asks

    @property
    def done(self) -> bool:
        """Whether every case has its verdict."""
        return not self._open

    @property
    def workers(self) -> tuple[str, ...]:
        """The workers that joined and are not lost."""
        return tuple(self._desks)

    @property
    def idle(self) -> tuple[str, ...]:
        """The workers that have nothing to do, and may be given something."""
        return tuple(self._idle)

    @property
    def busy(self) -> int:
        """How many workers have something to do."""
        return len(self._desks) - len(self._idle) - len(self._leaving)

    @property
    def is_held_back(self) -> bool:
        """Whether not all workers may be busy."""
        return self._most_busy is not None

    @property
    def pending(self) -> int:
        """How many cases have no verdict and do not run: what was sent ahead may be taken back."""
        return self._open - self.busy

    def vacancies(self, most: int, within: float, now: float) -> Vacancies:
        """Return what more workers would find to do, counted up to ``most``.

        What becomes ready ``within`` so many seconds counts, as far as it is known what cases take, but
        for what those will do who are free by then.
        """
        # What was sent ahead is taken back as soon as somebody idles.
        ahead = sum(not self._selection.is_bound(case) for case in self._sent_ahead())
        ready = min(most, self._selection.startable(most) + ahead)
        soon, cost = self._soon(within, now) if ready < most else (0, 0.0)
        stay = (desk for name, desk in self._desks.items() if name not in self._leaving)
        free_in = min((self._free_in(desk, now) for desk in stay), default=0.0)
        wait = free_in + (self._selection.backlog + cost) / max(1, self.busy)
        return Vacancies(ready, min(soon, most - ready), wait)

    def _free_in(self, desk: Desk, now: float) -> float:
        """Return when a worker will have nothing to do, in seconds from ``now``."""
        if not desk.queue:
            return 0.0
        case = desk.queue[0]
        left = self._left(case, now)
        return left + max(0.0, desk.seconds - desk.costs[case])

    def _left(self, case: int, now: float) -> float:
        """Return how long the running ``case`` will go on; what is overdue takes as long again."""
        ran = now - (self.waits.assigned_at[case] or 0.0)
        left = self._estimates.expected(case) - ran
        return left if left > 0.0 else ran

    def _sent_ahead(self) -> Iterator[int]:
        for desk in self._loaded.values():
            yield from islice(desk.queue, 1, None)

    def _soon(self, within: float, now: float) -> tuple[int, float]:
        """Return how many cases will be ready for which those do not suffice who are free by then.

        Besides, what all that will be ready is expected to cost, in seconds.
        """
        ending: dict[int, int] = {}
        free = 0
        for desk in self._desks.values():
            if desk.queue and self._left(desk.queue[0], now) <= within:
                free += len(desk.queue) == 1
                for dependant, _ in self._dependents[desk.queue[0]][:MOST_ASKED]:
                    if self.states[dependant] is State.WAITS_FOR_CASES:
                        ending[dependant] = ending.get(dependant, 0) + 1
        soon = [case for case, count in ending.items() if self._waits_for[case] == count]
        return max(0, len(soon) - free), sum(map(self._estimates.expected, soon))

    def tries_again(self, case: int, verdict: Verdict) -> bool:
        """Whether the running ``case`` is to be tried again if it ends with ``verdict``.

        Its failure is not to be reported then; CaseFinished and WorkerLost say that it was not.
        """
        return (
            verdict in FAILURE
            and self.states[case] is State.ASSIGNED
            and self.stopped is None
            and case not in self._doomed
            and self._retries.allow(case)
        )

    @property
    def next_due(self) -> float | None:
        """When to say TimePassed: a case may be tried again then, or a gate fails; None if nothing is due."""
        dues = (self._retries.next_due, None if self.stages is None else self.stages.next_due)
        return min((due for due in dues if due is not None), default=None)

    @property
    def has_retries(self) -> bool:
        """Whether a case has failed that may pass yet."""
        return bool(self._retries.pending)

    @property
    def may_try_again(self) -> bool:
        """Whether a case that fails may be tried again, on another worker if there is one."""
        return self._retries.are_allowed

    @property
    def has_given_up(self) -> bool:
        """Whether nothing is tried again any more, since too many first attempts have failed."""
        return self._retries.is_over

    def failed_on(self, case: int) -> tuple[str, ...]:
        """Return the workers on which ``case``, which has no verdict yet, has failed before."""
        return self._retries.workers(case)

    def queue_of(self, worker: str) -> tuple[int, ...]:
        """Return the unfinished cases of ``worker``, the running one first."""
        desk = self._desks.get(worker)
        return tuple(desk.queue) if desk else ()

    def held_up_by(self, case: int) -> str | None:
        """Return the resource that a ready case waits for, or None if it waits for a worker."""
        return self._selection.lacking(case)

    @property
    def standing(self) -> Standing:
        """Where the cases without a verdict stand; costs no look at each of them."""
        assigned = sum(len(desk.queue) for desk in self._desks.values())
        ready, resting = self._selection.ready, self._retries.resting
        waiting = self._open - assigned - ready - resting
        return Standing(assigned, ready, resting, waiting, self._selection.lacks())

    def leases_of(self, case: int) -> tuple[Lease, ...]:
        """Return what the running ``case`` has of everything that it claims."""
        return self._selection.leases(case)

    def tickets_of(self, case: int) -> tuple[int, ...]:
        """Return the cases for which was acquired what the running ``case`` has from others."""
        return self._selection.tickets_of(case)

    def kept_from_others(self) -> frozenset[str]:
        """Return the resources, shared with other runs, that fixtures here keep."""
        return self._selection.kept_from_others()

    def overdue(self, now: float) -> list[tuple[int, str, float]]:
        """Return the cases that wait for a resource for too long, with it and its limit in seconds.

        The time runs from when the case became ready, or when anybody here last got some.
        """
        limits, waits = self._selection.limits, self.waits
        found: list[tuple[int, str, float]] = []
        if not limits:
            return found
        for case, state in enumerate(self.states):
            resource = self.held_up_by(case) if state is State.READY else None
            if resource is not None and resource in limits:
                since = max(waits.ready_at[case] or 0.0, waits.got_at.get(resource, 0.0))
                if now - since >= limits[resource]:
                    found.append((case, resource, limits[resource]))
        return found

    @property
    def tickets(self) -> Tickets:
        """What was acquired from those who share tokens with this run."""
        return self._selection.tickets

    def stranded(self) -> list[int]:
        """Return the cases that are ready and that no worker which is left can ever run."""
        return [
            case
            for case, state in enumerate(self.states)
            if state is State.READY and self._selection.runs_nowhere(case)
        ]

    def handle(self, event: Event, now: float) -> tuple[Command, ...]:
        """Take in what happened at ``now`` (seconds on the driver's clock) and say what to do."""
        return self.handle_all((event,), now)

    def handle_all(self, events: Iterable[Event], now: float) -> tuple[Command, ...]:
        """Take in several things of which the driver heard at once, and then say what to do."""
        self._now = now
        self._commands = []
        self._touched = []
        for event in events:
            self._take_in(event)
        if self.stages is not None:
            self._heed_gates(self.stages)
        if self.stopped is None or self._is_cleaning:
            self._wake()
            self._dispatch()
        return self._selection.drain(self._commands)

    def _take_in(self, event: Event) -> None:  # noqa: C901, PLR0912 - one line for each kind of event
        match event:
            case CaseFinished(case, verdict, seconds, again):
                self._finish(case, verdict, seconds, again=again)
            case WorkersJoined(workers, host):
                self._join(workers, host)
            case WorkerLost(worker, case, verdict, again):
                self._lose(worker, case, verdict, again=again)
            case WorkersDismissed(workers):
                self._dismiss(workers)
            case DispatchLimited(most):
                self._most_busy = most
            case CaseBlocked(case, cause):
                if self.states[case] is not State.DONE:
                    self._conclude(case, Verdict.BLOCKED, cause)
            case VerdictAmended(case, verdict):
                self._amend(case, verdict)
            case CasesReturned(worker, cases):
                self._take_back(worker, cases)
            case StopRequested(reason, cleaning):
                self._stop(reason, cleaning=cleaning)
            case FixturesDown(worker, fixtures, case):
                self._selection.fixtures_down(worker, fixtures, case, self._now)
            case TokensGranted(case):
                self._selection.granted(case)
            case TokensWanted(resource):
                self._selection.wanted_outside(resource, self._idle)
            case StageReviewed(stage, objections):
                if self.stages is not None:
                    self.stages.reviewed(stage, objections)
            case CrewComplete():
                if self._script is not None:
                    self._script.complete_crew()
            case TimePassed():
                pass  # who has rested, or taken, for long enough is looked for whatever happened
            case _:  # pragma: no cover - the type checker proves that there are no others
                assert_never(event)

    # events

    def _join(self, workers: Iterable[str], host: str) -> None:
        for worker in workers:
            self._desks[worker] = self._idle[worker] = Desk(worker)
            self._selection.join(worker, host)
            if self._script is not None:
                self._script.joined(worker)

    def _dismiss(self, workers: Iterable[str]) -> None:
        for worker in workers:
            del self._idle[worker]
            self._leaving.add(worker)

    def _lose(self, worker: str, culprit: int | None, verdict: Verdict, *, again: bool) -> None:
        desk = self._desks.pop(worker)
        self._idle.pop(worker, None)
        self._leaving.discard(worker)
        self._loaded.pop(worker, None)
        for case in desk.queue:
            self._selection.release(case, self._now, has_run=False)
        self._selection.lose(worker, self._now)
        if culprit is not None:
            if culprit in desk.queue:
                desk.queue.remove(culprit)
                self._note_spent(culprit, self._now - (self.waits.assigned_at[culprit] or 0.0))
                self._end_attempt(culprit, verdict, worker, again=again)
            else:
                self._amend(culprit, verdict)
        elif desk.queue:
            self._clean_up.tear(desk.queue[0])
        for case in desk.queue:
            self._reopen(case)
        if self._script is not None:
            self._script.lost(worker, tuple(desk.queue))

    def _finish(self, case: int, verdict: Verdict, seconds: float, *, again: bool) -> None:
        worker = self.worker_of[case]
        self._clear(self._desks[worker], case, has_run=True)
        self._estimates.learn(case, seconds)
        self._note_spent(case, seconds)
        self._end_attempt(case, verdict, worker, again=again)

    def _note_spent(self, case: int, seconds: float) -> None:
        if self.stages is not None:
            self.stages.spent(case, seconds, self._now)

    def _end_attempt(self, case: int, verdict: Verdict, worker: str, *, again: bool) -> None:
        """``case`` has its verdict now, or rests until it is tried ``again``."""
        if self._script is not None:
            self._script.ended(case)
        is_outage = self._retries.note(case, verdict)
        if again:
            self.states[case] = State.RESTS
            self._retries.rest(case, verdict, worker, self._now)
            if self.stopped is not None or self._retries.is_over or case in self._doomed:
                self._give_up(case)
        else:
            if case in self._retries:
                self._retries.end(case)
                verdict = Verdict.FLAKY if verdict in SUCCESS else verdict
            self._settle(case, verdict)
        # None of these runs: who is tried again runs alone, and this was a first attempt.
        for other in self._retries.pending if is_outage else ():
            self._give_up(other)

    def _amend(self, case: int, verdict: Verdict) -> None:
        if case in self._retries:
            self._retries.worsen(case, verdict)
            return
        before, self.verdicts[case] = self.verdicts[case], verdict
        if self.stages is not None and before is not None:
            self.stages.amended(case, before, verdict)
        cause = self._cause(case)
        for dependant, accepts in self._dependents[case]:
            if verdict in accepts:
                continue
            if self.states[dependant] is State.ASSIGNED:
                self._doomed[dependant] = cause
            elif self.states[dependant] is not State.DONE:
                self._conclude(dependant, Verdict.BLOCKED, cause)

    def _take_back(self, worker: str, cases: Iterable[int]) -> None:
        desk = self._desks[worker]
        desk.is_recalled = False
        for case in cases:
            self._clear(desk, case, has_run=False)
            self._reopen(case)
        if self._script is not None:
            self._script.returned(worker, tuple(cases))

    def _stop(self, reason: str, *, cleaning: bool) -> None:
        if self.stopped is not None and (cleaning or self.done or not self._is_cleaning):
            return
        self.stopped = reason
        self._is_cleaning = cleaning
        owed = self._clean_up.owed(self._order) if cleaning else ()
        self._drop(
            case
            for case, state in enumerate(self.states)
            if state < State.ASSIGNED and case not in owed
        )
        for stage in self.stages.open_all() if self.stages is not None else ():
            self._let_in(stage)
        for desk in self._loaded.values():
            sent_ahead = [case for case in tuple(desk.queue)[1:] if not self._is_owed(case)]
            if sent_ahead:
                self._recall(desk, sent_ahead)

    def _drop(self, cases: Iterable[int]) -> None:
        """Let ``cases`` never run, since the run was stopped; what cleans up waits no longer."""
        dropped = tuple(cases)
        if self.stages is not None:
            self.stages.stop(dropped, self._now)
        for case in dropped:
            self._conclude_alone(case, Verdict.NOT_RUN, Cause(str(self.stopped)))
        if self._is_cleaning:
            for case in dropped:
                self._propagate(case)

    def _is_owed(self, case: int) -> bool:
        """Whether the stopped run does not end before ``case`` has cleaned up."""
        return self._is_cleaning and self._clean_up.is_owed(case)

    def _may_have_begun(self, case: int) -> bool:
        if self.states[case] is State.DONE:
            return case not in self.causes
        return self.states[case] is State.ASSIGNED or case in self._retries

    # verdicts

    def _settle(self, case: int, verdict: Verdict) -> None:
        self._close(case, verdict)
        self._propagate(case)

    def _conclude(self, case: int, verdict: Verdict, cause: Cause) -> None:
        self._conclude_alone(case, verdict, cause)
        self._propagate(case)

    def _conclude_alone(self, case: int, verdict: Verdict, cause: Cause) -> None:
        """Let ``case`` not run: it has ``verdict``, unless it has run before and failed."""
        if case in self._retries:
            self._give_up_alone(case)
            return
        self._close(case, verdict)
        self._retries.lapse()
        self.causes[case] = cause
        self._commands.append(Conclude(case, verdict, cause))

    def _give_up(self, case: int) -> None:
        self._give_up_alone(case)
        self._propagate(case)

    def _give_up_alone(self, case: int) -> None:
        """Let ``case``, which has failed, not be tried again."""
        verdict = self._retries.end(case)
        self._close(case, verdict)
        self._commands.append(GiveUp(case, verdict))

    def _close(self, case: int, verdict: Verdict) -> None:
        if self.states[case] is State.READY:
            self._selection.withdraw(case, self._now)
        self.states[case] = State.DONE
        self.verdicts[case] = verdict
        self._open -= 1
        if self.stages is not None:
            self.stages.closed(case, verdict)

    def _propagate(self, root: int) -> None:
        """Tell the dependants of a case with a verdict; those of blocked ones in turn."""
        states = self.states
        stack = [root]
        while stack:
            case = stack.pop()
            verdict = self.verdicts[case]
            next_one = self._sequences.leave(case)
            if next_one is not None and states[next_one] is not State.DONE:
                stack += () if self._wait_less(next_one) else (next_one,)
            for dependant, accepts in self._dependents[case]:
                if states[dependant] is State.DONE:
                    continue
                if verdict not in accepts:
                    fate = Verdict.NOT_RUN if verdict is Verdict.NOT_RUN else Verdict.BLOCKED
                    self._conclude_alone(dependant, fate, self._cause(case))
                    stack.append(dependant)
                    continue
                if not self._wait_less(dependant):
                    stack.append(dependant)

    def _cause(self, case: int) -> Cause:
        """Why dependants of ``case`` are blocked: the case itself, or what blocked it."""
        known = self.causes.get(case)
        if known is not None:
            return known
        return Cause(str(self.verdicts[case]), case, self.worker_of.get(case))

    def _wait_less(self, case: int) -> bool:
        """``case`` waits for one thing less; false if it is over with that, since it is not to run."""
        self._waits_for[case] -= 1
        return bool(self._waits_for[case]) or self._make_ready(case)

    def _make_ready(self, case: int) -> bool:
        """``case`` waits for nothing any more: let it run, or say that it is not to.

        Who cleans up may have waited for what turned out never to have begun.
        """
        if self.stopped is not None or case in self._barred:
            is_owed = self.stopped is None or self._is_cleaning
            if not (is_owed and self._clean_up.is_owed(case)):
                fate = Verdict.BLOCKED if self.stopped is None else Verdict.NOT_RUN
                cause = Cause(self.stopped) if self.stopped is not None else self._barred[case]
                self._conclude_alone(case, fate, cause)
                return False
        self.states[case] = State.READY
        self._selection.offer(case, self._now)
        return True

    def _reopen(self, case: int) -> None:
        """A case that was assigned has not run: decide about it anew."""
        doom = self._doomed.pop(case, None)
        self.states[case] = State.WAITS_FOR_CASES
        if doom is not None:
            self._conclude(case, Verdict.BLOCKED, doom)
        elif self.stopped is not None and not self._is_owed(case):
            self._drop((case,))
        else:
            self.states[case] = State.READY
            self._selection.offer_again(case, self._now)

    # gates

    def _wait_for_gates(self, stages: Stages) -> None:
        """Let cases wait for gates, and for their turns: as one that is over may have come before its own.

        So edges that are there for the turns alone are none here.
        """
        staging = stages.staging
        for case, stage in enumerate(staging.of_case):
            self._waits_for[case] += not stages.is_open(stage)
        for case in self._sequences.waiting:
            self._waits_for[case] += 1
        for before, case in staging.implied:
            self._waits_for[case] -= 1
            self._dependents[before] = tuple(
                each for each in self._dependents[before] if each[0] != case
            )

    def _heed_gates(self, stages: Stages) -> None:
        """See what follows from what has become of stages; in a run that was stopped, nothing."""
        for turn in stages.turns(self._now):
            if isinstance(turn, Ended):
                self._commands.append(ReviewStage(turn.stage, turn.figures))
            elif self.stopped is not None:
                continue
            elif isinstance(turn, Opened):
                self._let_in(turn.stage)
            elif turn.on_fail is OnFail.HALT:
                spared = self._spared(stages, turn)
                self._hold_back(
                    stages, (case for case in self._order if case not in spared), turn.cause
                )
            else:
                members = stages.staging.members
                after = stages.staging.after(turn.stage)
                self._hold_back(
                    stages, (case for stage in after for case in members[stage]), turn.cause
                )

    def _let_in(self, stage: int) -> None:
        """No gate holds back the cases of ``stage`` any more."""
        assert self.stages is not None  # noqa: S101 - there is one
        for case in self.stages.staging.members[stage]:
            if self.states[case] is not State.DONE and not self._wait_less(case):
                self._propagate(case)

    def _spared(self, stages: Stages, fallen: Fallen) -> set[int]:
        """Return the cases that run although the run is halted: those of that stage, and what they need.

        None of them runs if it has taken too long, or has not begun.
        """
        spared: set[int] = set()
        if fallen.is_overdue or not stages.is_open(fallen.stage):
            return spared
        for case in reversed(self._order):
            stage = stages.staging.of_case[case]
            is_needed = any(each in spared for each, _ in self._dependents[case])
            if (stage == fallen.stage or is_needed) and stages.is_open(stage):
                spared.add(case)
        return spared

    def _hold_back(self, stages: Stages, cases: Iterable[int], cause: Cause) -> None:
        """Block ``cases`` that have not begun, but for those that clean up after something that has."""
        waiting = [case for case in cases if self.states[case] is not State.DONE]
        sent = {case for case in waiting if self._is_too_late_for(case, cause)}
        for stage in {stages.staging.of_case[case] for case in waiting}:
            stages.hold(stage, self._now)
            for closed in stages.open_anyway(stage):
                self._let_in(closed)
        for desk in self._loaded.values():
            sent_ahead = [case for case in tuple(desk.queue)[1:] if case in sent]
            if sent_ahead:
                self._recall(desk, sent_ahead)

    def _is_too_late_for(self, case: int, cause: Cause) -> bool:
        """Block ``case``; return whether a worker has it by now, which may not have begun it."""
        state = self.states[case]
        if case in self._clean_up:
            self._barred.setdefault(case, cause)
            if state is State.READY and not self._clean_up.is_owed(case):
                self._conclude(case, Verdict.BLOCKED, cause)
            return False
        if state is not State.ASSIGNED:
            if state is not State.DONE:
                self._conclude(case, Verdict.BLOCKED, cause)
            return False
        is_new = case not in self._doomed
        self._doomed.setdefault(case, cause)
        return is_new

    # what a script asks for

    @property
    def is_busy(self) -> bool:
        """Whether something is about to happen by itself: a case ends, or tokens come."""
        return self._is_at_work or self._selection.expects_tokens

    @property
    def _is_at_work(self) -> bool:
        return len(self._idle) < len(self._desks) or self._retries.next_due is not None

    def is_over(self, case: int) -> bool:
        """Whether ``case`` has its verdict."""
        return self.states[case] is State.DONE

    def is_ready(self, case: int) -> bool:
        """Whether ``case`` may be given out."""
        return self.states[case] is State.READY

    def is_under_way(self, case: int) -> bool:
        """Whether some worker has ``case``, or it will be tried again."""
        return self.states[case] is State.ASSIGNED or case in self._retries

    def give(self, worker: str, case: int) -> bool:
        """Give ``case``, which is ready, to ``worker``; false if what it claims is not there.

        Where only another worker may run it, that one gets it. Where nothing is sent ahead, whoever gets
        it must have nothing else.
        """
        worker = self._selection.home_of(case) or worker
        if self._desks[worker].queue and not self._horizon:
            return False
        has_all = self._selection.take_if_it_fits(worker, case, self._now)
        if has_all:
            self._assign(self._desks[worker], case)
        return has_all

    def make_way(self, worker: str, case: int) -> bool:
        """See that ``case`` gets what it lacks on ``worker``, if need be from fixtures; false if it never will."""
        return self._is_at_work or self._selection.make_way(worker, case, self._now)

    def take_down(self, worker: str, fixtures: tuple[Fixture, ...]) -> None:
        """Let ``worker`` tear ``fixtures`` down when what it has is over."""
        up = self._selection.ask_for(worker, fixtures)
        if up:
            self._commands.append(Relinquish(worker, up))

    # dispatch

    def _wake(self) -> None:
        """Let cases that have rested for long enough be tried again.

        Last of all, unless others wait for what becomes of them.
        """
        for case in self._retries.awake(self._now):
            self.states[case] = State.READY
            is_awaited = (
                any(self.states[each] is not State.DONE for each, _ in self._dependents[case])
                or self._sequences.is_awaited(case)
                or (self.stages is not None and self.stages.is_awaited(case))
            )
            tried = frozenset(self._retries.workers(case))
            self._selection.try_again(case, tried, self._now, is_last=not is_awaited)

    def _dispatch(self) -> None:
        if self._script is not None:
            self._script.follow(self)
            if not self._script.is_over:
                return
            if not self.done:
                self._stop(END_OF_SCRIPT, cleaning=True)
        self._feed_idle()
        if self._horizon and self._script is None:
            # Who was idle was touched last and goes first, or who gave work back took it again.
            for desk in reversed(self._touched):
                self._send_ahead(desk)
            if self._idle and self._loaded and not self._has_enough_busy:
                self._rebalance()
        self._selection.ask(self._idle, self._now)

    def _feed_idle(self) -> None:
        """Give work to idle workers; what one finds nothing of, others like it do not find either.

        Who has just become idle is asked first, since its fixtures are up. What it leaves lying
        for others' fixtures, others may like.
        """
        selection = self._selection
        done: set[str] = set()
        for desk in (*self._touched, *self._idle.values()):
            name = desk.name
            if name not in self._idle:
                continue
            host = selection.host_of(name)
            if host in done and selection.is_like_others(name):
                continue
            if not self._feed(desk) and selection.is_like_others(name):
                if selection.are_all_alike:
                    break
                done.add(host)
        for owner in selection.owners:
            if owner in self._idle:
                self._feed(self._idle[owner])

    @property
    def _has_enough_busy(self) -> bool:
        return self._most_busy is not None and self.busy >= self._most_busy

    def _feed(self, desk: Desk) -> bool:
        if self._has_enough_busy:
            return False
        case = self._selection.pick(desk.name, self._now)
        if case is not None:
            self._assign(desk, case)
        return case is not None

    def _send_ahead(self, desk: Desk) -> None:
        """Fill the queue up to the horizon, once half of it is used up."""
        if not desk.queue or desk.is_recalled or desk.seconds >= self._horizon / 2:
            return
        if self._most_busy is not None and self.busy > self._most_busy:
            return  # who runs out of work becomes idle, and rests
        while desk.seconds < self._horizon:
            case = self._selection.pick_free(desk.name, self._now)
            if case is None:
                return
            self._assign(desk, case)

    def _assign(self, desk: Desk, case: int) -> None:
        self.states[case] = State.ASSIGNED
        self.worker_of[case] = desk.name
        if self.stages is not None and not desk.queue:
            self.stages.begun(case, self._now)
        desk.put(case, max(SHORTEST, min(self._estimates.expected(case), self._horizon)))
        self._idle.pop(desk.name, None)
        if len(desk.queue) > 1:
            self._loaded[desk.name] = desk
        self._touched.append(desk)
        self._commands.append(Assign(desk.name, case))

    def _clear(self, desk: Desk, case: int, *, has_run: bool) -> None:
        """``case`` is off the desk: its tokens are free and the worker may be idle."""
        desk.drop(case)
        self._selection.release(case, self._now, has_run=has_run)
        if len(desk.queue) < 2:  # noqa: PLR2004 - one runs, none was sent ahead
            self._loaded.pop(desk.name, None)
        if not desk.queue:
            self._idle[desk.name] = desk
        elif self.stages is not None:
            self.stages.begun(desk.queue[0], self._now)
        self._touched.append(desk)

    def _rebalance(self) -> None:
        """Some worker idles while another has work sent ahead: ask for half of that back."""
        idle = next(iter(self._idle))
        desks = [desk for desk in self._loaded.values() if not desk.is_recalled]
        for desk in sorted(desks, key=lambda desk: -len(desk.queue)):
            movable = [
                case
                for case in tuple(desk.queue)[1:]
                if self._selection.would_suit(idle, case, self._now)
            ]
            if movable:
                self._recall(desk, movable[len(movable) // 2 :])
                return

    def _recall(self, desk: Desk, cases: Iterable[int]) -> None:
        desk.is_recalled = True
        self._commands.append(Recall(desk.name, tuple(cases)))
