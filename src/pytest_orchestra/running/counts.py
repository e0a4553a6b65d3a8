"""Numbers of things in words."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """Return ``1 test``, ``2 tests``, ``3 dependencies``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"
