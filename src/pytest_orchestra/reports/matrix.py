"""The tests of matrix stages as tables: a row for each test, a column for each combination of the values of axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from pytest_orchestra.model.case import Column
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.verdict import FAILURE, Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """One test: its node id without the values of axes, and the index of its case in each column, if it has one."""

    name: str
    cases: tuple[int | None, ...]


@dataclass(frozen=True)
class MatrixTable:
    """The tests of one matrix stage by the values of its axes; ``stage`` is its name, empty if that is unknown."""

    run: RunRecord
    stage: str
    axes: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """What it shows: ``matrix of stage 'integration' by db and tls``."""
        of = f" of stage {self.stage!r}" if self.stage else ""
        return f"matrix{of} by {' and '.join(self.axes)}"

    @cached_property
    def headings(self) -> tuple[str, ...]:
        """The values of each column: ``sqlite``, or ``sqlite/True`` where there are several axes."""
        return tuple("/".join(value for _, value in column) for column in self.columns)

    def verdicts(self, row: Row) -> tuple[Verdict | None, ...]:
        """Return how the test ended in each column; None where it was left out."""
        cases = self.run.cases
        return tuple(None if case is None else cases[case].verdict for case in row.cases)

    @cached_property
    def telling(self) -> tuple[Row, ...]:
        """The rows to look at: their test failed, or did not end the same in all columns."""
        return tuple(row for row in self.rows if self._is_telling(row))

    @cached_property
    def counts(self) -> tuple[Mapping[Verdict, int], ...]:
        """How many tests of each column ended with each verdict."""
        cases = self.run.cases
        return tuple(
            Counter(
                cases[case].verdict for row in self.rows if (case := row.cases[place]) is not None
            )
            for place in range(len(self.columns))
        )

    def tallies(self) -> Iterator[tuple[tuple[str, ...], Mapping[Verdict, int]]]:
        """Yield what the columns came to, with the headings of those that came to the same together."""
        groups: dict[frozenset[tuple[Verdict, int]], list[int]] = {}
        for place, counts in enumerate(self.counts):
            groups.setdefault(frozenset(counts.items()), []).append(place)
        for places in groups.values():
            yield tuple(self.headings[place] for place in places), self.counts[places[0]]

    def _is_telling(self, row: Row) -> bool:
        verdicts = {verdict for verdict in self.verdicts(row) if verdict is not None}
        return len(verdicts) > 1 or bool(verdicts & FAILURE)


def matrix_tables(run: RunRecord) -> tuple[MatrixTable, ...]:
    """Return a table for each matrix stage of ``run`` that has tests, in the order of the stages."""
    cells: dict[tuple[int, tuple[str, ...]], dict[str, dict[Column, int]]] = {}
    for case, record in enumerate(run.cases):
        cell = record.spec.cell
        if cell is not None:
            axes = tuple(axis for axis, _ in cell.column)
            stage = _stage_of(run, record.spec.stage, axes)
            rows = cells.setdefault((stage, axes), {})
            rows.setdefault(cell.row, {})[cell.column] = case
    return tuple(_table(run, *key, cells[key]) for key in sorted(cells))


def _stage_of(run: RunRecord, stage: int | None, axes: tuple[str, ...]) -> int:
    """Return the stage whose axes these are: its own, unless a test was pulled forward into another; -1 if unknown."""
    numbers = range(len(run.stages)) if stage is None else (stage, *range(len(run.stages)))
    return next(
        (
            number
            for number in numbers
            if number < len(run.stages) and tuple(run.stages[number].spec.axes) == axes
        ),
        -1,
    )


def _table(
    run: RunRecord, stage: int, axes: tuple[str, ...], rows: Mapping[str, Mapping[Column, int]]
) -> MatrixTable:
    name = run.stages[stage].spec.name if 0 <= stage < len(run.stages) else ""
    columns = _columns(run, stage, rows)
    return MatrixTable(
        run,
        name,
        axes,
        columns,
        tuple(Row(row, tuple(map(cases.get, columns))) for row, cases in rows.items()),
    )


def _columns(
    run: RunRecord, stage: int, rows: Mapping[str, Mapping[Column, int]]
) -> tuple[Column, ...]:
    """Return the columns in the order of the configuration, as far as that is known."""
    found = dict.fromkeys(column for cases in rows.values() for column in cases)
    if not 0 <= stage < len(run.stages):
        return tuple(found)
    places = {
        axis: {str(value): place for place, value in enumerate(values)}
        for axis, values in run.stages[stage].spec.axes.items()
    }
    return tuple(sorted(found, key=lambda column: _place(column, places)))


def _place(column: Column, places: Mapping[str, Mapping[str, int]]) -> list[int]:
    of_axes = ((places.get(axis, {}), value) for axis, value in column)
    return [of_axis.get(value, len(of_axis)) for of_axis, value in of_axes]
