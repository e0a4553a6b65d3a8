"""Writes down what it takes to run this run again: where that was asked for, and for the last run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra.history.places import prepare
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.dispatch_file import is_dispatch, write_dispatch

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from pytest_orchestra.running.terminal import TerminalReport

OPTION: Final = "--orchestrate-record"

#: Where the dispatch goes, below the root directory, unless the user says otherwise.
DEFAULT: Final = ".pytest_orchestra/dispatch.jsonl"

#: The value of the option where it has none.
UNNAMED: Final = ""


class Recorder:
    """Plugin for the process that the user started: writes a dispatch to ``path``."""

    def __init__(self, path: Path, terminal: TerminalReport) -> None:
        self._path: Final = path
        self._terminal: Final = terminal
        self._is_written = False
        self._has_failed = False

    @classmethod
    def register(cls, config: pytest.Config, terminal: TerminalReport) -> None:
        """Let a dispatch be written if the user wants that; raises pytest.UsageError."""
        wish: str | None = config.getoption("orchestrate_record")
        if wish is None or config.option.collectonly:
            return
        path = _path(config, wish)
        _check(path)
        config.pluginmanager.register(cls(path, terminal), "orchestra-recorder")

    @pytest.hookimpl
    def pytest_orchestra_finished(self, run: RunRecord) -> None:
        """Write it; what cannot be written does not cost the user the rest of the run."""
        try:
            prepare(self._path)
            write_dispatch(run, self._path)
        except OSError as error:
            self._has_failed = True
            what = f"{self._path} could not be written, so the run has failed: {error.strerror}"
            self._terminal.alarm(f"the dispatch {what}", red=True)
        else:
            self._is_written = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let a run fail that was to be recorded and was not."""
        if self._has_failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(
        self, terminalreporter: TerminalReporter, config: pytest.Config
    ) -> None:
        """Say where it is, and what it is for."""
        if self._is_written and config.get_verbosity() >= 0:
            shown = self._path
            if shown.is_relative_to(config.invocation_params.dir):
                shown = shown.relative_to(config.invocation_params.dir)
            terminalreporter.write_sep("-", f"dispatch in {shown}")


def _path(config: pytest.Config, wish: str) -> Path:
    if wish == UNNAMED:
        return config.rootpath / DEFAULT
    return config.invocation_params.dir / Path(wish).expanduser()


def _check(path: Path) -> None:
    """Refuse to write over anything but another dispatch: what was meant may be a test to run."""
    try:
        is_other = path.is_dir() or (
            path.is_file() and path.stat().st_size and not is_dispatch(path)
        )
    except OSError as error:
        raise pytest.UsageError(f"{OPTION}: {path} cannot be written: {error.strerror}") from None
    if is_other or "::" in path.name:
        raise pytest.UsageError(
            f"{OPTION}: {path} is no dispatch that could be written anew: write {OPTION}=FILE for a file of "
            f"its own, or {OPTION} as the last option, or before another one, for {DEFAULT}"
        )
