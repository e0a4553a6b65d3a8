"""Cases that take turns: one at a time, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise


class Sequences:
    """Says whose turn it is; who is over, whether it ran or not, keeps no place."""

    def __init__(self, sequences: Iterable[Sequence[int]]) -> None:
        """Take the cases of each sequence in their order."""
        self._before: dict[int, int] = {}
        self._after: dict[int, int] = {}
        for sequence in sequences:
            for one, next_one in pairwise(sequence):
                self._before[next_one] = one
                self._after[one] = next_one

    @property
    def waiting(self) -> tuple[int, ...]:
        """The cases whose turn has not come."""
        return tuple(self._before)

    def is_awaited(self, case: int) -> bool:
        """Whether another one waits for its turn until ``case`` is over."""
        return case in self._after

    def leave(self, case: int) -> int | None:
        """``case`` is over; return the one whose turn has come with that, if there is one."""
        before, after = self._before.pop(case, None), self._after.pop(case, None)
        if before is not None:
            del self._after[before]
        if after is None:
            return None
        del self._before[after]
        if before is None:
            return after
        self._before[after], self._after[before] = before, after
        return None
