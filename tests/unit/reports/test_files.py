"""Files are there as a whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pytest_orchestra.reports.files import replacing


def test_what_was_there_stays_when_writing_fails(tmp_path: Path) -> None:
    """Nothing half written is left, neither in its place nor beside it."""
    path = tmp_path / "report"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert [each.name for each in tmp_path.iterdir()] == ["report"]
    assert path.read_text() == "old"


def test_directories_are_made_and_others_may_read(tmp_path: Path) -> None:
    """A report has the rights that any file has that this user makes."""
    path = tmp_path / "a" / "b" / "report"
    with replacing(path) as file:
        file.write(b"new")
    plain = tmp_path / "plain"
    plain.touch()
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_link_stays_one(tmp_path: Path) -> None:
    """What it leads to is replaced."""
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with replacing(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    """A pipe, as a device such as /dev/null, is never replaced by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with replacing(pipe) as file:
        file.write(b"through")
    assert os.read(reader, 100) == b"through"
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    os.close(reader)


def test_a_place_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    """Below a file there are no files."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), replacing(tmp_path / "file" / "report"):
        pass
