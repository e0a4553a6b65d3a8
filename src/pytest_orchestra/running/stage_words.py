"""What people are told of stages and their gates, before, during and after a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.stage import Gate, OnFail, StageSpec
from pytest_orchestra.model.verdict import FAILURE, SUCCESS, Verdict
from pytest_orchestra.reports.stages import stage_stories
from pytest_orchestra.running.counts import count
from pytest_orchestra.running.retry_words import Notice
from pytest_orchestra.scheduling.duration import format_duration
from pytest_orchestra.scheduling.stage_order import Pull
from pytest_orchestra.scheduling.stages import GateNews, GateState
from pytest_orchestra.scheduling.staging import Staging

#: What becomes of others when a gate fails, in the words of the line that says so.
_THEN: Final = {
    OnFail.HALT: "nothing else begins",
    OnFail.SKIP_DEPENDENTS: "the stages that need it are skipped",
    OnFail.CONTINUE: "the others go on",
}


# before the run


def stage_lines(staging: Staging) -> Iterator[str]:
    """Yield a line for each stage: its tests, how they run, after what, and what its gate asks for."""
    for stage, (spec, members) in enumerate(zip(staging.specs, staging.members, strict=True)):
        then = _then(staging, stage)
        yield f"stage {spec.name}: {count(len(members), 'test')}, {_manner(spec, then)}"


def _then(staging: Staging, stage: int) -> str:
    """Return what becomes of others when the gate of ``stage`` fails."""
    on_fail = staging.specs[stage].on_fail
    is_needed = on_fail is OnFail.HALT or bool(staging.needed_by[stage])
    return _THEN[on_fail] if is_needed else "the run has failed"


def _manner(spec: StageSpec, then: str) -> str:
    by = f" by {' and '.join(spec.axes)}" if spec.axes else ""
    after = f", after {' and '.join(spec.needs)}" if spec.needs else ""
    wants = ", ".join(_wants(spec.gate))
    gate = f"; gate: {wants}, else {then}" if wants else ""
    return f"{spec.strategy}{by}{after}{gate}"


def _wants(gate: Gate) -> Iterator[str]:
    numbers = {
        "pass_rate": gate.pass_rate,
        "max_failures": gate.max_failures,
        "max_flaky_rate": gate.max_flaky_rate,
        "max_blocked": gate.max_blocked,
    }
    yield from (f"{name} {value:g}" for name, value in numbers.items() if value is not None)
    for name, seconds in (("max_duration", gate.max_duration), ("max_slowest", gate.max_slowest)):
        if seconds is not None:
            yield f"{name} {format_duration(seconds)}"
    if gate.min_coverage is not None:
        yield f"min_coverage {gate.min_coverage:g} %"


def empty_notes(staging: Staging) -> Iterator[str]:
    """Yield a line for each stage without tests."""
    for spec, members in zip(staging.specs, staging.members, strict=True):
        if not members:
            yield f"stage {spec.name} has no tests, so its gate passes"


def pull_notes(
    pulls: Sequence[Pull], stages: Sequence[StageSpec], nodeid: Callable[[int], str]
) -> Iterator[str]:
    """Yield a line for each two stages between which tests were pulled forward."""
    found: dict[tuple[int, int], list[Pull]] = {}
    for pull in pulls:
        found.setdefault((pull.own, pull.stage), []).append(pull)
    for (own, stage), alike in found.items():
        first, more = alike[0], len(alike) - 1
        others = f" (and {count(more, 'test')} more)" if more else ""
        yield (
            f"{nodeid(first.case)} of stage {stages[own].name} runs in stage {stages[stage].name}, since "
            f"{nodeid(first.dependant)} needs it{others}"
        )


# while it goes on


def gate_notice(news: GateNews, staging: Staging) -> Notice:
    """Return what is said when the gate of a stage has passed or failed."""
    spec, total = staging.specs[news.stage], len(staging.members[news.stage])
    at = f"{news.at:.1f} s"
    if news.state is GateState.PASSED:
        tally = _tally(news, total)
        if spec.gate == Gate() and not news.checks:
            return Notice(f"stage {spec.name}: over after {at} ({tally})", color="")
        return Notice(f"stage {spec.name}: gate passed after {at} ({tally})", color="green")
    why = "; ".join(check.detail for check in news.checks if check.is_met is False)
    if news.state is GateState.FAILED_LATE:
        text = f"stage {spec.name}: gate failed after all, after {at}: {why}"
    else:
        text = f"stage {spec.name}: gate failed after {at}: {why}; {_then(staging, news.stage)}"
    return Notice(text, color="red")


def _tally(news: GateNews, total: int) -> str:
    counts = news.figures.counts
    known = sum(counts.values())
    parts = [f"{sum(counts.get(each, 0) for each in SUCCESS)} of {total} passed"]
    failed = sum(counts.get(each, 0) for each in FAILURE)
    parts += [f"{failed} failed"] if failed else []
    parts += [
        f"{counts[each]} {each}"
        for each in (Verdict.SKIPPED, Verdict.XFAILED, Verdict.BLOCKED)
        if counts.get(each)
    ]
    so_far = " so far" if known < total else ""
    return f"{', '.join(parts)}{so_far}"


# afterwards


def gate_failures(record: RunRecord) -> Iterator[str]:
    """Yield a line for each thing that some gate asks for and that was not met."""
    for stage in record.stages:
        for check in stage.checks:
            if check.is_met is False:
                yield f"gate of stage {stage.spec.name} failed, so the run has: {check.detail}"


def summary_of_stages(record: RunRecord) -> Iterator[str]:
    """Yield a table of all stages, with what their gates asked for, and which of that was not met."""
    stories = stage_stories(record)
    if not stories:
        return
    rows = [("stage", "tests", "from", "to", "gate", "verdicts")]
    rows += [
        (
            story.spec.name,
            str(story.tests),
            _second(story.record.opened_at),
            _second(story.record.ended_at),
            story.gate,
            story.tally,
        )
        for story in stories
    ]
    yield from _table(rows)
    for story in stories:
        for check in story.record.checks:
            if check.is_met is not False:
                word = "met" if check.is_met else "not judged"
                yield f"  {story.spec.name}, {word}: {check.detail}"
    yield from gate_failures(record)


def _second(at: float | None) -> str:
    return "never" if at is None else f"{at:.2f} s"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield ``rows`` with columns of one width; all but the first and the last two are numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    for row in rows:
        yield "  ".join(_cells(row, widths, last)).rstrip()


def _cells(row: Sequence[str], widths: Sequence[int], last: int) -> Iterable[str]:
    for column, (text, width) in enumerate(zip(row, widths, strict=True)):
        is_text = column in (0, last - 1, last)
        yield text.ljust(width) if is_text else text.rjust(width)
