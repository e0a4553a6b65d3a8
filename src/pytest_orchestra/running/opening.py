"""Opens and closes runs, for both drivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

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
from pytest_orchestra.running.flakes import flake_records
from pytest_orchestra.running.garbage import searched_seldom
from pytest_orchestra.running.gates import NO_GATING, Gating, is_reviewed, review, with_coverage
from pytest_orchestra.running.live import Live, live_of
from pytest_orchestra.running.memory import Memory
from pytest_orchestra.running.ordering import MOST_FORESEEN, Expectations
from pytest_orchestra.running.plan import Plan, Planner, Scaling
from pytest_orchestra.running.provision import provide
from pytest_orchestra.running.quarantine import open_quarantine
from pytest_orchestra.running.rehearsal import REHEARSAL
from pytest_orchestra.running.replay_choice import replay_of
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.shard_durations import Durations
from pytest_orchestra.running.shards import Sharding
from pytest_orchestra.running.sharing import Sharing
from pytest_orchestra.running.surroundings import read_conditions, read_surroundings
from pytest_orchestra.running.terminal import TerminalReport
from pytest_orchestra.running.uncollected import uncollected_of
from pytest_orchestra.scheduling.engine import Tuning
from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.scheduling.script import Script
from pytest_orchestra.settings import Settings

if TYPE_CHECKING:
    import warnings

    from pytest_orchestra.history.archive import Recollection
    from pytest_orchestra.history.judgement.judge import Judgement


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
        *,
        is_timed: bool = True,
    ) -> None:
        """``is_timed``: what looks for a better order goes by the clock, and may find another each time."""
        self._is_timed: Final = is_timed
        #: Knows which part of the suite is this run's; None if it is all of it.
        self.sharding: Final = Sharding.open(config, settings, memory, terminal)
        #: What this run is to go like; None if it goes its own way.
        self.replay: Final = replay_of(config)
        self.terminal = terminal
        self.sharing = sharing
        self.run: Run | None = None
        self._memory = memory
        self._quarantine, mistakes = open_quarantine(config, settings)
        #: What earlier runs say of this one, once it is open.
        self.recollection: Recollection | None = None
        self._config = config
        self._settings = settings
        self._problems = (*problems, *mistakes)
        self._lost_files: dict[str, str] = {}
        #: Files with tests, those of other shards included, once it is known which are this one's.
        self._files: frozenset[str] | None = None
        #: The same of tests.
        self._whole: Collection | None = None
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

    @cached_property
    def live(self) -> Live:
        """What shows the run while it goes on; there is none where nothing is run, but planned or diagnosed."""
        return live_of(self._config)

    def plan(  # noqa: PLR0913, PLR0917 - each is a different thing that a plan hangs on
        self,
        collection: Collection,
        workers: int,
        hosts: Sequence[Host],
        tuning: Tuning | None = None,
        kits: Kits | None = None,
        script: Script | None = None,
        scaling: Scaling | None = None,
    ) -> Plan:
        """Return a plan for ``workers`` on ``hosts``, or raise pytest.UsageError with all that is wrong.

        With ``scaling`` it is for as many workers as are of use.
        """
        durations, complaint = self._durations()
        if complaint is not None:
            self.terminal.line(complaint, yellow=True)
        planner = self._planner(collection, hosts, durations)
        try:
            return planner.plan(
                collection, workers, tuning, self._lost_files, kits, script, scaling
            )
        except UsageProblems as problems:
            raise pytest.UsageError(str(problems)) from None

    @property
    def has_share(self) -> bool:
        """Whether this run may have a part of what is collected only."""
        return self.sharding is not None or self.replay is not None

    def take_share(
        self,
        collection: Collection,
        bodies: Sequence[str],
        kits: Kits,
        hosts: Sequence[Host],
    ) -> tuple[int, ...]:
        """Return the cases of a ``collection`` that are this run's, and tell the user of it.

        Those of a shard, or of a recording. Raises pytest.UsageError with all that is wrong, wherever it
        is, so that all shards do.
        """
        if self.replay is not None:
            return self.replay.take(collection.specs, self.terminal)
        sharding = self.sharding
        assert sharding is not None  # noqa: S101 - otherwise nothing is shared out
        if self._memory is not None:
            self.recollection = self._memory.recall(collection, bodies, hosts)
        costs = self.recollection.costs if self.recollection is not None else {}
        nodeids = [spec.nodeid for spec in collection.specs]
        durations = sharding.settle(nodeids, Durations(self._durations()[0], costs))
        planner = self._planner(collection, hosts, durations.tests)
        try:
            partition = planner.partition(
                collection, sharding.shard.count, durations.fixtures, self._lost_files, kits
            )
        except UsageProblems as problems:
            raise pytest.UsageError(str(problems)) from None
        self._files = frozenset(spec.file for spec in collection.specs)
        self._whole = collection
        cases = sharding.take(collection.specs, partition)
        if self._memory is not None:
            self._memory.narrow(cases)
        return cases

    def has_elsewhere(self, nodeid: str) -> bool:
        """Whether a test was collected that may be in another shard, once it is known which are this one's."""
        whole = self._whole.specs if self._whole is not None else ()
        return any(spec.nodeid == nodeid for spec in whole)

    def _durations(self) -> tuple[Mapping[str, float], str | None]:
        """Return seconds by node id, of all that is known, and a complaint for the user."""
        durations, complaint = read_durations(self._config.rootpath)
        if self.recollection is not None:
            durations = {**durations, **self.recollection.seconds}
        return durations, complaint

    def _planner(
        self, collection: Collection, hosts: Sequence[Host], durations: Mapping[str, float]
    ) -> Planner:
        config = self._config
        files = self._files or {spec.file for spec in collection.specs}
        elsewhere = Elsewhere(
            config.rootpath, files, _ini(config, "python_files"), _ini(config, "norecursedirs")
        )
        settings = self._settings
        return Planner(
            config.rootpath,
            *provide(collection.specs, settings.resources, settings.hosts, hosts),
            self._problems,
            elsewhere,
            self._expect(collection, durations),
            settings.order,
            gating=self._gating(),
            is_timed=self._is_timed,
        )

    def _gating(self) -> Gating:
        """Return the stages of this run: an experiment with one test has none, and waits for no gate."""
        config = self._config
        if config.getoption("orchestrate_diagnose") or config.pluginmanager.has_plugin(REHEARSAL):
            return NO_GATING
        return Gating(self._settings.stages, self._quarantine.nodeids, is_reviewed(config))

    def _expect(self, collection: Collection, durations: Mapping[str, float]) -> Expectations:
        """Return what is expected of a ``collection``, of which ``durations`` are known."""
        recalled = self.recollection
        guesses = guess((spec.nodeid for spec in collection.specs), durations)
        if recalled is None:
            return Expectations(durations, guesses)
        expected = Expectations(
            durations, guesses, recalled.failing, recalled.flaking, recalled.costs
        )
        if self._memory is None or len(collection.specs) > MOST_FORESEEN:
            return expected
        return replace(expected, pace=recalled.pace(), gap=self._memory.gap())

    def draft(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of the run
        self,
        collection: Collection,
        workers: int,
        hosts: Sequence[Host],
        bodies: Sequence[str],
        tuning: Tuning | None = None,
        kits: Kits | None = None,
        script: Script | None = None,
        scaling: Scaling | None = None,
    ) -> Plan:
        """Return the plan of a run, by all that earlier runs say of it; see :meth:`plan`.

        ``bodies`` are digests of what the tests do.
        """
        if self._memory is not None and self.recollection is None:
            self.recollection = self._memory.recall(collection, bodies, hosts)
        return self.plan(collection, workers, hosts, tuning, kits, script, scaling)

    def open(  # noqa: PLR0913, PLR0917 - each is a different thing that a run needs
        self,
        collection: Collection,
        workers: int,
        hosts: Sequence[Host],
        bodies: Sequence[str],
        tuning: Tuning | None = None,
        kits: Kits | None = None,
        scaling: Scaling | None = None,
    ) -> Run:
        """Return a run that can begin, and print what it is about to do; see :meth:`draft`."""
        self._hosts = tuple(hosts)
        script = self.replay.script(collection.specs) if self.replay is not None else None
        plan = self.draft(collection, workers, hosts, bodies, tuning, kits, script, scaling)
        there = workers
        if plan.crew is not None:
            workers = plan.crew.most
        self.run = Run(plan, self.sharing, partial(review, self._config))
        self.terminal.started(self.run, workers)
        if scaling is not None and plan.crew is not None and plan.specs:
            self.terminal.sized(plan.crew.with_present(there), scaling.limit)
        self.live.open(self.run, workers)
        for note in self._quarantine.notes(self._whole or collection):
            self.terminal.line(note, yellow=True)
        return self.run

    def close(self, session: pytest.Session, reason: str) -> None:
        """End the run that was opened, if any, and hand its record to everybody.

        A run that could not give tests what they claim is no success, nor is one in which tests in
        quarantine behaved unlike themselves, or in which a gate has failed. A shard without tests is one.
        """
        is_empty = self.sharding is not None and self.sharding.is_empty
        if is_empty and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK
        if self.run is None:
            return
        run, self.run = self.run, None
        commit = self._memory.commit if self._memory is not None else None
        record = replace(
            run.close(reason),
            warnings=tuple(self._warnings),
            uncollected=uncollected_of(self._config),
            surroundings=read_surroundings(self._config, commit),
            conditions=read_conditions(self._config),
            shard=self.sharding.record if self.sharding is not None else None,
            fails_on_flaky=self.terminal.fails_on_flaky,
        )
        record = with_coverage(self._with_files(record))
        if self.sharing is not None:
            self.sharing.close()
        record = self._with_advice(self._look_back(run, record), run)
        flaky = record.flaky or record.skipped_later
        is_too_flaky = self.terminal.fails_on_flaky and flaky
        has_failed = record.denied or record.gating or is_too_flaky or record.failed_stages
        if has_failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self.terminal.finished(record)
        self._config.hook.pytest_orchestra_finished(run=record)
        if self._memory is not None:
            with searched_seldom():  # rows are made by the thousand, none of them garbage
                self._memory.keep()

    def _look_back(self, run: Run, record: RunRecord) -> RunRecord:
        """Return ``record`` with what is concluded by earlier runs."""
        before: Mapping[str, Judgement] = {}
        found = None
        if self._memory is not None:
            with searched_seldom():  # as above
                found = self._memory.assess(run, record, self._quarantine.nodeids)
        if found is not None:
            before = found.before
            flakes = flake_records(record, found.after, found.outcomes)
            record = replace(record, flakes=flakes, suite_flakes=found.suite)
        return replace(record, quarantine=self._quarantine.rule(record, before))

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
