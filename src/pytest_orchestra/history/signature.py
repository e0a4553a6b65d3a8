"""What failures of one kind have in common: pure."""

from __future__ import annotations

import re
from typing import Final

#: So many characters of a message count.
MOST: Final = 200

_ADDRESS: Final = re.compile(r"\b0x[0-9a-fA-F]+\b")
_UUID: Final = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_HEX: Final = re.compile(
    r"\b(?:(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}|(?=[A-F]*[0-9])(?=[0-9]*[A-F])[0-9A-F]{8,})\b"
)
_PATH: Final = re.compile(r"(?<![\w.])(?:/[\w.@+-]+){2,}")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_SPACE: Final = re.compile(r"\s+")


def make_signature(kind: str, message: str, frame: str) -> str:
    """Return what is the same for failures of one kind.

    ``kind`` names the exception. Of the ``message`` its first line counts, without what changes
    from run to run: numbers, addresses, ids and absolute paths. ``frame`` is where it was raised.
    """
    parts = (kind, normalise(message), frame.strip())
    return " | ".join(part for part in parts if part)


def normalise(message: str) -> str:
    """Return the first line of ``message`` without what changes from run to run."""
    line = next((each for each in message.splitlines() if each.strip()), "")
    line = line[: 4 * MOST]
    for pattern, word in (
        (_UUID, "UUID"),
        (_ADDRESS, "ADDRESS"),
        (_PATH, "PATH"),
        (_HEX, "HEX"),
        (_NUMBER, "N"),
        (_SPACE, " "),
    ):
        line = pattern.sub(word, line)
    return line.strip()[:MOST]
