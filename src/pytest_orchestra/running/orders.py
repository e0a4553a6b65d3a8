"""Carries out on workers what the engine commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra.model.events import Assign, Command, Conclude, Recall, Relinquish
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.delivery import Delivery
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.skips import blocked_reports, remember_blocked

if TYPE_CHECKING:
    from pytest_orchestra.running.link import Location
    from pytest_orchestra.running.post import Post


class Orders:
    """What goes out to the workers of one run, by their names, and what is reported in their place.

    ``posts`` are the workers that are there, ``locations`` pytest's, per case.
    """

    def __init__(
        self,
        config: pytest.Config,
        run: Run,
        posts: Mapping[str, Post],
        locations: Sequence[Location],
    ) -> None:
        self._config: Final = config
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
        for worker, fresh in assigned.items():
            self._send_out(worker, fresh)

    def _send_out(self, worker: str, cases: Sequence[int]) -> None:
        if cases:
            post = self._posts[worker]
            post.fresh.update(cases)
            for case in cases:
                self._delivery.bring(post, case)
                leases = self._run.leases(case)
                if leases:
                    packed = [(lease.resource, lease.amount, lease.names) for lease in leases]
                    post.send(("leases", post.index(case), packed))
            post.send(("run", [post.index(case) for case in cases]))

    def _report_blocked(self, case: int, conclusion: Conclude) -> None:
        nodeid, location = self._run.nodeid(case), self._locations[case]
        hook = self._config.hook
        hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        text = self._run.blocked_text(conclusion.cause)
        for report in blocked_reports(nodeid, location, text):
            hook.pytest_runtest_logreport(report=report)
        remember_blocked(self._config, report)
        hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)
