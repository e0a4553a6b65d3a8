"""A mistake of the user's, told so that it can be mended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and what to do about it.

    ``what`` and ``remedy`` are sentences without a final stop. ``nodeid``, ``marker`` and
    ``needle`` (a piece of the marker's text) let the place be found in the source; ``where``
    is that place as ``file:line`` once it is known, or the name of a setting.
    """

    what: str
    remedy: str
    where: str = ""
    nodeid: str = ""
    marker: str = ""
    needle: str = ""
