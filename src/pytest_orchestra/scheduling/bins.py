"""Shards while units are being put into them, and what each of them takes by now."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final


class Bins:
    """``count`` bins for units of so many microseconds each.

    ``kits`` are the fixtures of each unit, which cost ``costs`` microseconds in every bin that has
    units which use them.
    """

    def __init__(
        self,
        weights: Sequence[int],
        kits: Sequence[Sequence[int]],
        costs: Sequence[int],
        count: int,
    ) -> None:
        self.weights: Final = weights
        self._kits: Final = kits
        self._costs: Final = costs
        #: Microseconds that each bin takes, and its units.
        self.loads: Final = [0] * count
        self.units: Final[list[set[int]]] = [set() for _ in range(count)]
        self.bin_of: Final = [-1] * len(weights)
        self._uses: Final[list[Counter[int]]] = [Counter() for _ in range(count)]
        self._holders: Final[dict[int, set[int]]] = {}
        #: Loads and bins; those that are no longer true are left out when they come up.
        self._by_load: Final = [(0, each) for each in range(count)]

    def put(self, units: Iterable[int], into: int) -> None:
        """Put ``units``, which are in no bin, ``into`` one."""
        uses = self._uses[into]
        for unit in units:
            self.loads[into] += self.added((unit,), into)
            for fixture in self._kits[unit]:
                uses[fixture] += 1
                self._holders.setdefault(fixture, set()).add(into)
            self.units[into].add(unit)
            self.bin_of[unit] = into
        heapq.heappush(self._by_load, (self.loads[into], into))

    def take(self, unit: int) -> None:
        """Take ``unit`` out of its bin."""
        where = self.bin_of[unit]
        uses = self._uses[where]
        self.units[where].remove(unit)
        self.bin_of[unit] = -1
        for fixture in self._kits[unit]:
            uses[fixture] -= 1
            if not uses[fixture]:
                self._holders[fixture].remove(where)
        self.loads[where] -= self.added((unit,), where)
        heapq.heappush(self._by_load, (self.loads[where], where))

    def added(self, units: Iterable[int], into: int) -> int:
        """Return what ``units`` would add to what a bin takes."""
        uses = self._uses[into]
        fresh: set[int] = set()
        weight = 0
        for unit in units:
            weight += self.weights[unit]
            fresh.update(each for each in self._kits[unit] if not uses[each])
        return weight + sum(self._costs[each] for each in fresh)

    def best_for(self, units: Sequence[int]) -> int:
        """Return the bin that takes least with ``units`` in it; the first of several."""
        while self._by_load[0][0] != self.loads[self._by_load[0][1]]:
            heapq.heappop(self._by_load)
        candidates = {self._by_load[0][1]}
        for unit in units:
            for fixture in self._kits[unit]:
                candidates |= self._holders.get(fixture, set())
        if len(candidates) == 1:
            return candidates.pop()
        return min(candidates, key=lambda each: (self.loads[each] + self.added(units, each), each))

    @property
    def most(self) -> int:
        """What the fullest bin takes."""
        return max(self.loads)
