"""Opens and closes runs, for both drivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_orchestra.errors import UsageProblems
from pytest_orchestra.history.estimates import guess
from pytest_orchestra.model.host import Host
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.run import RunRecord, WarningRecord
from pytest_orchestra.running.artifact_keeper import keeper_of
from pytest_orchestra.running.byproducts import read_coverage, read_links
from pytest_orchestra.running.collect import Collection
from pytest_orchestra.running.durations import read_durations
from pytest_orchestra.running.elsewhere import Elsewhere
from pytest_orchestra.running.memory import Memory
from pytest_orchestra.running.plan import Plan, Planner
from pytest_orchestra.running.provision import provide
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.sharing import Sharing
from pytest_orchestra.running.surroundings import read_surroundings
from pytest_orchestra.running.terminal import TerminalReport
from pytest_orchestra.running.uncollected import uncollected_of
from pytest_orchestra.scheduling.engine import Tuning
from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.settings import Settings

if TYPE_CHECKING:
    import warnings

    from pytest_orchestra.history.archive import Recollection


class Opening:
    """Makes runs for both drivers, tells the terminal, and closes them."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is a different thing that a run needs
        self,
        config: pytest.Config,
        settings: Settings,
        problems: tuple[Problem, ...],
        terminal: TerminalReport,
        sharing: Sharing | None,
        memory: Memory | None = None,
    ) -> None:
        self.terminal = terminal
        self.sharing = sharing
        self.run: Run | None = None
        self._memory = memory
        #: What earlier runs say of this one, once it is open.
        self.recollection: Recollection | None = None
        self._config = config
        self._settings = settings
        self._problems = problems
        self._lost_files: dict[str, str] = {}
        self._warnings: list[WarningRecord] = []
        self._hosts: tuple[Host, ...] = ()

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note which files gave no tests although they were collected."""
        if not report.passed:
            what = "could not be collected" if report.failed else "was skipped as a whole"
            self._lost_files.setdefault(report.nodeid.partition("::")[0], what)

    @pytest.hookimpl
    def pytest_warning_recorded(
        self,
        warning_message: warnings.WarningMessage,
        nodeid: str,
    ) -> None:
        """Note a warning for the record."""
        self._warnings.append(
            WarningRecord(
                nodeid,
                warning_message.category.__name__,
                str(warning_message.message),
                warning_message.filename,
                warning_message.lineno,
            )
        )

    def plan(
        self,
        collection: Collection,
        workers: int,
        hosts: Sequence[Host],
        tuning: Tuning | None = None,
        kits: Kits | None = None,
    ) -> Plan:
        """Return a plan for ``workers`` on ``hosts``, or raise pytest.UsageError with all that is wrong."""
        config = self._config
        files = {spec.file for spec in collection.specs}
        elsewhere = Elsewhere(
            config.rootpath, files, _ini(config, "python_files"), _ini(config, "norecursedirs")
        )
        durations, complaint = read_durations(config.rootpath)
        if self.recollection is not None:
            durations = {**durations, **self.recollection.seconds}
        if complaint is not None:
            self.terminal.line(complaint, yellow=True)
        settings = self._settings
        planner = Planner(
            config.rootpath,
            *provide(collection.specs, settings.resources, settings.hosts, hosts),
            self._problems,
            elsewhere,
            durations,
            guess((spec.nodeid for spec in collection.specs), durations),
        )
        try:
            return planner.plan(collection, workers, tuning, self._lost_files, kits)
        except UsageProblems as problems:
            raise pytest.UsageError(str(problems)) from None

    def open(  # noqa: PLR0913, PLR0917 - each is a different thing that a run needs
        self,
        collection: Collection,
        workers: int,
        hosts: Sequence[Host],
        bodies: Sequence[str],
        tuning: Tuning | None = None,
        kits: Kits | None = None,
    ) -> Run:
        """Return a run that can begin, and print what it is about to do.

        ``bodies`` are digests of what the tests do.
        """
        if self._memory is not None:
            self.recollection = self._memory.recall(collection, bodies, hosts)
        self._hosts = tuple(hosts)
        plan = self.plan(collection, workers, hosts, tuning, kits)
        if self.recollection is not None:
            for fixture, seconds in self.recollection.costs.items():
                plan.fixtures.learn(fixture, seconds)
        self.run = Run(plan, self.sharing)
        self.terminal.started(self.run, workers)
        return self.run

    def close(self, session: pytest.Session, reason: str) -> None:
        """End the run that was opened, if any, and hand its record to everybody.

        A run that could not give tests what they claim is no success.
        """
        if self.run is None:
            return
        run, self.run = self.run, None
        commit = self._memory.commit if self._memory is not None else None
        record = replace(
            run.close(reason),
            warnings=tuple(self._warnings),
            uncollected=uncollected_of(self._config),
            surroundings=read_surroundings(self._config, commit),
        )
        record = self._with_advice(self._with_files(record), run)
        if self.sharing is not None:
            self.sharing.close()
        if record.denied and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self.terminal.finished(record)
        self._config.hook.pytest_orchestra_finished(run=record)
        if self._memory is not None:
            self._memory.keep(run, record)

    def _with_files(self, record: RunRecord) -> RunRecord:
        """Return ``record`` with what tests and other plugins have left behind."""
        keeper = keeper_of(self._config)
        try:
            if keeper is not None:
                record = keeper.attach(record)
            return replace(
                record,
                coverage=read_coverage(self._config, record.started),
                links=read_links(self._config, record.started),
            )
        except Exception as error:  # noqa: BLE001 - these files are not ours, and no reason to fail
            what = f"{type(error).__name__}: {error}"
            self.terminal.alarm(f"what was left behind cannot be listed: {what}", yellow=True)
            return record

    def _with_advice(self, record: RunRecord, run: Run) -> RunRecord:
        """Return ``record`` with what it shows of the suite; that may not cost the user the record."""
        try:
            from pytest_orchestra.running.advising import with_advice  # noqa: PLC0415 - at the end

            return with_advice(record, run, self.recollection, self._hosts)
        except Exception as error:  # noqa: BLE001 - whatever it is
            what = f"{type(error).__name__}: {error}"
            self.terminal.alarm(f"there is no advice on this run: {what}", yellow=True)
            return record


def _ini(config: pytest.Config, name: str) -> list[str]:
    """Return an ini value that belongs to a plugin of pytest, which may have been switched off."""
    try:
        value: list[str] = config.getini(name)
    except ValueError:
        return []
    return value
