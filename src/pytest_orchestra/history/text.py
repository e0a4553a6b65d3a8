"""Texts in a form that SQLite can hold."""

from __future__ import annotations

from collections.abc import Iterable


def storable(text: str) -> str:
    """Return ``text``, with a backslash code for what cannot be in a text of SQLite's."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode(errors="backslashreplace").decode()
    return text.replace("\0", "\\x00") if "\0" in text else text


def originals(texts: Iterable[str]) -> dict[str, str]:
    """Return the texts by how they are stored."""
    return {storable(text): text for text in texts}
