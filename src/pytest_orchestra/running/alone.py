"""The plugin for a run without workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Sequence

import pytest

from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.aside import SetAside
from pytest_orchestra.running.bodies import digest_bodies
from pytest_orchestra.running.collect import COLLECTING, Collecting, Collection
from pytest_orchestra.running.data_port import DATA_PORT, DataPort
from pytest_orchestra.running.fixture_claims import FixtureClaims
from pytest_orchestra.running.hosts import Hosts
from pytest_orchestra.running.identify import read_host
from pytest_orchestra.running.memory import Memory
from pytest_orchestra.running.needs_report import NeedsReport
from pytest_orchestra.running.opening import Opening
from pytest_orchestra.running.plan import Plan, planned_order
from pytest_orchestra.running.pulse import Pulse
from pytest_orchestra.running.raised import NOTES_RAISED, NotesRaised
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.serial import MAIN, SerialLoop
from pytest_orchestra.running.shared_fixtures import FixtureClock, read_kits
from pytest_orchestra.running.sharing import Sharing
from pytest_orchestra.running.stall import INTERVAL, StallWatch
from pytest_orchestra.running.terminal import TerminalReport
from pytest_orchestra.settings import Settings


def configure_alone(  # noqa: PLR0913, PLR0917 - each is a different thing that a run needs
    config: pytest.Config,
    settings: Settings,
    problems: tuple[Problem, ...],
    terminal: TerminalReport,
    sharing: Sharing | None,
    memory: Memory | None,
) -> None:
    """Register what runs the tests in this process."""
    opening = Opening(config, settings, problems, terminal, sharing, memory)
    claims = FixtureClaims(settings.fixtures)
    dist = config.getoption("dist", "no")
    collecting = Collecting(
        config, settings.missing, dist, claims, settings.priority, settings.retries
    )
    manager = config.pluginmanager
    manager.register(opening, "orchestra-opening")
    manager.register(collecting, COLLECTING)
    manager.register(Alone(config, opening, collecting, claims), "orchestra-alone")
    manager.register(SetAside(), "orchestra-set-aside")
    manager.register(NotesRaised(config.rootpath), NOTES_RAISED)


class Alone:
    """Plugin that runs the tests in this process."""

    def __init__(
        self,
        config: pytest.Config,
        opening: Opening,
        collecting: Collecting,
        claims: FixtureClaims,
    ) -> None:
        self._config = config
        self._claims = claims
        self._opening = opening
        self._collecting = collecting
        self._loop: SerialLoop | None = None
        # Taken now, while pytest does not capture: a stalled test is told of past its capture.
        self._stderr = _duplicate_stderr()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> Generator[None]:
        """Let ``--collect-only`` show the planned order, and ``--stepwise`` go by it."""
        if self._config.getoption("stepwise", default=False):
            self._sort(items, self._collecting.read(items))
        yield
        option = self._config.option
        if not session.testsfailed or option.continue_on_collection_errors:
            self._take_share(items)
        if self._config.option.collectonly and not session.testsfailed:
            plan = self._sort(items, self._collecting.collection)
            if self._config.get_verbosity() > 0:
                self._config.pluginmanager.register(NeedsReport(plan), "orchestra-needs")

    def _take_share(self, items: list[pytest.Item]) -> None:
        """Leave out what is not this run's: the tests of other shards, or what was not recorded."""
        if not self._opening.has_share:
            return
        share = self._opening.take_share(
            self._collecting.collection_of(items),
            digest_bodies(items),
            read_kits(items),
            (Hosts().meet(read_host()),),
        )
        others = _without(items, share)
        items[:] = [items[case] for case in share]
        self._collecting.narrow(items, share)
        if others:
            self._config.hook.pytest_deselected(items=others)

    def _sort(self, items: list[pytest.Item], collection: Collection) -> Plan:
        plan = self._opening.plan(collection, 1, (Hosts().meet(read_host()),))
        items[:] = [items[case] for case in planned_order(plan)]
        return plan

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run the tests, unless pytest's own loop has something else to do."""
        option = self._config.option
        if option.collectonly or (session.testsfailed and not option.continue_on_collection_errors):
            return None
        collection = self._collecting.collection_of(session.items)
        hosts = (Hosts().meet(read_host()),)
        run = self._opening.open(collection, 1, hosts, digest_bodies(session.items))
        clock = FixtureClock(lambda fixture, seconds: run.note_cost(MAIN, fixture, seconds))
        self._config.pluginmanager.register(clock, "orchestra-fixture-clock")
        terminal = self._opening.terminal
        self._loop = SerialLoop(
            session,
            run,
            self._claims,
            clock,
            terminal.alarm,
            lambda run: terminal.tell(run.take_notices()),
        )
        port = DataPort(self._loop.hand, self._loop.provide)
        self._config.pluginmanager.register(port, DATA_PORT)
        watch = self._watch(run)
        try:
            self._loop.loop()
        finally:
            self._loop.give_up()
            if watch is not None:
                watch.stop()
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Let the loop see each report."""
        if self._loop is not None:
            self._loop.add_report(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Close the books before anything is printed."""
        reason = session.shouldfail or session.shouldstop or "the run was interrupted"
        self._opening.close(session, str(reason))
        if self._stderr >= 0:
            os.close(self._stderr)
            self._stderr = -1

    def _watch(self, run: Run) -> Pulse | None:
        """Watch for tests that never end, where a debugger could not be meant."""
        if (
            self._config.getoption("usepdb", default=False)
            or self._config.getoption("capture", default="no") == "no"
        ):
            return None
        stall = StallWatch(run)
        pulse = Pulse(INTERVAL, lambda: self._look(stall))
        pulse.start()
        return pulse

    def _look(self, stall: StallWatch) -> None:
        """Write a line that is due, past pytest's capturing, which goes on while a test runs."""
        try:
            text = stall.check()
        except RuntimeError:
            return  # the other thread changed what was being looked at, so there is progress
        if text is not None and self._stderr >= 0:
            os.write(self._stderr, f"\norchestra: {text}\n".encode())


def _without(items: Sequence[pytest.Item], cases: Sequence[int]) -> list[pytest.Item]:
    left_out = set(cases)
    return [item for case, item in enumerate(items) if case not in left_out]


def _duplicate_stderr() -> int:
    """Return a descriptor of the real standard error, or -1 where there is none."""
    try:
        return os.dup(sys.__stderr__.fileno()) if sys.__stderr__ is not None else -1
    except (OSError, ValueError):
        return -1
