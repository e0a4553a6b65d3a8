"""Records of runs of a few tests, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.requirement import Kind, Requirement
from pytest_orchestra.model.run import CaseRecord, ResourceRecord, RunRecord, WorkerRecord
from pytest_orchestra.model.verdict import Verdict

#: When all of them began.
EPOCH: Final = 1000.0


def ran(name: str, worker: str, start: float, seconds: float, **more: object) -> CaseRecord:
    """Return a test that passed."""
    attempt = Attempt(Verdict.PASSED, EPOCH + start, 0.0, seconds, 0.0, worker)
    given = {"assigned_at": start, "seconds": seconds, "attempts": (attempt,), **more}
    return CaseRecord(CaseSpec(f"a.py::{name}"), Verdict.PASSED, worker=worker, **given)  # type: ignore[arg-type]


def after(*cases: int) -> tuple[Requirement, ...]:
    """Return what makes a test come after ``cases``."""
    return (Requirement(Kind.DEPENDENCY, "x", cases),)


def run_of(
    cases: Sequence[CaseRecord],
    *,
    seconds: float = 10.0,
    workers: tuple[str, ...] = ("gw0",),
    resources: tuple[ResourceRecord, ...] = (),
) -> RunRecord:
    """Return a run of ``cases``."""
    records = tuple(WorkerRecord(name, 1, 1.0, seconds) for name in workers)
    return RunRecord(tuple(cases), resources, records, 0, seconds, started=EPOCH)
