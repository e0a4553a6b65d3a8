"""Agreeing with the workers on what was collected.

Every worker sends a digest of its node ids. The first is asked for all it knows; the others
only if their digest differs, and then for their node ids: the same tests in another order
are accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pytest_orchestra.running import link
from pytest_orchestra.running.hosts import Hosts
from pytest_orchestra.running.post import Post
from pytest_orchestra.running.roster import Roster, describe_difference, match_collections


class Handshake:
    """``accept`` is called for each worker that has the same tests, with their node ids.

    ``description`` is what the first worker told. ``difference`` says which tests a worker
    does not share, once there is such a worker. ``hosts`` are those of the run.
    """

    def __init__(self, accept: Callable[[Post, Sequence[str]], None], hosts: Hosts) -> None:
        self.description: link.Description | None = None
        self.difference: str | None = None
        self._accept = accept
        self._hosts = hosts
        self._nodeids: list[str] = []
        self._digest = ""
        self._describer: Post | None = None
        self._waiting: list[Post] = []
        #: The cases of the description that are this run's, if not all are.
        self._share: Sequence[int] | None = None

    def hear(self, post: Post, message: Any) -> None:
        """Take one of the messages of collection."""
        match message:
            case ("collected", digest, _, host):
                post.digest = digest
                post.host = self._hosts.meet(link.unpack_host(host))
                self._waiting.append(post)
                self._go_on()
            case ("described", payload):
                self.description = link.unpack(payload)
                self._nodeids = [spec.nodeid for spec in self.description.collection.specs]
                self._digest = post.digest
                self._go_on()
            case ("nodeids", nodeids):
                self._compare(post, nodeids)

    def forget(self, post: Post) -> None:
        """``post`` is gone; if it was to describe the tests, another one must."""
        if post in self._waiting:
            self._waiting.remove(post)
        if post is self._describer and self.description is None:
            self._describer = None
            self._go_on()

    def narrow(self, cases: Sequence[int], accepted: Iterable[Post]) -> None:
        """Only ``cases`` of what was described are this run's; they are numbered anew."""
        assert self.description is not None  # noqa: S101 - they were described
        self.description = self.description.only(cases)
        self._share = cases
        for post in accepted:
            post.roster = post.roster.only(cases)

    @property
    def share(self) -> Sequence[int] | None:
        """The cases of the collection that are this run's, None if all are."""
        return self._share

    def _admit(self, post: Post, roster: Roster) -> None:
        post.roster = roster if self._share is None else roster.only(self._share)
        self._accept(post, self._nodeids)

    def _go_on(self) -> None:
        if self.description is None:
            if self._describer is None and self._waiting:
                self._describer = self._waiting[0]
                self._describer.send(("describe",))
            return
        waiting, self._waiting = self._waiting, []
        for post in waiting:
            if post.digest == self._digest:
                self._admit(post, Roster())
            else:
                post.send(("list",))

    def _compare(self, post: Post, nodeids: Sequence[str]) -> None:
        roster: Roster | None = match_collections(self._nodeids, nodeids)
        if roster is not None:
            self._admit(post, roster)
            return
        ours = self._describer.name if self._describer else "the first worker"
        self.difference = describe_difference(self._nodeids, nodeids, ours, post.name)
