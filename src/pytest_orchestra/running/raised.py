"""What was raised where, noted with the report of a failure in the process that ran the test.

What pytest writes of a traceback depends on ``--tb``; the exception itself does not.
"""

from __future__ import annotations

import linecache
from collections.abc import Generator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from _pytest._code.code import TracebackEntry

#: The attribute of a report that says which exception was raised, and where.
RAISED: Final = "orchestra_raised"

#: The name of the plugin.
NOTES_RAISED: Final = "orchestra-notes-raised"

_INSTALLED: Final = ("site-packages", "dist-packages")


class NotesRaised:
    """Plugin for a process that runs tests, which are those of a project at ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    # The innermost: other wrappers make copies of the report, or runs of the test.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[object]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note it with a failure; as attributes of reports do, it travels along."""
        report = yield
        if call.excinfo is not None and report.failed:
            setattr(report, RAISED, (call.excinfo.typename, place_of(call.excinfo, self._root)))
        return report


def raised_by(report: pytest.TestReport) -> tuple[str, str]:
    """Return the name of the exception that ``report`` is about, and the place; empty if unknown."""
    kind, place = getattr(report, RAISED, ("", ""))
    return str(kind), str(place)


def place_of(excinfo: pytest.ExceptionInfo[BaseException], root: Path) -> str:
    """Return file and source of the line that raised, since its number changes with what is above it.

    It is the last line that belongs to the project at ``root`` and is not hidden from tracebacks,
    or else the last of all; empty if there is none.
    """
    shown = excinfo.traceback.filter(excinfo) or excinfo.traceback
    own = [entry for entry in shown if _is_own(_file(entry), root)]
    entry = next(iter(reversed(own or shown)), None)
    if entry is None:
        return ""
    file = _file(entry)
    name = file.relative_to(root).as_posix() if own else file.name
    source = linecache.getline(str(file), entry.lineno + 1)
    return ": ".join(filter(None, (name, " ".join(source.split()))))


def _file(entry: TracebackEntry) -> PurePath:
    return PurePath(entry.frame.code.raw.co_filename)


def _is_own(file: PurePath, root: Path) -> bool:
    """Whether ``file`` is the project's, and nothing that is installed below its directory."""
    return file.is_relative_to(root) and not any(part in _INSTALLED for part in file.parts)
