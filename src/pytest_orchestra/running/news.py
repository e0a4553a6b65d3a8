"""Takes in what workers tell of their tests, and of what they were busy with when they died."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest

from pytest_orchestra.model.events import Command
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.compact import unfold
from pytest_orchestra.running.orders import Orders
from pytest_orchestra.running.run import Run

if TYPE_CHECKING:
    from collections.abc import Container

    from pytest_orchestra.running.link import Location
    from pytest_orchestra.running.post import Post

#: Says what is to be done if the run is to stop; takes the cases whose end is being handled.
StopIfAsked: TypeAlias = "Callable[[Container[int]], tuple[Command, ...]]"


class News:
    """What the workers of one run say of tests, passed on to the run and to pytest's hooks.

    ``locations`` are pytest's, per case.
    """

    def __init__(
        self,
        config: pytest.Config,
        run: Run,
        orders: Orders,
        locations: Sequence[Location],
        stop_if_asked: StopIfAsked,
    ) -> None:
        self._config: Final = config
        self._run: Final = run
        self._orders: Final = orders
        self._locations: Final = locations
        self._stop_if_asked: Final = stop_if_asked

    def hear(self, post: Post, message: Any) -> None:
        """Take a message of a worker."""
        run, obey = self._run, self._orders.obey
        match message:
            case ("passed", batch, records):
                post.batch = batch or post.batch
                self.take_records(post, records)
            case ("report", index, data):
                self._pass_on(post, post.case(index), self._read(post, index, data))
            case ("finished", index, seconds, usage):
                run.note_usage(post.case(index), usage)
                self._finish(post, [(post.case(index), seconds)])
            case ("late", index, data):
                case = post.case(index)
                report = self._read(post, index, data)
                run.add_report(case, report)
                post.retelling.late(report)
                obey(self._stop_if_asked(()))
                obey(run.amend(case))
            case ("down", fixtures, index):
                down = tuple((name, scope) for name, scope in fixtures)
                over = None if index is None else post.case(index)
                obey(run.fixtures_down(post.name, down, over))
            case ("returned", indices):
                cases = tuple(post.case(index) for index in indices)
                if post.running in cases:
                    post.running = None
                obey(run.take_back(post.name, cases))
            case _:
                self._note(post, message)

    def _note(self, post: Post, message: Any) -> None:
        """Take a message of which the engine need not know."""
        run = self._run
        match message:
            case ("started", index):
                post.running = case = post.case(index)
                post.tearing = None
                run.telling.case_began(case, post.name)
                post.retelling.start(run.nodeid(case), self._locations[case])
            case ("tearing", index):
                post.tearing = post.case(index)
            case ("provided", index, name, value):
                run.values.put(post.case(index), name, value)
            case ("unclaimed", index, fixture):
                run.note_unclaimed(post.case(index), fixture)
            case ("shared", index, seconds):
                run.note_shared(post.case(index), seconds)
            case ("cost", name, scope, seconds):
                run.note_cost(post.name, (name, scope), seconds)

    def take_records(self, post: Post, records: bytes) -> None:
        """Take in tests that have passed without anything to tell."""
        self._finish(post, self._unfold(post, records))

    def _pass_on(self, post: Post, case: int, report: pytest.TestReport) -> None:
        post.running, post.tearing = case, None
        self._run.add_report(case, report)
        post.retelling.start(self._run.nodeid(case), self._locations[case])
        post.retelling.report(report)

    def _unfold(self, post: Post, records: bytes) -> Iterator[tuple[int, float]]:
        """Pass on what ``records`` tell, and yield case and seconds of each."""
        run = self._run
        for passed in unfold(records):
            case = post.case(passed.index)
            nodeid, location = run.nodeid(case), self._locations[case]
            run.note_passed(case, passed.spans, post.name)
            extra = self.attributes(post, case)
            if run.verdict(case) is Verdict.FLAKY:
                extra["orchestra_flaky"] = True
            run.note_usage(case, passed.usage)
            post.running, post.tearing = case, None
            post.retelling.start(nodeid, location)
            for report in passed.reports(nodeid, location, **extra):
                post.retelling.report(report)
            yield case, passed.seconds

    def _finish(self, post: Post, finished: Iterable[tuple[int, float]]) -> None:
        """Take note of cases that are over, with their seconds; dispatch for all of them at once."""
        post.fresh.clear()
        commands: list[Command] = []
        seconds: dict[int, float] = {}
        for case, spent in finished:
            seconds[case] = spent
            commands += self._stop_if_asked(seconds)
        commands += self._run.finish(seconds)
        self._orders.obey(commands)
        queue = self._run.engine.queue_of(post.name)
        post.running = queue[0] if queue and queue[0] not in post.fresh else None
        if post.running is not None:
            self._run.telling.case_began(post.running, post.name)

    def _read(self, post: Post, index: int, data: Any) -> pytest.TestReport:
        report: pytest.TestReport = self._config.hook.pytest_report_from_serializable(
            config=self._config, data=data
        )
        vars(report).update(self.attributes(post, post.case(index)))
        return report

    def attributes(self, post: Post, case: int) -> dict[str, Any]:
        """Return what xdist adds to each report, and how long its test waited."""
        return {
            "item_index": post.index(case),
            "worker_id": post.name,
            "testrun_uid": post.node.workerinput["testrunuid"],
            "orchestra_waited": self._run.waited(case),
        }
