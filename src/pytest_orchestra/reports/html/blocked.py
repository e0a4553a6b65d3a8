"""What was kept from running, and by what."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.html.markup import Markup, el, one_line
from pytest_orchestra.reports.html.story import Story, section
from pytest_orchestra.reports.html.words import badge, count

#: So many causes are shown; so many tests are named in all, but no fewer than that of each cause.
_MOST_CAUSES: Final = 100
_MOST_NAMED: Final = 1_000
_LEAST_NAMED: Final = 5


def blocked(story: Story) -> Markup:
    """Return what could not run, by what was at the root of it."""
    groups: defaultdict[tuple[int | None, str], list[int]] = defaultdict(list)
    for number, case in enumerate(story.run.cases):
        if case.verdict is Verdict.BLOCKED or (
            case.verdict is Verdict.NOT_RUN and not story.is_plan
        ):
            cause = case.cause
            at = cause.case if cause else None
            groups[at, cause.reason if cause and at is None else ""].append(number)
    most = max(_LEAST_NAMED, _MOST_NAMED // max(1, len(groups)))
    blocks = [
        el(
            "details",
            el("summary", el("b", count(len(numbers), "test")), " ", *_root(story, *key)),
            el("p", "The cause: ", story.named(key[0])) if key[0] is not None else None,
            el("ul", [el("li", story.named(number)) for number in numbers[:most]], class_="names"),
            el("p", f"and {len(numbers) - most:,} more", class_="quiet")
            if len(numbers) > most
            else None,
        )
        for key, numbers in sorted(groups.items(), key=lambda item: -len(item[1]))[:_MOST_CAUSES]
    ]
    more = len(groups) - len(blocks)
    return section(
        "blocked",
        "Cannot run" if story.is_plan else "Blocked and not run",
        *blocks,
        el("p", f"and {count(more, 'other cause')}", class_="quiet") if more else Markup(),
        note=count(sum(map(len, groups.values())), "test"),
    )


def _root(story: Story, case: int | None, reason: str) -> list[Markup]:
    if case is None:
        return [el("span", reason or "of unknown cause")]
    record = story.case(case)
    name = el("span", one_line(record.spec.nodeid), class_="id")
    return [el("span", "because of "), badge(record.verdict), Markup(" "), name]
