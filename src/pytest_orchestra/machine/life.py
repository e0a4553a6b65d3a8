"""Proof of life: a file that a process holds locked for as long as it lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_orchestra.machine.guard import Guard, Lock, file_lock
from pytest_orchestra.machine.place import Place, refusing, trouble
from pytest_orchestra.machine.process import Process

#: The name under which the process that writes for a run lives; others are its workers.
MAIN: Final = "main"

SUFFIX: Final = ".life"

#: Seconds for which it is not asked again whether a process number is another's by now.
_JUDGED: Final = 0.25

#: Seconds to wait for the lock on a file that is new, and looked at by others at most.
_PATIENCE: Final = 5.0

_FILE: Final = re.compile(r"([^~]+)~([^~]+)~(\d+)~(\d+)~(\d+)\.life")


@dataclass(frozen=True, slots=True)
class LifeName:
    """Whose life it is. The file's name says it all: its contents cannot be damaged."""

    run: str
    name: str
    process: Process

    @property
    def file(self) -> str:
        """The name of the file."""
        each = self.process
        return f"{self.run}~{self.name}~{each.pid}~{each.start}~{each.space}{SUFFIX}"

    @classmethod
    def parse(cls, file: str) -> LifeName | None:
        """Return what the name of a file says; None if it is none of ours."""
        found = _FILE.fullmatch(file)
        if found is None:
            return None
        pid, start, space = map(int, found.group(3, 4, 5))
        return cls(found[1], found[2], Process(pid, start, space))


class Life:
    """A process's own proof of life for a run, until it ends or closes it."""

    def __init__(self, place: Place, run: str, name: str) -> None:
        """Hold it from now on; the caller has the guard, so nobody takes it for dead."""
        self.name: Final = LifeName(run, re.sub(r"[^\w.-]", "_", name), Process.current())
        self._place: Final = place
        self._path: Final = place.name(self.name.file)
        self._lock: Lock | None = None
        self._inode = 0
        self.hold()

    def hold(self) -> None:
        """Make the file, or make it again. The guard is held."""
        before, lock = self._lock, file_lock(self._path, self._place.file_mode, _PATIENCE)
        lock.acquire(poll_interval=0.001)
        self._place.adopt(self._path)
        self._lock, self._inode = lock, os.stat(self._path).st_ino  # noqa: PTH116 - as below
        if before is not None:
            before.release()

    def is_lost(self) -> bool:
        """Whether somebody deleted the file."""
        try:
            return os.stat(self._path).st_ino != self._inode  # noqa: PTH116 - asked at each poll
        except OSError:
            return True

    def close(self) -> None:
        """End it. In a process that was forked from the holder's this does nothing."""
        if self._lock is None or self.name.process.pid != os.getpid():
            return
        with contextlib.suppress(OSError):
            Path(self._path).unlink()
        self._lock.release()
        self._lock = None


def hold_life(directory: Path, run: str, name: str, *, timeout: float = 10.0) -> Life:
    """Let this process, ``name``, prove that ``run`` uses its tokens until this process ends.

    ``directory`` and ``run`` are those of the run's Ledger. What is returned must be kept.
    Raises MachineError if the run has ended, or the directory is of no use.
    """
    with refusing(str(directory)):
        place = Place.open(directory)
        with Guard(place, timeout).held():
            if not any(file.startswith((f"{run}~", f"{run}.")) for file in os.listdir(place.path)):  # noqa: PTH208 - paths are texts here
                what = f"the run {run}, for which process {os.getpid()} would work, has ended"
                raise trouble(place.path, what, "end the process")
            return Life(place, run, name)


class Pulse:
    """Feels whether others live. Remembers their files, also those that were deleted."""

    def __init__(self) -> None:
        self._handles: Final[dict[tuple[str, int], int]] = {}
        self._judged: Final[dict[Process, tuple[float, bool]]] = {}

    def beats(self, path: str, inode: int, process: Process) -> bool:
        """Whether ``process`` lives, which holds or held the file.

        That it is locked is not enough where the process is known to have ended: what was
        forked from it may have inherited the lock.
        """
        handle = self._handles.get((path, inode))
        if handle is None:
            try:
                handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            except FileNotFoundError:
                return False
            self._handles[path, inode] = handle
        # A shared lock, so that two who feel at once do not take each other for the holder.
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return process.has_pid() and not self._is_gone(process)
        fcntl.flock(handle, fcntl.LOCK_UN)
        return False

    def _is_gone(self, process: Process) -> bool:
        now = time.monotonic()
        at, gone = self._judged.get(process, (-_JUDGED, False))
        if now - at >= _JUDGED:
            gone = process.is_gone()
            self._judged[process] = now, gone
        return gone

    def keep(self, files: set[tuple[str, int]]) -> None:
        """Forget all others than these, each a path and an inode."""
        for key in self._handles.keys() - files:
            os.close(self._handles.pop(key))
        if len(self._judged) > 2 * len(files):
            self._judged.clear()

    def close(self) -> None:
        """Forget them all."""
        self.keep(set())
