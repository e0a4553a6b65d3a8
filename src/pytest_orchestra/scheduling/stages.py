"""The stages of a run under way: which are open, and what has become of their gates.

It is told what happens to cases, in constant time for each, and asked what follows. What is to be done to cases is the
engine's part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeAlias

from pytest_orchestra.model.stage import Check, OnFail, StageFigures, StageRecord
from pytest_orchestra.model.verdict import FAILURE, Cause, Verdict
from pytest_orchestra.scheduling.criteria import (
    REVIEW,
    Criterion,
    Duration,
    Slowest,
    check_all,
    criteria_of,
)
from pytest_orchestra.scheduling.staging import Staging
from pytest_orchestra.scheduling.tally import Tally

#: So many seconds after its limit a stage has taken too long for certain, however numbers are rounded.
GRACE: Final = 0.001


class GateState(Enum):
    """What is certain of a gate; one that has ``FAILED_LATE`` had passed before, and holds nobody back."""

    UNCERTAIN = "uncertain"
    PASSED = "passed"
    FAILED = "failed"
    FAILED_LATE = "failed late"


@dataclass(frozen=True, slots=True)
class Opened:
    """The cases of ``stage`` wait for no gate any more."""

    stage: int


@dataclass(frozen=True, slots=True)
class Fallen:
    """The gate of ``stage`` has failed: what ``on_fail`` says is to be done, for this ``cause``.

    ``is_overdue``: it took too long, so that what has not begun of it does not run either.
    """

    stage: int
    on_fail: OnFail
    cause: Cause
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """All cases of ``stage`` are over, and somebody has a say in its gate."""

    stage: int
    figures: StageFigures


Turn: TypeAlias = Opened | Fallen | Ended


@dataclass(frozen=True, slots=True)
class GateNews:
    """What is to be told of a gate: that of ``stage`` has passed or failed at ``at``, in seconds of the run."""

    stage: int
    state: GateState
    at: float
    figures: StageFigures
    checks: tuple[Check, ...]


@dataclass(slots=True)
class _Hall:
    """One stage: how many gates it still waits for, and what is known of its own."""

    tally: Tally
    closed_by: int
    opened_at: float | None = None
    judged_at: float | None = None
    state: GateState = GateState.UNCERTAIN
    #: Whether those were asked who have a say in its gate.
    is_asked: bool = False
    objections: tuple[str, ...] | None = None
    was_overdue: bool = False
    #: What was certain when it was judged: it stays so, whatever becomes of cases that are held back.
    certain: tuple[Check, ...] = ()


class Stages:
    """What is known of the stages of one run; ``nodeid`` returns that of a case."""

    def __init__(self, staging: Staging, nodeid: Callable[[int], str]) -> None:
        self.staging: Final = staging
        #: Whether time that goes by may fail a gate.
        self.judges_time = True
        self.news: Final[list[GateNews]] = []
        self._nodeid: Final = nodeid
        self._halls: Final = [
            _Hall(Tally(len(members), staging.excused), len(needed))
            for members, needed in zip(staging.members, staging.needs, strict=True)
        ]
        self._criteria: Final = [criteria_of(spec.gate) for spec in staging.specs]
        #: Stages whose gates are judged by time as well.
        self._timed: Final = [
            stage for stage, spec in enumerate(staging.specs) if spec.gate.max_duration is not None
        ]
        self._touched: Final = dict.fromkeys(range(len(self._halls)))
        for hall in self._halls:
            if not hall.closed_by:
                hall.opened_at = 0.0

    # what is asked

    def is_open(self, stage: int) -> bool:
        """Whether the cases of ``stage`` wait for no gate."""
        return self._halls[stage].opened_at is not None

    def gates_before(self, stage: int) -> tuple[str, ...]:
        """Return the names of the stages whose gates may still open ``stage``; none if it is open, or stays closed."""
        if not self._halls[stage].closed_by:
            return ()
        needs = self.staging.needs[stage]
        uncertain = (each for each in needs if self.state(each) is GateState.UNCERTAIN)
        return tuple(self.staging.specs[each].name for each in uncertain)

    def state(self, stage: int) -> GateState:
        """Return what is certain of the gate of ``stage``."""
        return self._halls[stage].state

    def tally(self, stage: int) -> Tally:
        """Return the numbers of ``stage`` so far."""
        return self._halls[stage].tally

    def is_awaited(self, case: int) -> bool:
        """Whether others wait for the gate of the stage of ``case``."""
        stage = self.staging.of_case[case]
        hall = self._halls[stage]
        return hall.state is GateState.UNCERTAIN and bool(self.staging.needed_by[stage])

    def is_decisive(self, case: int) -> bool:
        """Whether what ``case`` comes to may do what is not undone: open a gate, or have somebody asked about it."""
        hall = self._halls[self.staging.of_case[case]]
        return self.is_awaited(case) or (self.staging.is_reviewed and not hall.is_asked)

    @property
    def next_due(self) -> float | None:
        """When a gate fails next if nothing happens before, in seconds of the run; None if none does."""
        return min(
            (due for stage in self._timed if (due := self._due(stage)) is not None),
            default=None,
        )

    def _due(self, stage: int) -> float | None:
        hall, most = self._halls[stage], self.staging.specs[stage].gate.max_duration
        tally = hall.tally
        if (
            not self.judges_time
            or most is None
            or tally.began_at is None
            or tally.is_cut_short
            or not tally.unknown
        ):
            return None
        return None if self._is_settled(stage) else tally.began_at + most + GRACE

    def _is_settled(self, stage: int) -> bool:
        """Whether no time that goes by makes a difference to its gate."""
        hall = self._halls[stage]
        if hall.state is GateState.UNCERTAIN:
            return False
        halts = self.staging.specs[stage].on_fail is OnFail.HALT
        return hall.state is not GateState.FAILED or not halts or hall.was_overdue

    # what happens

    def begun(self, case: int, now: float) -> None:
        """``case`` is the first that a worker has to run now, if it did not know that before."""
        self._halls[self.staging.of_case[case]].tally.begin(now)

    def spent(self, case: int, seconds: float, now: float) -> None:
        """``case`` was over, after so many ``seconds``; what it comes to is told next."""
        self._halls[self.staging.of_case[case]].tally.spend(case, seconds, now)

    def closed(self, case: int, verdict: Verdict) -> None:
        """``case`` has its ``verdict``."""
        stage = self.staging.of_case[case]
        hall = self._halls[stage]
        hall.tally.add(case, verdict)
        if hall.state is GateState.UNCERTAIN or not hall.tally.unknown:
            self._touched[stage] = None

    def amended(self, case: int, before: Verdict, verdict: Verdict) -> None:
        """``case`` has this ``verdict`` after all."""
        stage = self.staging.of_case[case]
        self._halls[stage].tally.amend(case, before, verdict)
        self._touched[stage] = None

    def reviewed(self, stage: int, objections: tuple[str, ...]) -> None:
        """Those who have a say in the gate of ``stage`` have these ``objections``."""
        self._halls[stage].objections = objections
        self._touched[stage] = None

    def hold(self, stage: int, now: float) -> None:
        """Some cases of ``stage`` never run, because of a gate: what they would have come to nobody knows."""
        tally = self._halls[stage].tally
        tally.held_at = now if tally.held_at is None else tally.held_at

    def stop(self, cases: Iterable[int], now: float) -> None:
        """The run was stopped, and none of these ``cases`` ever runs."""
        for stage in {self.staging.of_case[case] for case in cases}:
            tally = self._halls[stage].tally
            tally.stopped_at = now if tally.stopped_at is None else tally.stopped_at

    def open_all(self) -> Iterator[int]:
        """Let no gate hold back anything any more; yield the stages that were closed."""
        for stage in range(len(self._halls)):
            if not self.is_open(stage):
                yield from self.open_anyway(stage)

    def open_anyway(self, stage: int) -> Iterator[int]:
        """Let cases of ``stage`` wait for no gate, although one has failed; yield it if it was closed."""
        hall = self._halls[stage]
        if hall.closed_by:
            hall.closed_by = 0
            yield stage

    # what follows

    def turns(self, now: float) -> Iterator[Turn]:
        """Yield what follows from what was told, one thing at a time; new things may be told meanwhile."""
        for stage in self._timed:
            due = self._due(stage)
            if due is not None and due <= now:
                self._touched[stage] = None
        while self._touched:
            stage = next(iter(self._touched))
            del self._touched[stage]
            yield from self._look(stage, now)

    def _look(self, stage: int, now: float) -> Iterator[Turn]:
        hall = self._halls[stage]
        if hall.state in (GateState.FAILED, GateState.FAILED_LATE):
            yield from self._fall_again(stage, now)
            outcomes: list[bool | None] = []
        else:
            outcomes = [self._outcome(each, hall.tally, now) for each in self._criteria[stage]]
            if hall.objections or False in outcomes:
                yield from self._fall(stage, now)
        if not hall.tally.unknown and hall.tally.total and not hall.is_asked:
            hall.is_asked = True
            if self.staging.is_reviewed:
                yield Ended(stage, self.figures(stage, now))
        if hall.state is GateState.UNCERTAIN and self._is_through(stage, outcomes):
            self._settle(stage, GateState.PASSED, now)
            yield from self._open_next(stage, now)

    def _outcome(self, criterion: Criterion, tally: Tally, now: float) -> bool | None:
        """Whether ``criterion`` is met; of time, if that is not judged, only when it is over."""
        is_met = criterion.is_met(tally, now)
        if is_met is False and not self.judges_time and isinstance(criterion, Duration | Slowest):
            return None if tally.unknown else True
        return is_met

    def _is_through(self, stage: int, outcomes: Sequence[bool | None]) -> bool:
        """Whether everything that the gate asks for is met, whatever becomes of the rest."""
        hall = self._halls[stage]
        if not self.is_open(stage) or not all(outcomes):
            return False
        if not outcomes or self.staging.is_reviewed:
            is_reviewed = not self.staging.is_reviewed or hall.objections is not None
            return not hall.tally.total or (not hall.tally.unknown and is_reviewed)
        return True

    def _fall(self, stage: int, now: float) -> Iterator[Turn]:
        hall = self._halls[stage]
        if hall.state is GateState.PASSED:
            self._settle(stage, GateState.FAILED_LATE, now)
            return
        self._settle(stage, GateState.FAILED, now)
        if not self._is_to_go_on(stage):
            yield self._fallen(stage, now)
        elif self.is_open(stage):
            yield from self._open_next(stage, now)

    def _is_to_go_on(self, stage: int) -> bool:
        """Whether those that need ``stage`` start although its gate fails."""
        return self.staging.specs[stage].on_fail is OnFail.CONTINUE

    def _fall_again(self, stage: int, now: float) -> Iterator[Turn]:
        """A gate had failed for something else before its stage took too long as well."""
        if not self._is_settled(stage):
            turn = self._fallen(stage, now)
            if turn.is_overdue:
                yield turn

    def _fallen(self, stage: int, now: float) -> Fallen:
        hall, spec = self._halls[stage], self.staging.specs[stage]
        most = spec.gate.max_duration
        is_over = most is not None and hall.tally.duration(now) > most
        hall.was_overdue = is_over and self.judges_time
        whys = [check.detail for check in self._checks(stage, now) if check.is_met is False]
        reason = f"gate of stage {spec.name!r} failed: {'; '.join(whys)}"
        return Fallen(stage, spec.on_fail, Cause(reason, stage=stage), hall.was_overdue)

    def _settle(self, stage: int, state: GateState, now: float) -> None:
        hall = self._halls[stage]
        hall.state, hall.judged_at = state, now
        if hall.tally.total:
            figures, checks = self.figures(stage, now), self._checks(stage, now)
            hall.certain = tuple(check for check in checks if check.is_met is not None)
            self.news.append(GateNews(stage, state, now, figures, checks))

    def _open_next(self, stage: int, now: float) -> Iterator[Turn]:
        stack = [stage]
        while stack:
            for waiting in self.staging.needed_by[stack.pop()]:
                hall = self._halls[waiting]
                if not hall.closed_by:
                    continue
                hall.closed_by -= 1
                if hall.closed_by:
                    continue
                hall.opened_at = now
                self._touched[waiting] = None
                yield Opened(waiting)
                # Its own gate may have failed before, for tests that were blocked: who needs it waited for this.
                if hall.state is GateState.FAILED and self._is_to_go_on(waiting):
                    stack.append(waiting)

    # what is told

    def figures(self, stage: int, now: float) -> StageFigures:
        """Return what the cases of ``stage`` come to so far."""
        tally = self._halls[stage].tally
        return StageFigures(
            name=self.staging.specs[stage].name,
            counts={verdict: number for verdict, number in tally.counts.items() if number},
            duration=tally.duration(now),
            slowest="" if tally.slowest is None else self._nodeid(tally.slowest),
            slowest_seconds=tally.slowest_seconds,
            failures=tuple(self._nodeid(case) for case in tally.cases(FAILURE)),
        )

    def _checks(self, stage: int, now: float) -> tuple[Check, ...]:
        hall = self._halls[stage]
        checks = check_all(self._criteria[stage], hall.tally, now, self._nodeid)
        if hall.objections is None:
            return checks
        objection = "; ".join(hall.objections)
        return (*checks, Check(REVIEW, not hall.objections, objection or "no objection"))

    def records(self, now: float) -> tuple[StageRecord, ...]:
        """Return what became of each stage by ``now``, when the run has ended."""
        return tuple(
            StageRecord(
                spec,
                hall.opened_at,
                hall.tally.ended_at,
                hall.judged_at,
                tuple(self._final_checks(stage, now)),
            )
            for stage, (spec, hall) in enumerate(zip(self.staging.specs, self._halls, strict=True))
        )

    def _final_checks(self, stage: int, now: float) -> Iterator[Check]:
        hall = self._halls[stage]
        certain = {check.criterion: check for check in hall.certain}
        for check in self._checks(stage, now):
            before = certain.get(check.criterion, check)
            if hall.judged_at is None:
                yield _not_judged(check)
            else:
                yield check if check.is_met in (False, before.is_met) else before


def _not_judged(check: Check) -> Check:
    """Of a gate that was never judged nothing is met, although it may be certain that it would have been."""
    return replace(check, is_met=None) if check.is_met else check
