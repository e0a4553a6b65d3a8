"""The record of a run in a file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from records import made_up_run
from reported import case, run

from pytest_orchestra.errors import ReportError
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.codec import codec_of
from pytest_orchestra.reports.record_file import read_record, write_record


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    """Control characters and lone surrogates included."""
    record = made_up_run(500, is_hostile=True)
    (path,) = write_record(record, tmp_path / "record.json.gz")
    assert read_record(path) == record


def test_the_file_is_json_and_the_same_each_time(tmp_path: Path) -> None:
    """Others can read it, and tools that compare files are not misled."""
    record = made_up_run(20)
    (one,) = write_record(record, tmp_path / "one.json.gz")
    (other,) = write_record(record, tmp_path / "other.json.gz")
    assert one.read_bytes() == other.read_bytes()
    document = json.loads(gzip.decompress(one.read_bytes()))
    assert (document["version"], len(document["cases"])) == (1, 20)
    plain = tmp_path / "plain.json"
    plain.write_text(json.dumps(document, indent=2))
    assert read_record(plain) == record


def test_what_later_versions_add_is_passed_over(tmp_path: Path) -> None:
    """A field that is not known does not make a file useless."""
    path = tmp_path / "record.json"
    record = run(case(Verdict.PASSED))
    write_record(record, path)
    document = json.loads(gzip.decompress(path.read_bytes()))
    document["run"]["mood"] = document["cases"][0]["mood"] = "good"
    path.write_text(json.dumps(document))
    assert read_record(path) == record


def damaged(path: Path) -> dict[str, bytes]:
    """Return files that are not sound, by what should be said of them."""
    write_record(run(case(Verdict.PASSED)), path)
    sound = path.read_bytes()
    text = gzip.decompress(sound)
    return {
        "cannot be read: Compressed file ended": sound[:-20],
        "cannot be read: Error": sound[:40] + b"\0\0\0\0" + sound[44:],
        "is not the record of a run; name": b"[1]",
        "is not the record of a run: Expecting": b"<testsuite/>",
        "is not the record of a run: 'utf": b"\xff\xfe\xfd",
        "has version 2 of the format": text.replace(b'"version": 1', b'"version": 2'),
        "is damaged: KeyError": text.replace(b'"passed"', b'"great"'),
        "is damaged: TypeError": text.replace(b'"spec"', b'"spice"'),
    }


def test_what_is_wrong_with_a_file_is_said(tmp_path: Path) -> None:
    """The file is named, and there is no traceback."""
    path = tmp_path / "record.json.gz"
    for message, content in damaged(path).items():
        path.write_bytes(content)
        with pytest.raises(ReportError) as caught:
            read_record(path)
        assert str(caught.value).startswith(f"{path} {message}"), str(caught.value)
    with pytest.raises(ReportError, match="none cannot be read: No such file"):
        read_record(tmp_path / "none")


@dataclass(frozen=True)
class Odd:
    """Has a field of a kind that no record has."""

    field: list[int]


@dataclass(frozen=True)
class Counts:
    """Has a mapping, and a field that is made anew each time."""

    by_name: Mapping[str, float]


def test_mappings_are_kept() -> None:
    """In their order, with numbers that JSON does not have."""
    codec = codec_of(Counts)
    value = Counts({"b": float("inf"), "a": 1.5})
    assert codec.read(json.loads(json.dumps(codec.write(value), allow_nan=False))) == value


def test_what_cannot_be_kept_is_refused_at_once() -> None:
    """Whoever adds such a field to the record learns it from any test, and not from a lost value."""
    with pytest.raises(TypeError, match="list"):
        codec_of(Odd)
