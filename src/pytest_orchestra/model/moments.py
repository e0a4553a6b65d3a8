"""What happens in a run, as it happens: for those who watch it.

A case is its index in the collection. Where nothing else is said, times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pytest_orchestra.model.attempt import Failure
from pytest_orchestra.model.stage import OnFail
from pytest_orchestra.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class RunBegan:
    """So many ``tests`` are about to run on so many ``workers``."""

    tests: int
    workers: int


@dataclass(frozen=True, slots=True)
class WorkerCame:
    """A worker can take work, on ``host``; empty where there is only one."""

    worker: str
    host: str


@dataclass(frozen=True, slots=True)
class WorkerWent:
    """A worker is gone: it died, or it was not needed any more."""

    worker: str


@dataclass(frozen=True, slots=True)
class CaseBegan:
    """``worker`` is known to run ``case`` now, for the ``attempt``-th time.

    Of what is over in a moment one hears only the end.
    """

    case: int
    worker: str
    attempt: int


@dataclass(frozen=True, slots=True)
class CaseEnded:
    """``case`` came to ``verdict`` after ``seconds``; it ``began`` then, since the epoch, if that is known.

    ``again``: it will be tried again, so this is not its verdict yet. ``failure`` says why it failed.
    """

    case: int
    verdict: Verdict
    seconds: float
    worker: str
    attempt: int
    began: float | None = None
    failure: Failure | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class CaseLeft:
    """``case`` will not run: it is blocked, or the run was stopped; ``reason`` says why."""

    case: int
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class CaseAmended:
    """``case`` has another verdict than it ``was`` said to have; None: it was to be tried again, and will not be."""

    case: int
    verdict: Verdict
    was: Verdict | None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class GateJudged:
    """The gate of ``stage`` has passed, or failed for ``reasons``, ``at`` so many seconds after the run began.

    ``counts`` are its tests by verdict so far. ``on_fail`` says what becomes of others now that it has failed; None
    where it holds nobody back any more, since it ``had_passed``.
    """

    stage: str
    at: float
    counts: Mapping[Verdict, int]
    reasons: tuple[str, ...] = ()
    on_fail: OnFail | None = None
    had_passed: bool = False

    @property
    def has_failed(self) -> bool:
        """Whether something that it asks for is not met."""
        return bool(self.reasons)


@dataclass(frozen=True, slots=True)
class RunStopping:
    """Nothing more begins, for this reason, but perhaps what cleans up."""

    reason: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run took ``seconds``; ``counts`` are final. ``stopped`` says why tests were not run, if any were not."""

    seconds: float
    counts: Mapping[Verdict, int]
    stopped: str | None


Moment: TypeAlias = (
    RunBegan
    | WorkerCame
    | WorkerWent
    | CaseBegan
    | CaseEnded
    | CaseLeft
    | CaseAmended
    | GateJudged
    | RunStopping
    | RunEnded
)
