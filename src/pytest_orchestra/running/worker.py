"""The loop inside an xdist worker: it runs a test as soon as it is told to."""

from __future__ import annotations

import traceback
from collections.abc import Generator
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter  # by name: tests may replace what is in the module
from typing import Any, Final

import execnet
import pytest
from _pytest.terminal import TerminalReporter

from pytest_orchestra.model.events import Fixture
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.missing import Missing
from pytest_orchestra.running import link
from pytest_orchestra.running.artifacts import register_in_worker
from pytest_orchestra.running.aside import SetAside
from pytest_orchestra.running.bodies import digest_bodies
from pytest_orchestra.running.budgets import unpack_retries
from pytest_orchestra.running.collect import COLLECTING, Collecting
from pytest_orchestra.running.compact import fold, is_plain
from pytest_orchestra.running.data_port import DATA_PORT, DataPort, Hand
from pytest_orchestra.running.fixture_claims import FixtureClaims
from pytest_orchestra.running.garbage import LastSearch, leave_quickly, searched_seldom
from pytest_orchestra.running.handover import INPUT_KEY, Handover
from pytest_orchestra.running.identify import read_host
from pytest_orchestra.running.inbox import Inbox
from pytest_orchestra.running.journal import Journal
from pytest_orchestra.running.look_ahead import StandIn, leaves_fixtures
from pytest_orchestra.running.markers import location_of
from pytest_orchestra.running.matrix import Matrix
from pytest_orchestra.running.meter import BlindMeter, Meter, find_meter
from pytest_orchestra.running.outbox import Outbox
from pytest_orchestra.running.parcels import Parcels
from pytest_orchestra.running.raised import NOTES_RAISED, NotesRaised
from pytest_orchestra.running.renewal import failures_not_counted, renew
from pytest_orchestra.running.shared_fixtures import CHEAP, FixtureClock, read_kits
from pytest_orchestra.running.sharing import Life
from pytest_orchestra.running.stage_choice import unpack_stages
from pytest_orchestra.running.tenure import Tenure

#: What is left to xdist's own worker plugin while ours runs the tests.
_KEPT_HOOKS: Final = (
    "pytest_internalerror",
    "pytest_sessionfinish",
    "pytest_collectreport",
    "pytest_warning_recorded",
)

#: The plugins of pytest itself that turn reports into data; they leave plain ones as they are.
_OWN_SERIALIZERS: Final = frozenset({"reports", "subtests"})


