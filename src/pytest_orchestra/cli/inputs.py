"""Finds and reads what is to be merged: records of runs, JUnit files, histories."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import Path
from typing import Final

from pytest_orchestra.cli.console import progress
from pytest_orchestra.cli.project import CommandError
from pytest_orchestra.errors import ForeignFileError
from pytest_orchestra.merging.junit import read_junit
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.names import junit_names
from pytest_orchestra.reports.record_file import read_record

#: What is looked for in directories.
_PATTERNS: Final = ("*.json.gz", "*.xml", "*.sqlite3")

#: How files begin. XML may have a mark of its encoding, and blanks, before it.
_GZIP, _SQLITE = b"\x1f\x8b", b"SQLite format 3\0"
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_BEGINNING: Final = 256


class Kind(Enum):
    """What a file is, by how it begins."""

    RECORD = auto()
    JUNIT = auto()
    HISTORY = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is to be merged. ``is_named``: the user asked for it, and not for its directory."""

    path: Path
    kind: Kind
    is_named: bool


@dataclass(slots=True)
class Inputs:
    """What was found: ``runs``, the files that they are from, ``histories``, and what was ``skipped``.

    With it stands why, for people; empty if that is as it should be.
    """

    runs: list[RunRecord] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    histories: list[Path] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)


def read_inputs(names: Sequence[str]) -> Inputs:
    """Read all that ``names`` mean: files, directories and globs. Raises CommandError or ReportError."""
    sources = list({source.path.resolve(): source for source in _sources(names)}.values())
    found = Inputs()
    sizes = sum(source.path.stat().st_size for source in sources if source.kind is not Kind.HISTORY)
    with progress("reading", sizes) as shown:
        for source in sources:
            if source.kind is Kind.RECORD and _take_record(source, found):
                shown.step(source.path.stat().st_size)
        known = _known(found.runs)
        folders = {path.parent.resolve() for path in found.files}
        for source in sources:
            if source.kind is Kind.JUNIT:
                _take_junit(source, found, known, folders, shown.step)
    found.histories = [source.path for source in sources if source.kind is Kind.HISTORY]
    return found


def _sources(names: Iterable[str]) -> Iterator[Source]:
    for name in names:
        path = Path(name)
        if not path.exists():
            matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - an absolute one is fine
            if not matches:
                raise CommandError(f"there is no {name}: name files, directories or globs")
            for match in map(Path, matches):
                yield from _below(match) if match.is_dir() else _named(match)
        else:
            yield from _below(path) if path.is_dir() else _named(path)


def _named(path: Path) -> Iterator[Source]:
    kind = kind_of(path)
    if kind is Kind.OTHER:
        raise CommandError(
            f"{path} is neither the record of a run (record.json.gz) nor JUnit's XML nor a history"
        )
    yield Source(path, kind, is_named=True)


def _below(folder: Path) -> Iterator[Source]:
    for path in sorted({path for pattern in _PATTERNS for path in folder.rglob(pattern)}):
        if path.is_file():
            if not path.stat().st_size:
                raise CommandError(f"{path} is empty: whoever wrote it was stopped; remove it")
            yield Source(path, kind_of(path), is_named=False)


def kind_of(path: Path) -> Kind:
    """Return what the file at ``path`` is, by its first bytes; raises CommandError."""
    if not path.is_file():
        raise CommandError(f"{path} is no file, and nothing that can be read twice: name a file")
    try:
        with path.open("rb") as file:
            start = file.read(_BEGINNING)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    if start.startswith(_GZIP) or start.lstrip().startswith(b"{"):
        return Kind.RECORD
    if start.startswith(_SQLITE):
        return Kind.HISTORY
    for mark in _MARKS:
        start = start.removeprefix(mark)
    return Kind.JUNIT if start.replace(b"\0", b"").lstrip().startswith(b"<") else Kind.OTHER


def _take_record(source: Source, found: Inputs) -> bool:
    try:
        run = read_record(source.path)
    except ForeignFileError as error:
        if source.is_named:
            raise
        found.skipped.append((source.path, str(error)))
        return False
    found.runs.append(identified(run, source.path))
    found.files.append(source.path)
    return True


def identified(run: RunRecord, path: Path) -> RunRecord:
    """Return ``run`` with a uuid; one that an older version wrote is known by its file."""
    if run.uuid:
        return run
    return replace(run, uuid=hashlib.sha256(path.read_bytes()).hexdigest()[:32])


def _known(runs: Iterable[RunRecord]) -> dict[tuple[str, str], str]:
    return {junit_names(case.spec.nodeid): case.spec.nodeid for run in runs for case in run.cases}


def _take_junit(
    source: Source,
    found: Inputs,
    known: dict[tuple[str, str], str],
    folders: set[Path],
    tell: Callable[[int], None],
) -> None:
    path = source.path
    try:
        junit = read_junit(path, known, tell)
    except ForeignFileError as error:
        if source.is_named:
            raise
        found.skipped.append((path, str(error)))
        return
    if junit.is_ours and path.parent.resolve() in folders:
        found.skipped.append((path, ""))  # it says less than the record beside it
        return
    found.runs.append(junit.run)
    found.files.append(path)
