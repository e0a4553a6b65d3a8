"""The plugin for a run on xdist's workers."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

import pytest
from xdist.dsession import Interrupted

from pytest_orchestra.running.controller import PULSE, OrchestraScheduling
from pytest_orchestra.running.garbage import searched_seldom
from pytest_orchestra.running.link import Description
from pytest_orchestra.running.opening import Opening
from pytest_orchestra.running.pulse import Pulse
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.stall import INTERVAL, StallWatch
from pytest_orchestra.scheduling.engine import Tuning

if TYPE_CHECKING:
    from xdist.dsession import DSession

#: Seconds of work that a worker is sent ahead: what a round trip to it takes, many times over.
HORIZON: Final = 0.04


class Distributed:
    """Puts our scheduler in the place of xdist's."""

    def __init__(self, config: pytest.Config, opening: Opening) -> None:
        self._config = config
        self._opening = opening
        self._scheduling: OrchestraScheduling | None = None
        self._stall: StallWatch | None = None
        self._pulse: Pulse | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> OrchestraScheduling:
        """Return our scheduler, whatever mode was asked for: modes become constraints."""
        dsession: DSession = config.pluginmanager.getplugin("dsession")
        self._scheduling = OrchestraScheduling(
            config, dsession, self._open, self._beat, self._opening.terminal.stopping
        )
        self._pulse = Pulse(
            INTERVAL,
            lambda: dsession.queue.put(("unscheduled", {"node": None, "indices": PULSE})),
        )
        return self._scheduling

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Stop as pytest does: after ``--maxfail`` failures the run has failed."""
        try:
            with searched_seldom():
                result = yield
            self._refuse_half_a_run(session)
        except Interrupted as interruption:
            if session.shouldfail:
                raise session.Failed(session.shouldfail) from None
            code = self._scheduling.exit_code if self._scheduling is not None else None
            if code is not None:
                raise pytest.exit.Exception(str(interruption), code) from None
            raise
        finally:
            if self._pulse is not None:
                self._pulse.stop()
            if self._scheduling is not None:
                self._scheduling.settle_all()
        return result

    def _refuse_half_a_run(self, session: pytest.Session) -> None:
        """A run of which tests are left is no success; xdist lets it end when all workers died."""
        if self._scheduling is not None and self._scheduling.withheld:
            raise Interrupted(str(self._scheduling.withheld))  # nobody was left to clean up
        run = self._opening.run
        if run is not None and not run.engine.done and not session.testsfailed:
            raise session.Interrupted("no worker is left to run the rest")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Close the books before anything is printed."""
        reason = session.shouldfail or session.shouldstop
        if not reason and self._scheduling is not None:
            reason = self._scheduling.stop_reason
        self._opening.close(str(reason))

    def _open(self, description: Description, workers: int) -> Run:
        tuning = Tuning(horizon=HORIZON)
        run = self._opening.open(description.collection, workers, tuning, description.kits)
        self._stall = StallWatch(run)
        assert self._pulse is not None  # noqa: S101 - it was made with the scheduler
        self._pulse.start()
        return run

    def _beat(self) -> None:
        text = self._stall.check() if self._stall is not None else None
        if text is not None:
            self._opening.terminal.alarm(text, yellow=True)
