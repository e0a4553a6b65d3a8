from __future__ import annotations

import io

import pytest

from pytest_orchestra.cli import console
from pytest_orchestra.cli.console import printable, progress


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("test_é[日本]", "test_é[日本]"),
        ("a\x1b[2Jb\nc", "a\\x1b[2Jb\\nc"),
        ("lone \ud800", "lone \\ud800"),
        ("\u202egnp", "\\u202egnp"),
    ],
)
def test_what_moves_a_cursor_is_written_out(text: str, shown: str) -> None:
    """Letters of all languages stay."""
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("total", "line"), [(4, "reading [##########          ] 50%"), (0, "reading ...")]
)
def test_a_terminal_is_told_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, total: float, line: str
) -> None:
    """In one line, of which nothing is left in the end."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(console, "_PAUSE", 0.0)
    with progress("reading", total) as shown:
        shown.step(2)
    assert terminal.getvalue() == f"\r\x1b[K{line}\r\x1b[K"


def test_nothing_else_is_told_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, or the log of a CI job."""
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    monkeypatch.setattr(console, "_PAUSE", 0.0)
    with progress("reading", 2) as shown:
        shown.step()
    assert not log.getvalue()
