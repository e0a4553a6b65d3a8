"""The engine under virtual time: for plans, predictions, benchmarks and property tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from pytest_orchestra.model.events import (
    Acquire,
    Assign,
    CaseFinished,
    CasesReturned,
    Command,
    Conclude,
    Fixture,
    FixturesDown,
    GiveBack,
    Recall,
    Relinquish,
    TokensGranted,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.engine import Engine


@dataclass(frozen=True, slots=True)
class Span:
    """That ``case`` ran on ``worker`` from ``start`` to ``end`` (seconds of virtual time)."""

    case: int
    worker: str
    start: float
    end: float


class Simulation:
    """Workers that take exactly as long as they are told to.

    ``seconds`` are durations per case, ``verdicts`` what each case ends with if it runs
    (passed where not given). No other run shares anything, and fixtures stay up until somebody
    asks for what they keep; then they go down at once, or when the running case ends.
    """

    def __init__(
        self,
        engine: Engine,
        seconds: Sequence[float],
        workers: Sequence[str],
        verdicts: dict[int, Verdict] | None = None,
    ) -> None:
        self.spans: list[Span] = []
        self._engine = engine
        self._seconds = seconds
        self._verdicts = verdicts or {}
        self._queues: dict[str, deque[int]] = {worker: deque() for worker in workers}
        self._ends: list[tuple[float, int, str]] = []
        self._started: dict[str, float] = {}
        self._to_tear_down: dict[str, list[Fixture]] = {}

    def run(self) -> tuple[Span, ...]:
        """Run to the end and return what ran, in order of its end."""
        self._obey(self._engine.handle(WorkersJoined(tuple(self._queues)), 0.0), 0.0)
        while self._ends:
            now, case, worker = heappop(self._ends)
            self._queues[worker].popleft()
            self.spans.append(Span(case, worker, self._started.pop(worker), now))
            verdict = self._verdicts.get(case, Verdict.PASSED)
            finished = CaseFinished(case, verdict, self._seconds[case])
            commands = self._engine.handle(finished, now)
            self._tear_down(worker, now)
            self._start_next(worker, now)
            self._obey(commands, now)
        assert self._engine.done, "cases were left that nothing waits for"  # noqa: S101
        return tuple(self.spans)

    def _obey(self, commands: tuple[Command, ...], now: float) -> None:
        for command in commands:
            match command:
                case Assign(worker, case):
                    self._queues[worker].append(case)
                    self._start_next(worker, now)
                case Recall(worker, cases):
                    for case in cases:
                        self._queues[worker].remove(case)
                    self._obey(self._engine.handle(CasesReturned(worker, cases), now), now)
                case Acquire(case):
                    self._obey(self._engine.handle(TokensGranted(case), now), now)
                case Relinquish(worker, fixtures):
                    self._to_tear_down.setdefault(worker, []).extend(fixtures)
                    if worker not in self._started:
                        self._tear_down(worker, now)
                case GiveBack():
                    pass  # nobody else wants it
                case _:
                    assert isinstance(command, Conclude)  # noqa: S101 - takes no time

    def _tear_down(self, worker: str, now: float) -> None:
        fixtures = self._to_tear_down.pop(worker, None)
        if fixtures:
            self._obey(self._engine.handle(FixturesDown(worker, tuple(fixtures)), now), now)

    def _start_next(self, worker: str, now: float) -> None:
        queue = self._queues[worker]
        if queue and worker not in self._started:
            self._started[worker] = now
            heappush(self._ends, (now + self._seconds[queue[0]], queue[0], worker))


def makespan(spans: Sequence[Span]) -> float:
    """Return the end of the last span, in seconds; 0.0 for none."""
    return max((span.end for span in spans), default=0.0)
