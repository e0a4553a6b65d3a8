"""Ends a run before all its tests have run, once pytest, xdist or a plugin wants that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra.model.events import Command, Recall
from pytest_orchestra.running.reprieve import Reprieve
from pytest_orchestra.running.run import Run

if TYPE_CHECKING:
    from collections.abc import Container

    from xdist.dsession import DSession

    from pytest_orchestra.running.post import Post


class Ending:
    """Sees that the run is to stop, and lets it clean up first.

    ``posts`` are the workers that are there, by name, and ``obey`` carries commands out. ``on_stop``
    is called when nothing more will be dispatched: with the reason, and the cases that ended just
    then.
    """

    def __init__(
        self,
        config: pytest.Config,
        dsession: DSession,
        posts: Mapping[str, Post],
        obey: Callable[[Iterable[Command]], None],
        on_stop: Callable[[Run, str, Container[int]], None],
    ) -> None:
        self._config: Final = config
        self._dsession: Final = dsession
        self._posts: Final = posts
        self._obey: Final = obey
        self._on_stop: Final = on_stop
        self._reprieve: Final = Reprieve(dsession)

    @property
    def withheld(self) -> bool | str:
        """Why the run stops, if xdist has not been told of it; else False."""
        return False if self._reprieve.is_over else self._reprieve.reason

    @property
    def reason(self) -> str:
        """Why xdist ends the run."""
        summary = getattr(self._dsession, "_summary_report", None)
        return str(summary or self._dsession.shouldstop or "the run was interrupted")

    @property
    def session(self) -> pytest.Session:
        """The controller's session."""
        session: pytest.Session = self._config.pluginmanager.getplugin("session")
        return session

    def ask(self, reason: str) -> None:
        """A worker wants the run to stop."""
        self._dsession.shouldstop = self._dsession.shouldstop or reason

    def stop_if_asked(self, run: Run, ended: Container[int] = ()) -> tuple[Command, ...]:
        """Dispatch nothing more once pytest, xdist or a plugin wants the run to end.

        ``ended`` are cases whose end is being handled.
        """
        session = self.session
        dsession = self._dsession
        if session.shouldstop and not (dsession.shouldstop or self._reprieve.reason):
            dsession.shouldstop = session.shouldstop
        reason = session.shouldfail or dsession.shouldstop or self._reprieve.reason
        if dsession.shuttingdown and not run.engine.done:
            self.end_at_once(run)
            reason = reason or self.reason
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
        for post in self._posts.values():
            post.send(("clean",))
        return tuple(command for command in commands if not isinstance(command, Recall))

    def clean_up_first(self, run: Run, ended: int | None = None) -> None:
        """Let xdist end the run only when what has to be cleaned up is, if anything has.

        ``ended`` is the case that has ended the run, if one has.
        """
        if not run.cleans_up:
            return
        if self._reprieve.hold():
            self._obey(self.stop_if_asked(run, () if ended is None else (ended,)))
        if run.engine.done:
            self._reprieve.end()

    def end_at_once(self, run: Run) -> None:
        """Whoever ends the run does not want anything to be cleaned up first."""
        self._reprieve.end()
        if run.engine.stopped is not None:
            self._obey(run.halt(self.reason))
