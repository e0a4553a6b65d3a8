"""Measures what a test costs: CPU time and memory, in the process that runs it.

The kernel counts both anyway, so a test is measured by reading counters before and after, in
some 5 microseconds, a third of them for lowering the mark. Memory is a high-water mark of the
process's life. Linux can lower it to what is in use now, so there every test has a mark of its
own. Elsewhere only a test that raised the mark is known to have been there.

Subprocesses have one high-water mark together, which nothing lowers: that of the largest which
was ever waited for. What was started by vfork and exec also begins with its parent's mark, and
what was only forked shares its parent's memory.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from pytest_orchestra.model.usage import UNKNOWN, Usage

if sys.platform != "win32":
    from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
if sys.platform == "linux":
    from fcntl import F_GETSIG, F_SETSIG, fcntl
    from os import pwrite
    from signal import SIGRTMAX as _SIGN

#: Bytes in the unit of ``ru_maxrss``.
_UNIT: Final = 1 if sys.platform == "darwin" else 1024

#: The kernel counts pages in batches, so marks closer than this may be the same, in bytes.
_BLUR: Final = 2 * 1024 * 1024

#: Where Linux lowers the mark when this is written there, and where it can be read.
_LOWER: Final = Path("/proc/self/clear_refs")
_LOWERING: Final = b"5"
_STATUS: Final = Path("/proc/self/status")


class Meter(Protocol):
    """Measures tests, one after the other."""

    def begin(self) -> None:
        """A test begins."""

    def end(self) -> Usage:
        """Return what the test that began has cost."""

    def skip(self) -> None:
        """What happened since the last test ended belongs to none."""


def find_meter() -> Meter:
    """Return the best meter that there is for this process."""
    return BlindMeter() if sys.platform == "win32" else KernelMeter(Mark())


class BlindMeter:
    """Knows nothing: this system does not tell."""

    def begin(self) -> None:
        """A test begins."""

    def end(self) -> Usage:
        """Return nothing that would be known."""
        return UNKNOWN

    def skip(self) -> None:
        """What happened since the last test ended belongs to none."""


class Mark:
    """The way to lower this process's high-water mark of memory.

    The file stays open, since opening it costs more than all the rest. A test may close what is
    not its own and open a file that gets the same number: nothing must ever be written there.
    So the open file has a sign on it by which it is known, a signal that is never sent.
    """

    def __init__(self) -> None:
        self._handle = _open_lowering() if sys.platform == "linux" else None

    def lower(self) -> bool:
        """Lower the mark to what is in use now; say whether that could be done."""
        handle = self._handle
        if handle is None:
            return False
        try:
            if fcntl(handle, F_GETSIG) == _SIGN:
                pwrite(handle, _LOWERING, 0)
                return True
        except OSError:
            pass  # somebody closed it
        self._handle = _open_lowering()
        return self._handle is not None


def _open_lowering() -> int | None:
    """Open the file, put the sign on it and lower the mark; None if that cannot be done."""
    try:
        handle = os.open(_LOWER, os.O_WRONLY)
    except OSError:
        return None
    try:
        fcntl(handle, F_SETSIG, _SIGN)
        pwrite(handle, _LOWERING, 0)
    except OSError:
        os.close(handle)
        return None
    return handle


class KernelMeter:
    """Reads the kernel's counters; where ``mark`` cannot be lowered little is known of memory."""

    def __init__(self, mark: Mark) -> None:
        self._mark: Final = mark
        self._is_lowered = mark.lower()
        self._own = getrusage(RUSAGE_SELF)
        self._children = getrusage(RUSAGE_CHILDREN)
        self._forks = 0
        # A process begins with the mark of the one that started it, and that cannot be lowered.
        lowest = _read_mark() if self._is_lowered else 0
        self._is_hidden: Final = 0 < lowest < self._own.ru_maxrss * _UNIT - _BLUR
        self._before = 0
        os.register_at_fork(after_in_parent=self._note_fork)

    def begin(self) -> None:
        """A test begins."""
        self._is_lowered = self._mark.lower()
        self._own = own = getrusage(RUSAGE_SELF)
        self._before = _read_mark() if self._is_hidden else own.ru_maxrss * _UNIT

    def end(self) -> Usage:
        """Return what the test that began has cost."""
        own, children = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
        before = self._own
        cpu = own.ru_utime - before.ru_utime + own.ru_stime - before.ru_stime
        peak = _read_mark() if self._is_hidden else own.ru_maxrss * _UNIT
        if children.ru_minflt != self._children.ru_minflt:  # any that was waited for had some
            cpu += children.ru_utime - self._children.ru_utime
            cpu += children.ru_stime - self._children.ru_stime
            if self._is_lowered:
                peak += self._peak_of_children(children.ru_maxrss * _UNIT, peak)
            self._children = children
            self._forks = 0
        used = peak - self._before
        if not self._is_lowered:
            return cpu, peak if used else None, None
        return cpu, peak, max(0, used)

    def skip(self) -> None:
        """What happened since the last test ended belongs to none."""
        self._children = getrusage(RUSAGE_CHILDREN)
        self._forks = 0

    def _peak_of_children(self, peak: int, own: int) -> int:
        """What the largest subprocess had, as far as it is known: else 0.

        It is known if it is more than what any had before, and more than it may have had from
        its parent.
        """
        if peak <= self._children.ru_maxrss * _UNIT or peak <= own + _BLUR:
            return 0
        return peak - self._before if self._forks else peak

    def _note_fork(self) -> None:
        """What this process has now, a child has too. Of vfork Python does not tell."""
        self._forks += 1


def _read_mark() -> int:
    """Return the high-water mark of this process's own memory, in bytes; 0 if not known."""
    with suppress(OSError):
        for line in _STATUS.read_bytes().splitlines():
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
