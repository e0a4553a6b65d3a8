"""A timeline in characters: a row for each worker, as wide as the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.reports.html.shapes import ticks
from pytest_orchestra.reports.html.spans import Lane, Span, Timeline
from pytest_orchestra.reports.html.words import seconds, share

#: No chart is narrower, whatever the terminal.
_NARROWEST: Final = 20
#: Room for `` 100%`` behind a row.
_BUSY: Final = 5

#: In a bar that is narrower a name would be cut to nothing.
_LEAST_NAMED: Final = 8

#: What takes less than so much of a column is one of several short ones.
_SHORTEST: Final = 0.5

_BEGINS: Final = "|"
_GOES_ON: Final = "="
_SEVERAL: Final = ":"
_HELD_UP: Final = "."

KEY: Final = "| a test begins, : several short ones, . idle while tests wait for tokens"


def chart(run: RunRecord, width: int, most: int) -> Iterator[str]:
    """Yield an axis and a row for each worker, up to ``most``; none is longer than ``width`` characters."""
    timeline = Timeline(run)
    lanes = timeline.lanes
    names = [stage.spec.name for stage in run.stages if stage.opened_at is not None]
    longest = max((len(each) for each in (*names, *(lane.worker for lane in lanes))), default=0)
    label = min(longest, max(4, width // 4))
    columns = max(_NARROWEST, width - label - 3 - _BUSY)
    yield f"{'':{label}} {_axis(timeline.end, columns + 2)}"
    for stage in run.stages:
        if stage.opened_at is not None and stage.ended_at is not None:
            left, right = _columns(stage.opened_at, stage.ended_at, timeline.end, columns)
            bar = " " * left + "#" * max(1, right - left)
            yield f"{_cut(stage.spec.name, label):{label}} [{bar[:columns]:{columns}}]"
    for lane in lanes[:most]:
        cells = "".join(_cells(run.cases, timeline, lane, columns))
        busy = share(lane.busy, max(lane.left - lane.joined, 1e-9))
        yield f"{_cut(lane.worker, label):{label}} [{cells}]{busy:>{_BUSY}}"
    if len(lanes) > most:
        yield f"and {len(lanes) - most} more workers (-v shows all)"


def _axis(end: float, width: int) -> str:
    """Return labels of round times, and that of the end, each where its time is."""
    last = seconds(end)
    text = ""
    for at in ticks(end, max(2, width // 14)):
        words = seconds(at) if at else "0"
        column = 1 + int(at / end * (width - 2))
        if column >= len(text) + bool(text) and column + len(words) < width - len(last):
            text = f"{text:{column}}{words}"
    return f"{text:{width - len(last)}}{last}"


def _columns(start: float, end: float, whole: float, columns: int) -> tuple[int, int]:
    return round(start / whole * columns), round(end / whole * columns)


def _cells(cases: Sequence[CaseRecord], timeline: Timeline, lane: Lane, columns: int) -> list[str]:
    cells = [" "] * columns
    for gap in timeline.gaps(lane):
        if gap.waiting:
            left, right = _columns(gap.start, gap.end, timeline.end, columns)
            cells[left:right] = _HELD_UP * (right - left)
    for span in lane.spans:
        left, right = _columns(span.start, span.end, timeline.end, columns)
        # What is shorter than half a column would be one only where it happens to be.
        if right > left and (span.end - span.start) / timeline.end * columns >= _SHORTEST:
            cells[left:right] = _bar(cases, span, right - left)
        else:
            at = min(left, columns - 1)
            cells[at] = _SEVERAL if cells[at] in " .:" else cells[at]
    return cells


def _bar(cases: Sequence[CaseRecord], span: Span, width: int) -> str:
    """Return a bar with as much of the test's name as there is room for."""
    has_room = width >= _LEAST_NAMED
    name = _cut(_short(cases[span.case].spec.nodeid), width - 2) if has_room else ""
    return f"{_BEGINS}{name}{'':{_GOES_ON}<{width}}"[:width]


def _short(nodeid: str) -> str:
    """Return the name of a test without file and class, and without what all tests begin with."""
    plain, bracket, parameters = nodeid.partition("[")
    name = plain.rpartition("::")[2]
    text = name.removeprefix("test_") + bracket + parameters
    return "".join(each if each.isprintable() and each.isascii() else "?" for each in text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(0, most - 1)] + "~"
