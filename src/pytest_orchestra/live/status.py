"""A run at one moment: all forms that show it draw from this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pytest_orchestra.model.verdict import FAILURE, Verdict


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What a worker does: its ``test``, a node id, since ``since``; None and its last change where it has none."""

    name: str
    test: str | None
    since: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many ``tests`` wait for ``what`` (words); the first of them since ``since``, if that is known.

    ``holders`` are node ids of tests that have it.
    """

    what: str
    tests: int
    since: float | None = None
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """How much of a resource is in use, in words: ``1 of 2``, ``3 GB of 16 GB``."""

    name: str
    use: str


class StageState(StrEnum):
    """Where a stage stands: before its gate is judged, and after.

    One that ``WAITS`` is closed by gates that are not judged yet. Of one that is ``HELD`` back tests will not
    run, since a gate has failed, so its own is never judged. One that is ``OVER`` has no gate.
    """

    WAITS = "waits"
    OPEN = "open"
    HELD = "held back"
    OVER = "over"
    PASSED = "gate passed"
    FAILED = "gate failed"


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How far a stage is: ``waits_for`` are those whose gates close it, ``why`` says for what its own has failed."""

    name: str
    tests: int
    done: int
    failed: int
    state: StageState = StageState.OPEN
    waits_for: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class FailureNote:
    """A test that failed: ``message`` is a line, and ``text`` what pytest tells of it, shortened if need be.

    ``again``: it will be tried again.
    """

    test: str
    verdict: Verdict
    worker: str
    at: float
    message: str
    text: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run stands at ``now``. All times are seconds since it began.

    ``counts`` are tests by verdict; ``resources`` those of which something is in use; ``ready`` lack nothing but a worker. ``ends_at`` is when the run is predicted to end, None
    where too little is known of what tests take. ``stopping`` says why nothing more begins, empty if it does.
    """

    now: float
    tests: int
    counts: Mapping[Verdict, int] = field(default_factory=dict)
    workers: tuple[WorkerStatus, ...] = ()
    ready: int = 0
    waiting: tuple[Waiting, ...] = ()
    resources: tuple[ResourceStatus, ...] = ()
    stages: tuple[StageStatus, ...] = ()
    ends_at: float | None = None
    stopping: str = ""

    @property
    def done(self) -> int:
        """How many tests have a verdict."""
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        """How many of them failed or had an error."""
        return sum(self.counts.get(verdict, 0) for verdict in FAILURE)

    @property
    def busy(self) -> tuple[WorkerStatus, ...]:
        """The workers that run a test, the longest one first."""
        return tuple(
            sorted((each for each in self.workers if each.test), key=lambda each: each.since)
        )
