"""Wakes a driver at a certain time, where it is otherwise woken by events only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final


class Alarm:
    """Calls ``ring`` once when its time has come, in a thread of its own."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring: Final = ring
        self._timer: threading.Timer | None = None
        self._at: float | None = None

    def set(self, at: float | None, now: float) -> None:
        """Ring at ``at``, in seconds on the clock that says ``now``, and not before; None: never."""
        if at == self._at:
            return
        self.stop()
        self._at = at
        if at is not None:
            self._timer = threading.Timer(max(0.0, at - now), self._ring)
            self._timer.name = "orchestra-alarm"
            self._timer.daemon = True
            self._timer.start()

    def stop(self) -> None:
        """Ring no more."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
