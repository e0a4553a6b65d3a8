"""Histories that are written to from the command line."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pytest_orchestra.cli.project import CommandError
from pytest_orchestra.errors import HistoryError
from pytest_orchestra.history.places import prepare, what_else
from pytest_orchestra.history.store import Store
from pytest_orchestra.model.evidence import RunEvidence
from pytest_orchestra.reports.codec import codec_of

#: What the first line of an exported history says.
FORMAT: Final = "pytest-orchestra history"
#: Counted up when a reader of an older version would misunderstand the file.
VERSION: Final = 1

#: For how many seconds to wait for runs that write.
_PATIENCE: Final = 30.0

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


@contextmanager
def open_to_write(path: Path) -> Iterator[Store]:
    """Open the history at ``path``, or begin one. Raises CommandError, also for what happens meanwhile."""
    odd = what_else(path)
    if odd:
        raise CommandError(f"{path} {odd}, and no history")
    try:
        prepare(path)
        with Store.open(path, patience=_PATIENCE) as store:
            yield store
    except HistoryError as error:
        raise CommandError(f"the history {path} {error}") from error
    except (sqlite3.Error, struct.error) as error:
        raise CommandError(f"the history {path} cannot be written: {error}") from error
    except OSError as error:
        raise CommandError(f"the history {path} cannot be written: {error.strerror}") from error


def unreadable(path: Path, error: Exception) -> CommandError:
    """Return what to tell of a history that cannot be read."""
    if isinstance(error, HistoryError):
        return CommandError(f"the history {path} {error}")
    return CommandError(f"the history {path} cannot be read: {error}")


def export_head() -> str:
    """Return the line that says what the others are."""
    return _encode({"format": FORMAT, "version": VERSION})


def export_lines(runs: Iterable[RunEvidence]) -> Iterator[str]:
    """Yield a line for each run."""
    yield from map(_encode, map(codec_of(RunEvidence).write, runs))


def import_lines(
    lines: Iterable[bytes], shown: str, tell: Callable[[int], None]
) -> Iterator[RunEvidence]:
    """Yield the runs in ``lines``; ``tell`` gets the bytes of each. Raises CommandError with the line."""
    read = codec_of(RunEvidence).read
    number = 0
    for number, line in enumerate(lines, 1):
        try:
            document = json.loads(line)
            if number == 1:
                _check(document, shown)
            else:
                yield read(document)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            what = "is not what history export writes" if number == 1 else "is damaged"
            raise CommandError(
                f"{shown}:{number} {what}: {type(error).__name__}: {error}"
            ) from error
        tell(len(line))
    if not number:
        raise CommandError(f"{shown} is empty: name a file that history export wrote")


def _check(document: Any, shown: str) -> None:
    if document.get("format") != FORMAT:
        raise CommandError(f"{shown} is not what history export writes")
    if document.get("version") != VERSION:
        raise CommandError(
            f"{shown} has version {document.get('version')!r} of the format, and this pytest-orchestra "
            f"reads version {VERSION}: use the one that wrote it"
        )
