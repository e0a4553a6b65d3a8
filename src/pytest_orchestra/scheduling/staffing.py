"""When more workers are worth their start, and when one that idles may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_orchestra.scheduling.engine import Vacancies

#: A worker idles for so many times what it takes to start one before it goes, if it may be needed
#: again: who rents for about as long as buying costs never pays much more than what would have been best.
PATIENCE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Muster:
    """Who is there, and what there is to do.

    At most ``limit`` workers may be there; of those that are or are being started (``hired``),
    ``starting`` cannot work yet and ``idle`` have nothing to do. ``pending`` is how many cases
    have no verdict and do not run, ``spare`` how many workers are to stay in any case.
    ``start_up`` is what it takes to start a worker, its session's fixtures included, in seconds.
    """

    limit: int
    hired: int
    starting: int
    idle: int
    vacancies: Vacancies
    pending: int
    start_up: float
    spare: int = 1

    @property
    def wanted(self) -> int:
        """How many workers are worth starting now."""
        there = self.starting + self.idle
        # What idle workers leave lying is not for others like them.
        ready = 0 if self.idle else self.vacancies.ready
        wanted = min(ready + self.vacancies.soon - there, self.limit - self.hired)
        is_soon_over = self.vacancies.wait <= self.start_up
        return 0 if is_soon_over else max(0, wanted)

    @property
    def surplus(self) -> int:
        """How many of the idle workers will find nothing to do any more."""
        return max(
            0, min(self.idle + self.starting - self.pending, self.idle, self.hired - self.spare)
        )

    def may_go(self, idle_for: float) -> bool:
        """Whether a worker may go that has found nothing for so many seconds, nor will soon."""
        has_waited = idle_for >= PATIENCE * self.start_up
        return has_waited and not self.vacancies.soon and self.hired > self.spare
