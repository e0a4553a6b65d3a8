"""Dependencies as pictures: what surrounds a failure, and the chain that takes longest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pytest_orchestra.reports.html.markup import Markup, el, number, one_line
from pytest_orchestra.reports.html.shapes import FINEST, axis, plot, scale
from pytest_orchestra.reports.html.story import Story, section
from pytest_orchestra.reports.html.words import LETTERS, count, seconds, share, style_of

_BOX: Final = (210, 26)
_STEP: Final = (270, 34)
_MARGIN: Final = 6
_NAME: Final = 30

#: So many pictures, so many columns on each side of a failure, and so many tests in a column.
_MOST_PICTURES: Final = 6
_MOST_BEFORE: Final = 2
_MOST_AFTER: Final = 3
_MOST_IN_COLUMN: Final = 10

#: So many tests of the critical path are shown, the longest.
_MOST_ON_PATH: Final = 25
_BAR: Final = 14.0


@dataclass
class _Picture:
    """Cases in columns, with the failure in between; ``left_out`` counts what did not fit in a column."""

    columns: dict[int, list[int]] = field(default_factory=dict)
    left_out: dict[int, int] = field(default_factory=dict)
    edges: list[tuple[int, int]] = field(default_factory=list)


def graphs(story: Story) -> Markup:
    """Return what surrounds the failures that depend on something, or that others depend on."""
    roots = [
        number
        for number in story.failures
        if story.causes.prerequisites[number] or number in story.causes.dependants
    ]
    pictures = [_drawn(story, number, _picture(story, number)) for number in roots[:_MOST_PICTURES]]
    more = len(roots) - len(pictures)
    if more:
        pictures.append(
            el("p", f"{count(more, 'other failure')} with dependencies not drawn.", class_="quiet")
        )
    return section(
        "graph",
        "Around the failures",
        *pictures,
        note="what each came after, and what came after it",
    )


def _picture(story: Story, root: int) -> _Picture:
    picture = _Picture(columns={0: [root]})
    seen = {root}
    causes = story.causes
    blocked = set(causes.blocked_by.get(root, ()))
    for direction, most in ((-1, _MOST_BEFORE), (1, _MOST_AFTER)):
        front = [root]
        for depth in range(1, most + 1):
            found: dict[int, None] = {}
            for case in front:
                nearest = (
                    causes.prerequisites[case] if direction < 0 else causes.dependants.get(case, ())
                )
                found.update(dict.fromkeys(other for other in nearest if other not in seen))
            # What is blocked by the failure is what it is drawn for.
            order = sorted(found, key=lambda other: other not in blocked)
            front = order[:_MOST_IN_COLUMN]
            seen.update(front)
            if not front:
                break
            picture.columns[direction * depth] = front
            if len(order) > len(front):
                picture.left_out[direction * depth] = len(order) - len(front)
    picture.edges = [
        (other, number)
        for number in seen
        for other in causes.prerequisites[number]
        if other in seen
    ]
    return picture


def _drawn(story: Story, root: int, picture: _Picture) -> Markup:
    first = min(picture.columns)
    rows = max(len(column) + (at in picture.left_out) for at, column in picture.columns.items())
    places: dict[int, tuple[float, float]] = {}
    shapes: list[Markup] = []
    for at, column in picture.columns.items():
        high = len(column) + (at in picture.left_out)
        left = _MARGIN + (at - first) * _STEP[0]
        top = _MARGIN + (rows - high) / 2 * _STEP[1]
        for row, case in enumerate(column):
            places[case] = (left, top + row * _STEP[1])
        if at in picture.left_out:
            text = f"and {picture.left_out[at]:,} more"
            shapes.append(
                el("text", text, x=left + 8, y=top + len(column) * _STEP[1] + 17, class_="quiet")
            )
    lines = [el("path", d=_edge(places[one], places[other])) for one, other in picture.edges]
    shapes += [_box(story, case, place, is_root=case == root) for case, place in places.items()]
    width = _MARGIN * 2 + (len(picture.columns) - 1) * _STEP[0] + _BOX[0]
    height = _MARGIN * 2 + (rows - 1) * _STEP[1] + _BOX[1]
    name = one_line(story.case(root).spec.nodeid)
    drawing = el(
        "svg",
        el("g", lines, class_="edges"),
        shapes,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="group",
        aria_label=f"tests around {name}",
    )
    left_out = sum(picture.left_out.values())
    words = f", {left_out:,} left out" if left_out else ""
    return el(
        "figure",
        el(
            "figcaption",
            story.named(root),
            el("small", f"{count(len(places), 'test')} drawn{words}"),
        ),
        el(
            "div",
            drawing,
            class_="scroll",
            tabindex="0",
            role="region",
            aria_label=f"drawing of {name}",
        ),
    )


def _edge(one: tuple[float, float], other: tuple[float, float]) -> str:
    x1, y1 = one[0] + _BOX[0], one[1] + _BOX[1] / 2
    x2, y2 = other[0], other[1] + _BOX[1] / 2
    bend = (_STEP[0] - _BOX[0]) * 0.6
    return f"M{number(x1)} {number(y1)}C{number(x1 + bend)} {number(y1)} {number(x2 - bend)} {number(y2)} {number(x2)} {number(y2)}"


def _box(story: Story, case: int, place: tuple[float, float], *, is_root: bool) -> Markup:
    record = story.case(case)
    full = one_line(record.spec.nodeid)
    name = (
        full.rpartition("::")[2]
        if "[" not in full
        else full[full.rfind("::", 0, full.index("[")) + 2 :]
    )
    short = name if len(name) <= _NAME else name[: _NAME - 1] + "…"
    left, top = place
    content = (
        el("title", f"{full}: {record.verdict}"),
        el(
            "rect",
            x=left,
            y=top,
            width=_BOX[0],
            height=_BOX[1],
            rx=5,
            class_="box root" if is_root else "box",
        ),
        el(
            "rect",
            x=left + 4,
            y=top + 4,
            width=18,
            height=18,
            rx=3,
            class_=style_of(record.verdict),
        ),
        el(
            "text",
            LETTERS[record.verdict],
            x=left + 13,
            y=top + 17.5,
            class_="letter",
            text_anchor="middle",
        ),
        el("text", short, x=left + 28, y=top + 17.5),
    )
    href = f"#c{case}" if case in story.told else "#tests"
    return el("a", content, href=href, data_id=full)


def critical(story: Story) -> Markup:
    """Return the chain of dependencies that takes longest, on the axis of the run."""
    path = story.causes.critical_path
    if len(path) < 2:  # noqa: PLR2004 - a chain has two links
        return Markup()
    longest = sorted(path, key=lambda case: -(story.case(case).seconds or 0.0))[:_MOST_ON_PATH]
    shown = [case for case in path if case in set(longest)]
    total = story.causes.critical_seconds
    rows = [el("li", story.named(case), _on_axis(story, case), class_="row") for case in shown]
    more = len(path) - len(shown)
    return section(
        "critical",
        "Critical path",
        el("div", el("div"), axis(story.timeline.end), class_="row"),
        el("ol", rows),
        el("p", f"and {count(more, 'shorter test')} between them", class_="quiet")
        if more
        else Markup(),
        note=f"{count(len(path), 'test')}, each after the one before: {seconds(total)}, "
        f"{share(total, story.run.seconds)} of the run",
    )


def _on_axis(story: Story, case: int) -> Markup:
    x = scale(story.timeline.end)
    record = story.case(case)
    shapes = []
    if record.ready_at is not None and record.assigned_at is not None and record.waited > 0:
        wait = (x(record.ready_at), x(record.assigned_at))
        title = f"waited {seconds(record.waited)}"
        shapes.append(
            el(
                "rect",
                el("title", title),
                x=wait[0],
                width=wait[1] - wait[0],
                height=_BAR,
                class_="held",
            )
        )
    words = "did not run"
    for span in story.timeline.spans[case]:
        words = f"{seconds(span.end - span.start)} on {span.worker}"
        width = max(FINEST * 2, x(span.end) - x(span.start))
        shapes.append(
            el(
                "rect",
                el("title", words),
                x=x(span.start),
                width=width,
                height=_BAR,
                class_=style_of(span.verdict),
            )
        )
    return plot(_BAR, shapes, class_="mini", role="img", aria_label=words)
