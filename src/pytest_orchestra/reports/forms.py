"""Which forms of report there are, what their files are called, and who writes them.

What writes a form is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_orchestra.reports.files import replacing
from pytest_orchestra.reports.junit_options import JunitOptions

if TYPE_CHECKING:
    from pytest_orchestra.model.run import RunRecord

#: Writes a run to a path and returns the files that it wrote; raises OSError.
Writer: TypeAlias = "Callable[[RunRecord, Path, JunitOptions], tuple[Path, ...]]"


@dataclass(frozen=True, slots=True)
class Form:
    """``file`` is its name in a directory of reports."""

    file: str
    write: Writer


def _junit(run: RunRecord, path: Path, options: JunitOptions) -> tuple[Path, ...]:
    from pytest_orchestra.reports.junit_files import write_junit  # noqa: PLC0415 - if needed

    return write_junit(run, path, options)


def _ctrf(run: RunRecord, path: Path, _: JunitOptions) -> tuple[Path, ...]:
    from pytest_orchestra.reports.ctrf import write_ctrf  # noqa: PLC0415 - if needed

    return write_ctrf(run, path)


def _summary(run: RunRecord, path: Path, _: JunitOptions) -> tuple[Path, ...]:
    from pytest_orchestra.reports.summary import write_summary  # noqa: PLC0415 - if needed

    return write_summary(run, path)


def _trace(run: RunRecord, path: Path, _: JunitOptions) -> tuple[Path, ...]:
    from pytest_orchestra.reports.trace import write_trace  # noqa: PLC0415 - if needed

    return write_trace(run, path)


def _record(run: RunRecord, path: Path, _: JunitOptions) -> tuple[Path, ...]:
    from pytest_orchestra.reports.record_file import write_record  # noqa: PLC0415 - if needed

    return write_record(run, path)


def _html(run: RunRecord, path: Path, _: JunitOptions) -> tuple[Path, ...]:
    from pytest_orchestra.reports.html import ReportExtras, render  # noqa: PLC0415 - if needed

    extras = ReportExtras(folder=str(path.parent.resolve()))
    with replacing(path) as file:
        file.write(render(run, extras).encode())
    return (path,)


#: All forms, by the name that their option ends with.
FORMS: Final[Mapping[str, Form]] = {
    "junit": Form("junit.xml", _junit),
    "ctrf": Form("ctrf.json", _ctrf),
    "html": Form("report.html", _html),
    "summary": Form("summary.md", _summary),
    "trace": Form("trace.json", _trace),
    "json": Form("record.json.gz", _record),
}
