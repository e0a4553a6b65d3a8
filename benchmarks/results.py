"""What a benchmark found out: tables for people, figures for programs, and the bars."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from benchmarks.machine import Machine

#: Bytes in a mebibyte.
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing that was to be reached: ``measured`` is to be at most ``limit``.

    ``measured`` is None if what it needs was left out of this run.
    """

    what: str
    limit: float
    measured: float | None

    @property
    def met(self) -> bool | None:
        """Whether the bar was met; None if that was not measured."""
        return None if self.measured is None else self.measured <= self.limit

    def __str__(self) -> str:
        if self.measured is None:
            return f"not measured  {self.what}: at most {self.limit:g}"
        word = "met    " if self.met else "NOT MET"
        return f"{word}  {self.what}: {self.measured:.3g}, to be at most {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings; the first column is aligned to the left."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        lines = (self.headings, *self.rows)
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join([self.title, *(_line(line, widths) for line in lines)])


@dataclass(frozen=True, slots=True)
class Report:
    """All that a benchmark has to say; ``what`` describes the work that was measured."""

    name: str
    what: str
    machine: Machine
    figures: Mapping[str, object]
    tables: tuple[Table, ...] = ()
    bars: tuple[Bar, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> str:
        """Return everything as one JSON object."""
        return json.dumps(
            {
                "benchmark": self.name,
                "what": self.what,
                "ran_on": asdict(self.machine),
                **self.figures,
                "bars": [{**asdict(bar), "met": bar.met} for bar in self.bars],
                "notes": self.notes,
            },
            indent=2,
        )

    def __str__(self) -> str:
        head = f"{self.name}: {self.what}\non {self.machine}"
        bars = "\n".join(map(str, self.bars))
        notes = "\n".join(self.notes)
        return "\n\n".join(part for part in (head, *map(str, self.tables), notes, bars) if part)


def ratio(measured: float | None, other: float | None) -> float | None:
    """Return ``measured / other``; None where either is missing or there is nothing to divide by."""
    return measured / other if measured is not None and other else None


def show(value: float | None, digits: int = 2) -> str:
    """Return a figure for a table; a missing one is a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    right = (cell.rjust(width) for cell, width in rest)
    return "  ".join(["  " + first[0].ljust(first[1]), *right]).rstrip()
