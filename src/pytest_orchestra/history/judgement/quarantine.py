"""Whether the failure of a quarantined test fails the run all the same.

A test in quarantine runs and is reported as it went. Its failure is let through only while it
behaves like the flaky test that it was when it was put there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from pytest_orchestra.history.judgement.chance import at_least
from pytest_orchestra.history.judgement.judge import Judgement, Lately
from pytest_orchestra.history.judgement.observation import Trial
from pytest_orchestra.history.judgement.thresholds import DEFAULTS, Thresholds
from pytest_orchestra.model.flakes import Standing


@dataclass(frozen=True, slots=True)
class Entry:
    """A test in quarantine: who looks after it, why it is there, and the last day on which it is.

    ``line`` is where the entry begins in its file, 0 if that is not known.
    """

    nodeid: str
    owner: str
    reason: str
    expires: date
    line: int = field(default=0, compare=False)

    def is_expired(self, today: date) -> bool:
        """Whether the entry holds no longer."""
        return today > self.expires

    @property
    def told(self) -> str:
        """Until when it is there, with whom and why, in one line."""
        who, why = (" ".join(text.split()) for text in (self.owner, self.reason))
        return f"in quarantine until {self.expires} ({who}: {why})"


class Cause(StrEnum):
    """Why a failure counts although its test is in quarantine."""

    EXPIRED = "expired"
    ALWAYS = "every attempt failed"
    SIGNATURE = "new error"
    OFTEN = "fails too often"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of one quarantined test in a run.

    It gates, which means that it fails the run, if there are ``causes``. ``sentence`` says so
    to people, without a final stop; it is empty if no attempt failed.
    """

    causes: tuple[Cause, ...]
    sentence: str

    @property
    def gates(self) -> bool:
        """Whether the run fails by this test."""
        return bool(self.causes)


def rule(
    entry: Entry,
    judgement: Judgement,
    attempts: Sequence[Trial],
    today: date,
    thresholds: Thresholds = DEFAULTS,
) -> Ruling:
    """Return what becomes of a test with this ``entry`` after its ``attempts`` in this run.

    ``judgement`` is of the runs before this one. A single attempt that failed is every attempt:
    without retries quarantine lets nothing through, since a regression would look the same.
    """
    if all(attempt.passed for attempt in attempts):
        return Ruling((), "")
    causes = tuple(_causes(entry, judgement, attempts, today, thresholds))
    if not causes:
        return Ruling((), entry.told)
    why = "; ".join(_why(cause, entry, judgement, attempts) for cause in causes)
    return Ruling(causes, f"in quarantine, but fails the run: {why}")


def is_candidate(judgement: Judgement) -> bool:
    """Whether a test may be put into quarantine: nothing but flakiness is a reason."""
    return judgement.standing is Standing.FLAKY


def _causes(
    entry: Entry,
    judgement: Judgement,
    attempts: Sequence[Trial],
    today: date,
    thresholds: Thresholds,
) -> list[Cause]:
    found = {
        Cause.EXPIRED: entry.is_expired(today),
        Cause.ALWAYS: not any(attempt.passed for attempt in attempts),
        Cause.SIGNATURE: bool(_new_errors(judgement, attempts)),
        Cause.OFTEN: _with_this(judgement.lately, attempts) <= thresholds.unlike,
    }
    return [cause for cause, holds in found.items() if holds]


def _new_errors(judgement: Judgement, attempts: Sequence[Trial]) -> list[str]:
    failed = (attempt.signature for attempt in attempts if not attempt.passed)
    return [each for each in dict.fromkeys(failed) if each not in judgement.signatures]


def _with_this(lately: Lately, attempts: Sequence[Trial]) -> float:
    """Return the chance that so many of the latest runs, and this one, fail at first.

    What is known of the test's rate is what came before them.
    """
    failed = lately.failed + (not attempts[0].passed)
    return at_least(failed, lately.earlier_failed, lately.earlier_total, lately.total + 1)


def _why(cause: Cause, entry: Entry, judgement: Judgement, attempts: Sequence[Trial]) -> str:
    match cause:
        case Cause.EXPIRED:
            return f"the entry expired on {entry.expires}, mend the test or renew the entry"
        case Cause.ALWAYS if len(attempts) == 1:
            return "its only attempt failed, and without retries a regression looks the same"
        case Cause.ALWAYS:
            return f"all {len(attempts)} attempts failed"
        case Cause.SIGNATURE if not judgement.runs:
            return "the history has no run of it, so nothing is known of how it fails"
        case Cause.SIGNATURE:
            return f"it never failed like this by chance: {_new_errors(judgement, attempts)[0]}"
    lately = judgement.lately
    failed = lately.failed + (not attempts[0].passed)
    return (
        f"it failed in {failed} of the latest {lately.total + 1} runs, and in "
        f"{lately.earlier_failed} of {lately.earlier_total} before"
    )
