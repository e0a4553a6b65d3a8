"""Drives the engine from xdist's controller.

xdist starts the workers, watches over them and owns the event queue. What the workers say on
our channel is put into that queue as the one event that xdist hands to its scheduler
unopened (``unscheduled``), so it is handled in the main thread, in order with the deaths of
workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

from pytest_orchestra.model.events import Command
from pytest_orchestra.running.crashes import Crashes
from pytest_orchestra.running.ending import Ending
from pytest_orchestra.running.handshake import Handshake
from pytest_orchestra.running.news import News
from pytest_orchestra.running.orders import Orders
from pytest_orchestra.running.post import Post
from pytest_orchestra.running.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from xdist.dsession import DSession
    from xdist.workermanage import WorkerController

    from pytest_orchestra.model.host import Host
    from pytest_orchestra.running.hosts import Hosts
    from pytest_orchestra.running.link import Description

#: Stands in the event queue in place of a worker's message when the pulse beats.
PULSE: Final = ("pulse",)


@dataclass(frozen=True, slots=True)
class _Conduct:
    """A run that has begun, and what goes between it and its workers."""

    run: Run
    orders: Orders
    news: News
    crashes: Crashes


class OrchestraScheduling:
    """The scheduler that xdist sees (``xdist.scheduler.protocol.Scheduling``).

    ``make_run`` turns a description, the number of workers and their hosts into a run that can begin; it
    raises a usage error if there is something wrong. ``on_pulse`` is called now and then,
    ``on_stop`` when nothing more will be dispatched: with the reason, and the cases that ended
    just then. ``on_obeyed`` is called when commands have been carried out. ``hosts`` are those of
    the run.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it drives, and whom it tells
        self,
        config: pytest.Config,
        dsession: DSession,
        make_run: Callable[[Description, int, tuple[Host, ...]], Run],
        on_pulse: Callable[[], None],
        on_stop: Callable[[Run, str, Container[int]], None],
        on_obeyed: Callable[[Run], None],
        hosts: Hosts,
    ) -> None:
        self.config = config
        self._dsession = dsession
        self._make_run = make_run
        self._on_pulse = on_pulse
        self._on_obeyed = on_obeyed
        manager = dsession.nodemanager
        assert manager is not None  # noqa: S101 - the session has begun
        self._expected = len(manager.specs)
        self._sent_home: set[str] = set()
        self._posts: dict[WorkerController, Post] = {}
        self._by_name: dict[str, Post] = {}
        self._handshake = Handshake(self._accept, hosts)
        self._accepted: list[Post] = []
        self._conduct: _Conduct | None = None
        self._ending = Ending(config, dsession, self._by_name, self._obey, on_stop)
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
        if self._conduct is not None:
            self._conduct.crashes.mark_pending_again()

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
                    self._obey(self._run.expect_nobody())
        elif node is None:
            indices()  # an errand for this thread
        elif node in self._posts:
            post = self._posts[node]
            self._hear(post, indices)
            self._clean_up_first(post.running)
        elif indices[0] == "refused":
            # It had ended before this thread heard that it was ready, and so listened to it.
            self._give_in(indices[1])

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
        if post.name in self._sent_home:
            node.gateway.exit()  # or its process would stay to the end

    def dismiss(self, workers: Sequence[str]) -> None:
        """Let idle ``workers`` go home, while the others go on."""
        assert self._run is not None  # noqa: S101 - nobody idles before
        self._obey(self._run.dismiss(workers))
        self._sent_home.update(workers)
        for worker in workers:
            self._by_name[worker].node.shutdown()

    def limit(self, most: int | None) -> None:
        """Let no more than ``most`` workers be busy from now on; None: all may be."""
        if self._run is not None:
            self._obey(self._run.limit(most))

    def _dismiss(self, post: Post) -> None:
        self._handshake.forget(post)
        conduct = self._conduct
        if conduct is None or post.name not in conduct.run.engine.workers:
            return
        run = conduct.run
        if not hasattr(post.node, "workeroutput"):
            culprit = conduct.crashes.report(post)
        else:
            culprit = None
            post.open_legacy()
            run.note_in_flight(post.running, post.name)
            if post.node.workeroutput["exitstatus"] == pytest.ExitCode.INTERRUPTED:
                self._ending.end_at_once(run)
        post.retelling.settle()
        self._obey(self._ending.stop_if_asked(run))
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
            post.retelling.settle()

    def give_up(self) -> None:
        """Report the failures of tests that were to be tried again, since the run ends before."""
        if self._run is not None and self._run.engine.has_retries:
            self._obey(self._run.halt(self.stop_reason))

    def look_again(self) -> None:
        """See what time has brought."""
        if self._run is not None:
            self._obey(self._run.look_again())

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
            self._ending.session.testscollected = len(self._handshake.share)

    def _accept(self, post: Post, nodeids: Sequence[str]) -> None:
        self._dsession.worker_collectionfinish(post.node, nodeids)

    def _begin(self) -> None:
        session = self._ending.session
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
            run = self._make_run(description, len(posts), hosts)
        except pytest.UsageError:
            self._shut_down()
            raise
        self._conduct = self._take_charge(run)
        self._obey(run.begin(_by_host(posts)))

    def _take_charge(self, run: Run) -> _Conduct:
        description = self._handshake.description  # of what is this run's only
        assert description is not None  # noqa: S101 - there is a run
        locations = description.locations

        def stop_if_asked(ended: Container[int]) -> tuple[Command, ...]:
            return self._ending.stop_if_asked(run, ended)

        posts = self._by_name
        orders = Orders(self.config, self._dsession, run, posts, locations, self._on_obeyed)
        news = News(self.config, run, orders, locations, stop_if_asked)
        crashes = Crashes(self.config, self._dsession, self, run, news, locations)
        return _Conduct(run, orders, news, crashes)

    def _shut_down(self) -> None:
        for node in self._posts:
            node.shutdown()

    def hear_last_words(self) -> None:
        """End with the reason of a worker that cannot collect, if nobody has heard it yet."""
        with suppress(Empty):
            while True:
                _, event = self._dsession.queue.get_nowait()
                message = event.get("indices")
                if isinstance(message, tuple | list) and message[:1] in (("refused",), ["refused"]):
                    self._give_in(message[1])

    def _give_in(self, reason: str) -> NoReturn:
        """End before anything runs, since a worker cannot collect."""
        self._shut_down()
        raise pytest.UsageError(reason)

    # messages

    def _hear(self, post: Post, message: Any) -> None:
        tag = message[0]
        if tag in ("collected", "described", "nodeids"):
            self._handshake.hear(post, message)
            if self._handshake.difference is not None:
                self._refuse(post, self._handshake.difference)
        elif tag == "refused":
            self._give_in(message[1])
        elif tag == "broken":
            self._shut_down()
            raise RuntimeError(f"worker {post.name} failed:\n{message[1]}")
        elif tag == "stopping":
            self._ending.ask(message[1])
        elif tag == "exiting":
            _, index, reason, self.exit_code = message
            self._ending.ask(reason)
            if self._run is not None:
                self._ending.end_at_once(self._run)
                self._obey(self._ending.stop_if_asked(self._run, (post.case(index),)))
        elif self._conduct is not None:
            self._conduct.news.hear(post, message)

    # the run

    @property
    def _run(self) -> Run | None:
        return None if self._conduct is None else self._conduct.run

    def _obey(self, commands: Iterable[Command]) -> None:
        assert self._conduct is not None  # noqa: S101 - commands come from a run
        self._conduct.orders.obey(commands)

    def _clean_up_first(self, ended: int | None = None) -> None:
        if self._run is not None:
            self._ending.clean_up_first(self._run, ended)

    @property
    def withheld(self) -> bool | str:
        """Why the run stops, if xdist has not been told of it; else False."""
        return self._ending.withheld

    @property
    def stop_reason(self) -> str:
        """Why xdist ends the run."""
        return self._ending.reason

    def _refuse(self, post: Post, difference: str) -> None:
        self._shut_down()
        report = pytest.CollectReport(f"worker {post.name}", "failed", difference, [])
        self.config.hook.pytest_collectreport(report=report)
        raise self._ending.session.Interrupted("workers collected different tests")


def _by_host(posts: Iterable[Post]) -> dict[str, tuple[str, ...]]:
    """Return the names of workers by that of their host."""
    found: dict[str, tuple[str, ...]] = {}
    for post in posts:
        found[post.host_name] = (*found.get(post.host_name, ()), post.name)
    return found
