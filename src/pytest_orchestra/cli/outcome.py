"""What a run came to, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.verdict import FAILURE, Verdict
from pytest_orchestra.reports.own_failures import conditions

#: So many tests of a kind are named to people.
_NAMED: Final = 20


def has_failed(run: RunRecord) -> bool:
    """Whether pytest would have ended with a failure."""
    excused = run.excused
    return (
        bool(run.denied)
        or not all(each.is_met for each in conditions(run))
        or any(not each.is_skipped for each in run.uncollected)
        or any(
            case.verdict in FAILURE and number not in excused
            for number, case in enumerate(run.cases)
        )
    )


def count_text(run: RunRecord) -> str:
    """Return how many tests ended how."""
    counts = run.counts
    listed = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    tests = "1 test" if len(run.cases) == 1 else f"{len(run.cases)} tests"
    return f"{tests}: {listed}" if listed else "no test"


def lines(run: RunRecord) -> Iterator[str]:
    """Yield how many tests ended how, and the names of those that one has to look at."""
    yield count_text(run)
    for verdict in (Verdict.FAILED, Verdict.ERROR, Verdict.FLAKY):
        names = [case.spec.nodeid for case in run.cases if case.verdict is verdict]
        yield from (f"  {verdict:6} {name}" for name in names[:_NAMED])
        if len(names) > _NAMED:
            yield f"  and {len(names) - _NAMED} more that ended {verdict}"
    yield from (f"  not collected: {each.nodeid}" for each in run.uncollected)
    yield from (f"  {each.text}" for each in conditions(run) if not each.is_met)
    if run.stopped:
        yield f"  stopped early: {run.stopped}"


def as_data(run: RunRecord) -> dict[str, Any]:
    """Return the same for programs, with every test."""
    return {
        "uuid": run.uuid,
        "failed": has_failed(run),
        "seconds": run.seconds,
        "counts": {str(verdict): count for verdict, count in run.counts.items()},
        "uncollected": [each.nodeid for each in run.uncollected],
        "stopped": run.stopped,
        "tests": [
            {
                "nodeid": case.spec.nodeid,
                "verdict": str(case.verdict),
                "attempts": [str(attempt.verdict) for attempt in case.attempts],
            }
            for case in run.cases
        ],
    }
