"""What commands print: answers on standard output, all else on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

#: So often a line of progress changes at most, in seconds.
_PAUSE: Final = 0.1

#: So much of a terminal's line is used.
_WIDTH: Final = 78

#: Brings the cursor back and clears the line.
_CLEAR: Final = "\r\x1b[K"


def say(lines: Iterable[str]) -> None:
    """Print ``lines``, of which a test may have written parts."""
    for line in lines:
        print(printable(line))  # noqa: T201 - that is what it is for


def note(text: str) -> None:
    """Tell people something that is no part of the answer."""
    print(printable(text), file=sys.stderr)  # noqa: T201 - as above


def printable(text: str) -> str:
    """Return ``text`` without what would move a terminal's cursor, or what it has no letter for."""
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return shown.encode(errors="backslashreplace").decode()


class Progress:
    """A line on a terminal that says how far something is; nothing where there is no terminal."""

    def __init__(self, what: str, total: float) -> None:
        """Take ``what`` is done, and what :meth:`step` comes to in all; 0 if nobody knows."""
        self._what = what
        self._total = total
        self._done = 0.0
        self._shown = time.monotonic()
        self._is_shown = False
        self._is_wanted = sys.stderr.isatty()

    def step(self, more: float = 1.0) -> None:
        """So much ``more`` is done."""
        self._done += more
        now = time.monotonic()
        if not self._is_wanted or now - self._shown < _PAUSE:
            return
        self._shown = now
        self._is_shown = True
        line = f"{self._what} ..."
        if self._total:
            share = min(1.0, self._done / self._total)
            line = f"{self._what} [{'#' * round(20 * share):20}] {share:.0%}"
        print(f"{_CLEAR}{printable(line)[-_WIDTH:]}", end="", file=sys.stderr, flush=True)  # noqa: T201

    def end(self) -> None:
        """Leave no trace."""
        if self._is_shown:
            print(_CLEAR, end="", file=sys.stderr, flush=True)  # noqa: T201 - as above


@contextmanager
def progress(what: str, total: float) -> Iterator[Progress]:
    """Show how far something is that takes ``total`` steps."""
    shown = Progress(what, total)
    try:
        yield shown
    finally:
        shown.end()
