"""Notes what a run does and hears, so that it can be run again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pytest_orchestra.model.dispatch import Deed, Dispatch, Step
from pytest_orchestra.model.events import (
    Assign,
    CaseFinished,
    CasesReturned,
    Command,
    Event,
    Relinquish,
    VerdictAmended,
    WorkerLost,
    WorkersJoined,
)


class DispatchLog:
    """The steps of one run, without cases that were given to a worker which never began them."""

    def __init__(self) -> None:
        self._steps: Final[list[Step | None]] = []
        #: Where the cases stand that each worker has before it.
        self._given: Final[dict[str, dict[int, int]]] = {}
        self._is_closed = False

    def said(self, commands: Iterable[Command]) -> None:
        """``commands`` go out."""
        for command in commands:
            match command:
                case Assign(worker, case):
                    self._given.setdefault(worker, {})[case] = len(self._steps)
                    self._note(Step(Deed.RUN, worker, case))
                case Relinquish(worker, fixtures):
                    self._note(Step(Deed.DOWN, worker, fixtures=fixtures))

    def heard(self, events: Iterable[Event], worker_of: Mapping[int, str]) -> None:
        """``events`` have happened, to cases that were last given out to ``worker_of`` them."""
        for event in events:
            match event:
                case CaseFinished(case, verdict):
                    worker = worker_of[case]
                    self._given[worker].pop(case, None)
                    self._note(Step(Deed.ENDED, worker, case, verdict))
                case WorkersJoined(workers):
                    for worker in workers:
                        self._note(Step(Deed.JOINED, worker))
                case CasesReturned(worker, cases):
                    self._forget(worker, cases)
                case VerdictAmended(case, verdict):
                    self._note(Step(Deed.AMENDED, worker_of[case], case, verdict))
                case WorkerLost(worker, culprit, verdict):
                    self._given.get(worker, {}).pop(-1 if culprit is None else culprit, None)
                    self._forget(worker, tuple(self._given.get(worker, ())))
                    has_case = culprit is not None
                    self._note(Step(Deed.LOST, worker, culprit, verdict if has_case else None))

    def close(self) -> Dispatch:
        """Return what was noted, and note nothing more."""
        self._is_closed = True
        return Dispatch.of(step for step in self._steps if step is not None)

    def _note(self, step: Step) -> None:
        if not self._is_closed:
            self._steps.append(step)

    def _forget(self, worker: str, cases: Iterable[int]) -> None:
        given = self._given.get(worker, {})
        for case in cases:
            place = given.pop(case, None)
            if place is not None and not self._is_closed:
                self._steps[place] = None
