"""Writes the reports that were asked for, and says where they are."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import pytest

from pytest_orchestra.reports.forms import FORMS
from pytest_orchestra.reports.junit_options import Dialect, JunitOptions
from pytest_orchestra.running.surroundings import read_surroundings
from pytest_orchestra.running.uncollected import uncollected_of
from pytest_orchestra.settings import Settings

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from pytest_orchestra.model.run import RunRecord
    from pytest_orchestra.running.terminal import TerminalReport

_REPORT: Final = "--orchestrate-report"
#: Where GitHub's runner wants a summary of what a step did.
_STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"


@dataclass(frozen=True, slots=True)
class Wish:
    """One file that is wanted: the name of its form, and its path."""

    form: str
    path: Path


class Reporting:
    """Plugin for the process that the user started."""

    def __init__(
        self,
        terminal: TerminalReport,
        wishes: tuple[Wish, ...],
        junit: JunitOptions,
        step_summary: Path | None,
    ) -> None:
        self._terminal = terminal
        self._wishes = wishes
        self._junit = junit
        self._step_summary = step_summary
        self._written: list[Path] = []
        self._is_due = False
        self._has_failed = False

    @classmethod
    def open(cls, config: pytest.Config, settings: Settings, terminal: TerminalReport) -> Reporting:
        """Return what writes the reports that the user wants; raises pytest.UsageError."""
        wishes = tuple(dict.fromkeys(_wishes(config, settings)))
        for wish in wishes:
            check_path(wish.path)
        _check_each_has_its_own(config, wishes)
        options = JunitOptions(
            Dialect(config.getoption("orchestrate_junit_dialect")),
            config.getoption("orchestrate_junit_max_tests"),
        )
        step_summary = os.environ.get(_STEP_SUMMARY)
        return cls(terminal, wishes, options, Path(step_summary) if step_summary else None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Tests are about to be collected, so that something is to be reported, unless only they are."""
        self._is_due = not session.config.option.collectonly

    @pytest.hookimpl(tryfirst=True)
    def pytest_orchestra_finished(self, run: RunRecord) -> None:
        """Write everything; what cannot be written does not keep the others from being."""
        self._is_due = False
        for form, path in ((FORMS[wish.form], wish.path) for wish in self._wishes):
            with self._alarmed(path, ", so the run has failed") as failures:
                self._written += form.write(run, path, self._junit)
            self._has_failed = self._has_failed or bool(failures)
        step_summary = self._step_summary
        if step_summary is not None:
            from pytest_orchestra.reports.summary import append_summary  # noqa: PLC0415 - if needed

            with self._alarmed(step_summary):
                if not append_summary(run, step_summary):
                    self._terminal.line(f"there is no room for a summary in {step_summary}")

    @contextmanager
    def _alarmed(self, path: Path, so: str = "") -> Iterator[list[Exception]]:
        """Say what went wrong and go on: no report may cost the user the others, or the verdicts."""
        failures: list[Exception] = []
        try:
            yield failures
        except Exception as error:  # noqa: BLE001 - whatever it is
            failures.append(error)
            what = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            self._terminal.alarm(f"the report {path} could not be written{so}: {what}", red=True)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let a run fail that lacks a report which was asked for: somebody is going to rely on it.

        Where no test could be run the reports say so: those of an earlier run would tell another story.
        """
        if self._is_due:
            self.pytest_orchestra_finished(_no_run(session))
        if self._has_failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(
        self, terminalreporter: TerminalReporter, config: pytest.Config
    ) -> None:
        """Say where the reports are."""
        if config.get_verbosity() < 0:
            return
        for folder, names in _by_folder(self._written).items():
            terminalreporter.write_sep("-", f"reports in {folder}: {', '.join(names)}")


def _no_run(session: pytest.Session) -> RunRecord:
    """Return the record of a run that never began."""
    config = session.config
    from pytest_orchestra.model.run import RunRecord  # noqa: PLC0415 - where there is none yet

    return RunRecord(
        cases=(),
        resources=(),
        workers=(),
        edges=0,
        seconds=0.0,
        stopped=f"no test was run, exit code {int(session.exitstatus)}",
        started=time.time(),
        uuid=uuid4().hex,
        uncollected=uncollected_of(config),
        surroundings=read_surroundings(config, None),
    )


def report_folder(config: pytest.Config, settings: Settings) -> Path | None:
    """Return the directory that all reports are to be written to; None if none is wanted.

    A path on the command line counts from where pytest was started, one in the file from the
    root directory.
    """
    option: str | None = config.getoption("orchestrate_report")
    chosen = option or settings.report
    if not chosen:
        return None
    base = config.invocation_params.dir if option else config.rootpath
    return base / Path(chosen).expanduser()


def _wishes(config: pytest.Config, settings: Settings) -> Iterator[Wish]:
    """Return all files that are wanted; paths count as that of the directory does."""
    here = config.invocation_params.dir
    folder = report_folder(config, settings)
    if folder is not None:
        if folder.exists() and not folder.is_dir():
            where = _REPORT if config.getoption("orchestrate_report") else "report"
            raise pytest.UsageError(
                f"{where}: {folder} is a file; name a directory for the reports"
            )
        for name, form in FORMS.items():
            yield Wish(name, folder / form.file)
    for name in FORMS:
        path: str | None = config.getoption(f"orchestrate_{name}")
        if path:
            yield Wish(name, here / Path(path).expanduser())


def check_path(path: Path) -> None:
    """Refuse at once what is sure to fail when all tests have run."""
    if path.is_dir():
        raise pytest.UsageError(f"the report {path} is a directory; name a file")
    nearest = next(each for each in (path, *path.parents) if each.exists())
    if nearest != path and not nearest.is_dir():
        raise pytest.UsageError(
            f"the report {path} cannot be written: {nearest} is not a directory; name another place"
        )
    if not os.access(nearest, os.W_OK):
        raise pytest.UsageError(
            f"the report {path} cannot be written: {nearest} is not writable; name another place"
        )


def _check_each_has_its_own(config: pytest.Config, wishes: tuple[Wish, ...]) -> None:
    """Refuse to write two reports to one file, pytest's own JUnit file included: only the last would be there."""
    writers: dict[str, str] = {}
    wanted = [(f"--orchestrate-{wish.form}", wish.path) for wish in wishes]
    own: str | None = getattr(config.option, "xmlpath", None)
    if own:
        wanted.append(("--junitxml", config.invocation_params.dir / Path(own).expanduser()))
    for option, path in wanted:
        # What is no ordinary file, such as /dev/stdout, takes any number of them.
        if path.exists() and not path.is_file():
            continue
        other = writers.setdefault(os.path.realpath(path), option)
        if other != option:
            raise pytest.UsageError(f"{other} and {option} both write {path}; name another place")


def _by_folder(paths: list[Path]) -> dict[Path, list[str]]:
    folders: dict[Path, list[str]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path.name)
    return folders
