"""The status of a run at the bottom of the terminal, where pytest prints to one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import pytest
from _pytest.terminal import TerminalReporter

from pytest_orchestra.live.area import Area
from pytest_orchestra.live.status import Status
from pytest_orchestra.live.words import screen_lines

#: Variables by which systems for continuous integration say that they are one: they keep what is printed.
_CI: Final = ("CI", "BUILD_NUMBER")


#: Ways to capture with which tests print to the terminal themselves, past pytest.
_UNCAPTURED: Final = ("no", "tee-sys")


class Screen:
    """Puts an area between pytest's terminal reporter and its file, for as long as the run goes on."""

    def __init__(self, reporter: TerminalReporter, descriptor: int) -> None:
        """Take a reporter that prints to a terminal, and a descriptor of that, which is ours from now on."""
        self._writer: Final = reporter._tw  # noqa: SLF001 - pytest has no public way to what it prints to
        self._descriptor = descriptor
        self._area: Area | None = None

    @classmethod
    def find(cls, config: pytest.Config, environment: Mapping[str, str]) -> Screen | None:
        """Return a screen, None where there is none or it is not to be drawn on."""
        reporter = config.pluginmanager.getplugin("terminalreporter")
        option = config.option
        if (
            type(reporter) is not TerminalReporter  # another plugin prints in its place
            or sys.platform == "win32"
            or config.get_verbosity() < 0
            or option.collectonly
            or getattr(option, "capture", "no") in _UNCAPTURED
            or getattr(option, "usepdb", False)
            or getattr(option, "trace", False)
            or environment.get("TERM", "dumb") == "dumb"
            or any(environment.get(name) for name in _CI)
        ):
            return None
        file: Any = reporter._tw._file  # noqa: SLF001 - as above
        try:
            # Taken now, while pytest does not capture: a test that runs in this process is told of past that.
            descriptor = os.dup(file.fileno()) if file.isatty() else -1
        except (AttributeError, OSError, ValueError):
            return None
        return cls(reporter, descriptor) if descriptor >= 0 else None

    def open(self) -> None:
        """Begin to draw below what is printed."""
        writer = self._writer
        area = Area(
            writer._file,  # noqa: SLF001 - as above
            lambda: self._size().columns,
            self._column,
            is_coloured=writer.hasmarkup,
        )
        self._area = area
        writer._file = area  # noqa: SLF001 - as above

    def show(self, status: Status, *, is_aside: bool) -> None:
        """Show ``status``; ``is_aside``: past what captures the output of a test that runs in this process."""
        if self._area is not None:
            columns, rows = self._size()
            lines = screen_lines(status, status.now, columns, rows)
            self._area.show(lines, self._write if is_aside else None)

    def make_room(self) -> None:
        """Somebody is about to print past pytest: draw again after that."""
        if self._area is not None:
            self._area.clear(self._write)

    def close(self) -> None:
        """Leave nothing of what was drawn, and let pytest print by itself again."""
        area, self._area = self._area, None
        if area is not None:
            area.close()
            self._writer._file = area.file  # noqa: SLF001 - as above
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _size(self) -> os.terminal_size:
        try:
            size = os.get_terminal_size(self._descriptor)
        except OSError:
            size = shutil.get_terminal_size()
        # Some terminals say that they have no size at all.
        return os.terminal_size((size.columns or 80, size.lines or 24))

    def _column(self) -> int:
        """Return how wide the line is that pytest is in; cheap for what it mostly prints."""
        line = self._writer._current_line  # noqa: SLF001 - as above
        return len(line) if line.isascii() else self._writer.width_of_current_line

    def _write(self, text: str) -> None:
        with suppress(
            OSError
        ):  # the terminal is gone, and whoever prints in the main thread will say so
            os.write(self._descriptor, text.encode(errors="backslashreplace"))
