"""Tells those who watch a run what happens in it; costs next to nothing where nobody does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from pytest_orchestra.model.events import Command, Conclude, GiveUp
from pytest_orchestra.model.moments import (
    CaseAmended,
    CaseBegan,
    CaseEnded,
    CaseLeft,
    GateJudged,
    Moment,
    RunBegan,
    RunStopping,
    WorkerCame,
    WorkerWent,
)
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.running.attempts import AttemptLog
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.stages import GateNews, GateState


class Telling:
    """What one run tells: said before the engine hears of it, but for what the engine decides.

    ``blocked_text`` says why a case is blocked.
    """

    def __init__(
        self, engine: Engine, attempts: AttemptLog, blocked_text: Callable[[Cause], str]
    ) -> None:
        self._engine: Final = engine
        self._attempts: Final = attempts
        self._blocked_text: Final = blocked_text
        #: What each worker was last said to do.
        self._begun: Final[dict[str, CaseBegan]] = {}
        #: Whoever wants to hear of each moment.
        self.listeners: Final[list[Callable[[Moment], None]]] = []

    def tell(self, moment: Moment) -> None:
        """Let everybody hear of ``moment``."""
        for listen in self.listeners:
            listen(moment)

    def began(self, tests: int, workers: Mapping[str, tuple[str, ...]]) -> None:
        """The run begins, with ``workers`` by their hosts."""
        self.tell(RunBegan(tests, sum(map(len, workers.values()))))

    def came(self, workers: Iterable[str], host: str) -> None:
        """``workers`` are there, on ``host``."""
        for worker in workers:
            self.tell(WorkerCame(worker, host))

    def went(self, worker: str) -> None:
        """``worker`` is gone."""
        self.tell(WorkerWent(worker))

    def case_began(self, case: int, worker: str) -> None:
        """``worker`` runs ``case`` now, as it may have been said to do before."""
        if self.listeners:
            moment = CaseBegan(case, worker, self._attempt(case))
            if self._begun.get(worker) != moment:
                self._begun[worker] = moment
                self.tell(moment)

    def case_ended(self, case: int, verdict: Verdict, seconds: float, *, again: bool) -> None:
        """An attempt at ``case`` is over; ``again``: there will be another."""
        if self.listeners:
            began, failure = self._attempts.last_start(case), self._attempts.last_failure(case)
            worker, attempt = self._engine.worker_of[case], self._attempt(case)
            self.tell(CaseEnded(case, verdict, seconds, worker, attempt, began, failure, again))

    def amended(self, case: int, verdict: Verdict) -> None:
        """The finished ``case`` has another verdict."""
        was = self._engine.verdicts[case]
        if self.listeners and was not in (None, verdict):
            self.tell(CaseAmended(case, verdict, was, self._attempts.last_failure(case)))

    def decided(self, commands: Iterable[Command]) -> None:
        """The engine gave ``commands``: with some of them a case has its verdict."""
        for command in commands if self.listeners else ():
            match command:
                case Conclude(case, verdict, cause):
                    is_blocked = verdict is Verdict.BLOCKED
                    reason = self._blocked_text(cause) if is_blocked else cause.reason
                    self.tell(CaseLeft(case, verdict, reason))
                case GiveUp(case, verdict):
                    failure = self._attempts.last_failure(case)
                    self.tell(CaseAmended(case, verdict, None, failure))

    def judged(self, news: GateNews) -> None:
        """What is certain of a gate has changed."""
        if self.listeners:
            assert self._engine.stages is not None  # noqa: S101 - it has told
            spec = self._engine.stages.staging.specs[news.stage]
            reasons = tuple(check.detail for check in news.checks if check.is_met is False)
            on_fail = spec.on_fail if news.state is GateState.FAILED else None
            is_late = news.state is GateState.FAILED_LATE
            counts = news.figures.counts
            self.tell(GateJudged(spec.name, news.at, counts, reasons, on_fail, is_late))

    def stopping(self, reason: str) -> None:
        """Nothing more begins, if it has not been said before."""
        if self._engine.stopped is None and not self._engine.done:
            self.tell(RunStopping(reason))

    def _attempt(self, case: int) -> int:
        return len(self._engine.failed_on(case)) + 1
