"""JUnit files: one, or several where one would be more than its readers take."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.reports.files import replacing
from pytest_orchestra.reports.junit import GENERATOR, CaseWriter, suite_around
from pytest_orchestra.reports.junit_options import JunitOptions
from pytest_orchestra.reports.outcomes import with_uncollected

#: So many bytes at the beginning of a file say who wrote it.
_HEAD_BYTES: Final = 2000


def write_junit(
    run: RunRecord, path: Path, options: JunitOptions | None = None
) -> tuple[Path, ...]:
    """Write ``path``, and ``junit-2.xml`` and so on beside ``junit.xml``; returns all. Raises OSError.

    Further parts that an earlier run left there are removed.
    """
    run = with_uncollected(run)
    files = _Files(run, path, options or JunitOptions())
    for case in run.cases:
        files.add(case)
    files.close()
    return tuple(files.paths)


class _Files:
    """Gathers the bytes of testcases, and writes a file when it is full.

    Putting the bytes together costs neither the time nor the memory that a tree of all of them would,
    and says exactly how large they are.
    """

    def __init__(self, run: RunRecord, path: Path, options: JunitOptions) -> None:
        self.paths: list[Path] = []
        self._run = run
        self._path = path
        self._options = options
        self._writer = CaseWriter(run, options.dialect)
        self._cases: list[CaseRecord] = []
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, case: CaseRecord) -> None:
        """Put ``case`` into the file at hand, or the next if it has no room."""
        part = self._writer.case(case).tostring()
        if self._cases and (
            self._size + len(part) > self._options.most_bytes
            or len(self._cases) == self._options.most_cases
        ):
            self._write()
        self._cases.append(case)
        self._parts.append(part)
        self._size += len(part) + 1

    def close(self) -> None:
        """Write the last file; there is always one."""
        if self._cases or not self.paths:
            self._write()
        number = len(self.paths) + 1
        while _is_ours(self._numbered(number)):
            with suppress(OSError):
                self._numbered(number).unlink()
            number += 1

    def _write(self) -> None:
        head, tail = suite_around(self._run, self._cases, self._options.dialect)
        path = self._numbered(len(self.paths) + 1)
        with replacing(path) as file:
            file.write(head)
            for part in self._parts:
                file.write(b"\n")
                file.write(part)
            file.write(b"\n" + tail + b"\n")
        self.paths.append(path)
        self._cases, self._parts, self._size = [], [], 0

    def _numbered(self, number: int) -> Path:
        if number == 1:
            return self._path
        return self._path.with_name(f"{self._path.stem}-{number}{self._path.suffix}")


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b'name="generator" value="%b"' % GENERATOR.encode() in file.read(_HEAD_BYTES)
    except OSError:
        return False
