"""Lines at the bottom of a terminal that are drawn again and again, below what others print.

The cursor stays where whoever prints has left it, and the lines are below it. So what is printed without a line
feed does not touch them; before a line feed they are erased, and what is below the cursor can be erased whatever
has become of the terminal's size.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TextIO

#: Clears everything from the cursor on.
_ERASE: Final = "\x1b[J"
_ERASE_LINE: Final = "\x1b[K"
#: Goes a line down in the same column; the screen scrolls if there is none.
_DOWN: Final = "\x1bD"
_SAVE: Final = "\x1b7"
_RESTORE: Final = "\x1b8"
#: What is too long for its line is cut off, whatever the terminal takes for how wide it is.
_CUT: Final = "\x1b[?7l"
_WRAP: Final = "\x1b[?7h"
_FAINT: Final = "\x1b[2m"
_PLAIN: Final = "\x1b[0m"


class Area:
    """Stands in for the ``file`` that a program prints to, and keeps lines below what it prints.

    ``columns`` returns how wide the terminal is, and ``column`` how far the line has been written that
    the program is in, what it is about to write included.
    """

    def __init__(
        self,
        file: TextIO,
        columns: Callable[[], int],
        column: Callable[[], int],
        *,
        is_coloured: bool = True,
    ) -> None:
        #: What it stands in for.
        self.file: Final = file
        self._columns: Final = columns
        self._column: Final = column
        self._is_coloured: Final = is_coloured
        self._lock: Final = threading.RLock()
        self._picture = ""
        self._is_shown = False
        self._width = columns()
        self._row = 0

    def __getattr__(self, name: str) -> Any:
        """Be the file in every other way."""
        return getattr(self.file, name)

    def write(self, text: str) -> int:
        """Print ``text``; the lines give way if it needs their place."""
        with self._lock:
            row = self._column() // self._width
            if self._is_shown and ("\n" in text or row != self._row):
                self.file.write(_ERASE)
                self._is_shown = False
            self._row = row
            return self.file.write(text)

    def flush(self) -> None:
        """Let what was printed be seen, with the lines below it."""
        with self._lock:
            if self._picture and not self._is_shown and self._has_place:
                self.file.write(self._picture)
                self._is_shown = True
            self.file.flush()

    def show(self, lines: Sequence[str], write: Callable[[str], object] | None = None) -> None:
        """Show ``lines``; ``write`` is another way to the terminal than the file, at once."""
        with self._lock:
            self._width = self._columns()  # asked for now and then: it is a call of the system
            self._picture = self._draw(lines)
            if not self._has_place:
                return
            if write is None:
                self.file.write(self._picture)
                self.file.flush()
            else:
                write(self._picture)
            self._is_shown = True

    def clear(self, write: Callable[[str], object]) -> None:
        """Erase the lines until they are shown again; ``write`` as for :meth:`show`."""
        with self._lock:
            if self._is_shown:
                write(_ERASE)
                self._is_shown = False

    def close(self) -> None:
        """Leave nothing of the lines."""
        with self._lock:
            self._picture = ""
            if self._is_shown:
                self.file.write(_ERASE)
                self.file.flush()
                self._is_shown = False

    @property
    def _has_place(self) -> bool:
        """Whether the cursor is in a line, and not behind its last letter, from where it would not come back."""
        column = self._column()
        return not column or column % self._width != 0

    def _draw(self, lines: Sequence[str]) -> str:
        """Return what shows ``lines`` and brings the cursor back."""
        begin, end = (_FAINT, _PLAIN) if self._is_coloured else ("", "")
        below = "".join(f"\r\n{begin}{printable(line)}{end}{_ERASE_LINE}" for line in lines)
        room = f"{_DOWN * len(lines)}\x1b[{len(lines)}A"
        return f"{_ERASE_LINE}{room}{_SAVE}{_CUT}{below}{_ERASE}{_WRAP}{_RESTORE}"


def printable(text: str) -> str:
    """Return ``text`` without what would move a terminal's cursor, or what cannot be sent to it."""
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return shown.encode(errors="backslashreplace").decode()
