"""What is known of one test in one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: In an outage more than this share of a run's first attempts fail.
OUTAGE_SHARE: Final = 0.3

#: Fewer failures than this are no outage, however few tests ran: one broken test of a suite of
#: three, or the one test that somebody runs by itself, says something about that test.
OUTAGE_FAILURES: Final = 5


@dataclass(frozen=True, slots=True)
class Trial:
    """One time that the test ran; None for what is not known.

    ``signature`` says how it failed, such that two failures of one kind have the same. ``seconds``
    are what it took. ``beside`` tells whether other tests ran meanwhile. ``before`` are the node
    ids of the tests that ran earlier in its process, and ``contended`` the resources of which
    others had some meanwhile.
    """

    passed: bool
    signature: str = ""
    seconds: float | None = None
    beside: bool | None = None
    before: frozenset[str] | None = None
    contended: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One run of one test: its attempts, of which there is at least one, in their order.

    ``commit`` is None where it is not known, ``is_clean`` whether the tree was as committed, and
    ``environment`` a fingerprint of what else decides outcomes. ``limit`` is the time limit of the
    test in seconds. ``is_outage``: so many tests failed in this run that it says nothing about one.
    """

    run: str
    attempts: tuple[Trial, ...]
    commit: str | None = None
    is_clean: bool = True
    environment: str = ""
    limit: float | None = None
    is_outage: bool = False

    @property
    def first(self) -> Trial:
        """The attempt that every run makes."""
        return self.attempts[0]

    @property
    def passed(self) -> bool:
        """Whether any attempt passed, which is what the run reports in the end."""
        return any(attempt.passed for attempt in self.attempts)


def is_outage(failed: int, tests: int) -> bool:
    """Whether a run in which ``failed`` of so many ``tests`` failed at first was an outage."""
    return failed >= OUTAGE_FAILURES and failed > OUTAGE_SHARE * tests
