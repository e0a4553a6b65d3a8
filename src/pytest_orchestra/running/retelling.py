"""From what a worker tells to the hook calls that xdist would have made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.dsession import DSession
    from xdist.workermanage import WorkerController

    from pytest_orchestra.running.link import Location


class Retelling:
    """Calls logstart, logreport and logfinish for the tests of one worker, in pytest's order.

    The report of a teardown that went well is held back until the next word from the worker:
    fixtures that outlive the test may still fail to go down, and then that failure is the
    report, as it is where pytest knows the next test beforehand. So every test has one
    teardown report.
    """

    def __init__(self, dsession: DSession, node: WorkerController) -> None:
        self._dsession = dsession
        self._node = node
        self._test: tuple[str, Location] | None = None
        self._held: pytest.TestReport | None = None

    def start(self, nodeid: str, location: Location) -> None:
        """A test begins, or its first report is here; whatever was before it is settled."""
        if self._test == (nodeid, location) and self._held is None:
            return
        self.settle()
        self._test = (nodeid, location)
        self._dsession.worker_logstart(self._node, nodeid, location)

    def report(self, report: pytest.TestReport) -> None:
        """Pass on a report of the test that began, or hold it back."""
        self._pass_on_held()
        if report.when == "teardown" and report.passed:
            self._held = report
        else:
            self._dsession.worker_testreport(self._node, report)

    def late(self, report: pytest.TestReport) -> None:
        """Fixtures that outlived the last test failed to go down: its teardown failed."""
        if self._held is not None and self._held.nodeid == report.nodeid:
            report.duration += self._held.duration
            report.start = self._held.start
            self._held = None
        self._dsession.worker_testreport(self._node, report)

    def settle(self) -> None:
        """Nothing more will come for the last test."""
        self._pass_on_held()
        if self._test is not None:
            nodeid, location = self._test
            self._test = None
            self._dsession.worker_logfinish(self._node, nodeid, location)

    def _pass_on_held(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._dsession.worker_testreport(self._node, held)
