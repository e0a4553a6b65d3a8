"""The plugin for a run without workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import suppress

import pytest

from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.aside import SetAside
from pytest_orchestra.running.bodies import digest_bodies
from pytest_orchestra.running.collect import COLLECTING, Collecting
from pytest_orchestra.running.data_port import DATA_PORT, DataPort
from pytest_orchestra.running.fixture_claims import FixtureClaims
from pytest_orchestra.running.hosts import Hosts
from pytest_orchestra.running.identify import read_host
from pytest_orchestra.running.log_lines import LogLines
from pytest_orchestra.running.matrix import Matrix
from pytest_orchestra.running.memory import Memory
from pytest_orchestra.running.needs_report import NeedsReport
from pytest_orchestra.running.opening import Opening
from pytest_orchestra.running.own_part import OwnPart
from pytest_orchestra.running.pulse import Pulse
from pytest_orchestra.running.raised import NOTES_RAISED, NotesRaised
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.serial import MAIN, SerialLoop
from pytest_orchestra.running.shared_fixtures import FixtureClock
from pytest_orchestra.running.sharing import Sharing
from pytest_orchestra.running.stall import INTERVAL
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
        config,
        settings.missing,
        dist,
        claims,
        settings.priority,
        settings.retries,
        settings.stages,
    )
    manager = config.pluginmanager
    manager.register(opening, "orchestra-opening")
    manager.register(collecting, COLLECTING)
    Matrix.register(manager, settings.stages)
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
        self._part = OwnPart(config, opening, collecting)
        self._loop: SerialLoop | None = None
        # Taken now, while pytest does not capture: a stalled test is told of past its capture.
        self._stderr = _duplicate_stderr()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> Generator[None]:
        """Let ``--collect-only`` show the planned order, and ``--stepwise`` go by it."""
        self._part.prepare(items)
        yield
        self._part.take(session, items)
        if self._config.option.collectonly and not session.testsfailed:
            plan = self._part.sort(items, self._collecting.collection)
            if self._config.get_verbosity() > 0:
                self._config.pluginmanager.register(NeedsReport(plan), "orchestra-needs")

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
            self._after,
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

    def _after(self, run: Run) -> None:
        """Show what has happened, and print what there is to be told."""
        self._opening.terminal.tell(run.take_notices())
        self._opening.live.tick()

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
        """Watch for tests that take long; no lines are printed where a debugger could be meant."""
        is_quiet = (
            self._config.getoption("usepdb", default=False)
            or self._config.getoption("capture", default="no") == "no"
        )
        live = self._opening.live
        if is_quiet and not live.is_watched:
            return None
        lines = None if is_quiet else live.log_lines(run)
        pulse = Pulse(INTERVAL, lambda: self._look(lines))
        pulse.start()
        return pulse

    def _look(self, lines: LogLines | None) -> None:
        """Write what is due past pytest's capturing, which goes on while a test runs."""
        live = self._opening.live
        # Otherwise the other thread changed what was being looked at, so there is progress; or nobody reads the
        # line. What a thread raises, pytest would hold against the test that runs.
        with suppress(RuntimeError, LookupError, OSError):
            line = lines.check() if lines is not None else None
            if line is not None and self._stderr >= 0:
                live.make_room()
                os.write(self._stderr, f"\norchestra: {line.text}\n".encode())
            live.look_aside()


def _duplicate_stderr() -> int:
    """Return a descriptor of the real standard error, or -1 where there is none."""
    try:
        return os.dup(sys.__stderr__.fileno()) if sys.__stderr__ is not None else -1
    except (OSError, ValueError):
        return -1
