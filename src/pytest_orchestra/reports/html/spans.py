"""When each worker did what: the attempts of all tests on one axis, in seconds since the run began."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.verdict import Verdict

#: A worker that stands still for less than this many seconds is only between two tests.
SHORTEST_GAP: Final = 0.005

_DIGITS: Final = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Span:
    """One attempt at ``case``, an index of the run's cases."""

    start: float
    end: float
    case: int
    worker: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Gap:
    """A worker ran nothing, while ``waiting`` tests or fewer were held up; none if that is 0."""

    start: float
    end: float
    waiting: int

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Lane:
    """One worker: when it was there, and what it ran, in order of time."""

    worker: str
    host: str
    joined: float
    left: float
    spans: tuple[Span, ...]

    @property
    def busy(self) -> float:
        """Seconds in which it ran something."""
        return sum(span.end - span.start for span in self.spans)

    def before(self, start: float) -> Span | None:
        """Return what ran last before ``start``."""
        at = bisect_left(self.spans, start, key=lambda span: span.start)
        return self.spans[at - 1] if at else None

    def during(self, start: float, end: float) -> Iterator[Span]:
        """Yield what ran at some time between ``start`` and ``end``."""
        first = max(0, bisect_right(self.spans, start, key=lambda span: span.start) - 1)
        for span in self.spans[first:]:
            if span.start >= end:
                return
            if span.end > start:
                yield span


class Steps:
    """How many there were at a time, from when each of them began and ended."""

    def __init__(self, intervals: Iterable[tuple[float, float, float]]) -> None:
        """Take start, end and amount of each."""
        changes: defaultdict[float, float] = defaultdict(float)
        for start, end, amount in intervals:
            if end > start:
                changes[start] += amount
                changes[end] -= amount
        self.times: list[float] = sorted(changes)
        self.values: list[float] = []
        value = 0.0
        for at in self.times:
            value += changes[at]
            self.values.append(value)

    def __bool__(self) -> bool:
        """Whether there ever were any."""
        return bool(self.times)

    @property
    def peak(self) -> float:
        """The most there were at one time."""
        return max(self.values, default=0)

    def pieces(self, start: float, end: float) -> Iterator[tuple[float, float, float]]:
        """Yield start, end and amount of all that is constant between ``start`` and ``end``."""
        at = bisect_right(self.times, start)
        begin, value = start, self.values[at - 1] if at else 0.0
        while at < len(self.times) and self.times[at] < end:
            if self.times[at] > begin:
                yield begin, self.times[at], value
            begin, value = self.times[at], self.values[at]
            at += 1
        if end > begin:
            yield begin, end, value


class Timeline:
    """All workers of a run over time."""

    def __init__(self, run: RunRecord) -> None:
        self.run = run
        self.spans: tuple[tuple[Span, ...], ...] = tuple(
            tuple(_spans(run, number, case)) for number, case in enumerate(run.cases)
        )
        last = max((span.end for each in self.spans for span in each), default=0.0)
        #: The end of the axis.
        self.end = max(run.seconds, last) or 1.0

    @cached_property
    def lanes(self) -> tuple[Lane, ...]:
        """One for each worker, ``gw2`` before ``gw10``."""
        of: dict[str, list[Span]] = {worker.name: [] for worker in self.run.workers}
        for each in self.spans:
            for span in each:
                of.setdefault(span.worker, []).append(span)
        known = {worker.name: worker for worker in self.run.workers}
        lanes = []
        for name in sorted(of, key=_natural):
            spans = tuple(sorted(of[name], key=lambda span: (span.start, span.end)))
            worker = known.get(name)
            joined = worker.joined_at if worker else 0.0
            left = joined + worker.present if worker else self.end
            lanes.append(Lane(name, worker.host if worker else "", joined, left, spans))
        return tuple(lanes)

    @cached_property
    def waiting(self) -> Steps:
        """How many tests were held up for want of something."""
        return Steps((start, end, 1.0) for _, start, end in self.waits())

    def waits(self) -> Iterator[tuple[int, float, float]]:
        """Yield the case, begin and end of all waits for tokens, those that never ended included."""
        for number, case in enumerate(self.run.cases):
            if case.refused_at is not None:
                yield number, case.refused_at, _end_of_wait(case, self.run.seconds)

    def gaps(self, lane: Lane) -> Iterator[Gap]:
        """Yield when the worker of ``lane`` was there and ran nothing."""
        at = lane.joined
        for start, end in (
            *((span.start, span.end) for span in lane.spans),
            (lane.left, lane.left),
        ):
            if start - at >= SHORTEST_GAP:
                for begin, until, waiting in self.waiting.pieces(at, start):
                    yield Gap(begin, until, round(waiting))
            at = max(at, end)


def _end_of_wait(case: CaseRecord, end: float) -> float:
    return case.assigned_at if case.assigned_at is not None else end


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in _DIGITS.split(name)]


def _spans(run: RunRecord, number: int, case: CaseRecord) -> Iterator[Span]:
    given = case.assigned_at or 0.0
    for attempt in case.attempts:
        worker = attempt.worker or case.worker or ""
        # The clock of another host may be off; nothing ran before its worker got it.
        start = given if attempt.started is None else max(given, attempt.started - run.started)
        seconds = attempt.seconds
        if len(case.attempts) == 1:
            # Its worker was busy for longer than its phases took: with what failed, with telling of it.
            seconds = max(seconds, case.seconds or 0.0)
        start = max(given, min(start, run.seconds - seconds))
        given = start + seconds
        yield Span(start, given, number, worker, attempt.verdict)
    if not case.attempts and case.seconds is not None and case.worker is not None:
        yield Span(given, given + case.seconds, number, case.worker, case.verdict)
