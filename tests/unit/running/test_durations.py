"""Reading pytest-split's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_orchestra.running.durations import read_durations


def test_reads_seconds(tmp_path: Path) -> None:
    """Node ids and seconds come back as they stand; what is no duration is left out."""
    text = '{"a::b": 1.5, "c": 2, "d": "3", "e": -1, "f": true, "g": NaN, "h": null}'
    (tmp_path / ".test_durations").write_text(text)
    assert read_durations(tmp_path) == ({"a::b": 1.5, "c": 2.0}, None)


def test_no_file_is_fine(tmp_path: Path) -> None:
    """Without the file nothing is known and nobody complains."""
    assert read_durations(tmp_path) == ({}, None)


@pytest.mark.parametrize("text", ["", "[1]", "{", "\udcff"])
def test_a_broken_file_is_told_of(tmp_path: Path, text: str) -> None:
    """A file that cannot be understood costs a line, not the run."""
    (tmp_path / ".test_durations").write_bytes(text.encode(errors="surrogateescape"))
    durations, complaint = read_durations(tmp_path)
    assert durations == {}
    assert complaint is not None
    assert "ignored" in complaint
