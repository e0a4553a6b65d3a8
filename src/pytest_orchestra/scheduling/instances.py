"""The instances of one resource: which ones are free, and who gets which."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final


class Instances:
    """So many instances, each of which so many may use at a time.

    The least used ones are handed out first, of those the first. Whoever takes several gets
    different ones, but for who takes all that is left.
    """

    def __init__(self, count: int, slots: int) -> None:
        self._slots: Final = slots
        self._used: Final = [0] * count
        #: (use, instance, version); an entry of another version than the instance has is dead.
        self._queue: Final = [(0, instance, 0) for instance in range(count)]
        self._versions: Final = [0] * count
        self.count: Final = count
        #: How many have a free slot.
        self.free = count

    def take(self, tokens: int) -> tuple[int, ...]:
        """Return so many different instances, or those with several free slots several times."""
        if tokens > self.free:
            taken = tuple(
                instance
                for instance, used in enumerate(self._used)
                for _ in range(self._slots - used)
            )
            assert tokens == len(taken), "neither different instances nor all"  # noqa: S101
        else:
            taken = tuple(self._pop() for _ in range(tokens))
        for instance in taken:
            self._set(instance, self._used[instance] + 1)
        return taken

    def give_back(self, instances: Iterable[int]) -> None:
        """Take back what ``take`` returned."""
        for instance in instances:
            self._set(instance, self._used[instance] - 1)

    def _pop(self) -> int:
        while True:
            _, instance, version = heappop(self._queue)
            if version == self._versions[instance]:
                return instance

    def _set(self, instance: int, used: int) -> None:
        self.free += (used < self._slots) - (self._used[instance] < self._slots)
        self._used[instance] = used
        self._versions[instance] += 1
        if used < self._slots:
            heappush(self._queue, (used, instance, self._versions[instance]))
