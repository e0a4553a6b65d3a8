"""What tests say, in a shape that can be sent."""

from __future__ import annotations

from typing import Any, Final

from pytest_orchestra.reports.text import encodable

_PLAIN: Final = frozenset({type(None), bool, int, float, bytes})


def dumpable(value: Any) -> Any:
    """Return ``value`` with what execnet refuses written out: lone surrogates, and objects of other types.

    A test may print half a character, and record any object as a property.
    """
    kind = type(value)  # execnet takes nothing that is derived from these
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {dumpable(key): dumpable(each) for key, each in value.items()}
    if kind in (list, tuple):
        return kind(map(dumpable, value))
    return encodable(str(value))
