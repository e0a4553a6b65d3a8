"""A plan as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from pytest_orchestra.model.plan import PlanRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.html.words import count, seconds
from pytest_orchestra.reports.plan.chart import KEY, chart
from pytest_orchestra.reports.plan.words import (
    basis,
    bottleneck,
    bound_words,
    gain_words,
    headline,
    set_ups,
)
from pytest_orchestra.scheduling.explain import blocked_text

#: Unless all is asked for: so many bounds, rows of the chart, tests that come first, and tests that cannot run.
_MOST_BOUNDS: Final = 5
_MOST_WORKERS: Final = 16
_MOST_FIRST: Final = 10
_MOST_BLOCKED: Final = 10


def plan_lines(plan: PlanRecord, width: int, *, is_long: bool) -> Iterator[str]:
    """Yield the lines of a plan for a terminal of ``width`` characters; ``is_long`` leaves nothing out."""
    for line in filter(None, (headline(plan), basis(plan), set_ups(plan), *plan.notes)):
        yield from wrapped(line, width)
    if plan.order:
        for line in _bounds(plan, is_long=is_long):
            yield from wrapped(line, width)
        yield from _gains(plan)
    yield from _stages(plan)
    if plan.order:
        yield ""
        yield from chart(plan.run, width, len(plan.run.workers) if is_long else _MOST_WORKERS)
        yield KEY
        yield ""
        yield from _order(plan, is_long=is_long)
    yield from _blocked(plan, is_long=is_long)


def wrapped(line: str, width: int) -> list[str]:
    """Return ``line`` in pieces of ``width`` characters or less, if words allow; more of it stands farther in."""
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    ) or [""]


def short_lines(plan: PlanRecord) -> Iterator[str]:
    """Yield what can be said of a plan in a few words."""
    yield headline(plan)
    if plan.bounds and plan.order:
        yield f"no less than {seconds(plan.bounds[0].seconds)}: {bound_words(plan, plan.bounds[0])}"


def _bounds(plan: PlanRecord, *, is_long: bool) -> Iterator[str]:
    shown = plan.bounds if is_long else plan.bounds[:_MOST_BOUNDS]
    yield "no order takes less than"
    times = [seconds(bound.seconds) for bound in shown]
    width = max(map(len, times), default=0)
    for bound, time in zip(shown, times, strict=True):
        yield f"  {time:>{width}}  {bound_words(plan, bound)}"
    yield f"bottleneck: {bottleneck(plan)}"


def _gains(plan: PlanRecord) -> Iterator[str]:
    if plan.gains:
        yield "one more would save"
        yield from _columns([gain_words(plan, gain) for gain in plan.gains])


def _stages(plan: PlanRecord) -> Iterator[str]:
    """Yield when each stage begins and ends; one that is empty is in the list all the same."""
    if not plan.run.stages:
        return
    rows: list[tuple[str, ...]] = [("stage", "tests", "begins", "ends", "strategy", "after")]
    for number, stage in enumerate(plan.run.stages):
        tests = sum(case.spec.stage == number for case in plan.run.cases)
        times = (stage.opened_at, stage.ended_at)
        rows.append(
            (
                stage.spec.name,
                f"{tests:,}",
                *("-" if each is None else seconds(each) if each else "0" for each in times),
                str(stage.spec.strategy),
                ", ".join(stage.spec.needs) or "-",
            )
        )
    yield from _columns(rows, indent="")


def _order(plan: PlanRecord, *, is_long: bool) -> Iterator[str]:
    shown = plan.order if is_long else plan.order[:_MOST_FIRST]
    yield "in this order:" if len(shown) == len(plan.order) else "first of all:"
    rows = []
    for case in shown:
        record = plan.run.cases[case]
        start, spent = record.assigned_at or 0.0, record.seconds or 0.0
        times = (f"{start:.2f}", f"{start + spent:.2f} s")
        rows.append((*times, record.worker or "", record.spec.nodeid))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for start_at, end_at, worker, nodeid in rows:
        yield (
            f"  {start_at:>{widths[0]}} to {end_at:>{widths[1]}}  {worker:<{widths[2]}}  {nodeid}"
        )
    if len(shown) < len(plan.order):
        yield f"  and {count(len(plan.order) - len(shown), 'more test')} (-v shows all)"


def _blocked(plan: PlanRecord, *, is_long: bool) -> Iterator[str]:
    cases = plan.run.cases
    found = [case for case in cases if case.verdict is Verdict.BLOCKED]
    if not found:
        return
    yield "cannot run:"
    for case in found if is_long else found[:_MOST_BLOCKED]:
        why = "" if case.cause is None else blocked_text(case.cause, lambda n: cases[n].spec.nodeid)
        yield f"  {case.spec.nodeid}  {why.removeprefix('blocked: ')}"
    if not is_long and len(found) > _MOST_BLOCKED:
        yield f"  and {len(found) - _MOST_BLOCKED} more (-v shows all)"


def _columns(rows: Sequence[Sequence[str]], indent: str = "  ") -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield indent + "  ".join(cells).rstrip()
