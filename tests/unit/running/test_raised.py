from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_orchestra.running.raised import place_of, raised_by


def load(path: Path, text: str) -> Callable[..., Any]:
    """Return the function ``f`` of a file with this text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    names: dict[str, Any] = {}
    exec(compile(text, str(path), "exec"), names)  # noqa: S102 - what it says stands above
    function: Callable[..., Any] = names["f"]
    return function


def place(root: Path, function: Callable[..., Any], *arguments: Any) -> str:
    """Return where calling ``function`` raises, for a project at ``root``."""
    with pytest.raises(ValueError) as info:  # noqa: PT011 - any will do
        function(*arguments)
    return place_of(info, root)


def test_the_place_is_the_last_line_of_the_project(tmp_path: Path) -> None:
    """What is installed is not the project's, also if it lies below its directory."""
    own = load(tmp_path / "a" / "own.py", "def f(other):\n    other(\n        5)\n")
    installed = tmp_path / ".venv" / "site-packages" / "other.py"
    other = load(installed, "def f(number):\n    raise ValueError(number)\n")
    assert place(tmp_path, own, other) == "a/own.py: other("
    assert place(tmp_path, other, 5) == "other.py: raise ValueError(number)"


def test_lines_that_are_hidden_from_tracebacks_do_not_count(tmp_path: Path) -> None:
    """Who calls a helper that checks something is where it went wrong, if anybody is shown."""
    hidden = load(
        tmp_path / "h.py", "def f():\n    __tracebackhide__ = True\n    raise ValueError\n"
    )
    own = load(tmp_path / "own.py", "def f(other):\n    other()\n")
    assert place(tmp_path, own, hidden) == "own.py: other()"


def test_made_up_code_has_no_source(tmp_path: Path) -> None:
    """Its name is all that is known, and no colon follows."""
    names: dict[str, Any] = {}
    exec(compile("def f(): raise ValueError", "<made up>", "exec"), names)  # noqa: S102 - as above
    assert place(tmp_path, names["f"]) == "<made up>"


def test_nothing_is_known_of_a_report_without_exception() -> None:
    """A strict xfail that passes, say, or a worker that crashed."""
    report = pytest.TestReport("a", ("a", 1, "a"), {}, "failed", "XPASS", "call")
    assert raised_by(report) == ("", "")
