"""The whole record of a run in a file, and back: JSON with a case in each line, compressed."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pytest_orchestra.errors import ForeignFileError, ReportError
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.reports.codec import codec_of
from pytest_orchestra.reports.files import replacing

FORMAT: Final = "pytest-orchestra run record"
#: Counted up when a reader of an older version would misunderstand the file.
VERSION: Final = 1

_GZIP: Final = b"\x1f\x8b"
#: Higher levels take twice the time to save a tenth.
_LEVEL: Final = 4


def write_record(run: RunRecord, path: Path) -> tuple[Path, ...]:
    """Write the record to ``path``; returns the path. Raises OSError."""
    write = codec_of(CaseRecord).write
    head = json.dumps({"format": FORMAT, "version": VERSION, "run": _without_cases(run)})
    encode = json.JSONEncoder(separators=(",", ":")).encode
    with (
        replacing(path) as raw,
        gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as file,
    ):
        file.write(f'{head[:-1]}, "cases": ['.encode())
        separator = "\n"
        for case in run.cases:
            file.write((separator + encode(write(case))).encode())
            separator = ",\n"
        file.write(b"\n]}\n")
    return (path,)


def _without_cases(run: RunRecord) -> dict[str, Any]:
    entry: dict[str, Any] = codec_of(RunRecord).write(replace(run, cases=()))
    del entry["cases"]
    return entry


def read_record(path: Path) -> RunRecord:
    """Return the record in the file ``path``, compressed or not.

    Raises ReportError, which says what is wrong with the file.
    """
    try:
        data = path.read_bytes()
        document = json.loads(gzip.decompress(data) if data.startswith(_GZIP) else data)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ReportError(f"{path} cannot be read: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path} is not the record of a run: {error}") from error
    _check(document, path)
    try:
        read = codec_of(CaseRecord).read
        return _read_run(document["run"], tuple(map(read, document["cases"])))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"{path} is damaged: {type(error).__name__}: {error}"
        raise ReportError(f"{what}; write it again, or restore it") from error


def _read_run(entry: dict[str, Any], cases: tuple[CaseRecord, ...]) -> RunRecord:
    run: RunRecord = codec_of(RunRecord).read({**entry, "cases": []})
    return replace(run, cases=cases)


def _check(document: object, path: Path) -> None:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ForeignFileError(
            f"{path} is not the record of a run; name a file that --orchestrate-report wrote as "
            "record.json.gz"
        )
    version = document.get("version")
    if version != VERSION:
        raise ReportError(
            f"{path} has version {version!r} of the format, and this pytest-orchestra reads version "
            f"{VERSION}; use the one that wrote it"
        )
