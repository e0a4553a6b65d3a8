"""By what the tests of a run are ordered."""

from __future__ import annotations

from enum import StrEnum


class Order(StrEnum):
    """What goes first, among tests of one priority, where there is a choice.

    ``MAKESPAN``: what the end of the run waits for. ``FEEDBACK``: what shows most failures per
    second. ``BALANCED``: the latter, for as long as the run ends next to no later for it.
    """

    BALANCED = "balanced"
    MAKESPAN = "makespan"
    FEEDBACK = "feedback"
