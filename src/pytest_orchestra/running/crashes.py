"""What a worker that died leaves behind, and which test is to blame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_orchestra.running.news import News
from pytest_orchestra.running.run import Run

if TYPE_CHECKING:
    from xdist.dsession import DSession

    from pytest_orchestra.running.link import Location
    from pytest_orchestra.running.post import Post


class Crashes:
    """Reports the deaths of workers of one run.

    ``scheduling`` is what plugins know as xdist's scheduler, ``locations`` are pytest's, per case.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - whom it asks, and whom it tells
        self,
        config: pytest.Config,
        dsession: DSession,
        scheduling: object,
        run: Run,
        news: News,
        locations: Sequence[Location],
    ) -> None:
        self._config: Final = config
        self._dsession: Final = dsession
        self._scheduling: Final = scheduling
        self._run: Final = run
        self._news: Final = news
        self._locations: Final = locations
        self._is_pending_again = False

    def mark_pending_again(self) -> None:
        """Let the test that just crashed run again; for ``pytest_handlecrashitem``."""
        self._is_pending_again = True

    def report(self, post: Post) -> int | None:
        """Blame what a dead worker was running, or tearing down; return it, unless it runs again."""
        self._accept_legacy(post)
        run = self._run
        if post.tearing is not None:
            case = post.tearing
            text = f"worker {post.name!r} crashed while tearing down after {run.nodeid(case)!r}"
            report = self._crash_report(post, case, text, "teardown")
            run.add_report(case, report)
            post.retelling.late(report)
            return case
        if post.running is None:
            return None
        case = post.running
        text = f"worker {post.name!r} crashed while running {run.nodeid(case)!r}"
        report = self._crash_report(post, case, text, "call")
        self._is_pending_again = False
        post.retelling.start(run.nodeid(case), self._locations[case])
        self._config.hook.pytest_handlecrashitem(
            crashitem=report.nodeid, report=report, sched=self._scheduling
        )
        if self._is_pending_again:
            run.note_report(case, report)
            run.attempts.close(case)
            self._config.hook.pytest_runtest_logreport(report=report)
            return None
        run.add_report(case, report)
        self._dsession.worker_testreport(post.node, report)
        return case

    def _accept_legacy(self, post: Post) -> None:
        """Take note of what the worker had not told when it died, and of what it was running."""
        legacy = post.open_legacy()
        if legacy is None:
            return
        self._news.take_records(post, legacy.records)
        post.running = None
        if legacy.running is not None:
            case = post.case(legacy.running)
            if case in self._run.engine.queue_of(post.name):
                post.running, post.tearing = case, None

    def _crash_report(self, post: Post, case: int, text: str, when: Any) -> pytest.TestReport:
        report = pytest.TestReport(
            self._run.nodeid(case),
            self._locations[case],
            {},
            "failed",
            text,
            when,
            **self._news.attributes(post, case),
        )
        report.node = post.node  # type: ignore[attr-defined]
        return report
