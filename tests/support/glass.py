"""What somebody in front of a terminal would see."""

from __future__ import annotations

import pyte


class Glass:
    """A terminal's screen; takes what a program prints."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._screen.set_mode(pyte.modes.LNM)  # a terminal's driver adds the carriage return
        self._stream = pyte.Stream(self._screen)

    def feed(self, text: str) -> None:
        """Take ``text``."""
        self._stream.feed(text)

    def resize(self, columns: int, rows: int) -> None:
        """Become as large as this."""
        self._screen.resize(rows, columns)

    @property
    def lines(self) -> list[str]:
        """The lines that there are, without empty ones at the end."""
        lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor, from 0."""
        return self._screen.cursor.y, self._screen.cursor.x
