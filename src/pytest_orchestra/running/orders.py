"""Carries out on workers what the engine commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra.model.events import Assign, Command, Conclude, GiveUp, Recall, Relinquish
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.delivery import Delivery
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.skips import blocked_reports, remember_blocked

if TYPE_CHECKING:
    from collections.abc import Callable

    from xdist.dsession import DSession

    from pytest_orchestra.running.link import Location
    from pytest_orchestra.running.post import Post


class Orders:
    """What goes out to the workers of one run, by their names, and what is reported in their place.

    ``posts`` are the workers that are there, ``locations`` pytest's, per case. ``on_obeyed`` is
    called when commands have been carried out.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - where all of it goes
        self,
        config: pytest.Config,
        dsession: DSession,
        run: Run,
        posts: Mapping[str, Post],
        locations: Sequence[Location],
        on_obeyed: Callable[[Run], None],
    ) -> None:
        self._config: Final = config
        self._dsession: Final = dsession
        self._on_obeyed: Final = on_obeyed
        self._run: Final = run
        self._posts: Final = posts
        self._locations: Final = locations
        self._delivery: Final = Delivery(run.values)

    def obey(self, commands: Iterable[Command]) -> None:
        """Carry out ``commands``, in their order for each worker."""
        assigned: dict[str, list[int]] = {}
        for command in commands:
            match command:
                case Assign(worker, case):
                    assigned.setdefault(worker, []).append(case)
                case Recall(worker, cases):
                    self._send_out(worker, assigned.pop(worker, ()))
                    post = self._posts[worker]
                    post.send(("recall", [post.index(case) for case in cases]))
                case Relinquish(worker, fixtures):
                    self._send_out(worker, assigned.pop(worker, ()))
                    self._posts[worker].send(("relinquish", list(fixtures)))
                case Conclude(case, verdict):
                    if verdict is Verdict.BLOCKED:
                        self._report_blocked(case, command)
                case GiveUp(case):
                    self._report_failure(case)
        for worker, fresh in assigned.items():
            self._send_out(worker, fresh)
        self._on_obeyed(self._run)

    def _send_out(self, worker: str, cases: Sequence[int]) -> None:
        if cases:
            post = self._posts[worker]
            post.fresh.update(cases)
            for case in cases:
                self._delivery.bring(post, case)
                tried = len(self._run.engine.failed_on(case))
                if tried:
                    post.send(("again", post.index(case), tried))
                leases = self._run.leases(case)
                if leases:
                    packed = [(lease.resource, lease.amount, lease.names) for lease in leases]
                    post.send(("leases", post.index(case), packed))
            post.send(("run", [post.index(case) for case in cases]))

    def _report_failure(self, case: int) -> None:
        """Report what was withheld of the last attempt at ``case``, which stays the last."""
        nodeid, location = self._run.nodeid(case), self._locations[case]
        hook = self._config.hook
        hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        for report in self._run.withheld.take(case):
            self._dsession.worker_testreport(report.node, report)
        hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)

    def _report_blocked(self, case: int, conclusion: Conclude) -> None:
        nodeid, location = self._run.nodeid(case), self._locations[case]
        hook = self._config.hook
        hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        text = self._run.blocked_text(conclusion.cause)
        for report in blocked_reports(nodeid, location, text):
            hook.pytest_runtest_logreport(report=report)
        remember_blocked(self._config, report)
        hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)
