"""Records of runs with stages, one of which has a matrix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from reported import attempt, case, run

from pytest_orchestra.model.case import CaseSpec, Cell
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.stage import Check, Gate, OnFail, StageRecord, StageSpec, Strategy
from pytest_orchestra.model.verdict import Verdict

PASSED, FAILED, SKIPPED = Verdict.PASSED, Verdict.FAILED, Verdict.SKIPPED

SMOKE: Final = StageRecord(
    StageSpec("smoke", match="smoke", gate=Gate(pass_rate=1.0), on_fail=OnFail.CONTINUE),
    opened_at=0.0,
    ended_at=1.5,
    judged_at=1.2,
    checks=(
        Check("pass_rate", is_met=False, detail="pass rate 0.50, at least 1.00 needed"),
        Check("max_duration", is_met=True, detail="duration 1.5s, at most 2min allowed"),
    ),
)
MATRIX: Final = StageRecord(
    StageSpec(
        "databases",
        strategy=Strategy.MATRIX,
        needs=("smoke",),
        gate=Gate(max_failures=1),
        axes={"db": ("sqlite", "postgres"), "tls": (True, False)},
    ),
    opened_at=1.5,
    ended_at=4.0,
    checks=(Check("max_failures", is_met=None, detail="1 failed, at most 1 allowed"),),
)
#: No test of it ever ran.
LAST: Final = StageRecord(StageSpec("last", needs=("databases",)))


def in_stage(name: str, verdict: Verdict, stage: int, **rest: Any) -> CaseRecord:
    """Return a test of the file ``a.py`` in a stage."""
    found = case(verdict, nodeid=f"a.py::{name}", **rest)
    return replace(found, spec=replace(found.spec, stage=stage))


def in_cell(name: str, verdict: Verdict, *column: tuple[str, str], stage: int = 1) -> CaseRecord:
    """Return a test of the file ``a.py`` in a column of a matrix."""
    of_column = ",".join(f"{axis}={value}" for axis, value in column)
    nodeid = f"a.py::{name}[{of_column}]"
    found = case(verdict, attempt(verdict), nodeid=nodeid)
    spec = CaseSpec(nodeid, file="a.py", line=7, stage=stage, cell=Cell(f"a.py::{name}", column))
    return replace(found, spec=spec)


def staged_run(word: str = "") -> RunRecord:
    """Return a run with three stages; ``word`` stands in the names of all of them, and in values of axes."""
    stages = [
        replace(
            each,
            spec=replace(
                each.spec,
                name=each.spec.name + word,
                axes={
                    axis: tuple(f"{value}{word}" if axis == "db" else value for value in values)
                    for axis, values in each.spec.axes.items()
                },
            ),
            checks=tuple(replace(check, detail=check.detail + word) for check in each.checks),
        )
        for each in (SMOKE, MATRIX, LAST)
    ]
    cells = [
        in_cell(name, verdict, ("db", db + word), ("tls", tls))
        for name, bad in (("test_order", ("postgres", "True")), ("test_cart", None))
        for db in ("sqlite", "postgres")
        for tls in ("True", "False")
        if (verdict := FAILED if (db, tls) == bad else PASSED)
    ]
    cells += [in_cell("test_odd", SKIPPED, ("db", f"sqlite{word}"), ("tls", "True"))]
    return run(
        in_stage("test_up", PASSED, 0),
        in_stage("test_down", FAILED, 0),
        *cells,
        in_stage("test_end", Verdict.BLOCKED, 2),
        stages=tuple(stages),
    )
