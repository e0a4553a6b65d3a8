"""Which failed cases are tried again, when, and from when on nobody is any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from pytest_orchestra.model.verdict import FAILURE, Verdict


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How failed cases are tried again.

    ``budgets`` are how many attempts more a case may get; who is not in it gets none. The second
    attempt comes ``backoff`` seconds after the first at the earliest, and each further one after
    twice as long, but no longer than ``longest`` seconds.

    In an outage nothing is tried again: more than ``outage_share`` of all first attempts will have
    failed, whatever becomes of those to come (what is likely to fail may run first), and not less
    than ``outage_failures``.
    """

    budgets: Mapping[int, int] = field(default_factory=dict)
    backoff: float = 1.0
    longest: float = 30.0
    outage_share: float = 0.3
    outage_failures: int = 5

    def delay(self, failures: int) -> float:
        """Return the seconds until a case may be tried again that has failed so many times."""
        # So many doublings reach any limit, and a float cannot hold some thousand of them.
        return min(self.longest, self.backoff * 2.0 ** min(failures - 1, 64))


@dataclass(slots=True)
class _Attempts:
    """The attempts at one case so far, all of which failed: on which workers, and how the last one did."""

    workers: list[str] = field(default_factory=list)
    verdict: Verdict = Verdict.FAILED


class Retries:
    """The cases of one run that failed and may pass yet; they have no verdict as long as they are here."""

    def __init__(self, policy: RetryPolicy, cases: int) -> None:
        """Take how to try again, and how many cases there are."""
        self._policy: Final = policy
        self._firsts = cases
        self._failed_firsts = 0
        #: Whether nothing is tried again any more, since too much has failed.
        self.is_over = False
        self._pending: Final[dict[int, _Attempts]] = {}
        self._resting: Final[dict[int, float]] = {}
        self._due: Final[list[tuple[float, int]]] = []

    def __contains__(self, case: int) -> bool:
        """Whether ``case`` has failed and has no verdict yet."""
        return case in self._pending

    @property
    def pending(self) -> tuple[int, ...]:
        """The cases that failed and have no verdict yet."""
        return tuple(self._pending)

    @property
    def resting(self) -> int:
        """How many cases rest until they may be tried again."""
        return len(self._resting)

    @property
    def are_allowed(self) -> bool:
        """Whether any case may still be tried again."""
        return bool(self._policy.budgets) and not self.is_over

    def allow(self, case: int) -> bool:
        """Whether ``case`` would be tried again if the attempt under way failed."""
        budget = self._policy.budgets.get(case, 0)
        if self.is_over or len(self.workers(case)) >= budget:
            return False
        return not self._is_outage(self._failed_firsts + (case not in self._pending))

    def lapse(self) -> None:
        """A case will never run, not even once."""
        self._firsts -= 1

    def note(self, case: int, verdict: Verdict) -> bool:
        """An attempt at ``case`` is over; say whether this makes it an outage."""
        if case in self._pending or not self._policy.budgets:
            return False
        self._failed_firsts += verdict in FAILURE
        if self.is_over or not self._is_outage(self._failed_firsts):
            return False
        self.is_over = True
        return True

    def _is_outage(self, failed: int) -> bool:
        policy = self._policy
        return failed >= policy.outage_failures and failed > policy.outage_share * self._firsts

    # cases that failed

    def rest(self, case: int, verdict: Verdict, worker: str, now: float) -> None:
        """``case`` failed on ``worker``, and will be tried again after a while."""
        attempts = self._pending.setdefault(case, _Attempts())
        attempts.workers.append(worker)
        attempts.verdict = verdict
        due = self._resting[case] = now + self._policy.delay(len(attempts.workers))
        heappush(self._due, (due, case))

    def worsen(self, case: int, verdict: Verdict) -> None:
        """The last attempt at ``case`` has come to ``verdict`` after all."""
        self._pending[case].verdict = verdict

    def workers(self, case: int) -> tuple[str, ...]:
        """Return where ``case`` has failed so far, each time that it did."""
        attempts = self._pending.get(case)
        return tuple(attempts.workers) if attempts else ()

    def end(self, case: int) -> Verdict:
        """``case`` has its verdict now; return what its last failed attempt came to."""
        self._resting.pop(case, None)
        return self._pending.pop(case).verdict

    # time

    @property
    def next_due(self) -> float | None:
        """When a case that rests may be tried again; None if none rests."""
        due = self._due
        while due and self._resting.get(due[0][1]) != due[0][0]:
            heappop(due)
        return due[0][0] if due else None

    def awake(self, now: float) -> Iterator[int]:
        """Yield the cases that have rested for long enough; they rest no more."""
        while (due := self.next_due) is not None and due <= now:
            _, case = heappop(self._due)
            del self._resting[case]
            yield case
