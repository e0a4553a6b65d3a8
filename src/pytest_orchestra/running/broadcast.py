"""The page of a run in the browser, while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from pytest_orchestra.live.page import failure_json, page, policy, status_json
from pytest_orchestra.live.server import LOOPBACK, LiveServer
from pytest_orchestra.live.status import FailureNote, Status

#: What the page says of an exit code of pytest.
_ENDS: Final = {
    pytest.ExitCode.OK: ("passed", "good"),
    pytest.ExitCode.TESTS_FAILED: ("failed", "bad"),
    pytest.ExitCode.INTERRUPTED: ("interrupted", "bad"),
    pytest.ExitCode.NO_TESTS_COLLECTED: ("no tests", "good"),
}


class Broadcast:
    """Serves the page of a project called ``title``, from before its tests are collected until the end."""

    def __init__(self, port: int, title: str) -> None:
        """Listen on ``port``, 0 for any that is free; raises pytest.UsageError if that cannot be."""
        self._title: Final = title
        self._headline = "collecting tests"
        self._status = Status(0.0, 0)
        self._failures: tuple[FailureNote, ...] = ()
        self._is_over = False
        try:
            self._server: Final = LiveServer(port, self._page, policy())
        except OSError as error:
            raise pytest.UsageError(
                f"--orchestrate-live: port {port} of {LOOPBACK} cannot be had: {error.strerror}; "
                "name another one, or 0 for any that is free"
            ) from None
        self._publish()

    @property
    def address(self) -> str:
        """Where the page is; whoever knows it can see it, on this machine only."""
        return self._server.address

    def show(self, status: Status, failures: Sequence[FailureNote]) -> None:
        """Show ``status`` from now on, and what is new of all ``failures`` so far."""
        self._headline = "stopping" if status.stopping else "running"
        self._status = status
        self._publish(failures)

    def end(self, status: Status, failures: Sequence[FailureNote], exitstatus: int) -> None:
        """Show how the run has ended, once."""
        if self._is_over:
            return
        self._is_over = True
        self._headline, verdict = _ENDS.get(exitstatus, ("ended with an error", "bad"))  # type: ignore[call-overload]
        self._status = status
        self._publish(failures, verdict)

    def close(self) -> None:
        """Serve it no more."""
        self._server.close()

    def _publish(self, failures: Sequence[FailureNote] = (), verdict: str = "") -> None:
        fresh = failures[len(self._failures) :]
        self._failures = (*self._failures, *fresh)
        told = status_json(self._headline, self._status, is_over=self._is_over, verdict=verdict)
        self._server.board.publish(told, list(map(failure_json, fresh)), is_over=self._is_over)

    def _page(self) -> str:
        """Return the page as it is now; called in threads of the server."""
        return page(self._title, self._headline, self._status, self._failures)
