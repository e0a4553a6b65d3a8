"""Where the cases of a run stand that have no verdict yet, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lack:
    """So many ready ``cases`` wait for ``resource``; somebody has since ``since``, on the driver's clock.

    ``alone``: they want to run alone themselves, where the resource is the lock of all.
    """

    resource: str
    cases: int
    since: float
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How many cases a worker has, are ready, rest until they are tried again, and wait for others.

    ``lacks`` says what ready ones wait for, as far as anybody has asked; the rest of them wait for a worker.
    """

    assigned: int
    ready: int
    resting: int
    waiting: int
    lacks: tuple[Lack, ...]

    @property
    def free(self) -> int:
        """How many ready cases lack nothing but a worker."""
        return self.ready - sum(lack.cases for lack in self.lacks)
