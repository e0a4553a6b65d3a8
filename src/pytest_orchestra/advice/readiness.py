"""What a test waited for until it could run at all: other tests, a gate, or its turn.

All times are seconds since the run began.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.requirement import Kind
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.stage import StageRecord, Strategy

#: Less than this many seconds are no wait.
SHORTEST: Final = 0.001

#: Requirements that a case waits for the cases of.
_EDGES: Final = frozenset({Kind.DATA, Kind.DEPENDENCY, Kind.ORDER})


@dataclass(frozen=True, slots=True)
class Stay:
    """That ``worker`` was busy with ``case`` from ``start`` to ``end``; ``amount`` is what it had of a resource."""

    case: int
    worker: str
    start: float
    end: float
    amount: int = 0


def started(run: RunRecord, attempt: Attempt) -> float | None:
    """Return when ``attempt`` began; None if that is not known."""
    return None if attempt.started is None else max(0.0, attempt.started - run.started)


def stays_of(run: RunRecord) -> Iterator[Stay]:
    """Yield all times that a test ran, tests in their order."""
    for number, case in enumerate(run.cases):
        for attempt in case.attempts[:-1]:
            start = started(run, attempt)
            if start is not None:
                yield Stay(number, attempt.worker, start, start + attempt.seconds)
        if case.assigned_at is not None and case.worker is not None:
            last = started(run, case.attempts[-1]) if case.attempts else None
            start = case.assigned_at if last is None else last
            yield Stay(number, case.worker, start, start + (case.seconds or 0.0))


@dataclass(frozen=True)
class Readiness:
    """What ``case`` of ``run`` waited for until it was ready; ``stays`` are all of the run.

    Who is tried again had all of it before.
    """

    run: RunRecord
    case: int
    stays: Sequence[Stay]

    @cached_property
    def chain(self) -> tuple[Stay, ...]:
        """The prerequisites, the first to begin first; each is the last of those that the next needs."""
        last_of = {stay.case: stay for stay in self.stays}
        found: list[Stay] = []
        case, seen = self.case, {self.case}
        while not self.is_tried_again:
            ends = [last_of[other] for other in self.prerequisites_of(case) if other in last_of]
            last = max(ends, key=lambda stay: stay.end, default=None)
            if last is None or last.case in seen:
                break
            found.append(last)
            case = last.case
            seen.add(case)
        return tuple(reversed(found))

    @cached_property
    def turn(self) -> Stay | None:
        """The test that went before it in a stage where one runs at a time; None for the first one."""
        stage, ready = self._stage, self._record.ready_at
        if stage is None or stage.spec.strategy is not Strategy.SEQUENTIAL or ready is None:
            return None
        before = (
            stay
            for stay in self.stays
            if stay.case != self.case
            and stay.end <= ready + SHORTEST
            and self.run.cases[stay.case].spec.stage == self._record.spec.stage
        )
        return max(before, key=lambda stay: stay.end, default=None)

    @property
    def is_tried_again(self) -> bool:
        """Whether it had run before."""
        return len(self._record.attempts) > 1

    @property
    def chain_end(self) -> float:
        """When all was over that it comes after."""
        return self.chain[-1].end if self.chain else 0.0

    @property
    def opened(self) -> float:
        """When no gate held it back any more."""
        return (self._stage.opened_at or 0.0) if self._stage is not None else 0.0

    @property
    def turn_end(self) -> float:
        """When it had its turn."""
        return self.turn.end if self.turn is not None else 0.0

    @property
    def waited_for_stage(self) -> StageRecord | None:
        """The stage that opened after all else was there."""
        is_last = self.opened > max(self.chain_end, self.turn_end) + SHORTEST
        return self._stage if is_last and not self.is_tried_again else None

    @property
    def waited_for_turn(self) -> Stay | None:
        """The test that went before it, if it was over after all else was there."""
        is_last = self.turn_end > max(self.chain_end, self.opened) + SHORTEST
        return self.turn if is_last and not self.is_tried_again else None

    def prerequisites_of(self, case: int) -> tuple[int, ...]:
        """Return the cases that ``case`` comes after; of data that it cleans up, all who use it."""
        record = self.run.cases[case]
        found = dict.fromkeys(
            other for need in record.requirements if need.kind in _EDGES for other in need.cases
        )
        if record.spec.cleans:
            found.update(dict.fromkeys(self._users(record)))
        found.pop(case, None)
        return tuple(found)

    def _users(self, cleaner: CaseRecord) -> Iterator[int]:
        cleaned = {
            need
            for need in cleaner.requirements
            if need.kind is Kind.DATA and need.what in cleaner.spec.cleans
        }
        for number, record in enumerate(self.run.cases):
            if any(
                need in cleaned and need.what not in record.spec.cleans
                for need in record.requirements
            ):
                yield number

    @property
    def _record(self) -> CaseRecord:
        return self.run.cases[self.case]

    @property
    def _stage(self) -> StageRecord | None:
        number = self._record.spec.stage
        return (
            self.run.stages[number]
            if number is not None and number < len(self.run.stages)
            else None
        )
