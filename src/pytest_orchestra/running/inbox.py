"""What a worker has been told to do and has not begun."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import TypeAlias

from pytest_orchestra.model.events import Fixture

#: The index of a test to run, or fixtures to tear down.
Errand: TypeAlias = int | tuple[Fixture, ...]


class Inbox:
    """A queue of errands between the thread that receives and the one that runs tests.

    An errand is the index of a test to run, or fixtures to tear down.
    """

    def __init__(self) -> None:
        self._errands: deque[Errand] = deque()
        self._is_stopped = False
        self._refuses = False
        self._is_cleaning = False
        self._changed = threading.Condition()

    def put(self, indices: Iterable[int]) -> bool:
        """Add ``indices`` at the end; false if nothing is taken any more."""
        with self._changed:
            if self._refuses:
                return False
            self._errands.extend(indices)
            self._changed.notify()
            return True

    def relinquish(self, fixtures: tuple[Fixture, ...]) -> None:
        """Add fixtures to tear down at the end, whether tests are taken or not."""
        with self._changed:
            self._errands.append(fixtures)
            self._changed.notify()

    def refuse(self) -> tuple[int, ...] | None:
        """Take nothing more until ``clean``, and return what was queued.

        None, and nothing changes, if it does so already or ``clean`` was called.
        """
        with self._changed:
            if self._is_cleaning or self._refuses:
                return None
            self._refuses = True
            queued = tuple(each for each in self._errands if isinstance(each, int))
            self._errands = deque(each for each in self._errands if not isinstance(each, int))
            return queued

    def clean(self) -> None:
        """Take everything from now on, and refuse no more."""
        with self._changed:
            self._is_cleaning = True
            self._refuses = False

    def stop(self) -> None:
        """Forget what is queued and let ``take`` return None from now on."""
        with self._changed:
            self._errands.clear()
            self._is_stopped = True
            self._changed.notify()

    def recall(self, indices: Iterable[int]) -> tuple[int, ...]:
        """Remove those of ``indices`` that are still queued, and return them."""
        wanted = set(indices)
        with self._changed:
            found = tuple(
                each for each in self._errands if isinstance(each, int) and each in wanted
            )
            self._errands = deque(each for each in self._errands if each not in wanted)
        return found

    def peek(self) -> int | None:
        """Return the index of the test that comes next, without taking it; None if none does."""
        with self._changed:
            first = self._errands[0] if self._errands else None
            return first if isinstance(first, int) else None

    def take(self) -> Errand | None:
        """Take the next errand, waiting for one; None when stopped."""
        with self._changed:
            while not self._errands and not self._is_stopped:
                self._changed.wait()
            return self._errands.popleft() if self._errands else None

    @property
    def is_stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._is_stopped
