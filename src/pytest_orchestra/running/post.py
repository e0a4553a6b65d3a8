"""One worker, as the controller knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_orchestra.model.host import Host
from pytest_orchestra.running.handover import INPUT_KEY, Handover
from pytest_orchestra.running.journal import Journal, Legacy, remove
from pytest_orchestra.running.retelling import Retelling
from pytest_orchestra.running.roster import Roster

if TYPE_CHECKING:
    from xdist.dsession import DSession
    from xdist.workermanage import WorkerController


class Post:
    """A worker with its end of the channel.

    ``running`` is the case that it is known to be busy with, ``tearing`` the finished case
    whose fixtures it takes down. ``fresh`` are cases that were sent while the message under
    way was handled: the worker cannot have begun them yet. ``batch`` is the number of the last
    batch of results that came. ``host`` is where it runs, known once it has collected. ``values``
    are the numbers of the data that it has been sent.
    """

    def __init__(self, node: WorkerController, dsession: DSession) -> None:
        self.node = node
        self.retelling = Retelling(dsession, node)
        self.digest = ""
        self.roster = Roster()
        self.running: int | None = None
        self.tearing: int | None = None
        self.fresh: set[int] = set()
        self.batch = 0
        self.host: Host | None = None
        self.values: set[int] = set()
        told: Handover = node.workerinput[INPUT_KEY]
        self._journal = Journal.find(told["journal"])
        remove(told["journal"])  # the worker is ready, so it has it open
        self._channel = told["channel"]
        self._channel.setcallback(
            lambda message: node.putevent(("unscheduled", {"node": node, "indices": message}))
        )

    @property
    def name(self) -> str:
        """The worker's id, such as ``gw0``."""
        return str(self.node.gateway.id)

    @property
    def host_name(self) -> str:
        """The name of the host on which it runs."""
        return self.host.name if self.host is not None else ""

    def case(self, index: int) -> int:
        """Return the case at ``index`` of the worker's items."""
        return self.roster.case(index)

    def index(self, case: int) -> int:
        """Return where ``case`` is among the worker's items."""
        return self.roster.index(case)

    def send(self, message: tuple[Any, ...]) -> None:
        """Send ``message``; a worker that died meanwhile is told of by xdist soon."""
        try:
            self._channel.send(message)
        except OSError:
            return

    def open_legacy(self) -> Legacy | None:
        """Return what the dead worker left behind, once; None if it kept no journal."""
        journal, self._journal = self._journal, None
        if journal is None:
            return None
        legacy = journal.legacy(self.batch)
        journal.close()
        return legacy
