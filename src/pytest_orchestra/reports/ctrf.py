"""The Common Test Report Format (ctrf.io): one JSON document that many reporters share."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.case import Column
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.verdict import SUCCESS, Verdict
from pytest_orchestra.reports.files import replacing
from pytest_orchestra.reports.names import split_names
from pytest_orchestra.reports.outcomes import (
    BAD,
    blame,
    cause_text,
    is_bad,
    is_flaky,
    outputs,
    with_uncollected,
)
from pytest_orchestra.reports.stages import StageStory, stage_name, stage_stories
from pytest_orchestra.reports.text import cut, encodable
from pytest_orchestra.reports.times import instant, milliseconds

#: The release of the specification that the document keeps to.
SPECIFICATION: Final = "0.0.0"

#: CTRF's words for verdicts; ours is its ``rawStatus``.
_STATUS: Final[Mapping[Verdict, str]] = {
    **dict.fromkeys(SUCCESS, "passed"),
    **dict.fromkeys(BAD, "failed"),
    Verdict.SKIPPED: "skipped",
    Verdict.XFAILED: "skipped",
    Verdict.BLOCKED: "skipped",
    Verdict.NOT_RUN: "pending",
}

#: Ids are made from node ids, so that a test has the same one in every run.
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "https://docs.pytest.org/node-ids")


def write_ctrf(run: RunRecord, path: Path) -> tuple[Path, ...]:
    """Write the run to ``path``, a test in each line; returns the path. Raises OSError."""
    run = with_uncollected(run)
    held = {each.case: each for each in run.quarantine}
    head, tail = _dump(_around(run)).split('"TESTS"')
    with replacing(path) as file:
        file.write(f"{head}[".encode())
        separator = b"\n"
        for number, case in enumerate(run.cases):
            test = make_test(run, case)
            if number in held:
                test.setdefault("extra", {})["quarantine"] = encodable(held[number].sentence)
            file.write(separator + _dump(test).encode())
            separator = b",\n"
        file.write(f"\n]{tail}\n".encode())
    return (path,)


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _around(run: RunRecord) -> dict[str, Any]:
    """Return the document, with a word in the place of its tests."""
    versions = dict(run.surroundings.versions)
    return {
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "reportId": str(uuid.uuid5(_NAMESPACE, run.uuid) if run.uuid else uuid.uuid4()),
        "timestamp": instant(run.started + run.seconds),
        "generatedBy": f"pytest-orchestra {versions.get('pytest-orchestra', '')}".strip(),
        "results": {
            "tool": _known({"name": "pytest", "version": versions.get("pytest", "")}),
            "summary": _summary(run),
            "environment": _environment(run),
            "tests": "TESTS",
        },
    }


def _summary(run: RunRecord) -> dict[str, Any]:
    statuses = Counter(_STATUS[case.verdict] for case in run.cases)
    counts = run.counts
    return {
        "tests": len(run.cases),
        **{
            status: statuses[status]
            for status in ("passed", "failed", "skipped", "pending", "other")
        },
        "flaky": sum(map(is_flaky, run.cases)),
        "suites": len({case.spec.file for case in run.cases}),
        "start": milliseconds(run.started),
        "stop": milliseconds(run.started + run.seconds),
        "duration": milliseconds(run.seconds),
        "extra": {
            "verdicts": {verdict: counts[verdict] for verdict in Verdict if verdict in counts},
            **({"stopped": encodable(run.stopped)} if run.stopped else {}),
            **({"stages": list(map(_stage, stages))} if (stages := stage_stories(run)) else {}),
        },
    }


def _stage(stage: StageStory) -> dict[str, Any]:
    record = stage.record
    return {
        "name": encodable(stage.spec.name),
        "strategy": stage.spec.strategy,
        "needs": [encodable(name) for name in stage.spec.needs],
        "tests": stage.tests,
        "verdicts": {each: stage.counts[each] for each in Verdict if each in stage.counts},
        **{
            name: None if at is None else milliseconds(at)
            for name, at in (
                ("opened", record.opened_at),
                ("ended", record.ended_at),
                ("judged", record.judged_at),
            )
        },
        "gate": stage.gate,
        "checks": [
            {
                "criterion": encodable(check.criterion),
                "met": check.is_met,
                "detail": encodable(check.detail),
            }
            for check in record.checks
        ],
    }


def _environment(run: RunRecord) -> dict[str, Any]:
    around, build = run.surroundings, run.surroundings.build
    texts = {
        "buildId": build.identity,
        "buildName": build.name,
        "buildUrl": build.url,
        "repositoryName": build.repository,
        "commit": around.commit,
        "branchName": build.branch,
        "osPlatform": around.system,
        "osRelease": around.release,
    }
    return {
        **_known({name: encodable(text) for name, text in texts.items()}),
        **({"buildNumber": int(build.number)} if build.number.isdecimal() else {}),
        "extra": _known(
            {
                "python": around.python,
                "host": encodable(around.host),
                "ci": build.system,
                "workers": len(run.workers),
                "shard": f"{run.shard.index}/{run.shard.count}" if run.shard else "",
                "versions": dict(around.versions),
            }
        ),
    }


def make_test(run: RunRecord, case: CaseRecord) -> dict[str, Any]:
    """Return the entry of one test, which is told by its last attempt."""
    spec = case.spec
    *suite, name = map(encodable, split_names(spec.nodeid))
    last = case.attempts[-1] if case.attempts else None
    retries = case.attempts[:-1]
    test: dict[str, Any] = {
        "id": str(uuid.uuid5(_NAMESPACE, encodable(spec.nodeid))),
        "name": name or "?",
        "status": _STATUS[case.verdict],
        "duration": milliseconds(last.seconds if last else 0.0),
        "rawStatus": case.verdict,
        "suite": suite or [encodable(spec.file)],
        "filePath": encodable(spec.file),
        "line": spec.line,
        "threadId": last.worker if last else "",
        "tags": [encodable(tag) for tag in (*spec.names, *filter(None, [spec.group]))],
        "flaky": is_flaky(case),
        "retries": len(retries),
        "retryAttempts": [_retry(number, each) for number, each in enumerate(retries, 1)],
        "extra": _extra(run, case, last),
    }
    if last is not None:
        test |= _told(last)
    elif case.cause is not None:
        test["message"] = encodable(cut(cause_text(run, case)))
    return _known(test, always=("name", "status", "duration"))


def _retry(number: int, attempt: Attempt) -> dict[str, Any]:
    entry = {
        "attempt": number,
        "status": _STATUS[attempt.verdict],
        "duration": milliseconds(attempt.seconds),
        "extra": _known({"worker": attempt.worker}),
        **_told(attempt),
    }
    return _known(entry, always=("duration",))


def _told(attempt: Attempt) -> dict[str, Any]:
    """Return what an attempt and a test have in common."""
    told: dict[str, Any] = {}
    if attempt.started is not None:
        told["start"] = milliseconds(attempt.started)
        told["stop"] = milliseconds(attempt.started + attempt.seconds)
    if is_bad(attempt):
        why = blame(attempt)
        told["message"] = encodable(cut(why.message))
        told["trace"] = encodable(cut(why.text))
    else:
        told["message"] = encodable(cut(attempt.reason))
    if attempt.sections:
        out, err = outputs(attempt)
        told["stdout"] = encodable(out).splitlines()
        told["stderr"] = encodable(err).splitlines()
    return told


def _extra(run: RunRecord, case: CaseRecord, last: Attempt | None) -> dict[str, Any]:
    extra = {
        "wait_seconds": round(case.held_up, 6),
        "waited_for": encodable(case.waited_for or ""),
        "cpu_seconds": round(case.cpu_seconds or 0.0, 6),
        "memory_peak": case.memory_peak,
        "resources": sorted(encodable(claim.resource) for claim in case.spec.claims),
        "stage": encodable(stage_name(run, case.spec.stage)),
        "matrix": {encodable(axis): encodable(value) for axis, value in _column(case)},
    }
    if last is not None:
        extra["properties"] = {
            encodable(name): encodable(cut(value)) for name, value in last.properties
        }
    return _known(extra)


def _column(case: CaseRecord) -> Column:
    return case.spec.cell.column if case.spec.cell is not None else ()


def _known(entry: Mapping[str, Any], always: tuple[str, ...] = ()) -> dict[str, Any]:
    """Leave out what there is nothing to say of."""
    return {name: value for name, value in entry.items() if value or name in always}
