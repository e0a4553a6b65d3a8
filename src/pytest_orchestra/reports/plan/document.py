"""A plan as JSON."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, Final

from pytest_orchestra.model.plan import PlanRecord, Source
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.files import replacing
from pytest_orchestra.reports.plan.words import bottleneck, bound_words, gain_words
from pytest_orchestra.scheduling.explain import blocked_text

FORMAT: Final = "pytest-orchestra plan"
#: Counted up when a reader of an older version would misunderstand it.
VERSION: Final = 1


def document(plan: PlanRecord) -> dict[str, Any]:
    """Return what is predicted as builtin types; all times are in seconds."""
    run = plan.run
    return {
        "format": FORMAT,
        "version": VERSION,
        "tests": len(run.cases),
        "workers": [worker.name for worker in run.workers],
        "seconds": plan.seconds,
        "utilisation": _utilisation(plan),
        "ordered_by": plan.order_name or None,
        "shard": None if run.shard is None else f"{run.shard.index}/{run.shard.count}",
        "durations": {str(each): plan.sources.count(each) for each in Source},
        "set_ups": plan.set_ups,
        "bounds": [
            {
                "seconds": bound.seconds,
                "reason": bound.reason,
                "why": bound_words(plan, bound),
                "tests": [run.cases[case].spec.nodeid for case in bound.cases],
            }
            for bound in plan.bounds
        ],
        "bottleneck": bottleneck(plan),
        "one_more": [
            {
                "of": "worker" if gain.resource is None else "resource",
                "resource": gain.resource,
                "amount": gain.amount,
                "saves": gain.gain,
                "what": gain_words(plan, gain)[0],
            }
            for gain in plan.gains
        ],
        "resources": [
            {
                "name": each.name,
                "capacity": each.capacity,
                "peak": each.peak,
                "waited_for": each.held_up,
            }
            for each in run.resources
        ],
        "stages": [
            {
                "name": stage.spec.name,
                "strategy": str(stage.spec.strategy),
                "needs": list(stage.spec.needs),
                "begins": stage.opened_at,
                "ends": stage.ended_at,
            }
            for stage in run.stages
        ],
        "order": [_case(plan, case) for case in plan.order],
        "cannot_run": [
            {"nodeid": case.spec.nodeid, "why": _why(plan, number)}
            for number, case in enumerate(run.cases)
            if case.verdict is Verdict.BLOCKED
        ],
        "notes": list(plan.notes),
    }


def write_plan(plan: PlanRecord, path: Path) -> None:
    """Write it to ``path``, compressed if that ends with ``.gz``. Raises OSError."""
    text = json.dumps(document(plan), indent=1).encode() + b"\n"
    with replacing(path) as file:
        file.write(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def _utilisation(plan: PlanRecord) -> float:
    present = sum(worker.present for worker in plan.run.workers)
    return sum(worker.busy for worker in plan.run.workers) / present if present > 0.0 else 0.0


def _case(plan: PlanRecord, number: int) -> dict[str, Any]:
    case = plan.run.cases[number]
    start = case.assigned_at or 0.0
    stage = case.spec.stage
    return {
        "nodeid": case.spec.nodeid,
        "worker": case.worker,
        "start": start,
        "end": start + (case.seconds or 0.0),
        "expected": plan.expected[number],
        "known_by": str(plan.sources[number]),
        "ready": case.ready_at,
        "waits_for": case.waited_for,
        "priority": case.spec.priority,
        "stage": None if stage is None else plan.run.stages[stage].spec.name,
    }


def _why(plan: PlanRecord, number: int) -> str:
    cause = plan.run.cases[number].cause
    if cause is None:
        return ""
    text = blocked_text(cause, lambda case: plan.run.cases[case].spec.nodeid)
    return text.removeprefix("blocked: ")
