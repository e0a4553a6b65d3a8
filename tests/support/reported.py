"""Records of runs made by hand, and what others demand of the reports on them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import xmlschema
from jsonschema import Draft7Validator

from pytest_orchestra.model.attempt import Attempt, Failure
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.run import CaseRecord, RunRecord, WorkerRecord
from pytest_orchestra.model.verdict import Verdict

#: When all these runs began.
EPOCH: Final = 1_700_000_000.0

SCHEMAS: Final = Path(__file__).parent / "schemas"


def attempt(verdict: Verdict, seconds: float = 0.25, worker: str = "gw0", **rest: Any) -> Attempt:
    """Return an attempt; one that failed says so, in the phase that its verdict tells."""
    failures: tuple[Failure, ...] = ()
    if verdict in (Verdict.FAILED, Verdict.ERROR):
        phase = "call" if verdict is Verdict.FAILED else "setup"
        failures = (Failure(phase, "ValueError", f"no good ({seconds})", f"trace of {seconds}"),)
    told: dict[str, Any] = {"failures": failures, "started": EPOCH + 1} | rest
    return Attempt(verdict, call=seconds, worker=worker, **told)


def case(
    verdict: Verdict, *attempts: Attempt, nodeid: str = "t/test_a.py::test", **rest: Any
) -> CaseRecord:
    """Return a case that stands in line 7 of its file; None given, it had one attempt if it can have had."""
    spec = CaseSpec(nodeid, file=nodeid.partition("::")[0], line=7)
    if not attempts and verdict not in (Verdict.BLOCKED, Verdict.NOT_RUN):
        attempts = (attempt(verdict),)
    told: dict[str, Any] = {"spec": spec, "assigned_at": 1.0, "ready_at": 0.0} | rest
    return CaseRecord(verdict=verdict, attempts=attempts, **told)


def run(*cases: CaseRecord, **rest: Any) -> RunRecord:
    """Return a run of ``cases`` on two workers that took four seconds."""
    workers = tuple(WorkerRecord(name, 1, 1.0, 4.0) for name in ("gw0", "gw1"))
    told: dict[str, Any] = {
        "resources": (),
        "workers": workers,
        "edges": 0,
        "seconds": 4.0,
        "started": EPOCH,
    }
    return RunRecord(cases=cases, **(told | rest))


def every_kind() -> tuple[CaseRecord, ...]:
    """Return a case for each verdict, and those of more than one attempt."""
    failed, passed = attempt(Verdict.FAILED), attempt(Verdict.PASSED, worker="gw1")
    plain = tuple(case(verdict, nodeid=f"a.py::test_{verdict.name}") for verdict in Verdict)
    return (
        *plain,
        case(Verdict.FLAKY, failed, attempt(Verdict.ERROR), passed, nodeid="a.py::test_twice"),
        case(Verdict.FAILED, failed, attempt(Verdict.ERROR, 0.5), nodeid="a.py::test_worse"),
        case(Verdict.ERROR, attempt(Verdict.ERROR), attempt(Verdict.ERROR), nodeid="a.py::test_e"),
        case(Verdict.SKIPPED, failed, attempt(Verdict.SKIPPED), nodeid="a.py::test_gave_up"),
    )


@cache
def _xsd(dialect: str) -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(SCHEMAS / f"junit-{dialect}.xsd")


def check_junit(path: Path, dialect: str = "superset") -> ET.Element:
    """Return the root of a JUnit file, which must be valid in its dialect."""
    root = ET.parse(path).getroot()  # noqa: S314 - we wrote it
    _xsd(dialect).validate(ET.ElementTree(root))
    return root


def check_ctrf(document: Any) -> None:
    """Fail if ``document`` does not keep to CTRF."""
    Draft7Validator(_CTRF, format_checker=Draft7Validator.FORMAT_CHECKER).validate(document)


def _closed(required: str, **properties: Any) -> dict[str, Any]:
    """Return the schema of an object that has nothing else."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


_TEXT: Final = {"type": "string"}
_NAME: Final = {"type": "string", "minLength": 1}
_COUNT: Final = {"type": "integer", "minimum": 0}
_OBJECT: Final = {"type": "object"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_STATUS: Final = {"enum": ["passed", "failed", "skipped", "pending", "other"]}
_TOLD: Final = {
    "status": _STATUS,
    "duration": _COUNT,
    "start": _COUNT,
    "stop": _COUNT,
    "message": _TEXT,
    "trace": _TEXT,
    "line": _COUNT,
    "stdout": _TEXTS,
    "stderr": _TEXTS,
    "extra": _OBJECT,
}

#: What ctrf.schema.json (as in the npm package ctrf 0.3.0) demands of what we write; what we never write is left
#: out, so that this is narrower: whatever is valid here is valid there.
_CTRF: Final = _closed(
    "reportFormat specVersion results",
    reportFormat={"const": "CTRF"},
    specVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
    reportId={"type": "string", "format": "uuid"},
    timestamp={"type": "string", "format": "date-time"},
    generatedBy=_TEXT,
    results=_closed(
        "tool summary tests",
        tool=_closed("name", name=_NAME, version=_TEXT),
        summary=_closed(
            "tests passed failed skipped pending other start stop",
            **dict.fromkeys(
                [
                    "tests",
                    "passed",
                    "failed",
                    "skipped",
                    "pending",
                    "other",
                    "flaky",
                    "suites",
                    "start",
                    "stop",
                    "duration",
                ],
                _COUNT,
            ),
            extra=_OBJECT,
        ),
        environment=_closed(
            "",
            **dict.fromkeys(
                [
                    "buildId",
                    "buildName",
                    "buildUrl",
                    "repositoryName",
                    "commit",
                    "branchName",
                    "osPlatform",
                    "osRelease",
                ],
                _TEXT,
            ),
            buildNumber=_COUNT,
            extra=_OBJECT,
        ),
        tests={
            "type": "array",
            "items": _closed(
                "name status duration",
                **_TOLD,
                id={"type": "string", "format": "uuid"},
                name=_NAME,
                suite={"type": "array", "minItems": 1, "items": _TEXT},
                rawStatus=_TEXT,
                tags=_TEXTS,
                filePath=_TEXT,
                threadId=_TEXT,
                flaky={"type": "boolean"},
                retries=_COUNT,
                retryAttempts={
                    "type": "array",
                    "items": _closed(
                        "attempt status", **_TOLD, attempt={"type": "integer", "minimum": 1}
                    ),
                },
            ),
        },
    ),
)
