"""What is concluded about flaky tests, for the record of a run and for whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pytest_orchestra.model.verdict import Verdict


class Standing(StrEnum):
    """What a test is, as far as its history tells."""

    HEALTHY = "healthy"
    NEW = "new"
    SUSPECT = "suspect"
    FLAKY = "flaky"
    BROKEN = "broken"


class Trend(StrEnum):
    """Where the flaky rate goes; unclear if it may go either way, or hardly any runs are known."""

    RISING = "rising"
    FALLING = "falling"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Rate:
    """A share, or a difference of two, and the interval that holds it with 90 %."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SuiteFlakes:
    """The flaky rate of the ``latest`` run, and ``overall`` in so many ``runs``.

    ``change`` is by how much the rate of the newer half of these exceeds that of the older;
    None if there are too few runs.
    """

    latest: Rate
    overall: Rate
    runs: int
    change: Rate | None
    trend: Trend


@dataclass(frozen=True, slots=True)
class FlakeRecord:
    """What the history says of a ``case`` that failed in this run, be it in one attempt of several.

    This run is taken into account. ``sentence`` says it to people, without a final stop. ``rate`` is how
    often it fails by chance, ``upper`` what that does not exceed with 95 %, and ``probability`` that
    it does at all. ``disagreements`` is how
    often the same code both passed and failed. ``kinds`` are what its failures go together with, such as
    ``order-dependent``; ``seconds_lost`` and ``red_builds`` what its failures by chance have cost.
    ``outcomes`` are those of its latest runs, this one the last: passed, flaky, or how it failed.
    """

    case: int
    standing: Standing
    sentence: str
    runs: int
    rate: Rate
    upper: float
    probability: float
    disagreements: int
    kinds: tuple[str, ...]
    seconds_lost: float
    red_builds: int
    outcomes: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class QuarantineRecord:
    """A ``case`` that is in quarantine and failed in this run, be it in one attempt of several.

    ``expires`` is the last day of its entry. ``gates``: it fails the run all the same; ``sentence``
    says why, or that it does not, without a final stop.
    """

    case: int
    owner: str
    reason: str
    expires: date
    gates: bool
    sentence: str
