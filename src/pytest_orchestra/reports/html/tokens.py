"""How many tokens of each resource were in use over time, and when tests waited for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.model.capacity import Scope
from pytest_orchestra.model.run import ResourceRecord
from pytest_orchestra.reports.html.markup import Markup, el, number
from pytest_orchestra.reports.html.shapes import FINEST, bars, plot, scale, staircase
from pytest_orchestra.reports.html.spans import Steps
from pytest_orchestra.reports.html.story import Story
from pytest_orchestra.reports.html.words import count, seconds
from pytest_orchestra.scheduling.pool import EXCLUSIVE
from pytest_orchestra.scheduling.quantity import format_quantity, round_bytes

_CHART: Final = 34.0
_STRIP: Final = 6.0


def token_rows(story: Story) -> list[Markup]:
    """Return a chart for each resource that any test had tokens of."""
    return [_row(story, chart) for chart in _charts(story)]


@dataclass(frozen=True, slots=True)
class _Chart:
    name: str
    capacity: int | None
    peak: int
    is_quantity: bool
    use: Steps
    waits: tuple[tuple[float, float], ...]


def _charts(story: Story) -> Iterator[_Chart]:
    run = story.run
    hosts = {worker.name: worker.host for worker in run.workers}
    by_host = len(set(hosts.values())) > 1
    peaks = {resource.name: resource.peak for resource in run.resources}
    scopes = {resource.name: resource.scope for resource in run.resources}
    used: defaultdict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    waits: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for case, spans in zip(run.cases, story.timeline.spans, strict=True):
        if spans and case.assigned_at is not None:
            until = spans[-1].end
            for lease in case.leases:
                of_host = by_host and scopes.get(lease.resource) is Scope.HOST
                host = hosts.get(spans[-1].worker, "") if of_host else ""
                # Who has a lock to write has all there is, which may be without bound.
                amount = min(lease.amount, peaks.get(lease.resource, lease.amount))
                used[lease.resource, host].append((case.assigned_at, until, float(amount)))
            if case.spec.alone:
                used[EXCLUSIVE, ""].append((case.assigned_at, until, 1.0))
    for waiter, start, end in story.timeline.waits():
        resource = run.cases[waiter].waited_for
        if resource is not None:
            waits[resource].append((start, end))
    known = {resource.name: resource for resource in run.resources}
    for resource, host in sorted(used):
        yield _chart(
            known.get(resource), resource, host, Steps(used[resource, host]), waits[resource]
        )


def _chart(
    record: ResourceRecord | None,
    name: str,
    host: str,
    use: Steps,
    waits: list[tuple[float, float]],
) -> _Chart:
    title = "alone" if name == EXCLUSIVE else name
    return _Chart(
        f"{title} on {host}" if host else title,
        1 if name == EXCLUSIVE else record.capacity if record else None,
        record.peak if record and not host else round(use.peak),
        bool(record and record.is_quantity),
        use,
        tuple(waits),
    )


def _row(story: Story, chart: _Chart) -> Markup:
    x = scale(story.timeline.end)
    top = float(max(chart.capacity or 0, chart.peak, 1))
    show = round_bytes if chart.is_quantity else format_quantity
    capacity = f" of {show(chart.capacity)}" if chart.capacity is not None else ""
    waited = sum(end - start for start, end in chart.waits)
    words = f"{chart.name}: at most {show(chart.peak)}{capacity} in use at one time"
    if chart.waits:
        words += f"; {count(len(chart.waits), 'test')} waited {seconds(waited)} for it in all"
    label = el(
        "div",
        el("b", chart.name),
        el("small", f"{show(chart.peak)}{capacity}"),
        class_="label",
        title=words,
    )

    def y(value: float) -> float:
        # The peak is what the engine counted; clocks that differ by a little may add up to more.
        return _CHART - min(value, chart.peak) / top * (_CHART - 2)

    shapes = [el("path", d=staircase(chart.use, x, y, _CHART), class_="tokens")]
    if chart.capacity is not None:
        line = f"M0 {number(_CHART - chart.capacity / top * (_CHART - 2))}H1000"
        shapes.append(el("path", d=line, class_="capacity", vector_effect="non-scaling-stroke"))
    strip = _strip(chart, story)
    if strip:
        shapes.append(el("path", d=strip, class_="held"))
    return el(
        "div",
        label,
        plot(_CHART + _STRIP + 2, shapes, class_="chart", role="img", aria_label=words),
        class_="row",
    )


def _strip(chart: _Chart, story: Story) -> str:
    """Return a hatched strip for as long as any test waits for the resource."""
    x = scale(story.timeline.end)
    merged: list[tuple[float, float]] = []
    for start, end in sorted(chart.waits):
        if merged and x(start) - x(merged[-1][1]) <= FINEST:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return bars(((x(start), x(end)) for start, end in merged), _STRIP, _CHART + 2)
