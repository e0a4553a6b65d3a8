"""With ``-n auto``: starts workers when there is work for them, and sends home those that find none.

xdist starts all workers at once, before anything is known. Here it is handed only the first of its
specifications; the others are started in the same way when they are needed. Their number in
``PYTEST_XDIST_WORKER_COUNT`` is the same for all: how many there may be.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from pytest_orchestra.running.glance import glance

if TYPE_CHECKING:
    import execnet
    import pytest
    from xdist.dsession import DSession
    from xdist.workermanage import WorkerController

    from pytest_orchestra.running.controller import OrchestraScheduling
    from pytest_orchestra.running.headcount import Headcount
    from pytest_orchestra.running.run import Run
    from pytest_orchestra.running.terminal import TerminalReport
    from pytest_orchestra.scheduling.crew_size import CrewSize
    from pytest_orchestra.scheduling.staffing import Muster

#: Seconds between two looks, and how many times what a look takes: so it takes a twentieth at the most.
INTERVAL: Final = 0.05
PAUSE: Final = 20.0

#: What another worker is like, once all of xdist's specifications are used up.
_SPECIFICATION: Final = "execmodel=main_thread_only//popen"


class Staff:
    """The workers of one run; at most ``limit`` are there at a time."""

    def __init__(
        self,
        config: pytest.Config,
        limit: int,
        terminal: TerminalReport,
        headcount: Headcount | None,
    ) -> None:
        self.limit: Final = limit
        self._config: Final = config
        self._terminal: Final = terminal
        self._headcount: Final = headcount
        self._deferred: list[execnet.XSpec] = []
        #: How many more are to be started.
        self._wanted = 0
        #: Those that were started since the run began.
        self._started: list[WorkerController] = []
        self._began = time.monotonic()
        #: What it takes until a worker has started and collected, in seconds.
        self.start_up = 0.0
        self._leaving: set[str] = set()
        self._idle_since: dict[str, float] = {}
        self._due = 0.0
        self._is_broken = False

    def choose(self, specs: list[execnet.XSpec], fixtures: Iterable[str]) -> None:
        """Leave in xdist's ``specs`` only those to start with; ``fixtures`` are names of those with resources."""
        self._began = time.monotonic()
        known = self._headcount.read(self.limit) if self._headcount is not None else None
        first = glance(self._config, fixtures, self.limit) if known is None else known
        self._deferred = specs[first:]
        del specs[first:]

    def note_start(self) -> None:
        """All that were started first have collected."""
        self.start_up = time.monotonic() - self._began

    def settle(self, run: Run, scheduling: OrchestraScheduling, crew: CrewSize) -> None:
        """The run has begun, and is as wide as ``crew`` says: start who is missing, let go who is too many."""
        there = len(run.engine.workers)
        if there > crew.most:
            surplus = there - max(crew.most, run.engine.busy)
            self._dismiss(run.engine.idle[-surplus:] if surplus > 0 else (), scheduling)
        self._hire(crew.first - there)

    def remember(self, crew: CrewSize) -> None:
        """Leave to the next run of these tests how many workers it should begin with."""
        if self._headcount is not None:
            self._headcount.write(crew.first, self.limit)

    def look(self, run: Run, scheduling: OrchestraScheduling) -> None:
        """See whether more workers are worth starting, or any is of no more use."""
        now = time.monotonic()
        if run.engine.stopped is not None or run.engine.done:
            self._wanted = 0
            self._abandon(scheduling)
            return
        if now < self._due:
            return
        self._due = now + INTERVAL  # whoever is told something asks us again
        muster = self._muster(run)
        self._note_idle(run, now)
        if muster.wanted and not (run.engine.is_held_back or self._is_broken):
            self._hire(muster.wanted)
        elif run.engine.idle:
            self._dismiss(self._superfluous(run, muster, now), scheduling)
        self._due = time.monotonic() + max(INTERVAL, PAUSE * (time.monotonic() - now))

    def _muster(self, run: Run) -> Muster:
        from pytest_orchestra.scheduling.staffing import Muster  # noqa: PLC0415 - with the run, not before

        engine = run.engine
        active = self._names() - self._leaving
        start_up = self.start_up + run.session_cost
        return Muster(
            limit=self.limit,
            hired=len(active) + self._wanted,
            starting=len(active.difference(engine.workers)) + self._wanted,
            idle=len(engine.idle),
            vacancies=engine.vacancies(self.limit, start_up, run.now),
            pending=engine.pending,
            start_up=start_up,
            # What fails may be tried again on another worker.
            spare=2 if engine.may_try_again else 1,
        )

    def _note_idle(self, run: Run, now: float) -> None:
        self._idle_since = {name: self._idle_since.get(name, now) for name in run.engine.idle}

    def _superfluous(self, run: Run, muster: Muster, now: float) -> tuple[str, ...]:
        """Return the idle workers to send home: those that came last go first."""
        idle = run.engine.idle
        if muster.surplus:
            return idle[-muster.surplus :]
        patient = [name for name in idle if muster.may_go(now - self._idle_since[name])]
        return tuple(patient[-1:])

    def _dismiss(self, workers: tuple[str, ...], scheduling: OrchestraScheduling) -> None:
        if workers:
            self._leaving.update(workers)
            scheduling.dismiss(workers)
            go = "goes" if len(workers) == 1 else "go"
            self._tell(f"{', '.join(workers)} found nothing more to do, and {go} home")

    def _hire(self, count: int) -> None:
        """Start so many workers, one after the other: in between the others are listened to."""
        is_under_way = self._wanted > 0
        self._wanted += max(0, count)
        if self._wanted and not is_under_way:
            self._put_errand()

    def _put_errand(self) -> None:
        dsession: DSession = self._config.pluginmanager.getplugin("dsession")
        dsession.queue.put(("unscheduled", {"node": None, "indices": self._hire_next}))

    def _hire_next(self) -> None:
        if not self._wanted:
            return
        node = self._start()
        self._wanted = 0 if node is None else self._wanted - 1
        if node is not None:
            self._tell(f"{node.gateway.id} started: there is work for it")
        if self._wanted:
            self._put_errand()

    def _start(self) -> WorkerController | None:
        """Start a worker as xdist does; it joins the run when it has collected."""
        dsession: DSession = self._config.pluginmanager.getplugin("dsession")
        manager = dsession.nodemanager
        assert manager is not None  # noqa: S101 - the session has begun
        _print_quietly(self._config)
        try:
            spec = self._next_spec(dsession)
            manager.specs.append(spec)
            node = manager.setup_node(spec, dsession.queue.put)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who are there go on
            self._is_broken = True
            reason = str(error) or type(error).__name__
            self._terminal.alarm(f"no more workers can be started: {reason}", yellow=True)
            return None
        dsession._active_nodes.add(node)  # noqa: SLF001 - xdist does so for its own
        self._started.append(node)
        return node

    def _abandon(self, scheduling: OrchestraScheduling) -> None:
        """Wait for nobody at the end whose session has not even begun, so that there is nothing to undo."""
        dsession: DSession = self._config.pluginmanager.getplugin("dsession")
        late = [node for node in self._started if node not in scheduling.nodes]
        self._started.clear()
        for node in late:
            if node in dsession._active_nodes and not node._down:  # noqa: SLF001 - as above
                node._down = True  # noqa: SLF001 - its end is no crash
                dsession._active_nodes.discard(node)  # noqa: SLF001 - as above
                node.gateway._io.kill()  # noqa: SLF001 - to ask politely it would have to listen

    def _next_spec(self, dsession: DSession) -> execnet.XSpec:
        if self._deferred:
            return self._deferred.pop(0)
        import execnet  # noqa: PLC0415 - xdist has loaded it

        spec = execnet.XSpec(_SPECIFICATION)
        assert dsession.nodemanager is not None  # noqa: S101 - the session has begun
        dsession.nodemanager.group.allocate_id(spec)
        return spec

    def _names(self) -> set[str]:
        dsession: DSession = self._config.pluginmanager.getplugin("dsession")
        return {str(node.gateway.id) for node in dsession._active_nodes}  # noqa: SLF001 - as above

    def _tell(self, text: str) -> None:
        if self._config.get_verbosity() > 0:
            self._terminal.line(text)


def _print_quietly(config: pytest.Config) -> None:
    """Keep xdist from rewriting the line that pytest is printing dots on, whenever a worker gets ready."""
    reporter = config.pluginmanager.getplugin("terminaldistreporter")
    if hasattr(reporter, "_isatty"):
        reporter._isatty = False  # noqa: SLF001 - there is no other way
