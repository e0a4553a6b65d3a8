"""Texts that tests control, made fit for files that others read."""

from __future__ import annotations

import re
from typing import Final

#: All that XML 1.0 allows, but for DEL, which is as invisible as what it forbids.
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\x7e\x80-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_SPACES: Final = re.compile(r"\s+")

#: Of an output or a traceback so many characters are kept.
MOST_TEXT: Final = 100_000
#: Of a message that stands in one line or in an attribute.
MOST_MESSAGE: Final = 500


def visible(text: str) -> str:
    """Return ``text`` with every character that XML forbids written out, as pytest does: ``#x1B``."""
    return _NOT_XML.sub(_written_out, text)


def encodable(text: str) -> str:
    """Return ``text`` with lone surrogates written out, so that it can be encoded: ``#xD800``."""
    return text if text.isascii() else _SURROGATE.sub(_written_out, text)


def cut(text: str, most: int = MOST_TEXT) -> str:
    """Return ``text``, without its middle if it has more than ``most`` characters.

    What begins a text says what it is about, and what ends it what came of it.
    """
    if len(text) <= most:
        return text
    head = most // 2
    tail = most - head
    left_out = len(text) - most
    return f"{text[:head]}\n[... {left_out:,} characters left out ...]\n{text[-tail:]}"


def shorten(text: str, most: int = MOST_MESSAGE) -> str:
    """Return ``text``, ending in dots if it has more than ``most`` characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def one_line(text: str, most: int = MOST_MESSAGE) -> str:
    """Return ``text`` in one line of at most ``most`` visible characters."""
    return visible(_SPACES.sub(" ", shorten(text.strip(), most)))


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"#x{code:02X}" if code <= 0xFF else f"#x{code:04X}"  # noqa: PLR2004 - one byte
