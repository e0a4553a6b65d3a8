"""A heartbeat from a thread, for drivers that are otherwise woken by events only."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Pulse:
    """Calls ``beat`` every ``interval`` seconds, in a thread of its own, until stopped."""

    def __init__(self, interval: float, beat: Callable[[], None]) -> None:
        self._interval = interval
        self._beat = beat
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="orchestra-pulse", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until the thread has ended too."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            self._beat()
