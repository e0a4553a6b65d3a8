"""Replaces workers that died elsewhere, if there is still somebody to start them.

xdist starts a replacement at once, in the main thread: if the host is gone, that takes as long as
the network likes, and ends the run when it fails. So the host is called first, in the background,
while the other workers go on. What cannot be replaced is left out.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pytest_orchestra.running.calls import Call, Unreachable
from pytest_orchestra.running.specs import is_plain, label

if TYPE_CHECKING:
    import execnet
    from xdist.dsession import DSession
    from xdist.workermanage import WorkerController

#: Seconds that a host has to answer again.
PATIENCE: Final = 20.0

#: How often the workers of one specification are replaced, for each of them. One less than all
#: workers of the run may be on average, so that one broken host does not use up what all have.
REPLACEMENTS: Final = 3

#: Asks nothing but whether a Python answers.
_QUESTION: Final[Mapping[str, Any]] = {
    "directory": None,
    "files": [],
    "first_path": [],
    "plugin_path": None,
}


class Rehiring:
    """Stands in for xdist's ``DSession._clone_node``; all but the waiting is done in its thread.

    ``give_up`` is called for each worker that is not replaced, with the reason.
    """

    def __init__(
        self,
        dsession: DSession,
        proxies: Mapping[str, execnet.XSpec],
        give_up: Callable[[WorkerController, str], None],
    ) -> None:
        self._dsession = dsession
        self._active: set[Any] = dsession._active_nodes  # noqa: SLF001 - as is what we stand for
        self._clone = dsession._clone_node  # noqa: SLF001 - the same
        self._proxies = proxies
        self._give_up = give_up
        self._workers = Counter(label(spec) for spec in dsession.nodemanager.specs)
        self._replaced: Counter[str] = Counter()
        self._lost: dict[str, str] = {}
        self._waiting: dict[str, list[WorkerController]] = {}
        self._calls: list[Call] = []

    def __call__(self, node: WorkerController) -> None:
        """``node`` has died; xdist takes it off its list right after."""
        spec = node.gateway.spec
        if is_plain(spec):
            self._clone(node)
        elif self._dsession.shouldstop or self._dsession.sched.tests_finished:
            self._dsession.triggershutdown()  # for which xdist had stopped
        else:
            self._consider(node, spec)
            self._settle(leaving=node)

    def is_calling(self) -> bool:
        """Whether a host has yet to answer that may get workers again."""
        return bool(self._waiting)

    def close(self) -> None:
        """End what is under way."""
        for call in self._calls:
            call.hang_up()

    def _consider(self, node: WorkerController, spec: execnet.XSpec) -> None:
        name = label(spec)
        self._replaced[name] += 1
        if self._replaced[name] > REPLACEMENTS * self._workers[name]:
            self._lost.setdefault(name, "workers die there again and again")
        if name in self._lost:
            self._give_up(node, self._lost[name])
            return
        waiting = self._waiting.setdefault(name, [])
        waiting.append(node)
        if len(waiting) == 1:
            call = Call(spec, self._proxies, _QUESTION)
            self._calls.append(call)
            call.start()
            threading.Thread(
                target=self._await, args=(name, call), name="orchestra-rehire", daemon=True
            ).start()

    def _await(self, name: str, call: Call) -> None:
        """Wait in a thread of its own for the answer, and hand it to the main thread."""
        answer = call.result(PATIENCE)
        call.hang_up()
        event = {"node": None, "indices": lambda: self._hear(name, answer)}
        self._dsession.queue.put(("unscheduled", event))

    def _hear(self, name: str, answer: Mapping[str, Any] | Unreachable) -> None:
        nodes = self._waiting.pop(name)
        if isinstance(answer, Unreachable):
            self._lost[name] = answer.what
        if not self._dsession.shuttingdown:
            for node in nodes:
                self._replace(node, name)
        self._settle()

    def _replace(self, node: WorkerController, name: str) -> None:
        if name not in self._lost:
            try:
                self._clone(node)
            except Exception as error:  # noqa: BLE001 - a host may go away at any moment
                reason = str(error) or type(error).__name__
                self._lost[name] = f"no worker can be started there: {reason}"
            else:
                return
        self._give_up(node, self._lost[name])

    def _settle(self, leaving: WorkerController | None = None) -> None:
        """Let the run wait for answers if nobody works meanwhile, and end it if none can come."""
        others = self._active - {self, leaving}
        self._active.discard(self)
        if others or self._dsession.shuttingdown:
            return
        if self._waiting:
            self._active.add(self)
        else:
            names = ", ".join(self._lost)
            self._dsession.shouldstop = f"no worker is left, and none can be started ({names})"
