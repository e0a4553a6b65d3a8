"""Notes what a run does and hears, so that it can be run again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_orchestra.model.dispatch import NO_CASE, Deed, Dispatch
from pytest_orchestra.model.events import (
    Assign,
    CaseFinished,
    CasesReturned,
    Command,
    Event,
    Fixture,
    Relinquish,
    VerdictAmended,
    WorkerLost,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import Verdict


class DispatchLog:
    """What one run heard and said; to note it costs next to nothing while tests run."""

    def __init__(self) -> None:
        self._notes: Final[list[Sequence[Event | Command]]] = []
        self._is_closed = False

    def note(self, batch: Sequence[Event | Command]) -> None:
        """Events have happened, or commands go out, all of ``batch`` in this order."""
        if batch and not self._is_closed:
            self._notes.append(batch)

    def close(self) -> Dispatch:
        """Return what was noted, and note nothing more."""
        self._is_closed = True
        columns = _Columns()
        for batch in self._notes:
            for each in batch:
                columns.add(each)
        self._notes.clear()
        return columns.dispatch()


class _Columns:
    """A dispatch in the making; what a worker gave back, or left when it died, it was never given."""

    def __init__(self) -> None:
        self._deeds: Final[list[str]] = []
        self._whose: Final[list[int]] = []
        self._cases: Final[list[int]] = []
        self._verdicts: Final[list[Verdict]] = []
        self._fixtures: Final[list[tuple[Fixture, ...]]] = []
        self._workers: Final[dict[str, int]] = {}
        self._worker_of: Final[dict[int, str]] = {}
        #: Where the cases stand that each worker has before it.
        self._given: Final[dict[str, dict[int, int]]] = {}
        self._dropped: Final[set[int]] = set()

    def add(self, each: Event | Command) -> None:
        """Take in one event or command; those that say nothing of the dispatch are passed over."""
        match each:
            case Assign(worker, case):
                self._given.setdefault(worker, {})[case] = len(self._deeds)
                self._worker_of[case] = worker
                self._step(Deed.RUN, worker, case)
            case CaseFinished(case, verdict):
                worker = self._worker_of[case]
                self._given[worker].pop(case, None)
                self._verdicts.append(verdict)
                self._step(Deed.ENDED, worker, case)
            case Relinquish(worker, fixtures):
                self._fixtures.append(fixtures)
                self._step(Deed.DOWN, worker)
            case WorkersJoined(workers):
                for worker in workers:
                    self._step(Deed.JOINED, worker)
            case CasesReturned(worker, cases):
                self._forget(worker, cases)
            case VerdictAmended(case, verdict):
                self._verdicts.append(verdict)
                self._step(Deed.AMENDED, self._worker_of[case], case)
            case WorkerLost():
                self._lose(each)

    def dispatch(self) -> Dispatch:
        """Return all that was taken in."""
        kept = [number for number in range(len(self._deeds)) if number not in self._dropped]
        return Dispatch(
            deeds="".join([self._deeds[number] for number in kept]),
            workers=tuple(self._workers),
            whose=tuple([self._whose[number] for number in kept]),
            cases=tuple([self._cases[number] for number in kept]),
            verdicts=tuple(self._verdicts),
            fixtures=tuple(self._fixtures),
        )

    def _lose(self, event: WorkerLost) -> None:
        given = self._given.get(event.worker, {})
        case = NO_CASE if event.case is None else event.case
        given.pop(case, None)
        self._forget(event.worker, tuple(given))
        if event.case is not None:
            self._verdicts.append(event.verdict)
        self._step(Deed.LOST, event.worker, case)

    def _step(self, deed: Deed, worker: str, case: int = NO_CASE) -> None:
        self._deeds.append(deed.letter)
        self._whose.append(self._workers.setdefault(worker, len(self._workers)))
        self._cases.append(case)

    def _forget(self, worker: str, cases: Sequence[int]) -> None:
        given = self._given.get(worker, {})
        self._dropped.update(given.pop(case) for case in cases if case in given)
