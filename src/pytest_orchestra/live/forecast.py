"""When a run is likely to end, by what its tests were expected to take and what it has shown so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

#: How much of the run must be seen before what it shows counts as much as what was expected.
_TRUST: Final = 0.25

#: A run is not taken to be so many times slower or faster than it was expected to be.
_MOST: Final = 4.0


class Forecast:
    """Counts what is left; each answer costs a look at the running cases.

    ``seconds`` is what each case is expected to take, ``tails`` how long the run takes at least from its start on,
    and ``makespan`` what all of it was predicted to take.
    """

    def __init__(self, seconds: Sequence[float], tails: Sequence[float], makespan: float) -> None:
        self._seconds: Final = seconds
        self._tails: Final = tails
        self._by_tail: Final = sorted(range(len(tails)), key=lambda case: -tails[case])
        self._first = 0
        self._is_over: Final = bytearray(len(seconds))
        self._left = sum(seconds)
        self._ran = 0.0
        self._took = 0.0
        #: Seconds of the run for each second of work.
        self._share: Final = makespan / self._left if self._left else 0.0

    def ended(self, case: int, seconds: float | None) -> None:
        """``case`` has its verdict: it took so many ``seconds``, or None if it never ran."""
        if self._is_over[case]:
            return
        self._is_over[case] = 1
        self._left -= self._seconds[case]
        if seconds is not None:
            self._ran += self._seconds[case]
            self._took += seconds

    def ends_at(self, now: float, running: Mapping[int, float]) -> float:
        """Return when the run will have ended; ``running`` maps cases to when they began.

        All times are seconds since the run began.
        """
        partial = {
            case: min(now - since, self._seconds[case])
            for case, since in running.items()
            if not self._is_over[case]
        }
        begun = sum(partial.values())
        left = max(0.0, self._left - begun) * self._share
        pace = _ratio(now, (self._ran + begun) * self._share, left)
        slowness = _ratio(self._took, self._ran, self._left)
        return now + max(left * pace, self._path(partial) * slowness)

    def _path(self, partial: Mapping[int, float]) -> float:
        """Return how long it takes at least from here on, as it was expected."""
        by_tail, is_over = self._by_tail, self._is_over
        while self._first < len(by_tail) and is_over[by_tail[self._first]]:
            self._first += 1
        longest = 0.0
        for place in range(self._first, len(by_tail)):
            case = by_tail[place]
            if is_over[case]:
                continue
            longest = max(longest, self._tails[case] - partial.get(case, 0.0))
            if case not in partial:
                break  # all others are shorter
        return longest


def _ratio(real: float, expected: float, left: float) -> float:
    """Return how much more than expected it is, cautious as long as little of it is known."""
    doubt = _TRUST * (expected + left)
    ratio = (real + doubt) / (expected + doubt) if expected + doubt else 1.0
    return min(_MOST, max(1.0 / _MOST, ratio))
