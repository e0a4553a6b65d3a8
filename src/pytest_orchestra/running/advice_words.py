"""What the summary says of the quality of the suite, and of what would make it better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_orchestra.model.run import RunRecord

#: So many recommendations are printed, unless ``-v`` asks for all.
MOST_RECOMMENDED: Final = 3


def advice_lines(record: RunRecord, *, is_long: bool) -> Iterator[str]:
    """Yield the lines; ``is_long`` leaves nothing out."""
    yield from _quality(record, is_long=is_long)
    shown = record.recommendations[: None if is_long else MOST_RECOMMENDED]
    if shown:
        yield "recommended:"
    for each in shown:
        yield f"  {each.text}"
        yield f"    {each.remedy}"
    more = len(record.recommendations) - len(shown)
    if more:
        yield f"  and {more} more (-v shows all)"
    if is_long and record.unadvised:
        yield f"not looked for: {record.unadvised}"


def _quality(record: RunRecord, *, is_long: bool) -> Iterator[str]:
    quality = record.quality
    if quality is None:
        return
    yield f"quality {quality.grade}: {quality.formula}"
    if is_long:
        for part in quality.parts:
            yield f"  {part.name} {part.value:.2f}: {part.why}"
        for name, why in quality.unknown:
            yield f"  {name} left out: {why}"
    elif quality.unknown:
        names = ", ".join(name for name, _ in quality.unknown)
        yield f"  left out: {names} (-v says why)"
