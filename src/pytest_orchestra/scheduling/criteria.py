"""What a gate asks for: whether that is met, cannot be met any more, or is not certain yet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from pytest_orchestra.model.stage import Check, Gate
from pytest_orchestra.model.verdict import FAILURE, Verdict
from pytest_orchestra.scheduling.duration import format_duration
from pytest_orchestra.scheduling.tally import Tally

#: So many of the tests that a gate failed for are named.
MOST_NAMED: Final = 3

#: The criterion that those decide who have a say in a gate.
REVIEW: Final = "pytest_orchestra_gate"

#: Returns the node id of a case.
_NodeId: TypeAlias = Callable[[int], str]


class Criterion(Protocol):
    """One thing that a gate asks for."""

    @property
    def name(self) -> str:
        """What it is called in the configuration."""

    def is_met(self, tally: Tally, now: float) -> bool | None:
        """Whether it is, whatever becomes of the rest; None: that depends on the rest."""

    def detail(self, tally: Tally, now: float, nodeid: _NodeId) -> str:
        """Return its figure and its limit, and the tests that are to blame."""


def criteria_of(gate: Gate) -> tuple[Criterion, ...]:
    """Return all that can be judged while a run goes on; coverage cannot."""
    found: list[Criterion] = []
    if gate.pass_rate is not None:
        found.append(PassRate(gate.pass_rate))
    if gate.max_failures is not None:
        found.append(Failures(gate.max_failures))
    if gate.max_flaky_rate is not None:
        found.append(FlakyRate(gate.max_flaky_rate))
    if gate.max_blocked is not None:
        found.append(Blocked(gate.max_blocked))
    if gate.max_duration is not None:
        found.append(Duration(gate.max_duration))
    if gate.max_slowest is not None:
        found.append(Slowest(gate.max_slowest))
    return tuple(found)


def check_all(
    criteria: Sequence[Criterion], tally: Tally, now: float, nodeid: _NodeId
) -> tuple[Check, ...]:
    """Return what became of ``criteria``."""
    return tuple(
        Check(each.name, each.is_met(tally, now), each.detail(tally, now, nodeid))
        for each in criteria
    )


@dataclass(frozen=True, slots=True)
class PassRate:
    """At least this share of the tests that ran, or were blocked, must have passed."""

    least: float
    name: str = "pass_rate"

    def is_met(self, tally: Tally, now: float) -> bool | None:  # noqa: ARG002 - others need it
        """The best is that the rest passes, the worst that it fails."""
        if self._best(tally) < self.least:
            return False
        return True if self._worst(tally) >= self.least else None

    def detail(self, tally: Tally, now: float, nodeid: _NodeId) -> str:  # noqa: ARG002 - as above
        """Name those that failed or were blocked."""
        at_best = " at best" if tally.unknown else ""
        bad = (*FAILURE, Verdict.BLOCKED)
        blame = _blame(tally, bad, "did not pass" if tally.blocked else "failed", nodeid)
        rate = _rounded(self._best(tally), math.floor)
        return f"pass rate {rate}{at_best}, at least {_rounded(self.least)} needed{blame}"

    @staticmethod
    def _best(tally: Tally) -> float:
        whole = tally.ran + tally.blocked + tally.unknown
        return (tally.good + tally.unknown) / whole if whole else 1.0

    @staticmethod
    def _worst(tally: Tally) -> float:
        whole = tally.ran + tally.blocked + tally.unknown
        return tally.good / whole if whole else 1.0


@dataclass(frozen=True, slots=True)
class FlakyRate:
    """At most this share of the tests that ran may be flaky."""

    most: float
    name: str = "max_flaky_rate"

    def is_met(self, tally: Tally, now: float) -> bool | None:  # noqa: ARG002 - others need it
        """The best is that the rest passes at once, the worst that it is flaky."""
        if self._best(tally) > self.most:
            return False
        whole = tally.ran + tally.unknown
        worst = (tally.flaky + tally.unknown) / whole if whole else 0.0
        return True if worst <= self.most else None

    def detail(self, tally: Tally, now: float, nodeid: _NodeId) -> str:  # noqa: ARG002 - as above
        """Name those that are flaky."""
        at_best = " at best" if tally.unknown else ""
        blame = _blame(tally, (Verdict.FLAKY,), "flaky", nodeid)
        rate = _rounded(self._best(tally), math.ceil)
        return f"flaky rate {rate}{at_best}, at most {_rounded(self.most)} allowed{blame}"

    @staticmethod
    def _best(tally: Tally) -> float:
        whole = tally.ran + tally.unknown
        return tally.flaky / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Failures:
    """At most so many tests may fail or have an error."""

    most: int
    name: str = "max_failures"

    def is_met(self, tally: Tally, now: float) -> bool | None:  # noqa: ARG002 - others need it
        """The worst is that all of the rest fail."""
        return _few_enough(tally.failed, tally.unknown, self.most)

    def detail(self, tally: Tally, now: float, nodeid: _NodeId) -> str:  # noqa: ARG002 - as above
        """Name those that failed."""
        names = _names(tally.cases(FAILURE), nodeid)
        return f"{tally.failed} failed, at most {self.most} allowed{names and f' ({names})'}"


@dataclass(frozen=True, slots=True)
class Blocked:
    """At most so many tests may be blocked."""

    most: int
    name: str = "max_blocked"

    def is_met(self, tally: Tally, now: float) -> bool | None:  # noqa: ARG002 - others need it
        """The worst is that all of the rest are blocked."""
        return _few_enough(tally.blocked, tally.unknown, self.most)

    def detail(self, tally: Tally, now: float, nodeid: _NodeId) -> str:  # noqa: ARG002 - as above
        """Name those that were blocked."""
        names = _names(tally.cases((Verdict.BLOCKED,)), nodeid)
        return f"{tally.blocked} blocked, at most {self.most} allowed{names and f' ({names})'}"


@dataclass(frozen=True, slots=True)
class Duration:
    """From the first test to the last no more than so many seconds may go by."""

    most: float
    name: str = "max_duration"

    def is_met(self, tally: Tally, now: float) -> bool | None:
        """Only when the last test is over, the limit is kept for certain."""
        if tally.duration(now) > self.most:
            return False
        return None if tally.unknown else True

    def detail(self, tally: Tally, now: float, nodeid: _NodeId) -> str:  # noqa: ARG002 - others need it
        """Say how long it takes, or took."""
        so_far = " so far" if tally.unknown else ""
        took = format_duration(tally.duration(now))
        return f"duration {took}{so_far}, at most {format_duration(self.most)} allowed"


@dataclass(frozen=True, slots=True)
class Slowest:
    """No test may take more than so many seconds."""

    most: float
    name: str = "max_slowest"

    def is_met(self, tally: Tally, now: float) -> bool | None:  # noqa: ARG002 - others need it
        """Only when the last test is over, the limit is kept for certain."""
        if tally.slowest_seconds > self.most:
            return False
        return None if tally.unknown else True

    def detail(self, tally: Tally, now: float, nodeid: _NodeId) -> str:  # noqa: ARG002 - as above
        """Name the slowest so far."""
        name = "" if tally.slowest is None else f" ({nodeid(tally.slowest)})"
        took = format_duration(tally.slowest_seconds)
        return f"slowest test {took}, at most {format_duration(self.most)} allowed{name}"


def _few_enough(number: int, unknown: int, most: int) -> bool | None:
    if number > most:
        return False
    return True if number + unknown <= most else None


def _blame(tally: Tally, verdicts: Sequence[Verdict], what: str, nodeid: _NodeId) -> str:
    """Return how many tests are to blame, and the first of them; nothing if none is."""
    cases = tally.cases(verdicts)
    return f" ({len(cases)} of {tally.total} {what}: {_names(cases, nodeid)})" if cases else ""


def _names(cases: Sequence[int], nodeid: _NodeId) -> str:
    more = len(cases) - MOST_NAMED
    names = ", ".join(nodeid(case) for case in cases[:MOST_NAMED])
    return f"{names} and {more} more" if more > 0 else names


def _rounded(share: float, way: Callable[[float], int] = round) -> str:
    """Return ``share`` with two to four digits, rounded such that it cannot look better than it is."""
    # What is a whole number of parts but for the last digit of a float is one.
    digits = f"{way(round(share * 10_000, 6)) / 10_000:.4f}"
    return digits[:-2] + digits[-2:].rstrip("0")
