"""What ran where and when, and who waited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.html.markup import Markup, el, one_line
from pytest_orchestra.reports.html.shapes import FINEST, axis, bars, density, plot, scale
from pytest_orchestra.reports.html.spans import Gap, Lane, Span
from pytest_orchestra.reports.html.story import Story, section
from pytest_orchestra.reports.html.tokens import token_rows
from pytest_orchestra.reports.html.words import BAD, count, seconds, share, style_of

_LANE: Final = 22.0
#: What went well is not quite as high as what did not, for those who do not see the colours.
_CALM: Final = 4.0

#: Of smaller runs every slice can be pointed at without a script; of others those that matter.
_ALL_MARKED: Final = 600
_MOST_MARKED: Final = 300

#: With more lanes than this slices are merged sooner, so that the page does not grow with them.
_FULL_DETAIL: Final = 4

_HATCHING: Final = Markup(
    '<svg width="0" height="0" aria-hidden="true" class="defs"><defs><pattern id="hatch" width="6" height="6" '
    'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" class="hatch-bg"/>'
    '<line x1="0" y1="0" x2="0" y2="6" class="hatch-line"/></pattern><pattern id="hatch-still" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" class="hatch-bg"/><line x1="0" y1="0" x2="0" y2="6" class="hatch-line"/></pattern></defs></svg>'
)


def timeline(story: Story) -> Markup:
    """Return a lane for each worker, and a chart for each resource."""
    if not any(story.timeline.spans):
        return Markup()
    marked = _marked(story)
    lanes = [_lane_row(story, lane, marked) for lane in story.timeline.lanes]
    charts = token_rows(story)
    rows = [
        el("div", el("div"), axis(story.timeline.end), class_="row"),
        *lanes,
        el("div", el("h3", "Tokens in use"), el("div"), class_="row") if charts else Markup(),
        *charts,
    ]
    return section(
        "timeline",
        "Timeline",
        _HATCHING,
        _key(story),
        el(
            "div",
            rows,
            class_="plots",
            data_end=repr(story.timeline.end),
        ),
        el("p", class_="readout", id="readout", aria_live="polite"),
    )


def _key(story: Story) -> Markup:
    shown = {span.verdict for spans in story.timeline.spans for span in spans}
    items = [
        el("li", el("i", class_=f"chip {style_of(verdict)}"), story.word(verdict))
        for verdict in Verdict
        if verdict in shown
    ]
    if story.timeline.waiting:
        items.append(el("li", el("i", class_="chip u-held"), "idle or waiting for tokens"))
    return el("ul", items, class_="key")


def _marked(story: Story) -> frozenset[int]:
    """Return the cases whose slices can be pointed at without a script."""
    cases = story.run.cases
    ran = [number for number, spans in enumerate(story.timeline.spans) if spans]
    if len(ran) <= _ALL_MARKED:
        return frozenset(ran)
    matter = [
        number
        for number in ran
        if cases[number].verdict in BAD or len(story.timeline.spans[number]) > 1
    ]
    return frozenset((*story.told, *matter[:_MOST_MARKED]))


# lanes


def _lane_row(story: Story, lane: Lane, marked: frozenset[int]) -> Markup:
    present = max(lane.left - lane.joined, 1e-9)
    label = el(
        "div",
        el("b", lane.worker or "main"),
        el(
            "small",
            f"{lane.host} " if lane.host and _hosts(story) > 1 else "",
            share(lane.busy, present),
        ),
        class_="label",
        title=f"{count(len(lane.spans), 'test')}, busy for {seconds(lane.busy)} of {seconds(present)}",
    )
    return el("div", label, _lane(story, lane, marked), class_="row")


def _hosts(story: Story) -> int:
    return len({lane.host for lane in story.timeline.lanes})


def _lane(story: Story, lane: Lane, marked: frozenset[int]) -> Markup:
    x = scale(story.timeline.end)
    finest = FINEST * max(1.0, len(story.timeline.lanes) / _FULL_DETAIL)
    wide: defaultdict[Verdict, list[tuple[float, float]]] = defaultdict(list)
    narrow: list[tuple[float, float]] = []
    calm: list[Markup] = []
    bad: list[Markup] = []
    for span in lane.spans:
        edges = (x(span.start), x(span.end))
        if span.case in marked:
            (bad if span.verdict in BAD else calm).append(_slice(story, span, *edges))
        elif edges[1] - edges[0] < finest:
            narrow.append(edges)
        else:
            wide[span.verdict].append(edges)
    there = (x(lane.joined), x(lane.left))
    ran = [
        *(
            (style_of(verdict), bars(slices, _LANE - _top(verdict), _top(verdict)))
            for verdict, slices in wide.items()
        ),
        ("dense", density(narrow, _LANE, _LANE - _CALM, 2 * finest)),
    ]
    return plot(
        _LANE,
        el("path", d=bars([there], _LANE), class_="there"),
        _gaps(story, lane),
        el("g", [el("path", d=path, class_=style) for style, path in ran if path], class_="plain"),
        calm,
        # Last, so that nothing covers a failure that is narrower than its mark.
        bad,
        class_="lane",
        role="group",
        aria_label=f"what {lane.worker or 'the only process'} ran",
        data_worker=one_line(lane.worker),
    )


def _top(verdict: Verdict) -> float:
    return 0.0 if verdict in BAD else _CALM


def _slice(story: Story, span: Span, left: float, right: float) -> Markup:
    case = story.case(span.case)
    is_bad = span.verdict in BAD
    title = f"{one_line(case.spec.nodeid)}: {story.word(span.verdict)}, {seconds(span.start)} to {seconds(span.end)}"
    width = max(right - left, 3.0 if is_bad else FINEST)
    shape = el(
        "rect",
        el("title", title),
        x=left,
        y=_top(span.verdict),
        width=width,
        height=_LANE - _top(span.verdict),
        class_=style_of(span.verdict),
        vector_effect="non-scaling-stroke",
    )
    href = f"#c{span.case}" if span.case in story.told else "#tests"
    is_last = span == story.timeline.spans[span.case][-1]
    return el("a", shape, href=href, tabindex="-1", id=f"s{span.case}" if is_last else None)


def _gaps(story: Story, lane: Lane) -> list[Markup]:
    """Return the hatched stretches in which a worker was idle while tests waited for tokens."""
    x = scale(story.timeline.end)
    shapes: list[Markup] = []
    merged = list(_merged(story, lane))
    for start, end, waiting in merged:
        title = f"idle for {seconds(end - start)} while up to {count(waiting, 'test')} waited for tokens"
        shapes.append(
            el(
                "rect",
                el("title", title),
                x=x(start),
                width=max(FINEST, x(end) - x(start)),
                height=_LANE,
                class_="held",
            )
        )
    return shapes


def _merged(story: Story, lane: Lane) -> Iterator[tuple[float, float, int]]:
    """Yield start, end and most tests waiting of gaps, those that touch (to half a pixel) as one."""
    nearest = story.timeline.end * FINEST / 1000
    open_: Gap | None = None
    for gap in story.timeline.gaps(lane):
        if not gap.waiting:
            continue
        if open_ is not None and gap.start - open_.end <= nearest:
            open_ = Gap(open_.start, gap.end, max(open_.waiting, gap.waiting))
            continue
        if open_ is not None:
            yield open_.start, open_.end, open_.waiting
        open_ = gap
    if open_ is not None:
        yield open_.start, open_.end, open_.waiting
