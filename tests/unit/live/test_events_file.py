from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_orchestra.live.events_file import (
    VERSION,
    EventsFile,
    first_line,
    open_to_append,
    read_events,
)
from pytest_orchestra.model.attempt import Failure
from pytest_orchestra.model.moments import (
    CaseAmended,
    CaseBegan,
    CaseEnded,
    CaseLeft,
    GateJudged,
    Moment,
    RunBegan,
    RunEnded,
    RunStopping,
    WorkerCame,
    WorkerWent,
)
from pytest_orchestra.model.stage import OnFail
from pytest_orchestra.model.verdict import Verdict

FAILURE = Failure("call", "ValueError", "no such user\nat all", "text")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is to be."""
    return tmp_path / "events.jsonl"


@pytest.fixture
def events(path: Path) -> Iterator[EventsFile]:
    """Return an open file."""
    descriptor = open_to_append(path)
    yield EventsFile(descriptor, "r1", lambda case: f"a.py::test_{case}")
    os.close(descriptor)


@pytest.mark.parametrize(
    ("moment", "event", "keys"),
    [
        (RunBegan(7, 2), "run_started", {"version": VERSION, "tests": 7, "workers": 2}),
        (WorkerCame("gw0", ""), "worker_joined", {"worker": "gw0"}),
        (WorkerCame("gw0", "pi"), "worker_joined", {"worker": "gw0", "host": "pi"}),
        (WorkerWent("gw0"), "worker_left", {"worker": "gw0"}),
        (
            CaseBegan(1, "gw0", 2),
            "test_started",
            {"test": "a.py::test_1", "worker": "gw0", "attempt": 2},
        ),
        (
            CaseEnded(1, Verdict.PASSED, 0.25, "gw0", 1, 17.5),
            "test_finished",
            {
                "test": "a.py::test_1",
                "verdict": "passed",
                "seconds": 0.25,
                "worker": "gw0",
                "attempt": 1,
                "began": 17.5,
            },
        ),
        (
            CaseEnded(1, Verdict.FAILED, 0.25, "gw0", 1, None, FAILURE, again=True),
            "test_finished",
            {
                "test": "a.py::test_1",
                "verdict": "failed",
                "seconds": 0.25,
                "worker": "gw0",
                "attempt": 1,
                "again": True,
                "message": "ValueError: no such user",
            },
        ),
        (
            CaseLeft(1, Verdict.BLOCKED, "blocked: a.py::test_0 failed"),
            "test_not_run",
            {
                "test": "a.py::test_1",
                "verdict": "blocked",
                "reason": "blocked: a.py::test_0 failed",
            },
        ),
        (
            CaseAmended(1, Verdict.ERROR, Verdict.PASSED, FAILURE),
            "test_amended",
            {
                "test": "a.py::test_1",
                "verdict": "error",
                "was": "passed",
                "message": "ValueError: no such user",
            },
        ),
        (
            CaseAmended(1, Verdict.FAILED, None),
            "test_amended",
            {"test": "a.py::test_1", "verdict": "failed"},
        ),
        (
            GateJudged("smoke", 1.23456, {Verdict.PASSED: 3}),
            "gate",
            {"stage": "smoke", "state": "passed", "seconds": 1.235, "counts": {"passed": 3}},
        ),
        (
            GateJudged("smoke", 1.0, {Verdict.FAILED: 1}, ("too many", "too slow"), OnFail.HALT),
            "gate",
            {
                "stage": "smoke",
                "state": "failed",
                "seconds": 1.0,
                "counts": {"failed": 1},
                "reason": "too many; too slow",
                "on_fail": "halt",
            },
        ),
        (
            GateJudged("smoke", 1.0, {}, ("too many",), had_passed=True),
            "gate",
            {
                "stage": "smoke",
                "state": "failed",
                "was": "passed",
                "seconds": 1.0,
                "counts": {},
                "reason": "too many",
            },
        ),
        (RunStopping("maxfail"), "run_stopping", {"reason": "maxfail"}),
        (
            RunEnded(1.5, {Verdict.PASSED: 7}, None),
            "run_ended",
            {"seconds": 1.5, "counts": {"passed": 7}},
        ),
        (
            RunEnded(1.5, {Verdict.NOT_RUN: 7}, "maxfail"),
            "run_ended",
            {"seconds": 1.5, "counts": {"not run": 7}, "stopped": "maxfail"},
        ),
    ],
)
def test_each_moment_is_a_line(
    events: EventsFile, path: Path, moment: Moment, event: str, keys: dict[str, object]
) -> None:
    """With its name, the time and the run."""
    events.write([moment], 1700000000.1234)
    (line,) = read_events(path)
    assert line == {"event": event, "at": 1700000000.123, "run": "r1", **keys}


def test_a_file_is_only_appended_to(path: Path) -> None:
    """What earlier runs wrote stays, and a line that one could not finish does not spoil the next."""
    path.write_text('{"event": "a"}\n{"event": "cut o')
    descriptor = open_to_append(path)
    EventsFile(descriptor, "r2", str).write([RunStopping("x"), WorkerWent("gw0")], 1.0)
    os.close(descriptor)
    lines = path.read_text().splitlines()
    assert lines[:2] == ['{"event": "a"}', '{"event": "cut o']
    assert len(lines) == 4


def test_a_line_that_is_not_finished_yet_is_not_read(path: Path) -> None:
    """Whoever follows the file sees whole events."""
    path.write_text('{"event": "a"}\n{"event": "cut o')
    assert list(read_events(path)) == [{"event": "a"}]


def test_runs_may_share_a_file(path: Path) -> None:
    """Each writes at its end, wherever that is by then."""
    first, second = open_to_append(path), open_to_append(path)
    for descriptor, name in ((first, "r1"), (second, "r2"), (first, "r1")):
        EventsFile(descriptor, name, str).write([WorkerWent("gw0")], 1.0)
    os.close(first)
    os.close(second)
    assert [event["run"] for event in read_events(path)] == ["r1", "r2", "r1"]


def test_what_cannot_be_looked_into_can_be_written_to() -> None:
    """A device or a pipe has no end that could be looked at."""
    descriptor = open_to_append(Path(os.devnull))
    EventsFile(descriptor, "r1", str).write([WorkerWent("gw0")], 1.0)
    os.close(descriptor)


def test_names_can_be_anything(path: Path) -> None:
    """Lone surrogates and line feeds are escaped: a line is a line."""
    descriptor = open_to_append(path)
    EventsFile(descriptor, "r1", lambda _: "t[\ud800\n]").write([CaseBegan(0, "gw0", 1)], 1.0)
    os.close(descriptor)
    assert path.read_bytes().count(b"\n") == 1
    (event,) = read_events(path)
    assert event["test"] == "t[\ud800\n]"


@pytest.mark.parametrize(
    ("kind", "message", "line"),
    [
        ("ValueError", "no\nyes", "ValueError: no"),
        ("ValueError", "", "ValueError"),
        ("", "worker 'gw0' crashed", "worker 'gw0' crashed"),
        ("", "", ""),
        ("", "x" * 31, "x" * 29 + "…"),
    ],
)
def test_a_failure_is_told_in_a_line(kind: str, message: str, line: str) -> None:
    """Its name, the first line of what it says, and not too much of that."""
    assert first_line(Failure("call", kind, message, ""), most=30) == line
