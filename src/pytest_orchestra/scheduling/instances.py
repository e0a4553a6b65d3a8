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
        #: ``use * count + instance``; an entry of another use than the instance has is dead.
        self._queue: Final = list(range(count))
        self._queued: Final = set(self._queue)
        self.count: Final = count
        #: How many have a free slot.
        self.free = count

    def take(self, tokens: int) -> tuple[int, ...]:
        """Return so many different instances; or all slots that are left, one of each first."""
        if tokens <= self.free:
            found = tuple([self._pop() for _ in range(tokens)])
            for instance in found:
                self._use(instance)
            return found
        taken = tuple(
            instance
            for slot in range(self._slots)
            for instance, used in enumerate(self._used)
            if used + slot < self._slots
        )
        assert tokens == len(taken), "neither different instances nor all"  # noqa: S101
        self._used[:] = [self._slots] * self.count
        self.free = 0
        return taken

    def give_back(self, instances: Iterable[int]) -> None:
        """Take back what ``take`` returned."""
        for instance in instances:
            used = self._used[instance]
            self.free += used == self._slots
            self._used[instance] = used - 1
            self._push(instance)

    def _pop(self) -> int:
        """Take the best instance out of the queue."""
        while True:
            entry = heappop(self._queue)
            self._queued.remove(entry)
            used, instance = divmod(entry, self.count)
            if used == self._used[instance]:
                return instance

    def _use(self, instance: int) -> None:
        self._used[instance] += 1
        if self._used[instance] < self._slots:
            self._push(instance)
        else:
            self.free -= 1

    def _push(self, instance: int) -> None:
        entry = self._used[instance] * self.count + instance
        if entry not in self._queued:
            self._queued.add(entry)
            heappush(self._queue, entry)
