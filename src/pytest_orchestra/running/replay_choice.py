"""Where a run finds out that it is to go like another one; loads nothing if it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pytest_orchestra.running.replay import Replay

#: Where what is to be run again waits for those who run it.
REPLAY: Final = pytest.StashKey["Replay"]()


def replay_of(config: pytest.Config) -> Replay | None:
    """Return what is to be run again; None if nothing is."""
    return config.stash.get(REPLAY, None)
