"""What is left to the next run of how many workers it should begin with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_orchestra.running.headcount import MOST_KEPT, Headcount


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Headcount]:
    """Return a function that makes a headcount for arguments and options."""

    def make(*arguments: str, **options: Any) -> Headcount:
        config: Any = SimpleNamespace(args=list(arguments), getoption=options.get)
        folder = tmp_path / "memory"
        return Headcount(config, folder / "history.sqlite3", lambda: folder.mkdir(exist_ok=True))

    return make


def test_what_one_run_leaves_the_next_one_reads(make: Callable[..., Headcount]) -> None:
    """A run of the same tests begins with as many workers, one of others does not."""
    assert make("tests").read(8) is None
    make("tests").write(3, 8)
    assert make("tests").read(8) == 3
    assert make("tests").read(2) == 2
    assert make("tests", keyword="login").read(8) is None
    assert make("tests/unit").read(8) is None


def test_a_limit_that_was_reached_says_nothing_of_a_higher_one(
    make: Callable[..., Headcount],
) -> None:
    """Where all workers were of use that might be there, more may be."""
    make("tests").write(2, 2)
    assert make("tests").read(16) == 16


def test_the_latest_are_kept(make: Callable[..., Headcount]) -> None:
    """The file does not grow for ever."""
    for number in range(MOST_KEPT + 1):
        make(f"tests/{number}").write(1, 4)
        make("tests/0").write(1, 4)
    assert make("tests/0").read(4) == 1
    assert make("tests/1").read(4) is None
    assert make(f"tests/{MOST_KEPT}").read(4) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"a": 1}', '{"a": [1]}', '{"a": [0, 2]}', '{"a": ["1", 2]}']
)
def test_a_damaged_file_is_none(make: Callable[..., Headcount], tmp_path: Path, text: str) -> None:
    """Nothing is known then, and the file is replaced."""
    make("tests").write(3, 8)
    file = tmp_path / "memory" / "history.workers.json"
    file.write_text(text)
    assert make("tests").read(8) is None
    make("tests").write(3, 8)
    assert make("tests").read(8) == 3


def test_what_cannot_be_written_is_not_remembered(
    make: Callable[..., Headcount], tmp_path: Path
) -> None:
    """That costs the next run a moment, and this one nothing."""
    (tmp_path / "memory").write_text("a file where a directory should be")
    make("tests").write(3, 8)
    assert make("tests").read(8) is None
