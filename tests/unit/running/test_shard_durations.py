"""The durations that shards have in common."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pytest_orchestra.running.shard_durations import ROUND, Durations, read, tidy, write_first

KNOWN = Durations({"a::b": 1.25, "c::\ud800": 0.5}, {("db", "a.py"): 3.0, ("env", ""): 0.1})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Nothing is lost on the way, whatever is in a node id."""
    path = tmp_path / "durations.json"
    assert read(path) is None
    assert write_first(path, KNOWN)
    assert read(path) == KNOWN
    assert list(tmp_path.iterdir()) == [path]


def test_rounding_is_done_before_writing() -> None:
    """Who writes goes by what the others will read."""
    durations = Durations({"a": 0.12345678}, {("db", ""): 1.00000049})
    assert durations.rounded() == Durations({"a": 0.123457}, {("db", ""): 1.0})


def test_the_first_one_decides(tmp_path: Path) -> None:
    """Whoever comes second writes nothing, and leaves nothing behind."""
    path = tmp_path / "durations.json"
    write_first(path, KNOWN)
    assert not write_first(path, Durations({"a::b": 9.0}))
    assert read(path) == KNOWN
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_pytest_split_is_read(tmp_path: Path) -> None:
    """Node ids and seconds; what is no duration is left out."""
    path = tmp_path / ".test_durations"
    path.write_text('{"a::b": 1.5, "c": -1, "tests": 2}')
    assert read(path) == Durations({"a::b": 1.5, "tests": 2.0})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        '{"tests": {}, "fixtures": 3}',
        '{"tests": {}, "fixtures": [["db", "", "1"]]}',
        '{"tests": {}, "fixtures": [["db", "", NaN]]}',
        '{"tests": {}, "fixtures": [["db", 1.0]]}',
    ],
)
def test_what_is_neither_is_refused(tmp_path: Path, text: str) -> None:
    """A file that was damaged cannot cut the suite."""
    path = tmp_path / "durations.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"(Expecting|is not|has fixtures)"):
        read(path)


@pytest.mark.parametrize(("lasts", "is_kept"), [(True, True), (False, False)])
def test_a_round_is_over_after_a_day(tmp_path: Path, *, lasts: bool, is_kept: bool) -> None:
    """Unless it is of a commit; what is old is removed, what is not ours stays."""
    own, other, old, foreign = (
        tmp_path / name for name in ("own.json", "other.json", "old.json", "notes.txt")
    )
    now = time.time()
    for path, age in ((own, ROUND + 60), (other, ROUND + 60), (old, 31 * 86400), (foreign, 1e8)):
        path.touch()
        os.utime(path, (now - age, now - age))
    tidy(tmp_path, own, lasts=lasts)
    assert own.exists() == is_kept
    assert other.exists()
    assert not old.exists()
    assert foreign.exists()
