"""The file of events of a run, as far as it can be written."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pytest_orchestra.history.places import prepare
from pytest_orchestra.live.events_file import EventsFile, open_to_append
from pytest_orchestra.model.moments import Moment
from pytest_orchestra.running.run import Run

#: Where it is unless the user says otherwise, in the plugin's own folder.
DEFAULT: Final = "events.jsonl"


class EventLog:
    """Appends what a run tells to a file; what is wrong with that costs the user a line, and not the run.

    ``complain`` prints it. ``is_own``: the file is in the plugin's folder, which is made if need be.
    """

    def __init__(self, path: Path, complain: Callable[[str], None], *, is_own: bool) -> None:
        self._path: Final = path
        self._complain: Final = complain
        self._is_own: Final = is_own
        self._descriptor = -1
        self._file: EventsFile | None = None

    def open(self, run: Run) -> None:
        """Write what ``run`` tells from now on."""
        try:
            if self._is_own:
                prepare(self._path)
            else:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = open_to_append(self._path)
        except OSError as error:
            self._give_up(error)
            return
        self._file = EventsFile(self._descriptor, run.uuid, run.nodeid)
        run.telling.listeners.append(self.write)

    def write(self, moment: Moment) -> None:
        """Append ``moment``."""
        if self._file is None:
            return
        try:
            self._file.write((moment,), time.time())
        except OSError as error:
            self._file = None
            self._give_up(error)

    def close(self) -> None:
        """Write nothing more."""
        self._file = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _give_up(self, error: OSError) -> None:
        what = error.strerror or error
        self._complain(f"events cannot be written to {self._path}, so there are none: {what}")