def configure_worker(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Set up a process that xdist started, with what the controller put into its input."""
    told: Handover = workerinput[INPUT_KEY]
    channel = told["channel"]
    journal = Journal.find(told["journal"])
    if journal is not None:
        journal.keep()
    outbox = Outbox(channel, journal)
    claims = FixtureClaims(link.unpack_fixtures(told["fixtures"]))
    missing, retries = Missing(told["missing"]), unpack_retries(told["retries"])
    stages = unpack_stages(told["stages"])
    collecting = Collecting(config, missing, told["dist"], claims, told["weights"], retries, stages)
    config.pluginmanager.register(collecting, COLLECTING)
    Matrix.register(config.pluginmanager, stages)
    clock = FixtureClock(lambda fixture, seconds: outbox.send(("cost", *fixture, seconds)))
    loop = WorkerLoop(config, channel, outbox, collecting, claims, clock)
    if told["life"] is not None:
        loop.prove_life(Life(*told["life"]))
    config.pluginmanager.register(loop, "orchestra-worker")
    config.pluginmanager.register(DataPort(loop.hand, loop.provide), DATA_PORT)
    config.pluginmanager.register(clock, "orchestra-fixture-clock")
    config.pluginmanager.register(LastSearch(config), "orchestra-last-search")
    config.pluginmanager.register(SetAside(), "orchestra-set-aside")
    config.pluginmanager.register(NotesRaised(config.rootpath), NOTES_RAISED)
    register_in_worker(config, workerinput)
    leave_quickly()


class WorkerLoop:
    """Plugin for a worker: speaks with the controller over a channel of its own.

    It takes over collecting and running from xdist's worker plugin, which would wait for the
    next test before it begins one, and send six messages for each.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each is a different thing that a worker needs
        self,
        config: pytest.Config,
        channel: execnet.Channel,
        outbox: Outbox,
        collecting: Collecting,
        claims: FixtureClaims,
        clock: FixtureClock,
    ) -> None:
        self._config = config
        self._channel = channel
        self._outbox = outbox
        self._clock = clock
        self._collecting = collecting
        self._inbox = Inbox()
        self._parcels = Parcels()
        self._tenure = Tenure(config.pluginmanager, claims, self._tell_unclaimed)
        self._leases: dict[int, list[Lease]] = {}
        #: How often each test was tried before, here or elsewhere.
        self._tried: dict[int, int] = {}
        self._life: object = None
        self._items: list[pytest.Item] = []
        self._collection = collecting.collection
        self._current: int | None = None
        self._foreseen: int | None = None
        self._is_plain = True
        self._reports: list[pytest.TestReport] = []
        self._can_fold = True
        self._stats: dict[str, list[Any]] | None = None
        self._host = read_host()  # before tests can change the environment
        self._meter: Meter = BlindMeter()

    def prove_life(self, life: Life) -> None:
        """Let other runs on this machine know that what tests here got is in use.

        That only holds where the controller is: on another host nobody would look.
        """
        if life.host == self._host.key:
            from pytest_orchestra.machine import hold_life  # noqa: PLC0415 - only if needed

            name = self._config.workerinput["workerid"]  # type: ignore[attr-defined]
            self._life = hold_life(Path(life.directory), life.run, name)

    def _tell_unclaimed(self, fixture: str) -> None:
        if self._current is not None:
            self._outbox.send(("unclaimed", self._current, fixture))

    # collection

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, Any, Any]:
        """Take over from xdist's worker plugin, and listen to the controller."""
        interactor = _find_interactor(self._config.pluginmanager)
        self._config.pluginmanager.unregister(interactor)
        self._config.pluginmanager.register(_Kept(interactor), "orchestra-xdist-worker")
        interactor.channel.setcallback(self._obey_xdist, endmarker=None)
        self._stats = _mute_terminal(self._config)
        try:
            with searched_seldom():
                return (yield)
        except _SentHomeError:
            return True  # nobody waits for what was collected
        except (pytest.UsageError, pytest.exit.Exception) as error:
            self._outbox.send(("refused", getattr(error, "msg", None) or str(error)))
            raise

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectstart(self) -> None:
        """Collect no further if the run has ended meanwhile."""
        if self._inbox.is_stopped:
            raise _SentHomeError

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say what was collected, if that went well: pytest calls this hook in any case."""
        if not self._collecting.is_done:
            return
        self._items = list(session.items)
        self._collection = self._collecting.collection_of(self._items)
        serializers = self._config.hook.pytest_report_to_serializable.get_hookimpls()
        self._can_fold = all(each.plugin_name in _OWN_SERIALIZERS for each in serializers)
        nodeids = [item.nodeid for item in self._items]
        host = link.pack_host(self._host)
        self._outbox.send(("collected", link.digest(nodeids), len(nodeids), host))
        self._channel.setcallback(self._obey)

    # messages, in the thread that receives

    def _obey_xdist(self, command: tuple[str, dict[str, Any]] | None) -> None:
        """Take what comes over xdist's channel: only its end and ``shutdown`` matter."""
        if command is None or command[0] == "shutdown":
            self._inbox.stop()

    def _obey(self, message: Any) -> None:
        try:
            self._act_on(message)
        except Exception:  # noqa: BLE001 - execnet would close the channel without a word
            self._outbox.send(("broken", traceback.format_exc()))
            self._inbox.stop()

    def _act_on(self, message: Any) -> None:  # noqa: C901 - one line for each kind of message
        match message:
            case ("run", indices):
                if not self._inbox.put(indices):
                    self._outbox.send(("returned", list(indices)))
            case ("value", number, value):
                self._parcels.keep(number, value)
            case ("inputs", index, numbers):
                self._parcels.address(index, numbers)
            case ("again", index, tried):
                self._tried[index] = tried
            case ("leases", index, leases):
                self._leases[index] = [
                    Lease(resource, amount, tuple(names)) for resource, amount, names in leases
                ]
            case ("relinquish", fixtures):
                self._inbox.relinquish(tuple((name, scope) for name, scope in fixtures))
            case ("recall", indices):
                self._outbox.send(("returned", list(self._inbox.recall(indices))))
            case ("clean",):
                self._inbox.clean()
            case ("describe",):
                locations = [location_of(item) for item in self._items]
                kits, bodies = read_kits(self._items), digest_bodies(self._items)
                payload = link.pack(self._collection, locations, kits, bodies)
                self._outbox.send(("described", payload))
            case ("list",):
                self._outbox.send(("nodeids", [item.nodeid for item in self._items]))

    # running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run what the controller says until it says to stop."""
        self._meter = find_meter()
        self._outbox.open()
        try:
            self._run_all(session)
        finally:
            self._outbox.close()
        return True

    def _run_all(self, session: pytest.Session) -> None:
        last: pytest.Item | None = None
        last_index = -1
        while True:
            index = self._inbox.take()
            if isinstance(index, tuple):
                self._relinquish(index)
                continue
            following = None if index is None else self._items[index]
            tore = last is not None and self._settle(last, last_index, following)
            if index is None or following is None:
                return
            # The controller takes for granted that what was queued when a test ended runs next.
            if tore or index != self._foreseen:
                self._outbox.send(("started", index))
            self._run(following, index)
            last, last_index = following, index
            reason = session.shouldfail or session.shouldstop
            if reason:
                self._refuse(str(reason))

    def _refuse(self, reason: str) -> None:
        """Nothing runs after what stops the run, unless the controller says that it cleans up.

        It is told the reason again, or it would wait for this worker if it had not heard.
        """
        queued = self._inbox.refuse()
        if queued is not None:
            self._outbox.send(("stopping", reason))
            self._outbox.send(("returned", list(queued)))

    def _run(self, item: pytest.Item, index: int) -> None:
        tried = self._tried.pop(index, 0)
        if tried:
            renew(item)
        is_last = tried >= (self._collection.specs[index].retries or 0)
        self._current = index
        self._outbox.run(index)
        self._reports.clear()
        self._is_plain = self._can_fold
        upcoming = self._inbox.peek()
        nextitem: Any = (
            StandIn(item, self._look_ahead) if upcoming is None else self._items[upcoming]
        )
        self._tenure.begin(item, self._leases.pop(index, ()))
        self._meter.begin()
        self._clock.begin()
        began = perf_counter()
        try:
            with nullcontext() if is_last else failures_not_counted(item.session):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
        except pytest.exit.Exception as request:
            self._send_reports()
            self._outbox.send(("exiting", index, request.msg, request.returncode))
            raise
        seconds = perf_counter() - began
        usage = self._meter.end()
        if self._clock.spent >= CHEAP:
            self._outbox.send(("shared", index, self._clock.spent))
        self._tell_down(self._tenure.end(item), index)
        reason = item.session.shouldstop or item.session.shouldfail
        if reason:
            self._outbox.send(("stopping", str(reason)))
        self._foreseen = self._inbox.peek()
        record = fold(index, seconds, usage, self._reports) if self._is_plain else None
        if record is None:
            self._send_reports()
            self._outbox.send(("finished", index, seconds, usage))
        else:
            # Only short tests are sent ahead, so if there is a next one it is soon over.
            self._outbox.passed(record, hold=self._foreseen is not None)
        self._outbox.run(None)
        self._current = None

    def _look_ahead(self) -> list[Any] | None:
        upcoming = self._inbox.peek()
        if upcoming is not None:
            return self._items[upcoming].listchain()
        return [] if self._inbox.is_stopped else None

    def _settle(self, item: pytest.Item, index: int, following: pytest.Item | None) -> bool:
        if not leaves_fixtures(item, following):
            return False
        self._outbox.send(("tearing", index))
        report = self._tenure.settle(item, following)
        self._meter.skip()
        if report is not None:
            self._outbox.send(("late", index, self._serialize(report)))
        self._tell_down(self._tenure.gone())
        return True

    def _relinquish(self, fixtures: tuple[Fixture, ...]) -> None:
        """Tear down fixtures that keep what others need more."""
        for item, tear_down in self._tenure.relinquish(fixtures):
            index = self._items.index(item)
            self._outbox.send(("tearing", index))
            report = tear_down()
            if report is not None:
                self._outbox.send(("late", index, self._serialize(report)))
        self._meter.skip()
        self._foreseen = None  # the controller has to hear what runs next
        gone = self._tenure.gone()
        self._tell_down(tuple(dict.fromkeys((*fixtures, *gone))))

    def _tell_down(self, fixtures: tuple[Fixture, ...], index: int | None = None) -> None:
        if fixtures:
            self._outbox.send(("down", list(fixtures), index))

    # data

    def hand(self) -> Hand:
        """Return the running test with the data that it was given."""
        index = self._current
        assert index is not None  # noqa: S101 - fixtures of functions live while a test runs
        return Hand(self._collection.specs[index], self._parcels.for_test(index))

    def provide(self, name: str, value: bytes | None) -> None:
        """Send at once what the running test provides: its worker may not live to its end."""
        self._outbox.send(("provided", self._current, name, value))

    # reports

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep plain reports until the test is over; send the first other one, and all after.

        Not first: where pytest's terminal asks for the status, plugins change reports; a test in
        which subtests failed fails there.
        """
        if self._stats is not None:
            self._stats.setdefault(self._category(report), []).append(report)
        if self._current is None:
            return
        self._reports.append(report)
        if self._is_plain and not is_plain(report, self._items[self._current]):
            self._is_plain = False
        if not self._is_plain:
            self._send_reports()

    def _category(self, report: pytest.TestReport) -> str:
        """What pytest's terminal would count ``report`` as."""
        if report.when != "call" and report.outcome == "passed":
            return ""  # no plugin has anything to say of that, and there are many
        hook = self._config.hook
        category: str = hook.pytest_report_teststatus(report=report, config=self._config)[0]
        return category

    def _send_reports(self) -> None:
        for report in self._reports:
            self._outbox.send(("report", self._current, self._serialize(report)))
        self._reports.clear()

    def _serialize(self, report: pytest.TestReport) -> Any:
        return self._config.hook.pytest_report_to_serializable(config=self._config, report=report)


class _SentHomeError(Exception):
    """The controller has told this worker to go home before it has collected."""


class _Kept:
    """The hooks of xdist's worker plugin that go on as they were."""

    def __init__(self, interactor: Any) -> None:
        for name in _KEPT_HOOKS:
            setattr(self, name, getattr(interactor, name))


def _mute_terminal(config: pytest.Config) -> dict[str, list[Any]] | None:
    """Keep pytest's terminal from printing tests, which nobody reads in a worker.

    Returns its statistics, which are then ours to keep; None if the terminal is somebody
    else's, and so left alone.
    """
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if type(reporter) is not TerminalReporter:
        return None
    for hook in (config.hook.pytest_runtest_logstart, config.hook.pytest_runtest_logreport):
        hook._remove_plugin(reporter)  # noqa: SLF001 - pluggy has no public way for one hook
    return reporter.stats


def _find_interactor(manager: pytest.PytestPluginManager) -> Any:
    """Return xdist's worker plugin: its module has no importable name, so it is known by type."""
    return next(
        plugin for plugin in manager.get_plugins() if type(plugin).__name__ == "WorkerInteractor"
    )
