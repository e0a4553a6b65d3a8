"""Stages, and the tables of matrix stages, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.markdown import code, table
from pytest_orchestra.reports.matrix import MatrixTable
from pytest_orchestra.reports.stages import StageStory, word

#: So many tests of a matrix are listed.
MOST_ROWS: Final = 50


def stages_text(stages: Sequence[StageStory]) -> str:
    """Return a table, and what became of the gates, but for what was not met: that says why the run has failed."""
    headings = ("stage", "tests", "verdicts", "from", "to", "gate")
    rows = [
        (
            each.spec.name,
            f"{each.tests:,}",
            each.tally,
            _second(each.record.opened_at),
            _second(each.record.ended_at),
            each.gate,
        )
        for each in stages
    ]
    checks = (
        f"- {code(each.spec.name)}, {word(check)}: {code(check.detail)}\n"
        for each in stages
        for check in each.record.checks
        if check.is_met is not False
    )
    return f"{table(headings, rows)}\n{''.join(checks)}"


def _second(at: float | None) -> str:
    return "never" if at is None else f"{at:.1f} s"


def matrix_text(matrix: MatrixTable) -> str:
    """Return a table of the tests that failed or differ, after a row with what each column came to."""
    headings = ("test", *matrix.headings)
    rows = [
        (f"all {len(matrix.rows):,}", *map(_tally, matrix.counts)),
        *(
            (row.name, *(str(each or "left out") for each in matrix.verdicts(row)))
            for row in matrix.telling[:MOST_ROWS]
        ),
    ]
    left = len(matrix.telling) - MOST_ROWS
    more = f"\n… and {left:,} more that failed or differ\n" if left > 0 else ""
    return f"{code(matrix.title)}\n\n{table(headings, rows)}{more}\n"


def _tally(counts: Mapping[Verdict, int]) -> str:
    return ", ".join(f"{counts[each]:,} {each}" for each in Verdict if each in counts)
