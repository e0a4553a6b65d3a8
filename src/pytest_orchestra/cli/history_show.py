"""What ``pytest-orchestra history show`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final

from pytest_orchestra.cli.project import CommandError, History
from pytest_orchestra.history.observing import PastCase
from pytest_orchestra.history.overview import Overview

#: Eighths of a line, for durations.
_BARS: Final = "▁▂▃▄▅▆▇█"

#: Letters of a commit.
_SHORT: Final = 10


def overview(history: History, most: int) -> tuple[Mapping[str, Any], Iterator[str]]:
    """Return what there is, for programs and for people."""
    found = history.ask(lambda store: store.overview(most))
    size = sum(path.stat().st_size for path in history.files)
    firsts = [each.first for each in found if each.first is not None]
    lasts = [each.last for each in found if each.last is not None]
    latest = sorted(
        (run for each in found for run in each.latest), key=lambda run: (-run.started, run.uuid)
    )[:most]
    tests = found[0].tests if len(found) == 1 else len(_all_nodeids(history))
    whole = Overview(
        sum(each.runs for each in found),
        sum(each.kept for each in found),
        tests,
        sum(each.results for each in found),
        max(each.environments for each in found),
        min(firsts, default=None),
        max(lasts, default=None),
        tuple(latest),
    )
    data = {
        "history": str(history.path),
        "files": len(history.files),
        "bytes": size,
        **asdict(whole),
    }
    return data, _overview_lines(history, whole, size)


def _all_nodeids(history: History) -> set[str]:
    return {nodeid for each in history.ask(lambda store: store.nodeids()) for nodeid in each}


def _overview_lines(history: History, found: Overview, size: int) -> Iterator[str]:
    yield f"{history.path}: {size / 1e6:.2f} MB"
    yield (
        f"{found.runs} runs ({found.kept} with results), {found.tests} tests, {found.results} results"
    )
    if found.first is not None and found.last is not None:
        yield f"from {_when(found.first)} to {_when(found.last)}"
    if not found.latest:
        return
    yield ""
    rows = [("began (UTC)", "took", "workers", "tests", "failed", "flaky", "commit", "")]
    rows += [
        (
            _when(run.started),
            f"{run.seconds:.1f} s",
            str(run.workers),
            str(run.tests),
            str(run.failed),
            str(run.flaky),
            (run.commit or "")[:_SHORT],
            f"stopped: {run.stopped}" if run.stopped else "",
        )
        for run in found.latest
    ]
    yield from table(rows)


def one_test(history: History, nodeid: str, most: int) -> tuple[Mapping[str, Any], Iterator[str]]:
    """Return what one test did in the latest runs; raises CommandError if nothing is known of it."""
    answers = history.ask(lambda store: store.cases([nodeid]))
    past = sorted(
        (each for answer in answers for each in answer.get(nodeid, ())),
        key=lambda each: (each.run.started, each.run.uuid),
    )
    if not past:
        near = get_close_matches(nodeid, _all_nodeids(history), 1)
        hint = f": did you mean {near[0]}?" if near else ""
        raise CommandError(f"the history has no result of {nodeid}{hint}")
    shown = past[-most:]
    data = {"nodeid": nodeid, "known": len(past), "results": [_result(each) for each in shown]}
    return data, _test_lines(nodeid, len(past), shown)


def _result(past: PastCase) -> Mapping[str, Any]:
    return {
        "run": past.run.uuid,
        "started": past.run.started,
        "commit": past.run.commit,
        "is_clean": past.run.is_clean,
        "attempts": [
            {
                "verdict": str(each.verdict),
                "seconds": each.seconds,
                "worker": each.worker,
                "signature": each.signature,
            }
            for each in past.attempts
        ],
    }


def _test_lines(nodeid: str, known: int, shown: Sequence[PastCase]) -> Iterator[str]:
    seconds = [past.attempts[-1].seconds for past in shown]
    yield nodeid
    yield f"{len(shown)} of {known} runs; {sparkline(seconds)} {min(seconds):.3g} to {max(seconds):.3g} s"
    yield ""
    rows = [("run began (UTC)", "outcome", "took", "worker", "commit", "")]
    rows += [
        (
            _when(past.run.started),
            ", ".join(str(each.verdict) for each in past.attempts),
            f"{past.attempts[-1].seconds:.3g} s",
            past.attempts[-1].worker,
            (past.run.commit or "")[:_SHORT],
            next((each.signature for each in past.attempts if each.signature), ""),
        )
        for past in reversed(shown)
    ]
    yield from table(rows)


def sparkline(values: Sequence[float]) -> str:
    """Return a bar for each value, from nothing to the greatest."""
    most = max(values, default=0.0) or 1.0
    return "".join(_BARS[min(7, max(0, int(8 * value / most)))] for value in values)


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield ``rows`` in columns; the last column is as wide as it likes."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for *cells, last in rows:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield "  ".join([*padded, last]).rstrip()


def _when(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return "?"  # no time at all: the file is damaged
