"""Drives the engine in pytest's own process, one test at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import pytest

from pytest_orchestra.model.events import Assign, Command, Conclude, Fixture, GiveUp, Relinquish
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.data_port import Hand
from pytest_orchestra.running.fixture_claims import FixtureClaims
from pytest_orchestra.running.look_ahead import StandIn, leaves_fixtures
from pytest_orchestra.running.meter import find_meter
from pytest_orchestra.running.others import OthersWatch
from pytest_orchestra.running.renewal import renew
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.shared_fixtures import FixtureClock
from pytest_orchestra.running.sharing import INTERVAL
from pytest_orchestra.running.skips import blocked_reports, remember_blocked
from pytest_orchestra.running.tenure import Tenure

#: The name of the only worker.
MAIN: Final = "main"


class SerialLoop:
    """Runs all items of a session, in the order that the engine gives them out.

    ``say`` prints a line while no test runs, and ``tell`` what is to be told of retries.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it drives, and whom it tells
        self,
        session: pytest.Session,
        run: Run,
        claims: FixtureClaims,
        clock: FixtureClock,
        say: Callable[[str], None],
        tell: Callable[[Run], None],
    ) -> None:
        self._tell = tell
        self._session = session
        self._run = run
        self._clock = clock
        self._say = say
        self._others = OthersWatch(run)
        self._tenure = Tenure(session.config.pluginmanager, claims, self._note_unclaimed)
        #: Fixtures to tear down before and after the next case.
        self._due: list[Fixture] = []
        self._due_later: list[Fixture] = []
        self._items = session.items
        self._meter = find_meter()
        self._next: int | None = None
        self._current: int | None = None
        #: The last case, as long as fixtures that it left up may have to go down.
        self._unsettled: int | None = None
        self._is_decided = False
        self._conclusions: deque[Conclude | GiveUp] = deque()

    def loop(self) -> None:
        """Run until every case has its verdict, or pytest wants to stop."""
        self._obey(self._run.begin({"": (MAIN,)}))
        self._report_conclusions()
        while self._wait_for_work():
            self._settle_last()
            self._relinquish()
            self._report_conclusions()
            if self._next is None:
                continue  # what was torn down has failed, and the next case with it
            case, self._next = self._next, None
            self._due, self._due_later = self._due_later, []
            self._run_case(case)
            self._relinquish()
            self._report_conclusions()
        self._settle_last()
        self._report_conclusions()
        if self._session.shouldfail:
            raise self._session.Failed(self._session.shouldfail)
        if self._session.shouldstop:
            raise self._session.Interrupted(self._session.shouldstop)

    def _wait_for_work(self) -> bool:
        """Return whether there is a next case, if need be after waiting for other runs."""
        while self._next is None and not self._run.engine.done:
            if self._due:
                self._relinquish()
            elif not (self._run.waits_for_others or self._run.engine.next_due is not None):
                break
            else:
                self._sleep()
                self._obey(self._run.hear_of_others())
                self._obey(self._run.look_again())
                for line in self._others.check():
                    self._say(line)
            self._stop_if_asked()
            self._report_conclusions()
        return self._next is not None

    def _sleep(self) -> None:
        """Wait until there may be news of other runs, or a case may be tried again."""
        due = self._run.engine.next_due
        time.sleep(INTERVAL if due is None else max(0.0, min(INTERVAL, due - self._run.now)))

    def give_up(self) -> None:
        """Report the failures of tests that were to be tried again, since the run ends before."""
        if self._run.engine.has_retries:
            self._current = None
            self._obey(self._run.halt("the run was interrupted"))
            self._report_conclusions()

    def _relinquish(self) -> None:
        """Tear down fixtures that keep what others need more."""
        down, self._due = tuple(self._due), []
        if not down:
            return
        for item, tear_down in self._tenure.relinquish(down):
            report = tear_down()
            if report is not None:
                case = self._items.index(item)
                self._current = case
                item.ihook.pytest_runtest_logreport(report=report)
                self._current = None
                self._reconsider(case)
        self._obey(self._run.fixtures_down(MAIN, (*down, *self._tenure.gone())))

    def _note_unclaimed(self, fixture: str) -> None:
        if self._current is not None:
            self._run.note_unclaimed(self._current, fixture)

    def add_report(self, report: pytest.TestReport) -> None:
        """Take in a report that pytest has just logged."""
        case = self._current
        if case is not None:
            report.orchestra_waited = self._run.waited(case)  # type: ignore[attr-defined]
            if self._run.withheld.is_promised(case):
                # Where pytest's terminal asks for the status, a test fails in which subtests failed: too
                # late for what is to be tried again.
                config = self._session.config
                config.hook.pytest_report_teststatus(report=report, config=config)
            self._run.add_report(case, report)

    def hand(self) -> Hand:
        """Return the running test with the data that is there for it."""
        case = self._current
        assert case is not None  # noqa: S101 - fixtures of functions live while a test runs
        values = {name: value for _, name, value in self._run.values.meant_for(case)}
        return Hand(self._run.plan.specs[case], values)

    def provide(self, name: str, value: bytes | None) -> None:
        """Keep what the running test provides."""
        assert self._current is not None  # noqa: S101 - as above
        self._run.values.put(self._current, name, value)

    def _run_case(self, case: int) -> None:
        item = self._items[case]
        if self._run.engine.failed_on(case):
            renew(item)
            self._run.values.forget(case)
        self._current = case
        self._is_decided = False
        self._run.telling.case_began(case, MAIN)
        self._meter.skip()
        self._tenure.begin(item, self._run.leases(case))
        self._meter.begin()
        self._clock.begin()
        began = time.perf_counter()
        stand_in: Any = StandIn(item, lambda: self._look_ahead(case, began))
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=stand_in)
        if not self._is_decided:
            self._decide(case, began)
        self._run.correct_seconds(case, time.perf_counter() - began)
        self._run.note_shared(case, self._clock.spent)
        self._run.note_usage(case, self._meter.end())
        self._tell_down(self._tenure.end(item))
        self._unsettled = case
        if self._knows_what_follows:
            self._settle_last()
        else:
            self._reconsider(case)
        self._current = None

    def _tell_down(self, fixtures: tuple[Fixture, ...]) -> None:
        if fixtures:
            self._obey(self._run.fixtures_down(MAIN, fixtures))

    def _look_ahead(self, case: int, began: float) -> list[Any] | None:
        """Decide, while ``case`` is torn down, what follows it, as far as its reports allow.

        A plugin that repeats tests may hold its reports back: then nothing is decided yet.
        """
        if not self._is_decided:
            if self._run.verdict(case) is None or self._run.plan.specs[case].provides:
                return None  # what it provides is settled when all attempts are torn down
            if self._run.is_shared(case):
                return None  # others may take what it has as soon as it is over
            if self._run.may_be_tried_again(case):
                return None  # its teardown may fail, and so may all of the attempt
            if self._run.is_decisive(case):
                return None  # as above, and a gate that has opened does not close again
            self._decide(case, began)
        if self._next is None:
            # Fixtures stay up while the next case is not known: it may only have to wait.
            return [] if self._run.engine.done else None
        return self._items[self._next].listchain()

    def _decide(self, case: int, began: float) -> None:
        self._is_decided = True
        self._stop_if_asked()
        self._run.note_shared(case, self._clock.spent)
        self._obey(self._run.finish({case: time.perf_counter() - began}))

    def _stop_if_asked(self) -> None:
        """From now on run only what cleans up, if pytest or a plugin wants to stop."""
        reason = self._session.shouldfail or self._session.shouldstop
        if not reason or self._run.engine.stopped is not None:
            return
        self._obey(self._run.stop(str(reason)))
        if self._next is not None:
            returned, self._next = self._next, None
            self._obey(self._run.take_back(MAIN, (returned,)))

    def _settle_last(self) -> None:
        """Mend what was decided too early, and tear down what the next case does not share.

        That may fail, and then something else may be next, or nothing yet.
        """
        case, self._unsettled = self._unsettled, None
        if case is None:
            return
        self._current = case
        item = self._items[case]
        self._reconsider(case)
        while self._knows_what_follows and leaves_fixtures(item, self._following):
            report = self._tenure.settle(item, self._following)
            if report is not None:
                item.ihook.pytest_runtest_logreport(report=report)
                self._reconsider(case)
        if not self._knows_what_follows:
            self._unsettled = case
        self._tell_down(self._tenure.gone())
        self._current = None

    @property
    def _knows_what_follows(self) -> bool:
        """Whether there is a next case, or no more at all."""
        return self._next is not None or self._run.engine.done

    @property
    def _following(self) -> pytest.Item | None:
        return None if self._next is None else self._items[self._next]

    def _reconsider(self, case: int) -> None:
        """A teardown may have failed, so another verdict holds, or the run is to stop."""
        self._amend(case)
        self._stop_if_asked()

    def _amend(self, case: int) -> None:
        if not self._run.is_amended(case):
            return
        if self._next is not None:
            returned, self._next = self._next, None
            # The engine may hand the same case out again at once: it hears the verdict first.
            self._obey(self._run.amend(case))
            self._next = None
            self._obey(self._run.take_back(MAIN, (returned,)))
        else:
            self._obey(self._run.amend(case))

    def _obey(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Assign(case=case):
                    self._next = case
                case Conclude() | GiveUp():
                    self._conclusions.append(command)
                case Relinquish(fixtures=fixtures):
                    due = self._due if self._next is None else self._due_later
                    due += fixtures
                case _:
                    raise AssertionError(f"{command} makes no sense in one process")

    def _report_conclusions(self) -> None:
        self._tell(self._run)
        while self._conclusions:
            conclusion = self._conclusions.popleft()
            item = self._items[conclusion.case]
            if isinstance(conclusion, GiveUp):
                self._report_failure(conclusion.case, item)
                continue
            if conclusion.verdict is not Verdict.BLOCKED:
                continue
            text = self._run.blocked_text(conclusion.cause)
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            for report in blocked_reports(item.nodeid, item.location, text):
                item.ihook.pytest_runtest_logreport(report=report)
            remember_blocked(item.config, report)
            item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def _report_failure(self, case: int, item: pytest.Item) -> None:
        """Report what was withheld of the last attempt at ``case``, which stays the last."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._run.withheld.take(case):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
