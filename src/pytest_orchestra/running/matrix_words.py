"""What people are told of matrix stages: which tests run once, and which did not end the same for all values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pytest_orchestra.model.stage import StageSpec, Strategy
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.matrix import MatrixTable, Row, matrix_tables
from pytest_orchestra.reports.text import one_line

if TYPE_CHECKING:
    from pytest_orchestra.model.case import CaseSpec
    from pytest_orchestra.model.run import RunRecord

#: Stands for a test that was left out of a column.
_ABSENT: Final = "-"


def once_notes(stages: Sequence[StageSpec], specs: Iterable[CaseSpec]) -> Iterator[str]:
    """Yield a line for each matrix stage with tests that it could not multiply."""
    once: dict[int, list[str]] = {}
    for spec in specs:
        if spec.cell is None and spec.stage is not None:
            once.setdefault(spec.stage, []).append(spec.nodeid)
    for number, nodeids in once.items():
        stage = stages[number]
        if stage.strategy is Strategy.MATRIX:
            several = f"{len(nodeids)} tests of stage {stage.name}, {nodeids[0]} among them, run"
            tests = f"{nodeids[0]} of stage {stage.name} runs" if len(nodeids) == 1 else several
            yield (
                f"{tests} once, with no value of its axes: unittest and doctest know no parameters, and what "
                "is marked after its function was collected, or for a single parameter, is marked too late"
            )


def matrix_lines(record: RunRecord, *, most: int | None) -> Iterator[str]:
    """Yield for each matrix a line, and the rows that fail or differ: up to ``most``; None: all rows there are."""
    for table in matrix_tables(record):
        yield _head(table)
        rows = table.rows if most is None else table.telling[:most]
        if rows:
            yield from _rows(table, rows)
        left = len(table.telling) - len(rows)
        if left > 0:
            yield f"  and {left} more that failed or differ (-v shows all)"


def _head(table: MatrixTable) -> str:
    parts = [
        f"{', '.join(map(one_line, headings))}: {_counts(counts)}{' each' * (len(headings) > 1)}"
        for headings, counts in table.tallies()
    ]
    return f"{one_line(table.title)}: {'; '.join(parts)}"


def _counts(counts: Mapping[Verdict, int]) -> str:
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if verdict in counts)


def _rows(table: MatrixTable, rows: tuple[Row, ...]) -> Iterator[str]:
    lines = [tuple(map(one_line, table.headings))]
    lines += [tuple(str(each or _ABSENT) for each in table.verdicts(row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for cells, name in zip(lines, ("", *(row.name for row in rows)), strict=True):
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield f"  {'  '.join((*padded, one_line(name)))}".rstrip()
