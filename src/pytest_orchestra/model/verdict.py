"""How a case ended, and why where it never began."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """The one outcome that every collected case ends with.

    ``FLAKY``: it failed at first, and passed when it was tried again.
    """

    PASSED = "passed"
    FLAKY = "flaky"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    BLOCKED = "blocked"
    NOT_RUN = "not run"

    #: Enum's own is written in Python, and verdicts are looked up once for every edge.
    __hash__ = str.__hash__


#: What a dependant may build on: setup, call and teardown went well.
SUCCESS: Final = frozenset({Verdict.PASSED, Verdict.FLAKY, Verdict.XPASSED})

#: What makes a run fail, and what a case may be tried again for.
FAILURE: Final = frozenset({Verdict.FAILED, Verdict.ERROR})

#: What satisfies a dependency that asks for order only.
ANY_VERDICT: Final = frozenset(Verdict)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a case was blocked or not run.

    ``case`` is the index of the case at the root of it, where there is one; ``reason`` is
    what happened to that case, or the whole reason where there is none; ``worker`` is the
    worker on which it happened. ``is_denied``: the run could not give it what it claims, so that
    nothing is known of it, and no other test is at fault. ``stage`` is the index of the stage whose gate
    has failed, where that is the cause.
    """

    reason: str
    case: int | None = None
    worker: str | None = None
    is_denied: bool = False
    stage: int | None = None
