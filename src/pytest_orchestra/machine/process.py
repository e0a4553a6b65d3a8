"""Which process something belongs to, and whether that one has certainly ended."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

#: Where the state, the number of threads and the start time stand in /proc/PID/stat, counted
#: from behind the name of the command.
_STATE, _THREADS, _START = 0, 17, 19

#: The states of a process that has ended: zombie, dead.
_ENDED: Final = ("Z", "X", "x")


@dataclass(frozen=True, slots=True)
class Process:
    """One process, told apart from a later one with the same number.

    ``start`` is in clock ticks since the machine booted and ``space`` is the inode of the
    namespace in which ``pid`` means something; both are 0 where the system does not tell.
    """

    pid: int
    start: int
    space: int

    @classmethod
    def current(cls) -> Process:
        """Return the process that calls."""
        pid, space = os.getpid(), _space(os.getpid())
        stat = _stat(pid) if space else None
        return cls(pid, int(stat[_START]), space) if stat else cls(pid, 0, 0)

    def is_gone(self) -> bool:
        """Whether it has certainly ended; False also where that cannot be judged from here."""
        return self._can_be_judged() and (not self.has_pid() or self._is_over() is True)

    def is_running(self) -> bool:
        """Whether it certainly runs; False also where that cannot be judged from here."""
        return self._can_be_judged() and self.has_pid() and self._is_over() is False

    def has_pid(self) -> bool:
        """Whether any process has its number, or that cannot be judged. Takes no time."""
        if not self._can_be_judged():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True  # it belongs to somebody else
        return True

    def _can_be_judged(self) -> bool:
        return self.space != 0 and self.space == _space(os.getpid())

    def _is_over(self) -> bool | None:
        """Whether its number is another's by now, or a zombie's; None: may not be looked at."""
        stat = _stat(self.pid)
        if stat is None:
            return None
        # A process whose first thread has ended looks like a zombie while the others run.
        ended = stat[_STATE] in _ENDED and int(stat[_THREADS]) <= 1
        return ended or int(stat[_START]) != self.start


@cache
def _space(pid: int) -> int:
    """Return the namespace of ``pid``, the caller's own number, or 0 if /proc does not know it."""
    try:
        if int(Path("/proc/self").readlink().name) != pid:
            return 0  # /proc is that of another namespace
        return Path("/proc/self/ns/pid").stat().st_ino
    except (OSError, ValueError):
        return 0


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
