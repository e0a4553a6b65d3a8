"""The lock under which runs change what they hold, for some hundred microseconds at a time."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Iterator
from typing import Any, Final, Protocol

from pytest_orchestra.machine.place import Place, trouble

_NAME: Final = "guard.lock"

#: Seconds between attempts to take a lock.
_POLL: Final = 0.001


class Lock(Protocol):
    """As much of filelock's locks as is needed here."""

    def acquire(self, *, poll_interval: float) -> object:
        """Wait for it, asking every ``poll_interval`` seconds; raises TimeoutError."""

    def release(self) -> None:
        """Let go of it."""


def file_lock(path: str, mode: int, timeout: float) -> Lock:
    """Return a lock on the file ``path`` that all threads share; ``timeout`` is in seconds.

    It never falls back to a file that outlives its owner.
    """
    from filelock import FileLock  # noqa: PLC0415 - takes 30 ms, and most runs need none

    options: dict[str, Any] = {"timeout": timeout, "mode": mode, "thread_local": False}
    if "fallback_to_soft" in inspect.signature(FileLock.__init__).parameters:
        options["fallback_to_soft"] = False
    return FileLock(path, **options)


class Guard:
    """The one lock of a ledger."""

    def __init__(self, place: Place, timeout: float) -> None:
        """Wait for at most ``timeout`` seconds whenever somebody else has it."""
        self._place: Final = place
        self._path: Final = place.name(_NAME)
        self._timeout: Final = timeout
        self._lock: Final = file_lock(self._path, place.file_mode, timeout)
        self._draft: Final = f"guard.{os.getpid()}.{id(self)}.new"
        self._inode = 0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold it; raises MachineError if somebody else does not let go, OSError for the rest."""
        self._place.restore()
        self._place.make(_NAME, self._draft)
        inode = self._inode_now()
        try:
            self._lock.acquire(poll_interval=_POLL)
        except TimeoutError as error:
            what = f"somebody has held {_NAME} for more than {self._timeout:g} s"
            remedy = f"see who it is (fuser {self._path}), and continue or end that process"
            raise trouble(self._place.path, what, remedy) from error
        try:
            self._inode = inode if inode == self._inode_now() else 0
            yield
        finally:
            self._lock.release()

    def is_intact(self) -> bool:
        """Whether nobody else can have it, as they could if its file had been deleted.

        What was written before it was asked for is seen by whoever gets it next.
        """
        return self._inode_now() == self._inode != 0

    def _inode_now(self) -> int:
        try:
            return os.stat(self._path).st_ino  # noqa: PTH116 - called for every change
        except FileNotFoundError:
            return 0
