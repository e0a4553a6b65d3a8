"""Lengths of time as text, in seconds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

#: Seconds in each unit.
UNITS: Final[Mapping[str, float]] = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "min": 60.0,
    "h": 3600.0,
}

_DURATION: Final = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) *(?P<unit>[a-z]*)")


def parse_duration(value: object) -> float:
    """Return the seconds that ``value`` states: a number, or text such as ``"10min"``, ``"90s"``.

    Raises ValueError, with a message for the user, if it states none, or less than something.
    """
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        unit = (match["unit"] or "s") if match else ""
        if match is None or unit not in UNITS:
            raise ValueError(f"{value!r} is not a time such as '90s', '10min' or '1.5h'")
        seconds = float(match["number"]) * UNITS[unit]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise ValueError(  # noqa: TRY004 - what it says is for the user
            f"{value!r} is not a time such as '90s', '10min' or '1.5h'"
        )
    if not 0 < seconds < math.inf:
        raise ValueError(f"{value!r} is not more than zero")
    return seconds


def format_duration(seconds: float) -> str:
    """Return ``seconds`` in the largest unit of which it has at least one: ``10 min``, ``1.5 h``."""
    for unit in ("h", "min", "s"):
        if seconds >= UNITS[unit]:
            return f"{seconds / UNITS[unit]:.4g} {unit}"
    return f"{seconds * 1000:.4g} ms"
