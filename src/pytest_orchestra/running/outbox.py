"""The worker's end of the channel: what it has to say, and when."""

from __future__ import annotations

import threading
from time import monotonic  # by name: tests may replace what is in the module
from typing import Any, Final

import execnet

from pytest_orchestra.running.dumpable import dumpable
from pytest_orchestra.running.journal import Journal

#: Seconds for which a result may be held back at the most.
HOLD: Final = 0.02


class Outbox:
    """Sends messages in order, and results of tiny tests several at a time.

    A message costs both ends far more than a record in it. So a result is held back while the
    next test is known to be there and short, in a journal that survives the worker: if it dies,
    the controller finds there what it was not told. Without a journal nothing is held back.
    """

    def __init__(self, channel: execnet.Channel, journal: Journal | None) -> None:
        self._channel: Final = channel
        self._journal: Final = journal
        self._lock: Final = threading.Lock()
        self._held_since: float | None = None
        self._closed: Final = threading.Event()
        self._clock: Final = threading.Thread(
            target=self._tick, name="orchestra-outbox", daemon=True
        )

    def open(self) -> None:
        """From now on results may be held back."""
        if self._journal is not None:
            self._clock.start()

    def close(self) -> None:
        """Send what is held back, and hold back nothing any more."""
        self._closed.set()
        with self._lock:
            self._flush()

    def send(self, message: tuple[Any, ...]) -> None:
        """Send ``message`` after all that is held back."""
        with self._lock:
            self._flush()
            try:
                self._channel.send(message)
            except execnet.DumpError:
                self._channel.send(dumpable(message))

    def run(self, index: int | None) -> None:
        """Note which test runs, where it can be found if the worker dies."""
        if self._journal is not None:
            self._journal.run(index)

    def passed(self, record: bytes, *, hold: bool) -> None:
        """Send the record of a test that passed, now or, if ``hold`` allows, a little later."""
        journal = self._journal
        with self._lock:
            if journal is None or not self._gather(journal, record):
                self._channel.send(("passed", 0, record))
                return
            if self._held_since is None:
                self._held_since = monotonic()
            if not hold or self._closed.is_set() or self._is_due():
                self._flush()

    def _gather(self, journal: Journal, record: bytes) -> bool:
        if journal.add(record):
            return True
        self._flush()
        return journal.add(record)

    def _flush(self) -> None:
        journal = self._journal
        if journal is None or self._held_since is None:
            return
        self._held_since = None
        self._channel.send(("passed", journal.batch, journal.records))
        journal.turn()

    def _tick(self) -> None:
        """Flush while a test takes longer than it was thought to."""
        while not self._closed.wait(HOLD / 2):
            if self._is_due():
                with self._lock:
                    if self._is_due():
                        self._flush()

    def _is_due(self) -> bool:
        since = self._held_since
        return since is not None and monotonic() - since >= HOLD / 2
