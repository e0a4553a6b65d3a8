"""How much work is ready and waits for workers."""

from __future__ import annotations

from typing import Final

from pytest_orchestra.scheduling.estimates import Estimates


class Backlog:
    """Adds up what ready cases are expected to cost."""

    def __init__(self, estimates: Estimates) -> None:
        self._estimates: Final = estimates
        self._known = 0.0
        self._unknown = 0

    def add(self, case: int) -> None:
        """``case`` is ready."""
        self._count(case, 1)

    def remove(self, case: int) -> None:
        """``case`` was given to a worker, or is ready no longer."""
        self._count(case, -1)

    @property
    def seconds(self) -> float:
        """What they cost together; infinity where nothing is known of any."""
        if not self._unknown:
            return max(0.0, self._known)
        return max(0.0, self._known) + self._unknown * self._estimates.typical

    def _count(self, case: int, number: int) -> None:
        known = self._estimates.known[case]
        if known is None:
            self._unknown += number
        else:
            self._known += number * known
