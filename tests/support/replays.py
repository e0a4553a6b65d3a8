"""What engines did, as steps that can be done again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from pytest_orchestra.model.dispatch import Deed, Step
from pytest_orchestra.model.events import Command, Event
from pytest_orchestra.running.dispatch_log import DispatchLog
from pytest_orchestra.scheduling.engine import Engine

#: What an engine heard, when, and what it said.
Entry: TypeAlias = tuple[Event, float, tuple[Command, ...]]


class NotingEngine:
    """Keeps what an engine hears and says."""

    def __init__(self, engine: Engine) -> None:
        self.history: list[Entry] = []
        self._handle = engine.handle
        engine.handle = self.handle  # type: ignore[method-assign]

    def handle(self, event: Event, now: float) -> tuple[Command, ...]:
        """Let the engine handle ``event``."""
        commands = self._handle(event, now)
        self.history.append((event, now, commands))
        return commands


def noted(history: Sequence[Entry]) -> tuple[Step, ...]:
    """Return the steps of what an engine heard and said."""
    log = DispatchLog()
    for event, _, commands in history:
        log.note((event,))
        log.note(commands)
    return tuple(log.close())


def given_out(steps: Sequence[Step]) -> dict[str, list[int]]:
    """Return what each worker was given, in its order."""
    found: dict[str, list[int]] = {}
    for step in steps:
        if step.deed is Deed.RUN and step.case is not None:
            found.setdefault(step.worker, []).append(step.case)
    return found


def over_before(steps: Sequence[Step]) -> dict[int, set[int]]:
    """Return for each case those that were over when it was given out."""
    over: set[int] = set()
    found: dict[int, set[int]] = {}
    for step in steps:
        if step.deed is Deed.RUN and step.case is not None:
            found[step.case] = set(over)
        elif step.deed is Deed.ENDED and step.case is not None:
            over.add(step.case)
    return found
