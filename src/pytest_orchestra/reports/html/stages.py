"""The stages of a run: when each was under way, what became of its tests, and of its gate."""

from __future__ import annotations

from typing import Final

from pytest_orchestra.model.stage import Check
from pytest_orchestra.reports.html.markup import Markup, el, number, one_line, plain
from pytest_orchestra.reports.html.shapes import FINEST, WIDTH, axis, plot, scale
from pytest_orchestra.reports.html.story import Story, section
from pytest_orchestra.reports.html.words import LETTERS, badge, count, seconds
from pytest_orchestra.reports.stages import StageStory, stage_stories, word

_BAR: Final = 14.0

#: Sign and class of each word for what became of a gate.
_LOOKS: Final = {"met": ("✓", "met"), "not met": ("✗", "unmet"), "not judged": ("?", "quiet")}


def stages(story: Story) -> Markup:
    """Return a bar on the axis of time for each stage, and below it its verdicts and the checks of its gate.

    A line across the bar is when the gate was judged: others may have begun then.
    """
    found = stage_stories(story.run)
    if not found:
        return Markup()
    end = story.timeline.end
    rows = [
        el("div", el("div"), axis(end), class_="row"),
        *(_stage(each, end) for each in found),
    ]
    return section("stages", "Stages", el("div", rows, class_="stages"))


def _stage(stage: StageStory, end: float) -> Markup:
    name = one_line(stage.spec.name)
    label = el("div", el("b", name), class_="label", title=name)
    return el(
        "div",
        el("div", label, _bar(stage, end), class_="row"),
        el("div", el("div"), _told(stage), class_="row"),
        class_="stage",
    )


def _bar(stage: StageStory, end: float) -> Markup:
    opened, ended = stage.record.opened_at, stage.record.ended_at
    x = scale(end)
    shapes = [el("rect", x=0, width=x(end), height=_BAR, class_="there")]
    if opened is not None:
        until = min(max(opened, end if ended is None else ended), end)
        look = {"failed": "v-failed", "passed": "v-passed"}.get(stage.gate, "dense")
        width = max(FINEST, x(until) - x(opened))
        title = el("title", _when(stage))
        shapes.append(el("rect", title, x=x(opened), width=width, height=_BAR, class_=look))
    judged = stage.record.judged_at
    if judged is not None:
        line = f"M{number(min(x(judged), WIDTH - FINEST))} 0v{number(_BAR)}"
        shapes.append(el("path", d=line, class_="judged", vector_effect="non-scaling-stroke"))
    words = f"{one_line(stage.spec.name)}: {_when(stage)}"
    return plot(_BAR, shapes, class_="chart", role="img", aria_label=words)


def _when(stage: StageStory) -> str:
    opened, ended = stage.record.opened_at, stage.record.ended_at
    if opened is None:
        return "never opened"
    begin = seconds(opened) if opened else "0 s"
    return f"open from {begin}, not ended" if ended is None else f"{begin} to {seconds(ended)}"


def _gate(stage: StageStory) -> str:
    judged = stage.record.judged_at
    if stage.gate == "none":
        return "no gate"
    return f"gate {stage.gate}" + ("" if judged is None else f" after {seconds(judged)}")


def _told(stage: StageStory) -> Markup:
    tally = [
        el("span", badge(verdict), f" {stage.counts[verdict]:,} {verdict}", class_="tallied")
        for verdict in LETTERS
        if verdict in stage.counts
    ]
    checks = [_check(each) for each in stage.record.checks]
    return el(
        "div",
        el("p", el("b", count(stage.tests, "test")), tally),
        el("p", f"{_when(stage)}; {one_line(stage.plan)}; {_gate(stage)}", class_="quiet"),
        el("ul", checks, class_="gates") if checks else None,
    )


def _check(check: Check) -> Markup:
    sign, look = _LOOKS[word(check)]
    return el(
        "li",
        el("b", f"{sign} {word(check)}", class_=look),
        el("code", one_line(check.criterion)),
        el("span", plain(check.detail)),
    )
