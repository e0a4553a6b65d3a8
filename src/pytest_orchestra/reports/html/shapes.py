"""Shapes over time in SVG. Each plot is as wide as its column, so nothing in it may mind being stretched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, log10
from typing import Final

from pytest_orchestra.reports.html.markup import Content, Markup, el, escaped, number
from pytest_orchestra.reports.html.spans import Steps
from pytest_orchestra.reports.html.words import seconds

#: A plot is so many units wide, however many pixels that are.
WIDTH: Final = 1000.0

#: What is narrower than this, about half a pixel, is not drawn by itself.
FINEST: Final = 0.5

#: Steps of more than so many seconds are whole parts of minutes and hours.
_LONGEST_DECIMAL: Final = 10.0
_LONG_STEPS: Final = (
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    4 * 3600,
    12 * 3600,
    24 * 3600,
)

#: No label of an axis begins after this share of it.
_LAST: Final = 0.97

Scale = Callable[[float], float]


def scale(end: float) -> Scale:
    """Return what turns seconds since the run began into units of a plot."""
    return lambda at: at / end * WIDTH


def bars(slices: Iterable[tuple[float, float]], height: float, top: float = 0.0) -> str:
    """Return a path of bars from left to right edge each, in units."""
    return "".join(
        f"M{number(left)} {number(top)}h{number(max(right - left, FINEST))}"
        f"v{number(height)}h-{number(max(right - left, FINEST))}z"
        for left, right in slices
    )


def density(
    slices: Iterable[tuple[float, float]], base: float, height: float, bucket: float
) -> str:
    """Return a path of bars on ``base``, of ``height`` where ``slices`` fill all of their time, in units."""
    filled: defaultdict[int, float] = defaultdict(float)
    for left, right in slices:
        filled[floor(left / bucket)] += right - left
    path = []
    for at, width in sorted(filled.items()):
        high = max(0.15, min(1.0, width / bucket)) * height
        path.append(
            f"M{number(at * bucket)} {number(base)}v-{number(high)}h{number(bucket)}v{number(high)}z"
        )
    return "".join(path)


def staircase(steps: Steps, x: Scale, y: Scale, base: float) -> str:
    """Return a path of the area below ``steps``, the highest of each half pixel."""
    columns: dict[int, tuple[float, float, float]] = {}
    for at, value in zip(steps.times, steps.values, strict=True):
        column = round(x(at) / FINEST)
        _, most, _ = columns.get(column, (0.0, value, value))
        columns[column] = (x(at), max(most, value), value)
    path = [f"M0 {number(base)}"]
    for left, most, last in columns.values():
        path.append(f"H{number(left)}V{number(y(most))}")
        if last != most:
            path.append(f"H{number(left + FINEST)}V{number(y(last))}")
    return "".join(path) + f"V{number(base)}z"


def plot(height: float, *content: Content, **attributes: str | float | bool | None) -> Markup:
    """Return a plot that is stretched to the width of its column."""
    return Markup(
        el(
            "svg",
            Markup(f'<g class="zoom">{escaped(content)}</g>'),
            viewBox=f"0 0 {number(WIDTH)} {number(height)}",
            preserveAspectRatio="none",
            height=height,
            **attributes,
        )
    )


def ticks(end: float, most: int = 8) -> list[float]:
    """Return round times between 0 and ``end`` for an axis."""
    least = end / most * 0.999
    power = 10.0 ** floor(log10(least))
    steps = (power, 2 * power, 5 * power, 10 * power) if least < _LONGEST_DECIMAL else _LONG_STEPS
    step = next((step for step in steps if step >= least), least)
    # A label that begins at the very end would be cut off.
    return [at * step for at in range(ceil(end / step)) if at * step < end * _LAST]


def axis(end: float, marks: Sequence[float] | None = None) -> Markup:
    """Return the labels of the axis of time."""
    labels = [
        el("span", seconds(at) if at else "0", style=f"left:{at / end:.4%}")
        for at in (ticks(end) if marks is None else marks)
    ]
    return el("div", labels, class_="axis", aria_hidden="true")
