"""The plugin for a run on xdist's workers."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

import pytest
from xdist.dsession import Interrupted

from pytest_orchestra.running.alarm import Alarm
from pytest_orchestra.running.controller import PULSE, OrchestraScheduling
from pytest_orchestra.running.garbage import searched_seldom
from pytest_orchestra.running.hosts import Hosts
from pytest_orchestra.running.link import Description
from pytest_orchestra.running.log_lines import LogLines
from pytest_orchestra.running.opening import Opening
from pytest_orchestra.running.others import OthersWatch
from pytest_orchestra.running.plan import Scaling
from pytest_orchestra.running.pressure import PressureWatch
from pytest_orchestra.running.pulse import Pulse
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.specs import is_plain, label, proxies_of
from pytest_orchestra.running.staff import Staff
from pytest_orchestra.running.stall import INTERVAL
from pytest_orchestra.scales import SCALES
from pytest_orchestra.scheduling.engine import Tuning

if TYPE_CHECKING:
    import execnet
    from xdist.dsession import DSession
    from xdist.workermanage import WorkerController

    from pytest_orchestra.model.host import Host
    from pytest_orchestra.running.rehire import Rehiring

#: Seconds of work that a worker is sent ahead: what a round trip to it takes, many times over.
HORIZON: Final = 0.04


class Distributed:
    """Puts our scheduler in the place of xdist's."""

    def __init__(
        self, config: pytest.Config, opening: Opening, hosts: Hosts, staff: Staff | None = None
    ) -> None:
        self._config = config
        self._hosts = hosts
        self._staff = staff
        self._is_settled = False
        self._rehiring: Rehiring | None = None
        self._opening = opening
        self._scheduling: OrchestraScheduling | None = None
        self._log_lines: LogLines | None = None
        self._others: OthersWatch | None = None
        self._pressure: PressureWatch | None = None
        self._pulse: Pulse | None = None
        self._alarm: Alarm | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> OrchestraScheduling:
        """Return our scheduler, whatever mode was asked for: modes become constraints."""
        dsession: DSession = config.pluginmanager.getplugin("dsession")
        self._scheduling = OrchestraScheduling(
            config,
            dsession,
            self._open,
            self._beat,
            self._opening.terminal.stopping,
            self._after,
            self._hosts,
        )
        if not all(map(is_plain, self._specs)):
            self._replace_elsewhere(dsession)
        queue, look_again = dsession.queue, self._scheduling.look_again
        self._alarm = Alarm(
            lambda: queue.put(("unscheduled", {"node": None, "indices": look_again}))
        )
        self._pulse = Pulse(
            INTERVAL,
            lambda: dsession.queue.put(("unscheduled", {"node": None, "indices": PULSE})),
        )
        return self._scheduling

    @property
    def _specs(self) -> list[execnet.XSpec]:
        """What the workers were started by."""
        manager = self._config.pluginmanager.getplugin("dsession").nodemanager
        specs: list[execnet.XSpec] = manager.specs
        return specs

    def _replace_elsewhere(self, dsession: DSession) -> None:
        from pytest_orchestra.running.rehire import Rehiring  # noqa: PLC0415 - if needed

        self._rehiring = Rehiring(dsession, proxies_of(self._config), self._give_up)
        # xdist asks nobody before it starts a worker in a dead one's place.
        dsession._clone_node = self._rehiring  # noqa: SLF001
        assert self._scheduling is not None  # noqa: S101 - it was just made
        self._scheduling.is_calling_hosts = self._rehiring.is_calling

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Stop as pytest does: after ``--maxfail`` failures the run has failed."""
        try:
            with searched_seldom():
                result = yield
            self._refuse_half_a_run(session)
        except RuntimeError:
            # Where no worker is left xdist does not listen any more to what they have said.
            if self._scheduling is not None:
                self._scheduling.hear_last_words()
            raise
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
            if self._alarm is not None:
                self._alarm.stop()
            if self._rehiring is not None:
                self._rehiring.close()
            if self._scheduling is not None:
                self._scheduling.settle_all()
                self._scheduling.give_up()
        return result

    def _after(self, run: Run) -> None:
        """Wake up when a test may be tried again, and print what there is to be told."""
        assert self._alarm is not None  # noqa: S101 - it was made with the scheduler
        self._alarm.set(run.engine.next_due, run.now)
        self._opening.terminal.tell(run.take_notices())
        self._opening.live.tick()
        if self._staff is not None and run.engine.workers:
            self._scale(self._staff, run)

    def _scale(self, staff: Staff, run: Run) -> None:
        """See whether the run has as many workers as are of use."""
        assert self._scheduling is not None  # noqa: S101 - it obeys
        crew = run.plan.crew
        if crew is not None and not self._is_settled:
            self._is_settled = True
            staff.settle(run, self._scheduling, crew)
        else:
            staff.look(run, self._scheduling)

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
        self._remember()
        if self._pressure is not None:
            self._pressure.close()
        self._opening.close(session, str(reason))

    def _remember(self) -> None:
        """Leave to the next run how many workers this one could use, by what its tests took."""
        run = self._opening.run
        if self._staff is not None and run is not None and run.engine.done and run.plan.specs:
            self._staff.remember(run.size_crew(self._staff.limit, self._staff.start_up))

    def _open(self, description: Description, workers: int, hosts: tuple[Host, ...]) -> Run:
        tuning = Tuning(horizon=HORIZON)
        assert self._scheduling is not None  # noqa: S101 - it asks for the run
        if self._opening.has_share:
            share = self._opening.take_share(
                description.collection, description.bodies, description.kits, hosts
            )
            own = set(share)
            self._opening.terminal.left_out(
                [
                    spec.nodeid
                    for case, spec in enumerate(description.collection.specs)
                    if case not in own
                ]
            )
            description = description.only(share)
            self._scheduling.narrow(share)
        scaling = None
        if self._staff is not None:
            self._staff.note_start()
            scaling = Scaling(self._staff.limit, self._staff.start_up)
        run = self._opening.open(
            description.collection,
            workers,
            hosts,
            description.bodies,
            tuning,
            description.kits,
            scaling,
        )
        self._opening.terminal.on_hosts(self._scheduling.hosts_of_workers)
        self._log_lines = self._opening.live.log_lines(run)
        self._others = OthersWatch(run)
        # Of other machines nothing is known, and a replay goes as it went.
        if all(map(is_plain, self._specs)) and not run.plan.is_scripted:
            limit, governs_cpu = self._scheduling.limit, self._config.stash.get(SCALES, False)
            self._pressure = PressureWatch.open(run, limit, governs_cpu=governs_cpu)
        if self._opening.sharing is not None:
            self._opening.sharing.watch(self._look_at_others)
        assert self._pulse is not None  # noqa: S101 - it was made with the scheduler
        self._pulse.start()
        return run

    def _look_at_others(self) -> None:
        """Called in a thread of its own: let the main thread look."""
        assert self._scheduling is not None  # noqa: S101 - it asked for the run
        dsession: DSession = self._config.pluginmanager.getplugin("dsession")
        errand = self._scheduling.hear_of_others
        dsession.queue.put(("unscheduled", {"node": None, "indices": errand}))

    def _give_up(self, node: WorkerController, reason: str) -> None:
        assert self._scheduling is not None  # noqa: S101 - it saw the worker die
        spec = label(node.gateway.spec)
        text = f"worker {node.gateway.id} is not replaced: {spec}: {reason}"
        self._opening.terminal.alarm(text, yellow=True)
        self._scheduling.expect_one_less()

    def _beat(self) -> None:
        due = self._log_lines.check() if self._log_lines is not None else None
        if due is not None:
            self._opening.terminal.alarm(due.text, yellow=due.is_stalled)
        text = self._pressure.check() if self._pressure is not None else None
        if text is not None:
            self._opening.terminal.alarm(text, yellow=True)
        run = self._opening.run
        if self._staff is not None and run is not None and self._is_settled:
            self._scale(self._staff, run)
        self._opening.live.tick()
        for line in self._others.check() if self._others is not None else ():
            self._opening.terminal.alarm(line, yellow=True)
