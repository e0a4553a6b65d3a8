"""A plan as a page: the run as it is predicted, and why it cannot be shorter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pytest_orchestra.model.plan import PlanRecord
from pytest_orchestra.reports.files import replacing
from pytest_orchestra.reports.html.blocked import blocked
from pytest_orchestra.reports.html.cases import tests
from pytest_orchestra.reports.html.extras import ReportExtras
from pytest_orchestra.reports.html.graph import critical
from pytest_orchestra.reports.html.markup import Markup, el, one_line
from pytest_orchestra.reports.html.page import assemble
from pytest_orchestra.reports.html.story import Story, section
from pytest_orchestra.reports.html.timeline import timeline
from pytest_orchestra.reports.html.words import count, seconds, share
from pytest_orchestra.reports.plan.words import (
    basis,
    bottleneck,
    bound_words,
    gain_words,
    headline,
    set_ups,
)

#: So many bounds are shown.
_MOST_BOUNDS: Final = 20


def write_page(plan: PlanRecord, path: Path) -> None:
    """Write the page of ``plan`` to ``path``, all or nothing. Raises OSError."""
    with replacing(path) as file:
        file.write(render_plan(plan).encode())


def render_plan(plan: PlanRecord) -> str:
    """Return the page of ``plan`` as HTML."""
    story = Story.of(plan.run, ReportExtras(), is_plan=True)
    sections: tuple[tuple[str, str, Callable[[], Markup]], ...] = (
        ("bounds", "Why not less", lambda: _bounds(plan)),
        ("gains", "One more", lambda: _gains(plan)),
        ("stages", "Stages", lambda: _stages(plan)),
        ("blocked", "Cannot run", lambda: blocked(story)),
        ("timeline", "Timeline", lambda: timeline(story)),
        ("critical", "Critical path", lambda: critical(story)),
        ("tests", "All tests", lambda: tests(story)),
    )
    parts = [(name, title, part) for name, title, make in sections if (part := make())]
    return assemble(f"Plan: {headline(plan)}", _top(plan, story), parts, "plan")


def _top(plan: PlanRecord, story: Story) -> Markup:
    tiles = [
        el("div", el("dt", name), el("dd", el("b", figure), el("span", note)))
        for name, figure, note in _tiles(plan, story)
    ]
    lines = filter(None, (basis(plan), set_ups(plan), *plan.notes))
    return el(
        "header",
        el("h1", el("span", "…", class_="mark", aria_hidden="true"), el("span", headline(plan))),
        el(
            "p",
            el("b", "A plan, not a run: "),
            "no test has run; all times are predicted.",
            class_="notice",
        ),
        [el("p", one_line(line), class_="meta") for line in lines],
        el("div", el("dl", tiles, class_="tiles")),
    )


def _tiles(plan: PlanRecord, story: Story) -> Iterator[tuple[str, str, str]]:
    use, workers = story.use, count(len(plan.run.workers), "worker")
    yield "Predicted", seconds(plan.seconds), "without starting workers and collecting"
    yield "Work", seconds(use.busy), f"by {workers}, {share(use.busy, use.total)} busy"
    if plan.bounds:
        bound = plan.bounds[0]
        yield "Could not be less than", seconds(bound.seconds), bound_words(plan, bound)
    waits = [case.held_up for case in plan.run.cases if case.held_up > 0]
    if waits:
        yield "Waits for tokens", seconds(sum(waits)), f"of {count(len(waits), 'test')}"


def _bounds(plan: PlanRecord) -> Markup:
    if not plan.order:
        return Markup()
    rows = [
        (seconds(bound.seconds), share(bound.seconds, plan.seconds), bound_words(plan, bound))
        for bound in plan.bounds[:_MOST_BOUNDS]
    ]
    return section(
        "bounds",
        "Why not less",
        el("p", "Bottleneck: ", el("b", one_line(bottleneck(plan)))),
        _table(("no less than", "of the plan", "because of"), rows),
    )


def _gains(plan: PlanRecord) -> Markup:
    if not plan.gains:
        return Markup()
    return section(
        "gains",
        "One more",
        _table(("of what", "saves"), [gain_words(plan, gain) for gain in plan.gains], figures=0),
        note="predicted by simulation, in the order by urgency",
    )


def _stages(plan: PlanRecord) -> Markup:
    stages = plan.run.stages
    if not stages:
        return Markup()
    rows = []
    for number, stage in enumerate(stages):
        tests_in = sum(case.spec.stage == number for case in plan.run.cases)
        times = (stage.opened_at, stage.ended_at)
        rows.append(
            (
                *("-" if each is None else seconds(each) if each else "0" for each in times),
                stage.spec.name,
                f"{tests_in:,}",
                str(stage.spec.strategy),
                ", ".join(stage.spec.needs) or "-",
            )
        )
    heads = ("begins", "ends", "stage", "tests", "strategy", "after")
    return section("stages", "Stages", _table(heads, rows))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], figures: int = 2) -> Markup:
    """Return a table, the first columns of which are ``figures``."""
    lines = [
        el(
            "tr",
            [
                el("td", one_line(cell), class_="n" if at < figures else None)
                for at, cell in enumerate(row)
            ],
        )
        for row in rows
    ]
    names = [
        el("th", name, scope="col", class_="n" if at < figures else None)
        for at, name in enumerate(heads)
    ]
    return el("table", el("thead", el("tr", names)), el("tbody", lines))
