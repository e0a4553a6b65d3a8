"""What has become of the tests of one stage so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_orchestra.model.verdict import FAILURE, Verdict

#: What pytest takes for well: an expected failure is none.
_GOOD: Final = frozenset({Verdict.PASSED, Verdict.FLAKY, Verdict.XPASSED, Verdict.XFAILED})

#: Verdicts of which tests are named where a gate fails.
_NAMED: Final = frozenset({*FAILURE, Verdict.BLOCKED, Verdict.FLAKY})


class Tally:
    """Counts the verdicts of ``total`` cases, each in constant time.

    Cases that are ``excused`` do not count as flaky. ``held_at`` is when some were held back, for good, by a
    gate that had failed, so that nothing is known of those that did not run; in seconds of the run.
    """

    def __init__(self, total: int, excused: frozenset[int] = frozenset()) -> None:
        self.total: Final = total
        self.counts: Final = dict.fromkeys(Verdict, 0)
        self.held_at: float | None = None
        #: When it was certain that the rest never runs, since the run was stopped, in seconds.
        self.stopped_at: float | None = None
        #: When the first case began, and when the last one that ran was over, in seconds.
        self.began_at: float | None = None
        self.ended_at: float | None = None
        #: What the slowest one took, in seconds, and which one that is.
        self.slowest_seconds = 0.0
        self.slowest: int | None = None
        #: How many ended well; failed or had an error; are flaky and not excused.
        self.good = 0
        self.failed = 0
        self.flaky = 0
        self._excused: Final = excused
        self._named: Final[dict[int, Verdict]] = {}

    # what happens

    def begin(self, now: float) -> None:
        """A worker runs a case by now."""
        if self.began_at is None:
            self.began_at = now

    def spend(self, case: int, seconds: float, now: float) -> None:
        """``case`` was over, after so many ``seconds``."""
        self.ended_at = now
        if self.slowest is None or seconds > self.slowest_seconds:
            self.slowest, self.slowest_seconds = case, seconds

    def add(self, case: int, verdict: Verdict) -> None:
        """``case`` has its ``verdict``."""
        self._count(verdict, 1)
        if verdict is Verdict.FLAKY:
            if case in self._excused:
                return
            self.flaky += 1
        if verdict in _NAMED:
            self._named[case] = verdict

    def _count(self, verdict: Verdict, change: int) -> None:
        self.counts[verdict] += change
        if verdict in _GOOD:
            self.good += change
        elif verdict in FAILURE:
            self.failed += change

    def amend(self, case: int, before: Verdict, verdict: Verdict) -> None:
        """``case``, of which another verdict was known ``before``, has this one after all."""
        self._count(before, -1)
        if self._named.pop(case, None) is Verdict.FLAKY:
            self.flaky -= 1
        self.add(case, verdict)

    # what is known

    @property
    def blocked(self) -> int:
        """How many could not run, for want of something that they need."""
        return 0 if self.held_at is not None else self.counts[Verdict.BLOCKED]

    @property
    def ran(self) -> int:
        """How many ran; a test that was skipped did not."""
        return self.good + self.failed

    @property
    def unknown(self) -> int:
        """How many have no verdict that says anything of them, so far or for ever."""
        return self.total - self.ran - self.blocked - self.counts[Verdict.SKIPPED]

    @property
    def is_cut_short(self) -> bool:
        """Whether some cases never run, so that time that goes by says nothing of them."""
        return self.held_at is not None or self.stopped_at is not None

    def duration(self, now: float) -> float:
        """Return the seconds since the first case began, up to the end of the last one."""
        if self.began_at is None:
            return 0.0
        if self.unknown and not self.is_cut_short:
            return now - self.began_at
        ends = (self.began_at, self.ended_at, self.held_at, self.stopped_at)
        return max(each for each in ends if each is not None) - self.began_at

    def cases(self, verdicts: Iterable[Verdict]) -> tuple[int, ...]:
        """Return the cases with one of these ``verdicts``, of those that a gate may fail for."""
        wanted = frozenset(verdicts)
        if self.held_at is not None:
            wanted -= {Verdict.BLOCKED}
        return tuple(case for case, verdict in self._named.items() if verdict in wanted)
