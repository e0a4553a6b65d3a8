"""What a worker has been told to run and has not begun."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable


class Inbox:
    """A queue of item indices between the thread that receives and the one that runs tests."""

    def __init__(self) -> None:
        self._indices: deque[int] = deque()
        self._is_stopped = False
        self._refuses = False
        self._is_cleaning = False
        self._changed = threading.Condition()

    def put(self, indices: Iterable[int]) -> bool:
        """Add ``indices`` at the end; false if nothing is taken any more."""
        with self._changed:
            if self._refuses:
                return False
            self._indices.extend(indices)
            self._changed.notify()
            return True

    def refuse(self) -> tuple[int, ...] | None:
        """Take nothing more until ``clean``, and return what was queued.

        None, and nothing changes, if it does so already or ``clean`` was called.
        """
        with self._changed:
            if self._is_cleaning or self._refuses:
                return None
            self._refuses = True
            queued = tuple(self._indices)
            self._indices.clear()
            return queued

    def clean(self) -> None:
        """Take everything from now on, and refuse no more."""
        with self._changed:
            self._is_cleaning = True
            self._refuses = False

    def stop(self) -> None:
        """Forget what is queued and let ``take`` return None from now on."""
        with self._changed:
            self._indices.clear()
            self._is_stopped = True
            self._changed.notify()

    def recall(self, indices: Iterable[int]) -> tuple[int, ...]:
        """Remove those of ``indices`` that are still queued, and return them."""
        wanted = set(indices)
        with self._changed:
            found = tuple(index for index in self._indices if index in wanted)
            self._indices = deque(index for index in self._indices if index not in wanted)
        return found

    def peek(self) -> int | None:
        """Return the next index without taking it; None if none is queued."""
        with self._changed:
            return self._indices[0] if self._indices else None

    def take(self) -> int | None:
        """Take the next index, waiting for one; None when stopped."""
        with self._changed:
            while not self._indices and not self._is_stopped:
                self._changed.wait()
            return self._indices.popleft() if self._indices else None

    @property
    def is_stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._is_stopped
