"""What the summary at the end of a run says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pytest_orchestra.model.capacity import Scope
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.advice_words import advice_lines
from pytest_orchestra.running.counts import count
from pytest_orchestra.running.flakes import flake_lines
from pytest_orchestra.running.matrix_words import matrix_lines
from pytest_orchestra.running.overuse import overuse_lines
from pytest_orchestra.running.retry_words import retry_lines, too_flaky
from pytest_orchestra.running.stage_words import gate_failures, summary_of_stages
from pytest_orchestra.scheduling.explain import blocked_text, waited_for_text
from pytest_orchestra.scheduling.quantity import format_quantity, round_bytes

#: So many lines of one kind are printed, unless ``-v`` asks for all.
MOST_LINES: Final = 20

#: Waits shorter than this many seconds are not worth a line.
SHORTEST_WAIT: Final = 0.05

#: So many of the longest waits are printed.
LONGEST_WAITS: Final = 5


def own_failures(record: RunRecord, *, fails_on_flaky: bool) -> Iterable[str]:
    """Yield why the run has failed although no test may have, which nobody else says."""
    yield from _denied(record)
    yield from gate_failures(record)
    if fails_on_flaky:
        yield from too_flaky(record)
    for each in record.gating:
        yield f"{record.cases[each.case].spec.nodeid}  {each.sentence}"


def summary_lines(
    record: RunRecord, *, is_long: bool, fails_on_flaky: bool = False
) -> Iterable[str]:
    """Yield the lines of the summary; ``is_long`` leaves nothing out.

    ``fails_on_flaky``: a flaky test makes the run fail.
    """
    yield _verdicts(record)
    yield from summary_of_stages(record)
    yield from retry_lines(record, is_long=is_long, fails_on_flaky=fails_on_flaky)
    yield from _not_run(record, is_long=is_long)
    yield from _blocked(record, is_long=is_long)
    yield from _resources(record)
    yield from _workers(record)
    yield from _held_back(record)
    yield from _longest_waits(record)
    yield from overuse_lines(record, most=None if is_long else MOST_LINES)
    yield from _unclaimed(record)
    yield from matrix_lines(record, most=None if is_long else MOST_LINES)
    yield from flake_lines(record, most=None if is_long else MOST_LINES)
    yield from advice_lines(record, is_long=is_long)


def _verdicts(record: RunRecord) -> str:
    counts = record.counts
    parts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if verdict in counts)
    return f"{count(len(record.cases), 'test')} collected: {parts or 'none'}"


def _not_run(record: RunRecord, *, is_long: bool) -> Iterable[str]:
    cases = [case for case in record.cases if case.verdict is Verdict.NOT_RUN]
    in_flight = [case for case in cases if case.cause is not None and case.cause.worker]
    if not cases:
        return
    yield f"not run: {count(len(cases), 'test')} ({record.stopped})"
    for case in in_flight:
        assert case.cause is not None  # noqa: S101 - that is what makes it one in flight
        yield f"  {case.spec.nodeid}  was running on {case.cause.worker}"
    if is_long:
        yield from (f"  {case.spec.nodeid}" for case in cases if case not in in_flight)


def _blocked(record: RunRecord, *, is_long: bool) -> Iterable[str]:
    blocked = [case for case in record.cases if case.verdict is Verdict.BLOCKED]
    if not blocked:
        return
    yield from _denied(record)
    cases = [case for case in blocked if not _is_held(case)]
    yield from _held(record, [case for case in blocked if _is_held(case)], is_long=is_long)
    if not cases:
        return
    shown = cases if is_long else cases[:MOST_LINES]
    yield "blocked:"
    for case in shown:
        assert case.cause is not None  # noqa: S101 - every blocked case has one
        text = blocked_text(case.cause, lambda number: record.cases[number].spec.nodeid)
        yield f"  {case.spec.nodeid}  {text}"
    if len(shown) < len(cases):
        yield f"  and {len(cases) - len(shown)} more (-v shows all)"


def _is_held(case: CaseRecord) -> bool:
    return case.cause is not None and case.cause.stage is not None


def _held(record: RunRecord, cases: Sequence[CaseRecord], *, is_long: bool) -> Iterable[str]:
    """Yield how many tests each gate has blocked that failed; if ``is_long``, which ones."""
    by_stage: dict[int, list[CaseRecord]] = {}
    for case in cases:
        if case.cause is not None and case.cause.stage is not None:
            by_stage.setdefault(case.cause.stage, []).append(case)
    for stage, held in sorted(by_stage.items()):
        name = record.stages[stage].spec.name
        yield f"blocked by the gate of stage {name}: {count(len(held), 'test')}"
        if is_long:
            yield from (f"  {case.spec.nodeid}" for case in held)


def _denied(record: RunRecord) -> Iterable[str]:
    if record.denied:
        tests = count(record.denied, "test")
        yield f"{tests} could not be given what they claim, so the run has failed"


def _resources(record: RunRecord) -> Iterable[str]:
    used = [resource for resource in record.resources if resource.peak]
    if not used:
        return
    rows = [("resource", "capacity", "peak use", "tests waited for it")]
    for resource in used:
        show = round_bytes if resource.is_quantity else format_quantity
        capacity = "unbounded" if resource.capacity is None else show(resource.capacity)
        shared = " (of the machine)" if resource.scope is Scope.MACHINE else ""
        rows.append(
            (resource.name + shared, capacity, show(resource.peak), f"{resource.held_up:.2f} s")
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, *figures in rows:
        cells = (text.rjust(width) for text, width in zip(figures, widths[1:], strict=True))
        yield "  ".join([name.ljust(widths[0]), *cells])


def _workers(record: RunRecord) -> Iterable[str]:
    if not record.workers:
        return
    busy = ", ".join(
        f"{worker.name} {worker.utilisation:.0%} ({count(worker.cases, 'test')})"
        for worker in record.workers
    )
    yield f"workers busy for {record.seconds:.2f} s: {busy}"


def _held_back(record: RunRecord) -> Iterable[str]:
    for each in record.pressure:
        yield (
            f"held back by {each.scarce.label} pressure for {each.seconds:.1f} s from {each.began:.1f} s on: no "
            f"more than {count(each.fewest, 'worker')} got tests at its height"
        )


def _longest_waits(record: RunRecord) -> Iterable[str]:
    held_up = [case for case in record.cases if case.held_up >= SHORTEST_WAIT]
    held_up.sort(key=lambda case: -case.held_up)
    if held_up:
        yield "longest waits:"
        for case in held_up[:LONGEST_WAITS]:
            yield _wait_line(case)


def _unclaimed(record: RunRecord) -> Iterable[str]:
    for fixture, case in record.unclaimed:
        yield (
            f"fixture {fixture!r} was asked for by {record.cases[case].spec.nodeid} while it ran, so "
            f"nobody took its resources: use @pytest.mark.usefixtures({fixture!r})"
        )


def _wait_line(case: CaseRecord) -> str:
    what = waited_for_text(case.waited_for, alone=case.spec.alone)
    return f"  {case.held_up:.2f} s  {case.spec.nodeid}  for {what}"
