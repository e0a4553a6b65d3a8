"""What could not be collected, or was skipped as a whole: its tests are not among those of the page."""

from __future__ import annotations

from typing import Final

from pytest_orchestra.model.run import UncollectedRecord
from pytest_orchestra.reports.html.markup import Markup, el, one_line, plain
from pytest_orchestra.reports.html.story import Story, section
from pytest_orchestra.reports.html.words import count, shortened

#: Of so many files it is told why, each in so many characters.
_MOST_TOLD: Final = 40
_MOST_TEXT: Final = 4_000


def uncollected(story: Story) -> Markup:
    """Return files with an error, then those that were skipped."""
    found = sorted(story.run.uncollected, key=lambda each: each.is_skipped)
    rows = [_file(each) for each in found[:_MOST_TOLD]]
    more = len(found) - len(rows)
    return section(
        "uncollected",
        "Not collected",
        *rows,
        el("p", f"and {more:,} more", class_="quiet") if more > 0 else Markup(),
    )


def _file(record: UncollectedRecord) -> Markup:
    what = "skipped" if record.is_skipped else "error"
    return el(
        "details",
        el("summary", el("span", one_line(record.nodeid), class_="id"), el("small", what)),
        el("pre", shortened(plain(record.text).strip(), _MOST_TEXT)),
        open=not record.is_skipped,
    )


def lost(story: Story) -> str:
    """Return how many files have an error; empty if none has."""
    errors = sum(not each.is_skipped for each in story.run.uncollected)
    return f"{count(errors, 'file')} could not be collected" if errors else ""
