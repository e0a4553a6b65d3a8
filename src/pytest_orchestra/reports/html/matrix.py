"""The tests of matrix stages by the values of their axes: those first that did not end the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_orchestra.reports.html.markup import Markup, el, one_line
from pytest_orchestra.reports.html.story import Story, section
from pytest_orchestra.reports.html.words import LETTERS, badge, count
from pytest_orchestra.reports.matrix import MatrixTable, Row, matrix_tables

#: So many rows of a table are shown, of those that differ and of the others each; the rest is counted.
_MOST_ROWS: Final = 200


def matrices(story: Story) -> Markup:
    """Return a table for each matrix stage."""
    parts = [_matrix(story, table) for table in matrix_tables(story.run)]
    return section("matrix", "Matrix", *parts)


def _matrix(story: Story, table: MatrixTable) -> Markup:
    telling = set(map(id, table.telling))
    alike = [row for row in table.rows if id(row) not in telling]
    title = table.title.removeprefix("matrix of ")
    rows = count(len(table.rows), "test")
    return el(
        "div",
        el("h3", one_line(title), el("small", f"{rows}, {count(len(table.columns), 'column')}")),
        _table(story, table, table.telling, f"{title}: tests that failed or differ"),
        el(
            "details",
            el("summary", f"{count(len(alike), 'test')} alike in all columns"),
            _table(story, table, alike, f"{title}: tests alike in all columns"),
        )
        if alike
        else None,
    )


def _table(story: Story, table: MatrixTable, rows: Sequence[Row], label: str) -> Markup:
    shown = rows[:_MOST_ROWS]
    left = len(rows) - len(shown)
    head = [
        el("th", one_line(heading), _counts(table, place), scope="col")
        for place, heading in enumerate(table.headings)
    ]
    body = [
        el(
            "tr",
            el("th", one_line(row.name), scope="row", class_="id"),
            [el("td", _cell(story, case)) for case in row.cases],
        )
        for row in shown
    ]
    return el(
        "div",
        el(
            "table",
            el("thead", el("tr", el("th", "test", scope="col"), head)),
            el("tbody", body),
            class_="matrix",
        ),
        el("p", f"and {left:,} more", class_="quiet") if left else None,
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=one_line(label),
    )


def _counts(table: MatrixTable, place: int) -> Markup:
    counts = table.counts[place]
    parts = ", ".join(f"{counts[each]:,} {each}" for each in LETTERS if each in counts)
    return el("div", parts, class_="quiet")


def _cell(story: Story, case: int | None) -> Markup:
    if case is None:
        return el("span", "left out", class_="quiet")
    mark = badge(story.case(case).verdict)
    words = f" {story.case(case).verdict}"
    if case in story.told:
        return el("a", mark, words, href=f"#c{case}")
    return el("span", mark, words)
