"""A summary in Markdown, for people who look at a CI job: what failed, what waited, what took long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_orchestra.model.advice import Recommendation
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.flakes import Standing
from pytest_orchestra.model.run import CaseRecord, RunRecord, UncollectedRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.files import replacing
from pytest_orchestra.reports.markdown import code, details, fenced, table
from pytest_orchestra.reports.matrix import matrix_tables
from pytest_orchestra.reports.outcomes import (
    BAD,
    blame,
    cause_text,
    deciding_attempt,
    failed_attempts,
    is_flaky,
    outputs,
)
from pytest_orchestra.reports.own_failures import Condition, conditions
from pytest_orchestra.reports.stage_summary import matrix_text, stages_text
from pytest_orchestra.reports.stages import stage_stories
from pytest_orchestra.scheduling.explain import waited_for_text
from pytest_orchestra.scheduling.quantity import format_quantity, round_bytes

#: GitHub shows nothing of a step's summary that has more bytes than this.
GITHUB_LIMIT: Final = 1024 * 1024

#: So many of the slowest tests and of the longest waits are listed.
MOST_LISTED: Final = 10
#: Tests that took less than this many seconds are not slow.
SHORTEST_LISTED: Final = 0.01
#: Waits shorter than this many seconds are not worth a line.
SHORTEST_WAIT: Final = 0.05
#: Of the output of a failed test so many characters are shown.
MOST_OUTPUT: Final = 2000

#: Room for the line that says what was left out.
_MARGIN: Final = 200


@dataclass(frozen=True, slots=True)
class _Section:
    """``count`` entries under a title, which may take so large a ``share`` of the room."""

    title: str
    count: int
    entries: Iterable[str]
    share: float


def write_summary(run: RunRecord, path: Path) -> tuple[Path, ...]:
    """Write the summary to ``path``; returns the path. Raises OSError."""
    with replacing(path) as file:
        file.write(make_summary(run).encode())
    return (path,)


def append_summary(run: RunRecord, path: Path) -> bool:
    """Add the summary to the file ``path`` of a GitHub step, as far as there is room.

    Returns whether there was any. Raises OSError.
    """
    there = path.stat().st_size if path.exists() else 0
    text = make_summary(run, GITHUB_LIMIT - there - 1)
    if text:
        with path.open("ab") as file:
            file.write(b"\n" + text.encode() if there else text.encode())
    return bool(text)


def make_summary(run: RunRecord, most_bytes: int = GITHUB_LIMIT) -> str:
    """Return the summary in at most ``most_bytes`` of UTF-8; empty if nothing fits.

    Whole entries are left out, and counted.
    """
    parts = [_head(run)]
    room = most_bytes - _size(parts[0])
    if room < 0:
        return ""
    whole = room
    for section in _sections(run):
        text = _render(section, min(room, int(whole * section.share)))
        room -= _size(text)
        parts.append(text)
    return "".join(parts)


def _size(text: str) -> int:
    return len(text.encode())


def _render(section: _Section, most_bytes: int) -> str:
    """Return a section with as many entries as fit; empty if there are none, or not even one fits."""
    if not section.count:
        return ""
    title = f"\n### {section.title}\n\n"
    room = most_bytes - _size(title) - _MARGIN
    shown = []
    for entry in section.entries:
        room -= _size(entry)
        if room < 0:
            break
        shown.append(entry)
    if room < 0 and not shown and most_bytes < _size(title) + _MARGIN:
        return ""
    missing = section.count - len(shown)
    more = f"\n… and {missing:,} more, for which there is no room here\n" if room < 0 else ""
    return f"{title}{''.join(shown)}{more}"


def _head(run: RunRecord) -> str:
    counts = run.counts
    rows = [(verdict, f"{counts[verdict]:,}") for verdict in Verdict if verdict in counts]
    shard = f", shard {run.shard.index} of {run.shard.count}" if run.shard is not None else ""
    lines = [
        f"## {headline(run)}\n",
        f"in {run.seconds:.1f} s on {_count(len(run.workers), 'worker')}{shard}\n",
    ]
    if run.stopped:
        lines.append(f"Stopped early: {code(run.stopped)}\n")
    if run.denied:
        lines.append(f"{_count(run.denied, 'test')} could not be given what they claim.\n")
    if rows:
        lines.append(table(("verdict", "tests"), rows))
    return "\n".join(lines)


def headline(run: RunRecord) -> str:
    """Return what came of the run in a few words, for its title."""
    counts = run.counts
    total = len(run.cases)
    bad = sum(counts[verdict] for verdict in BAD)
    if bad:
        return f"❌ {bad:,} of {_count(total, 'test')} failed"
    is_whole = not (run.denied or run.stopped) and all(each.is_skipped for each in run.uncollected)
    if not total:
        return "No tests were run" if is_whole else "❌ No tests could be run"
    if not is_whole:
        return f"❌ {_count(total, 'test')}, not all of which could be run"
    if not all(each.is_met for each in conditions(run)):
        return f"❌ {_count(total, 'test')}, none failed, but the run has"
    return f"✅ {_count(total, 'test')}, none failed"


def _sections(run: RunRecord) -> Iterator[_Section]:
    by_verdict: dict[Verdict, list[CaseRecord]] = {}
    for case in run.cases:
        by_verdict.setdefault(case.verdict, []).append(case)
    errors = [each for each in run.uncollected if not each.is_skipped]
    yield _Section("Could not be collected", len(errors), map(_uncollected, errors), 0.1)
    stages = stage_stories(run)
    yield _Section("Stages", min(len(stages), 1), [stages_text(stages)], 0.05)
    unmet = [each for each in conditions(run) if not each.is_met]
    yield _Section("Why the run has failed", len(unmet), map(_condition, unmet), 0.05)
    bad = [case for case in run.cases if case.verdict in BAD]
    yield _Section("Failed", len(bad), map(_failed, bad), 0.5)
    flaky = [case for case in run.cases if is_flaky(case)]
    yield _Section("Flaky: failed, then passed", len(flaky), map(_flaky, flaky), 0.15)
    said = [*_flakes(run), *_quarantine(run)]
    yield _Section("By the history", len(said), said, 0.05)
    for verdict in (Verdict.BLOCKED, Verdict.NOT_RUN):
        cases = by_verdict.get(verdict, [])
        title = str(verdict).capitalize()
        lines = (_because(run, case) for case in cases)
        yield _Section(title, len(cases), lines, 0.05)
    tables = matrix_tables(run)
    yield _Section("Matrix", len(tables), map(matrix_text, tables), 0.1)
    yield from _timing(run)
    advice = run.recommendations
    yield _Section("Recommendations", len(advice), map(_recommendation, advice), 0.03)
    others = [*_quality(run), *_elsewhere(run)]
    yield _Section("Quality and other reports", len(others), others, 0.03)


def _flakes(run: RunRecord) -> Iterator[str]:
    for each in run.flakes:
        if each.standing not in (Standing.NEW, Standing.HEALTHY):
            yield f"- {code(run.cases[each.case].spec.nodeid)}: {code(each.sentence)}\n"


def _quarantine(run: RunRecord) -> Iterator[str]:
    for each in run.quarantine:
        yield f"- {code(run.cases[each.case].spec.nodeid)}: {code(each.sentence)}\n"


def _condition(each: Condition) -> str:
    return f"- {code(each.text)}\n"


def _recommendation(each: Recommendation) -> str:
    return f"- {code(each.text)}: {code(each.remedy)}\n"


def _quality(run: RunRecord) -> Iterator[str]:
    quality = run.quality
    if quality is not None:
        yield f"- quality {quality.grade}: {code(quality.formula)}\n"
        for name, why in quality.unknown:
            yield f"- left out of it: {name}, since {why}\n"


def _elsewhere(run: RunRecord) -> Iterator[str]:
    if run.coverage is not None:
        yield f"- coverage {run.coverage.percent:.1f} %\n"
    for link in run.links:
        yield f"- {link.name}: {code(link.path)}\n"


def _timing(run: RunRecord) -> Iterator[_Section]:
    slow = sorted(run.cases, key=lambda case: -(case.seconds or 0.0))[:MOST_LISTED]
    slow = [case for case in slow if (case.seconds or 0.0) >= SHORTEST_LISTED]
    yield _Section("Slowest", len(slow), map(_slow, slow), 0.05)
    held_up = [case for case in run.cases if case.held_up >= SHORTEST_WAIT]
    longest = sorted(held_up, key=lambda case: -case.held_up)[:MOST_LISTED]
    yield _Section("Longest waits", len(longest), map(_wait, longest), 0.03)
    used = sum(1 for each in run.resources if each.peak)
    yield _Section("Resources", min(used, 1), [_resources(run)], 0.03)
    yield _Section("Workers", min(len(run.workers), 1), [_workers(run)], 0.03)


def _uncollected(record: UncollectedRecord) -> str:
    return details(record.nodeid, "", fenced(record.text))


def _failed(case: CaseRecord) -> str:
    attempt = deciding_attempt(case)
    if attempt is None:
        return f"- {code(case.spec.nodeid)}\n"
    times = len(case.attempts)
    note = f"{case.verdict}{f' {times} times' if times > 1 else ''}: {blame(attempt).message}"
    return details(case.spec.nodeid, note, "\n\n".join([_told(attempt), *_artifacts(case)]))


def _artifacts(case: CaseRecord) -> Iterator[str]:
    """Yield what says which files the test left behind."""
    if case.artifacts:
        shown = case.artifacts[:MOST_LISTED]
        more = f" and {len(case.artifacts) - len(shown):,} more" * (
            len(shown) < len(case.artifacts)
        )
        yield f"Left behind: {', '.join(map(code, shown))}{more}"


def _flaky(case: CaseRecord) -> str:
    failed = failed_attempts(case)
    if not failed:
        return f"- {code(case.spec.nodeid)}\n"
    where = f" on {failed[0].worker}" if failed[0].worker else ""
    note = f"attempt 1 of {len(case.attempts)}{where}: {blame(failed[0]).message}"
    return details(case.spec.nodeid, note, "\n\n".join([*map(_told, failed), *_artifacts(case)]))


def _told(attempt: Attempt) -> str:
    """Return what pytest told of a failed attempt, and what the test had printed."""
    parts = [fenced(blame(attempt).text or attempt.verdict)]
    parts += (fenced(each, MOST_OUTPUT) for each in outputs(attempt) if each)
    return "\n\n".join(parts)


def _because(run: RunRecord, case: CaseRecord) -> str:
    return f"- {code(case.spec.nodeid)} {code(cause_text(run, case))}\n"


def _slow(case: CaseRecord) -> str:
    return f"- {case.seconds or 0.0:.2f} s {code(case.spec.nodeid)}\n"


def _wait(case: CaseRecord) -> str:
    what = waited_for_text(case.waited_for, alone=case.spec.alone)
    return f"- {case.held_up:.2f} s {code(case.spec.nodeid)} for {code(what)}\n"


def _resources(run: RunRecord) -> str:
    rows = []
    for each in run.resources:
        if each.peak:
            show = round_bytes if each.is_quantity else format_quantity
            capacity = "unbounded" if each.capacity is None else show(each.capacity)
            rows.append((each.name, capacity, show(each.peak), f"{each.held_up:.2f} s"))
    return table(("resource", "capacity", "peak use", "tests waited for it"), rows)


def _workers(run: RunRecord) -> str:
    headings = ["worker", "tests", "busy"]
    rows = [[each.name, f"{each.cases:,}", f"{each.utilisation:.0%}"] for each in run.workers]
    if len({each.host for each in run.workers}) > 1:
        headings.append("host")
        for row, each in zip(rows, run.workers, strict=True):
            row.append(each.host)
    return table(headings, rows)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
