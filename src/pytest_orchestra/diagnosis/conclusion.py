"""What a diagnosis comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pytest_orchestra.diagnosis.experiment import Count, Experiment


class Cause(StrEnum):
    """What the outcome of the target depends on."""

    POLLUTED = "polluted"
    BRITTLE = "brittle"
    TIMING = "timing"
    CONTENTION = "contention"
    RANDOM = "random"
    BROKEN = "broken"
    NEVER_FAILED = "never failed"
    NEVER_RAN = "never ran"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How often the target failed in one experiment."""

    experiment: Experiment
    count: Count


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A cause and the evidence for it.

    ``evidence`` are the two experiments whose contrast proves it, the one with more failures
    first, or all that there were if there is no contrast. ``chance`` is that of so strong a
    contrast by accident, None without one. ``is_narrowed``: all tests that are named are needed.
    ``ran_out``: there was no time for all that could have been tried.
    """

    cause: Cause
    evidence: tuple[Evidence, ...] = ()
    chance: float | None = None
    is_narrowed: bool = False
    ran_out: bool = False
