"""The engine under virtual time: for plans, predictions, benchmarks and property tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from types import MappingProxyType
from typing import Final, TypeAlias

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.events import (
    Acquire,
    Assign,
    CaseFinished,
    CasesReturned,
    Command,
    Conclude,
    Event,
    Fixture,
    FixturesDown,
    GiveBack,
    GiveUp,
    Recall,
    Relinquish,
    ReviewStage,
    StageReviewed,
    TimePassed,
    TokensGranted,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.nodeid import is_within
from pytest_orchestra.scheduling.setups import SetUps

#: A case to run, or fixtures to tear down.
_Errand: TypeAlias = int | tuple[Fixture, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """That ``case`` ran on ``worker`` from ``start`` to ``end`` (seconds of virtual time)."""

    case: int
    worker: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Others:
    """Those who share tokens with the run.

    ``acquire`` gets a case and what it wants, and says whether that is granted at once; if not,
    somebody tells the simulation later. ``give_back`` gets the case.
    """

    acquire: Callable[[int, tuple[tuple[str, int], ...]], bool] = lambda _case, _wants: True
    give_back: Callable[[int], None] = lambda _case: None


class Simulation:
    """Workers that take exactly as long as they are told to.

    ``seconds`` are durations per case, ``verdicts`` what each case ends with if it runs
    (passed where not given). With ``specs``, fixtures that take something go down as pytest
    does it: when the next case is not in their scope, or somebody asks for what they keep. Without
    ``specs``, only then. Tearing down takes no time, and neither does setting up, but for what
    ``setups`` say. ``at_first`` is what the first attempts at a case end with that is tried again.
    Gates are judged by verdicts alone, and by time only if ``judges_time``: what is simulated is to show the
    plan, which is that gates pass.
    """

    def __init__(  # noqa: PLR0913 - each is a different thing that happens in a run
        self,
        engine: Engine,
        seconds: Sequence[float],
        workers: Sequence[str],
        verdicts: dict[int, Verdict] | None = None,
        *,
        specs: Sequence[CaseSpec] = (),
        others: Others | None = None,
        setups: SetUps | None = None,
        at_first: Mapping[int, Sequence[Verdict]] = MappingProxyType({}),
        judges_time: bool = False,
    ) -> None:
        if engine.stages is not None:
            engine.stages.judges_time = judges_time
        self.spans: Final[list[Span]] = []
        #: Fixtures that are up, by worker.
        self.up: Final[dict[str, dict[Fixture, None]]] = {worker: {} for worker in workers}
        #: The case that runs, by worker, and when it began.
        self.running: Final[dict[str, tuple[int, float]]] = {}
        self._engine = engine
        self._seconds = seconds
        self._verdicts = verdicts or {}
        self._specs = specs
        self._at_first = {case: deque(verdicts) for case, verdicts in at_first.items()}
        self._others = others or Others()
        self._benches = setups.benches(workers) if setups is not None and setups.take_time else None
        self._queues: dict[str, deque[_Errand]] = {worker: deque() for worker in workers}
        self._ends: list[tuple[float, int, str]] = []
        #: What the engine has not heard yet: it hears one thing when its last commands are obeyed.
        self._news: deque[Event] = deque()
        self._is_telling = False

    def run(self) -> tuple[Span, ...]:
        """Run to the end and return what ran, in order of its end."""
        self.tell(WorkersJoined(tuple(self._queues)), 0.0)
        while self.next_end is not None or self._engine.next_due is not None:
            self.step()
        assert self._engine.done, "cases were left that nothing waits for"  # noqa: S101
        return tuple(self.spans)

    @property
    def next_end(self) -> float | None:
        """When the next case ends; None if none runs."""
        return self._ends[0][0] if self._ends else None

    def step(self) -> None:
        """Let the next case end, or time go by until one may be tried again."""
        due, end = self._engine.next_due, self.next_end
        if due is not None and (end is None or due < end):
            self.tell(TimePassed(), due)
            return
        now, case, worker = heappop(self._ends)
        _, start = self.running.pop(worker)
        self.spans.append(Span(case, worker, start, now))
        verdict = self._verdicts.get(case, Verdict.PASSED)
        if self._at_first.get(case):
            verdict = self._at_first[case].popleft()
        again = self._engine.tries_again(case, verdict)
        self._news.append(CaseFinished(case, verdict, self._seconds[case], again))
        self._is_telling = True
        self._go_on(worker, now)
        self._is_telling = False
        self._tell_all(now)

    def tell(self, event: Event, now: float) -> None:
        """Let something else happen."""
        self._news.append(event)
        if not self._is_telling:
            self._tell_all(now)

    def _tell_all(self, now: float) -> None:
        self._is_telling = True
        while self._news:
            self._obey(self._engine.handle(self._news.popleft(), now), now)
        self._is_telling = False

    def _obey(self, commands: tuple[Command, ...], now: float) -> None:
        for command in commands:
            match command:
                case Assign(worker, case):
                    self._queues[worker].append(case)
                    self._go_on(worker, now)
                case Recall(worker, cases):
                    for case in cases:
                        self._queues[worker].remove(case)
                    self.tell(CasesReturned(worker, cases), now)
                case Relinquish(worker, fixtures):
                    self._queues[worker].append(fixtures)
                    self._go_on(worker, now)
                case Acquire(case, wants):
                    if self._others.acquire(case, wants):
                        self.tell(TokensGranted(case), now)
                case GiveBack(case):
                    self._others.give_back(case)
                case ReviewStage(stage):
                    self.tell(StageReviewed(stage), now)
                case _:
                    assert isinstance(command, Conclude | GiveUp)  # noqa: S101 - takes no time

    def _go_on(self, worker: str, now: float) -> None:
        """Let an idle worker do what it was told, up to the next case."""
        queue = self._queues[worker]
        while queue and worker not in self.running:
            errand = queue.popleft()
            if isinstance(errand, tuple):
                self._tear_down(worker, errand, now)
            else:
                self._begin(worker, errand, now)

    def _begin(self, worker: str, case: int, now: float) -> None:
        self.running[worker] = case, now
        charge = self._benches.move(worker, case) if self._benches is not None else 0.0
        heappush(self._ends, (now + charge + self._seconds[case], case, worker))
        if self._specs:
            spec = self._specs[case]
            leaves = [each for each in self.up[worker] if not is_within(spec.nodeid, each[1])]
            if leaves:
                self._tear_down(worker, tuple(leaves), now)
            self.up[worker].update(
                ((hold.fixture, hold.scope), None) for hold in spec.holds if hold.scope is not None
            )

    def _tear_down(self, worker: str, fixtures: tuple[Fixture, ...], now: float) -> None:
        for fixture in fixtures:
            self.up[worker].pop(fixture, None)
        self.tell(FixturesDown(worker, fixtures), now)


def makespan(spans: Sequence[Span]) -> float:
    """Return the end of the last span, in seconds; 0.0 for none."""
    return max((span.end for span in spans), default=0.0)
