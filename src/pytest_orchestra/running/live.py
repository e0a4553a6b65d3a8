"""Shows a run while it goes on: on the terminal, in the log, in a browser, and in a file of events."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_orchestra.live.status import Status
from pytest_orchestra.running.screen import Screen

if TYPE_CHECKING:
    from pytest_orchestra.model.run import RunRecord
    from pytest_orchestra.running.broadcast import Broadcast
    from pytest_orchestra.running.event_log import EventLog
    from pytest_orchestra.running.log_lines import LogLines
    from pytest_orchestra.running.lookout import Lookout
    from pytest_orchestra.running.run import Run
    from pytest_orchestra.running.terminal import TerminalReport

#: The name of the plugin.
LIVE: Final = "orchestra-live"

#: Seconds between two looks at a run at least, and the largest share of the time that they may take.
_PAUSE: Final = 0.25
_SHARE: Final = 0.02


class Live:
    """Plugin that follows the run which is opened, as far as anybody wants to see it.

    Only what is said to be for any thread is; all else is for the one that drives the run.
    """

    def __init__(self, config: pytest.Config, terminal: TerminalReport) -> None:
        self._config: Final = config
        self._terminal: Final = terminal
        self._screen: Screen | None = None
        self._broadcast: Final = _broadcast(config)
        self._events: Final = _event_log(config, terminal)
        self._run: Run | None = None
        self._lookout: Lookout | None = None
        self._status = Status(0.0, 0)
        #: Held while somebody looks.
        self._lock: Final = threading.Lock()
        self._pause = _PAUSE
        self._looked_at = 0.0

    @pytest.hookimpl
    def pytest_sessionstart(self) -> None:
        """Say where the page is, which nobody can guess; now there is a terminal."""
        self._screen = Screen.find(self._config, os.environ)
        if self._broadcast is None:
            return
        text = f"live page: {self._broadcast.address}"
        if self._config.pluginmanager.has_plugin("terminalreporter"):
            self._terminal.alarm(text)
        else:
            print(f"orchestra: {text}", file=sys.stderr)  # noqa: T201 - nobody else does

    @property
    def is_watched(self) -> bool:
        """Whether somebody sees what happens when it does."""
        return self._screen is not None or self._broadcast is not None

    def open(self, run: Run, workers: int) -> None:
        """Follow ``run``, on so many ``workers``, from now on."""
        self._run = run
        if self._events is not None:
            self._events.open(run)
        from pytest_orchestra.running.lookout import Lookout  # noqa: PLC0415 - with the run, not before

        self._lookout = Lookout(run, workers, hears=self.is_watched)
        if self.is_watched:
            run.telling.listeners.append(self._lookout.hear)
        if self._screen is not None:
            self._screen.open()

    def tick(self) -> None:
        """Look at the run, and show what is new, if that is due."""
        if (
            self.is_watched
            and self._run is not None
            and time.monotonic() - self._looked_at >= self._pause
        ):
            self._look()

    def log_lines(self, run: Run) -> LogLines:
        """Return what knows when a line about ``run`` is due."""
        from pytest_orchestra.running.log_lines import LogLines  # noqa: PLC0415 - with the run, not before

        wants_minutes = self._screen is None and self._config.get_verbosity() >= 0
        look = self._lookout.look if self._lookout is not None and wants_minutes else None
        return LogLines(run, look)

    def make_room(self) -> None:
        """Somebody is about to print past pytest; for any thread."""
        if self._screen is not None:
            self._screen.make_room()

    def look_aside(self) -> None:
        """Look while a test keeps the thread busy that drives the run; for any other thread.

        Raises RuntimeError if the run goes on meanwhile.
        """
        if self.is_watched and self._run is not None:
            self._look(is_aside=True)

    def _look(self, *, is_aside: bool = False) -> None:
        with self._lock:
            if self._lookout is None or self._run is None:
                return  # it has ended meanwhile
            began = time.monotonic()
            self._status = self._lookout.look()
            if self._screen is not None:
                self._screen.show(self._status, is_aside=is_aside)
            if self._broadcast is not None:
                self._broadcast.show(self._status, self._lookout.failures)
            self._looked_at = time.monotonic()
            self._pause = max(_PAUSE, (self._looked_at - began) / _SHARE)

    # the end

    @pytest.hookimpl(tryfirst=True)
    def pytest_orchestra_finished(self, run: RunRecord) -> None:
        """Say what came of it."""
        with self._lock:
            self._give_screen_back()
            watched, self._run = self._run, None
            if watched is not None:
                from pytest_orchestra.running.gates import late_failures  # noqa: PLC0415 - at the end

                for moment in late_failures(run):
                    watched.telling.tell(moment)
            if self._lookout is not None and self.is_watched:
                # What comes after the last test is not its time.
                self._status = replace(self._lookout.look(), now=run.seconds)
        if self._events is not None:
            from pytest_orchestra.model.moments import RunEnded  # noqa: PLC0415 - at the end

            self._events.write(RunEnded(run.seconds, run.counts, run.stopped))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Tell browsers how it ended once everybody has had a say in that."""
        self._give_screen_back()
        try:
            return (yield)
        finally:
            if self._broadcast is not None:
                failures = self._lookout.failures if self._lookout is not None else ()
                self._broadcast.end(self._status, failures, int(session.exitstatus))

    @pytest.hookimpl
    def pytest_unconfigure(self) -> None:
        """Leave nothing behind, whatever has happened."""
        self._give_screen_back()
        if self._broadcast is not None:
            self._broadcast.close()
        if self._events is not None:
            self._events.close()

    def _give_screen_back(self) -> None:
        if self._screen is not None:
            self._screen.close()


def live_of(config: pytest.Config) -> Live:
    """Return what shows the run while it goes on."""
    found: Live | None = config.pluginmanager.get_plugin(LIVE)
    assert found is not None, "it is registered before there is a run"  # noqa: S101
    return found


def _broadcast(config: pytest.Config) -> Broadcast | None:
    port: int | None = config.getoption("orchestrate_live")
    if port is None or config.option.collectonly:
        return None
    from pytest_orchestra.running.broadcast import Broadcast  # noqa: PLC0415 - only if wanted

    return Broadcast(port, config.rootpath.name)


def _event_log(config: pytest.Config, terminal: TerminalReport) -> EventLog | None:
    """Return the file of events: the one that was asked for, or else one for those who follow the page."""
    chosen: str | None = config.getoption("orchestrate_events")
    is_followed = config.getoption("orchestrate_live") is not None
    if config.option.collectonly or not (chosen or is_followed):
        return None
    from pytest_orchestra.running.event_log import DEFAULT, EventLog  # noqa: PLC0415 - only if wanted

    if chosen:
        path = config.invocation_params.dir / os.path.expanduser(chosen)  # noqa: PTH111 - may be any text
    else:
        path = config.rootpath / ".pytest_orchestra" / DEFAULT
    return EventLog(path, lambda text: terminal.alarm(text, yellow=True), is_own=not chosen)
