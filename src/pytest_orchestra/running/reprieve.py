"""Keeps xdist from ending a stopped run before tests have cleaned up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from xdist.dsession import DSession


class Reprieve:
    """Holds the reason to stop back from xdist, which shuts its workers down as soon as it sees it.

    ``reason`` is why the run stops, as far as it is held back. ``is_over``: from now on nothing
    is held back, since whoever stops the run wants it to end at once.
    """

    def __init__(self, dsession: DSession) -> None:
        self.reason: bool | str = False
        self.is_over = False
        self._dsession: Final = dsession

    def hold(self) -> bool:
        """Take the reason from xdist if it has one; false if there was none."""
        dsession = self._dsession
        if self.is_over or not dsession.shouldstop:
            return False
        self.reason = self.reason or dsession.shouldstop
        dsession.shouldstop = False
        return True

    def end(self) -> None:
        """Give the reason back: xdist may end the run."""
        self.is_over = True
        if self.reason:
            self._dsession.shouldstop = self.reason
