"""Figures in the words of recommendations."""

from __future__ import annotations


def seconds(value: float) -> str:
    """Return a length of time: ``0.41 s``, ``41.2 s``, ``3 min 12 s``."""
    if value < 9.995:  # noqa: PLR2004 - what has two decimals
        return f"{value:.2f} s"
    if value < 59.95:  # noqa: PLR2004 - what has one
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02} s"


def count(number: int, noun: str) -> str:
    """Return ``1 test``, ``1,000 tests``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
