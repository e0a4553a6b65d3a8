"""How many workers may be busy while the machine is short of memory or of cores.

Half of them at each step, and more again when that is over; never less than one. What ends an
episode is asked for less than what begins one, so that nothing swings to and fro.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pytest_orchestra.model.pressure import PressureRecord, Scarce

#: Seconds between two steps: as long as the averages of the kernel need to show what came of one.
STEP: Final = 3.0

#: Memory is short if less than this share is available, whatever else is known ...
LEAST_MEMORY: Final = 0.05
#: ... or less than this while tasks wait for it for that many per cent of the time.
LITTLE_MEMORY: Final = 0.15
MEMORY_STALL: Final = 10.0

#: It is short no longer with that share, or with this one and as good as no waiting.
ENOUGH_MEMORY: Final = 0.25
TOLERABLE_MEMORY: Final = 0.10
TOLERABLE_STALL: Final = 3.0

#: Cores are short if tasks wait for them most of the time and there are so many for each core. With as
#: many workers as cores a run adds one or two to that, so several runs beside one another do not come near.
CPU_STALL: Final = 80.0
CROWDED: Final = 8.0

#: They are short no longer below either of these.
TOLERABLE_CPU_STALL: Final = 60.0
UNCROWDED: Final = 5.0


@dataclass(frozen=True, slots=True)
class Strain:
    """What a machine, or the part of it that we may use, has to bear; None for what is not known.

    ``cpu_stall`` and ``memory_stall`` are per cent of the last ten seconds in which some task waited;
    ``load`` is how many tasks there were for each core in the last minute, and ``available`` how many
    bytes of ``total`` may still be used.
    """

    cpu_stall: float | None = None
    load: float | None = None
    memory_stall: float | None = None
    available: int | None = None
    total: int | None = None

    @property
    def memory_left(self) -> float | None:
        """Which share of the memory is available."""
        if self.available is None or not self.total:
            return None
        return self.available / self.total


class Governor:
    """Says how many workers may be busy; ``governs_cpu`` if scarce cores count as well as memory."""

    def __init__(self, *, governs_cpu: bool) -> None:
        self._governs_cpu: Final = governs_cpu
        self._stepped_at = 0.0
        #: How many workers may be busy; None: all.
        self.most: int | None = None
        self.scarce: Scarce | None = None
        self._ended: list[PressureRecord] = []
        self._current: PressureRecord | None = None

    def look(self, strain: Strain, busy: int, workers: int, now: float) -> bool:
        """Take in the ``strain`` at ``now``, in seconds; return whether ``most`` has changed.

        So many ``workers`` are there, and so many of them ``busy``.
        """
        if self.most is not None and now - self._stepped_at < STEP:
            return False
        before = self.most
        scarce = self._find_scarce(strain)
        if scarce is not None and workers > 1:
            self._hold_back(scarce, busy, workers, now)
        elif self.most is not None:
            self._let_go(workers, now)
        return self.most != before

    def records(self, now: float) -> tuple[PressureRecord, ...]:
        """Return all episodes; one that goes on ends ``now``."""
        current = () if self._current is None else (self._close(self._current, now),)
        return (*self._ended, *current)

    def _hold_back(self, scarce: Scarce, busy: int, workers: int, now: float) -> None:
        allowed = workers if self.most is None else self.most
        allowed = max(1, min(allowed, busy, workers))
        self.most = max(1, allowed - max(1, allowed // 2))
        self._stepped_at = now
        if self._current is None or self._current.scarce is not scarce:
            if self._current is not None:
                self._ended.append(self._close(self._current, now))
            self._current = PressureRecord(scarce, began=now, fewest=self.most)
        self._current = replace(self._current, fewest=min(self._current.fewest, self.most))
        self.scarce = scarce

    def _let_go(self, workers: int, now: float) -> None:
        assert self.most is not None  # noqa: S101 - it is asked only then
        self.most += max(1, self.most // 2)
        self._stepped_at = now
        if self.most >= workers:
            assert self._current is not None  # noqa: S101 - it began when workers were held back
            self._ended.append(self._close(self._current, now))
            self.most = self.scarce = self._current = None

    @staticmethod
    def _close(record: PressureRecord, now: float) -> PressureRecord:
        return replace(record, seconds=now - record.began)

    def _find_scarce(self, strain: Strain) -> Scarce | None:
        if self._is_memory_short(strain):
            return Scarce.MEMORY
        return Scarce.CPU if self._governs_cpu and self._are_cores_short(strain) else None

    def _is_memory_short(self, strain: Strain) -> bool:
        left, stall = strain.memory_left, strain.memory_stall
        if left is None:
            return False
        if self.scarce is Scarce.MEMORY:
            is_quiet = stall is None or stall < TOLERABLE_STALL
            return left < TOLERABLE_MEMORY or not (left >= ENOUGH_MEMORY or is_quiet)
        return left < LEAST_MEMORY or (
            left < LITTLE_MEMORY and stall is not None and stall >= MEMORY_STALL
        )

    def _are_cores_short(self, strain: Strain) -> bool:
        if strain.load is None:
            return False
        is_going_on = self.scarce is Scarce.CPU
        least = TOLERABLE_CPU_STALL if is_going_on else CPU_STALL
        is_stalled = strain.cpu_stall is None or strain.cpu_stall >= least
        return is_stalled and strain.load >= (UNCROWDED if is_going_on else CROWDED)
