"""A run as it is predicted: nothing of it has happened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pytest_orchestra.model.run import RunRecord


class Source(StrEnum):
    """Where it is known from what a test takes.

    ``OTHER_PARAMETERS``, ``SAME_FILE`` and ``OTHER_TESTS`` are guesses by what these take. ``NOTHING``: it is
    assumed, since of no test anything is known.
    """

    HISTORY = "history"
    FILE = ".test_durations"
    OTHER_PARAMETERS = "other parameters"
    SAME_FILE = "same file"
    OTHER_TESTS = "other tests"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class BoundRecord:
    """No order of the same tests takes less than ``seconds``.

    ``reason`` is ``critical path``, ``work`` or the name of a resource. ``cases`` are those on the critical
    path, each of which waits for the one before; or those of a group that share a worker.
    """

    seconds: float
    reason: str
    cases: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GainRecord:
    """With one more worker, or ``amount`` more of ``resource``, the run is predicted to end ``gain`` seconds earlier.

    ``resource`` is None for a worker; ``amount`` is in tokens, or bytes for a quantity.
    """

    resource: str | None
    amount: int
    gain: float


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """What is predicted of a run.

    ``run`` is its record: where a case has ``assigned_at``, that is when it is predicted to start, and its ``seconds``
    are what it keeps its worker busy for, with the shared fixtures that it sets up. Its verdict is ``NOT_RUN``, or
    ``BLOCKED`` if it cannot run. ``order`` are the cases that run, as they start.

    ``expected`` are the seconds of each case by itself, and ``sources`` where these are from. ``set_ups`` are
    seconds that setting up shared fixtures takes in all, and ``least_set_ups`` what it takes in any order. ``bounds`` begin with the greatest, ``gains`` with the
    worker. ``order_name`` says by what tests are ordered, empty where too little is known to. ``notes`` are
    lines for people: what is said of such a run, and what was left out of the plan.
    """

    run: RunRecord
    order: tuple[int, ...]
    expected: tuple[float, ...]
    sources: tuple[Source, ...]
    bounds: tuple[BoundRecord, ...]
    gains: tuple[GainRecord, ...] = ()
    set_ups: float = 0.0
    least_set_ups: float = 0.0
    order_name: str = ""
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long the run is predicted to take."""
        return self.run.seconds
