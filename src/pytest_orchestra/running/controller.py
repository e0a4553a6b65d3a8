"""Drives the engine from xdist's controller.

xdist starts the workers, watches over them and owns the event queue. What the workers say on
our channel is put into that queue as the one event that xdist hands to its scheduler
unopened (``unscheduled``), so it is handled in the main thread, in order with the deaths of
workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import pytest
from xdist.workermanage import parse_tx_spec_config

from pytest_orchestra.model.events import Assign, Command, Conclude, Recall, Relinquish
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running import link
from pytest_orchestra.running.compact import unfold
from pytest_orchestra.running.delivery import Delivery
from pytest_orchestra.running.handshake import Handshake
from pytest_orchestra.running.post import Post
from pytest_orchestra.running.reprieve import Reprieve
from pytest_orchestra.running.run import Run
from pytest_orchestra.running.skips import blocked_reports, remember_blocked

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from xdist.dsession import DSession
    from xdist.workermanage import WorkerController

    from pytest_orchestra.model.host import Host
    from pytest_orchestra.running.hosts import Hosts
    from pytest_orchestra.running.journal import Legacy
    from pytest_orchestra.running.link import Description

#: Stands in the event queue in place of a worker's message when the pulse beats.
PULSE: Final = ("pulse",)


class OrchestraScheduling:
    """The scheduler that xdist sees (``xdist.scheduler.protocol.Scheduling``).

    ``make_run`` turns a description, the number of workers and their hosts into a run that can begin; it
    raises a usage error if there is something wrong. ``on_pulse`` is called now and then,
    ``on_stop`` when nothing more will be dispatched: with the reason, and the cases that ended
    just then. ``hosts`` are those of the run.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it drives, and whom it tells
        self,
        config: pytest.Config,
        dsession: DSession,
        make_run: Callable[[Description, int, tuple[Host, ...]], Run],
        on_pulse: Callable[[], None],
        on_stop: Callable[[Run, str, Container[int]], None],
        hosts: Hosts,
    ) -> None:
        self.config = config
        self._dsession = dsession
        self._make_run = make_run
        self._on_pulse = on_pulse
        self._on_stop = on_stop
        self._expected = len(parse_tx_spec_config(config))
        self._posts: dict[WorkerController, Post] = {}
        self._by_name: dict[str, Post] = {}
        self._handshake = Handshake(self._accept, hosts)
        self._accepted: list[Post] = []
        self._run: Run | None = None
        self._delivery: Delivery | None = None
        self._reprieve = Reprieve(dsession)
        self._is_pending_again = False
        #: Whether a host is being called that may get workers again.
        self.is_calling_hosts: Callable[[], bool] = lambda: False
        #: The exit code that a test asked for with ``pytest.exit``.
        self.exit_code: int | None = None

    # what xdist asks and tells

    @property
    def nodes(self) -> list[WorkerController]:
        """The workers that are there."""
        return list(self._posts)

    @property
    def collection_is_completed(self) -> bool:
        """Whether as many workers as there should be have collected the same tests."""
        return self._run is not None or len(self._accepted) >= self._expected

    @property
    def tests_finished(self) -> bool:
        """Whether every case has its verdict."""
        return self._run is not None and self._run.engine.done

    @property
    def has_pending(self) -> bool:
        """Whether the run has begun."""
        return self._run is not None

    def add_node(self, node: WorkerController) -> None:
        """A worker has started; it collects now."""
        self._posts[node] = Post(node, self._dsession)

    def add_node_collection(
        self,
        node: WorkerController,
        collection: Sequence[str],  # noqa: ARG002 - xdist's protocol
    ) -> None:
        """A worker has collected what it should (the handshake saw to that)."""
        post = self._posts[node]
        self._by_name[post.name] = post
        self._accepted.append(post)
        self._count_tests()

    def mark_test_complete(
        self, node: WorkerController, item_index: int, duration: float = 0
    ) -> None:
        """Do nothing: our workers tell us themselves."""

    def mark_test_pending(self, item: str) -> None:  # noqa: ARG002 - xdist's protocol
        """Run the test that just crashed again; for ``pytest_handlecrashitem``."""
        self._is_pending_again = True

    def remove_pending_tests_from_node(self, node: WorkerController | None, indices: Any) -> None:
        """Take a message of one of our workers; xdist believes it to be stolen tests."""
        if indices is PULSE:
            self._on_pulse()
            if self._run is not None:
                # What others have damaged of our books is mended at each look into theirs.
                self._obey(self._run.hear_of_others())
                self._obey(self._run.look_again())
                if not self._is_hiring:
                    self._obey(self._run.block_stranded())
        elif node is None:
            indices()  # an errand for this thread
        elif node in self._posts:
            post = self._posts[node]
            self._hear(post, indices)
            self._clean_up_first(post.running)

    def remove_node(self, node: WorkerController) -> None:
        """A worker is gone: it finished, or it died and we report what it was busy with.

        Raises KeyError for a worker that never started, as xdist expects, and for nothing
        else: xdist would take that for the same.
        """
        post = self._posts.pop(node)
        try:
            self._dismiss(post)
        except KeyError as error:
            raise RuntimeError(f"lost track of worker {post.name}") from error

    def _dismiss(self, post: Post) -> None:
        self._handshake.forget(post)
        run = self._run
        if run is None or post.name not in run.engine.workers:
            return
        legacy = post.open_legacy()
        if not hasattr(post.node, "workeroutput"):
            if legacy is not None:
                self._accept_legacy(run, post, legacy)
            culprit = self._report_crash(run, post)
        else:
            culprit = None
            run.note_in_flight(post.running, post.name)
            if post.node.workeroutput["exitstatus"] == pytest.ExitCode.INTERRUPTED:
                self._end_at_once(run)
        post.replay.settle()
        self._obey(self._stop_if_asked(run))
        self._obey(run.lose(post.name, culprit))
        del self._by_name[post.name]
        self._clean_up_first()

    def schedule(self) -> None:
        """Begin, or let a worker that came later join."""
        if self._run is None:
            self._begin()
        else:
            newcomers = [
                post
                for post in self._accepted
                if post.node in self._posts and post.name not in self._run.engine.workers
            ]
            for post in newcomers:
                if self._run.engine.stopped is not None:
                    post.send(("clean",))
                if not self._run.knows(post.host_name):
                    self._on_stranger(post)
            known = [post for post in newcomers if self._run.knows(post.host_name)]
            self._obey(self._run.join(_by_host(known)))

    def expect_one_less(self) -> None:
        """A worker is gone for good; if the others have collected, the run waits no longer."""
        self._expected -= 1
        is_anyone_there = any(post.node in self._posts for post in self._accepted)
        if self._run is None and is_anyone_there and self.collection_is_completed:
            self.schedule()

    @property
    def hosts_of_workers(self) -> dict[str, Host]:
        """Where each worker runs that has collected, in the order in which they came."""
        posts = (post for post in self._accepted if post.node in self._posts)
        return {post.name: post.host for post in posts if post.host is not None}

    def settle_all(self) -> None:
        """Pass on what is still held back."""
        for post in self._posts.values():
            post.replay.settle()

    def hear_of_others(self) -> None:
        """See what other runs have left for this one."""
        if self._run is not None:
            self._obey(self._run.hear_of_others())

    @property
    def _is_hiring(self) -> bool:
        """Whether workers have been started that have not collected yet."""
        if self.is_calling_hosts():
            return True
        engine = self._run.engine if self._run is not None else None
        active = self._dsession._active_nodes  # noqa: SLF001 - xdist has no public way
        return engine is None or any(node.gateway.id not in engine.workers for node in active)

    def _on_stranger(self, post: Post) -> None:
        """A worker came back on a host that nobody has planned for: it goes home again."""
        post.node.shutdown()

    # collection

    def narrow(self, cases: Sequence[int]) -> None:
        """Only ``cases`` of what was described are this run's; they are numbered anew."""
        self._handshake.narrow(cases, self._accepted)
        self._count_tests()

    def _count_tests(self) -> None:
        """Let pytest count what this run has; xdist tells it what every worker has collected."""
        if self._handshake.share is not None:
            self._session.testscollected = len(self._handshake.share)

    def _accept(self, post: Post, nodeids: Sequence[str]) -> None:
        self._dsession.worker_collectionfinish(post.node, nodeids)

    def _begin(self) -> None:
        session = self._session
        failed = session.testsfailed
        if failed and not self.config.option.continue_on_collection_errors:
            self._shut_down()
            errors = "error" if failed == 1 else "errors"
            raise session.Interrupted(f"{failed} {errors} during collection")
        description = self._handshake.description
        assert description is not None  # noqa: S101 - no worker is accepted without
        posts = [post for post in self._accepted if post.node in self._posts]
        hosts = tuple(dict.fromkeys(self.hosts_of_workers.values()))
        try:
            self._run = self._make_run(description, len(posts), hosts)
        except pytest.UsageError:
            self._shut_down()
            raise
        self._delivery = Delivery(self._run.values)
        self._obey(self._run.begin(_by_host(posts)))

    @property
    def _session(self) -> pytest.Session:
        session: pytest.Session = self.config.pluginmanager.getplugin("session")
        return session

    def _shut_down(self) -> None:
        for node in self._posts:
            node.shutdown()

    # messages

    def _hear(self, post: Post, message: Any) -> None:
        tag = message[0]
        if tag in ("collected", "described", "nodeids"):
            self._handshake.hear(post, message)
            if self._handshake.difference is not None:
                self._refuse(post, self._handshake.difference)
        elif tag == "refused":
            self._shut_down()
            raise pytest.UsageError(message[1])
        elif tag == "broken":
            self._shut_down()
            raise RuntimeError(f"worker {post.name} failed:\n{message[1]}")
        elif tag == "stopping":
            self._dsession.shouldstop = self._dsession.shouldstop or message[1]
        elif tag == "exiting":
            _, reason, self.exit_code = message
            self._dsession.shouldstop = self._dsession.shouldstop or reason
            if self._run is not None:
                self._end_at_once(self._run)
        elif self._run is not None:
            self._hear_of_tests(self._run, post, message)

    def _hear_of_tests(self, run: Run, post: Post, message: Any) -> None:
        match message:
            case ("passed", batch, records):
                post.batch = batch or post.batch
                self._finish(run, post, self._unfold(run, post, records))
            case ("report", index, data):
                self._pass_on(run, post, post.case(index), self._read(run, post, index, data))
            case ("finished", index, seconds, usage):
                run.note_usage(post.case(index), usage)
                self._finish(run, post, [(post.case(index), seconds)])
            case ("late", index, data):
                case = post.case(index)
                report = self._read(run, post, index, data)
                run.add_report(case, report)
                post.replay.late(report)
                self._obey(self._stop_if_asked(run))
                self._obey(run.amend(case))
            case ("down", fixtures, index):
                down = tuple((name, scope) for name, scope in fixtures)
                over = None if index is None else post.case(index)
                self._obey(run.fixtures_down(post.name, down, over))
            case ("returned", indices):
                cases = tuple(post.case(index) for index in indices)
                if post.running in cases:
                    post.running = None
                self._obey(run.take_back(post.name, cases))
            case _:
                self._note(run, post, message)

    def _note(self, run: Run, post: Post, message: Any) -> None:
        """Take a message of which the engine need not know."""
        match message:
            case ("started", index):
                post.running = case = post.case(index)
                post.tearing = None
                post.replay.start(run.nodeid(case), self._location(case))
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

    def _pass_on(self, run: Run, post: Post, case: int, report: pytest.TestReport) -> None:
        post.running, post.tearing = case, None
        run.add_report(case, report)
        post.replay.start(run.nodeid(case), self._location(case))
        post.replay.report(report)

    def _unfold(self, run: Run, post: Post, records: bytes) -> Iterator[tuple[int, float]]:
        """Pass on what ``records`` tell, and yield case and seconds of each."""
        for passed in unfold(records):
            case = post.case(passed.index)
            nodeid, location = run.nodeid(case), self._location(case)
            extra = self._attributes(run, post, passed.index, case)
            run.note_passed(case, passed.spans, post.name)
            run.note_usage(case, passed.usage)
            post.running, post.tearing = case, None
            post.replay.start(nodeid, location)
            for report in passed.reports(nodeid, location, **extra):
                post.replay.report(report)
            yield case, passed.seconds

    def _finish(self, run: Run, post: Post, finished: Iterable[tuple[int, float]]) -> None:
        """Take note of cases that are over, with their seconds; dispatch for all of them at once."""
        post.fresh.clear()
        commands: list[Command] = []
        seconds: dict[int, float] = {}
        for case, spent in finished:
            seconds[case] = spent
            commands += self._stop_if_asked(run, seconds)
        commands += run.finish(seconds)
        self._obey(commands)
        queue = run.engine.queue_of(post.name)
        post.running = queue[0] if queue and queue[0] not in post.fresh else None

    def _read(self, run: Run, post: Post, index: int, data: Any) -> pytest.TestReport:
        report: pytest.TestReport = self.config.hook.pytest_report_from_serializable(
            config=self.config, data=data
        )
        vars(report).update(self._attributes(run, post, index, post.case(index)))
        return report

    def _attributes(self, run: Run, post: Post, index: int, case: int) -> dict[str, Any]:
        """What xdist adds to each report, and how long its test waited."""
        return {
            "item_index": index,
            "worker_id": post.name,
            "testrun_uid": post.node.workerinput["testrunuid"],
            "orchestra_waited": run.waited(case),
        }

    def _location(self, case: int) -> link.Location:
        assert self._handshake.description is not None  # noqa: S101 - there is a run
        return self._handshake.description.locations[case]

    # commands

    def _obey(self, commands: Iterable[Command]) -> None:
        assigned: dict[str, list[int]] = {}
        for command in commands:
            match command:
                case Assign(worker, case):
                    assigned.setdefault(worker, []).append(case)
                case Recall(worker, cases):
                    self._send_out(worker, assigned.pop(worker, ()))
                    post = self._by_name[worker]
                    post.send(("recall", [post.index(case) for case in cases]))
                case Relinquish(worker, fixtures):
                    self._send_out(worker, assigned.pop(worker, ()))
                    self._by_name[worker].send(("relinquish", list(fixtures)))
                case Conclude(case, verdict):
                    if verdict is Verdict.BLOCKED:
                        self._report_blocked(case, command)
        for worker, fresh in assigned.items():
            self._send_out(worker, fresh)

    def _send_out(self, worker: str, cases: Sequence[int]) -> None:
        if cases:
            post = self._by_name[worker]
            post.fresh.update(cases)
            assert self._delivery is not None  # noqa: S101 - there is a run
            for case in cases:
                self._delivery.bring(post, case)
                leases = self._run.leases(case) if self._run is not None else ()
                if leases:
                    packed = [(lease.resource, lease.amount, lease.names) for lease in leases]
                    post.send(("leases", post.index(case), packed))
            post.send(("run", [post.index(case) for case in cases]))

    def _report_blocked(self, case: int, conclusion: Conclude) -> None:
        run = self._run
        assert run is not None  # noqa: S101 - conclusions come from it
        nodeid, location = run.nodeid(case), self._location(case)
        hook = self.config.hook
        hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        for report in blocked_reports(nodeid, location, run.blocked_text(conclusion.cause)):
            hook.pytest_runtest_logreport(report=report)
        remember_blocked(self.config, report)
        hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)

    # bad luck

    def _stop_if_asked(self, run: Run, ended: Container[int] = ()) -> tuple[Command, ...]:
        """Dispatch nothing more once pytest, xdist or a plugin wants the run to end.

        ``ended`` are cases whose end is being handled.
        """
        session = self._session
        dsession = self._dsession
        if session.shouldstop and not (dsession.shouldstop or self._reprieve.reason):
            dsession.shouldstop = session.shouldstop
        reason = session.shouldfail or dsession.shouldstop or self._reprieve.reason
        if dsession.shuttingdown and not run.engine.done:
            self._end_at_once(run)
            reason = reason or self.stop_reason
        if reason and run.engine.stopped is None:
            self._on_stop(run, str(reason), ended)
            if self._reprieve.is_over or not run.cleans_up:
                return run.halt(str(reason))
            return self._begin_to_clean(run.stop(str(reason)))
        return ()

    def _begin_to_clean(self, commands: Sequence[Command]) -> tuple[Command, ...]:
        """Call back what was sent ahead, then tell workers to run all they are sent from now on.

        In this order: a worker whose session wants to stop would run what it still has. Returns
        what is left to do of ``commands``.
        """
        self._obey(command for command in commands if isinstance(command, Recall))
        for post in self._by_name.values():
            post.send(("clean",))
        return tuple(command for command in commands if not isinstance(command, Recall))

    def _clean_up_first(self, ended: int | None = None) -> None:
        """Let xdist end the run only when what has to be cleaned up is, if anything has.

        ``ended`` is the case that has ended the run, if one has.
        """
        run = self._run
        if run is None or not run.cleans_up:
            return
        if self._reprieve.hold():
            self._obey(self._stop_if_asked(run, () if ended is None else (ended,)))
        if run.engine.done:
            self._reprieve.end()

    def _end_at_once(self, run: Run) -> None:
        """Whoever ends the run does not want anything to be cleaned up first."""
        self._reprieve.end()
        if run.engine.stopped is not None:
            self._obey(run.halt(self.stop_reason))

    @property
    def withheld(self) -> bool | str:
        """Why the run stops, if xdist has not been told of it; else False."""
        return False if self._reprieve.is_over else self._reprieve.reason

    @property
    def stop_reason(self) -> str:
        """Why xdist ends the run."""
        summary = getattr(self._dsession, "_summary_report", None)
        return str(summary or self._dsession.shouldstop or "the run was interrupted")

    def _refuse(self, post: Post, difference: str) -> None:
        self._shut_down()
        report = pytest.CollectReport(f"worker {post.name}", "failed", difference, [])
        self.config.hook.pytest_collectreport(report=report)
        raise self._session.Interrupted("workers collected different tests")

    def _accept_legacy(self, run: Run, post: Post, legacy: Legacy) -> None:
        """Take note of what a worker had not told when it died, and of what it was running."""
        self._finish(run, post, self._unfold(run, post, legacy.records))
        post.running = None
        if legacy.running is not None:
            case = post.case(legacy.running)
            if case in run.engine.queue_of(post.name):
                post.running, post.tearing = case, None

    def _report_crash(self, run: Run, post: Post) -> int | None:
        """Blame what was running, or what was being torn down; return it, unless it runs again."""
        if post.tearing is not None:
            case = post.tearing
            text = f"worker {post.name!r} crashed while tearing down after {run.nodeid(case)!r}"
            report = self._crash_report(run, post, case, text, "teardown")
            run.add_report(case, report)
            post.replay.late(report)
            return case
        if post.running is None:
            return None
        case = post.running
        text = f"worker {post.name!r} crashed while running {run.nodeid(case)!r}"
        report = self._crash_report(run, post, case, text, "call")
        self._is_pending_again = False
        post.replay.start(run.nodeid(case), self._location(case))
        self.config.hook.pytest_handlecrashitem(crashitem=report.nodeid, report=report, sched=self)
        if self._is_pending_again:
            run.note_report(case, report)
            self.config.hook.pytest_runtest_logreport(report=report)
            return None
        run.add_report(case, report)
        self._dsession.worker_testreport(post.node, report)
        return case

    def _crash_report(
        self, run: Run, post: Post, case: int, text: str, when: Any
    ) -> pytest.TestReport:
        report = pytest.TestReport(
            run.nodeid(case),
            self._location(case),
            {},
            "failed",
            text,
            when,
            **self._attributes(run, post, post.index(case), case),
        )
        report.node = post.node  # type: ignore[attr-defined]
        return report


def _by_host(posts: Iterable[Post]) -> dict[str, tuple[str, ...]]:
    """Return the names of workers by that of their host."""
    found: dict[str, tuple[str, ...]] = {}
    for post in posts:
        found[post.host_name] = (*found.get(post.host_name, ()), post.name)
    return found
