"""What an error says of a file of history, in words for people."""

from __future__ import annotations

import sqlite3
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_orchestra.errors import HistoryError
from pytest_orchestra.history.places import is_meant_as_database, what_else
from pytest_orchestra.history.store import CORRUPT, error_code, is_sound

_LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})

#: What the user is told of an error of SQLite's, by its code.
_WORDS: Final = {
    sqlite3.SQLITE_READONLY: "is read-only",
    sqlite3.SQLITE_PERM: "may not be used by this user",
    sqlite3.SQLITE_FULL: "finds no room: the disk is full",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_IOERR: "cannot be read or written (disk I/O error)",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a file: ``text`` goes on from its path.

    ``is_corrupt``: it was a history, and is none any more. ``is_passing``: it may be well again soon.
    """

    text: str
    is_corrupt: bool = False
    is_passing: bool = False


def explain(path: Path, error: Exception) -> Trouble:
    """Say what ``error``, which came of reading or writing the history at ``path``, means."""
    odd = what_else(path)
    if odd:
        return Trouble(odd)
    code = error_code(error)
    if code == sqlite3.SQLITE_NOTADB and not is_meant_as_database(path):
        return Trouble("is no history, and is left alone: name another file")
    if code in CORRUPT or _shows_damage(path, error):
        return Trouble(f"is corrupt ({_words(error)})", is_corrupt=True)
    if code in _LOCKED:
        return Trouble("is locked by another process", is_passing=True)
    if isinstance(error, OSError):
        return Trouble(f"cannot be written: {error.strerror or error}")
    is_ours = not isinstance(error, sqlite3.Error | HistoryError)
    other = f"makes no sense ({_words(error)})" if is_ours else _words(error)
    return Trouble(_WORDS.get(code, other))


def _shows_damage(path: Path, error: Exception) -> bool:
    """Whether an error that says nothing of it comes of damage."""
    if isinstance(error, OSError | HistoryError) or error_code(error) in _WORDS:
        return False
    if isinstance(error, struct.error | IndexError | UnicodeDecodeError):
        return True  # only we know what bytes mean, and Python what is text
    if isinstance(error, sqlite3.OperationalError) and not error_code(error):
        return True  # raised by Python, for text that is none
    return error_code(error) not in _LOCKED and not is_sound(path)


def _words(error: Exception) -> str:
    """Return the text of an error, and its name where that is no error that we know of."""
    is_known = isinstance(error, sqlite3.Error | HistoryError | struct.error)
    return str(error) if is_known else f"{type(error).__name__}: {error}"
