"""A dispatch in a file says the same when it is read, and what is wrong with a file is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from records import made_up_run

from pytest_orchestra.errors import ReportError
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.dispatch import Conditions, Deed, Dispatch, Recording, Step
from pytest_orchestra.model.run import CaseRecord, PartRecord, RunRecord, WorkerRecord
from pytest_orchestra.model.shard import ShardRecord
from pytest_orchestra.model.surroundings import Surroundings
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.dispatch_file import (
    is_dispatch,
    read_recording,
    recording_of,
    write_dispatch,
)
from pytest_orchestra.reports.record_file import write_record

STEPS = (
    Step(Deed.JOINED, "gw0"),
    Step(Deed.JOINED, "gw1"),
    Step(Deed.RUN, "gw0", 0),
    Step(Deed.RUN, "gw1", 1),
    Step(Deed.ENDED, "gw0", 0, Verdict.PASSED),
    Step(Deed.AMENDED, "gw0", 0, Verdict.ERROR),
    Step(Deed.DOWN, "gw0", fixtures=(("db", "tests"), ("web", ""))),
    Step(Deed.LOST, "gw1", 1, Verdict.FAILED),
    Step(Deed.LOST, "gw0"),
)
NODEIDS = ('test_a.py::test_x[a-\ud800\n"]', "test_a.py::test_y", "test_a.py::test_blocked")


def run_of(*steps: Step, nodeids: tuple[str, ...] = NODEIDS) -> RunRecord:
    """Return a run that took these steps."""
    return RunRecord(
        cases=tuple(CaseRecord(CaseSpec(nodeid), Verdict.PASSED) for nodeid in nodeids),
        resources=(),
        workers=(WorkerRecord("gw0", 1, 0.0, 1.0, host="box"), WorkerRecord("gw1", 1, 0.0, 1.0)),
        edges=0,
        seconds=1.0,
        dispatch=Dispatch.of(steps),
        conditions=Conditions("7", "0", ("no:cacheprovider",)),
        surroundings=Surroundings(python="3.13.1", versions=(("pytest", "9.2.0"),)),
        shard=ShardRecord(1, 2, "abc", (3, 1), (1.0, 1.0)),
    )


def same(one: Recording, other: Recording) -> None:
    """Assert that two recordings tell the same story, whatever numbers they give to tests."""

    def told(recording: Recording) -> list[object]:
        nodeids = recording.nodeids
        return [
            (replace(step, case=None), None if step.case is None else nodeids[step.case])
            for step in recording.dispatch
        ]

    assert told(one) == told(other)
    assert sorted(one.nodeids) == sorted(other.nodeids)
    blank = {"nodeids": (), "dispatch": Dispatch()}
    assert replace(one, **blank) == replace(other, **blank)  # type: ignore[arg-type]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """By way of lines, and of the record of a run."""
    run = run_of(*STEPS)
    assert tuple(run.dispatch) == STEPS
    write_dispatch(run, tmp_path / "dispatch.jsonl")
    write_record(run, tmp_path / "record.json.gz")
    same(read_recording(tmp_path / "dispatch.jsonl"), recording_of(run))
    same(read_recording(tmp_path / "record.json.gz"), recording_of(run))
    assert is_dispatch(tmp_path / "dispatch.jsonl")
    assert not is_dispatch(tmp_path / "record.json.gz")


def test_it_is_small_and_readable(tmp_path: Path) -> None:
    """A line for each step, with the node id and the worker."""
    write_dispatch(run_of(*STEPS), tmp_path / "dispatch.jsonl")
    lines = (tmp_path / "dispatch.jsonl").read_text(encoding="ascii").splitlines()
    assert len(lines) == 1 + len(STEPS) + 1
    assert json.loads(lines[4]) == {"run": "test_a.py::test_y", "on": "gw1"}
    assert json.loads(lines[-1]) == {"left": "test_a.py::test_blocked"}


HEAD = {"format": "pytest-orchestra dispatch", "version": 1, "tests": 1, "hosts": {}}
HEAD |= {"conditions": {}, "surroundings": {}}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "is not the record of a run"),
        (["\x00"], "is not the record of a run"),
        (
            [{"tests": 3}],
            "is not a run that can be replayed; name a file that --orchestrate-record",
        ),
        ([HEAD | {"version": 9}], "has version 9 of the format, and this pytest-orchestra reads"),
        ([HEAD], "is damaged: it has 0 of 1 tests"),
        ([HEAD, {"left": "a"}, {"left": "b"}], "is damaged: it has 2 of 1 tests"),
        ([HEAD, {"ran": "a", "on": "gw0"}], 'a line that means nothing: {"ran": "a"'),
        ([HEAD, {"run": "a"}], "a line that means nothing"),
        ([HEAD, {"ended": "a", "on": "gw0"}], "a line that means nothing"),
        ([HEAD, {"lost": "gw0", "with": "a"}], "a line that means nothing"),
        ([HEAD, {"run": None, "on": "gw0"}], "a line that means nothing"),
        ([HEAD, {"run": 5, "on": "gw0"}], "is damaged: 5 is no name"),
        ([HEAD, {"joined": 7}, {"left": "a"}], "is damaged: 7 is no name"),
        ([HEAD, {"down": [["db", 7]], "on": "gw0"}, {"left": "a"}], "is damaged: 7 is no name"),
        ([HEAD | {"hosts": {"gw0": 5}}, {"left": "a"}], "is damaged: 5 is no name"),
        ([HEAD, {"ended": "a", "on": "gw0", "as": "well"}], "is damaged: 'well' is not a valid"),
        ([HEAD, '{"run": "a", "o'], "is damaged"),
        ([HEAD, ["run"]], "is damaged"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, lines: list[object], said: str) -> None:
    """With the path, and what to do."""
    path = tmp_path / "dispatch.jsonl"
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines))
    with pytest.raises(ReportError) as caught:
        read_recording(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (run_of(), "does not say what ran in which order"),
        (replace(run_of(*STEPS), parts=(PartRecord("a"), PartRecord("b"))), "merged from 2 runs"),
        (run_of(*STEPS, nodeids=("a",)), "is damaged: a step is of test 1 of 1"),
        (
            replace(run_of(*STEPS), dispatch=replace(Dispatch.of(STEPS), deeds="x" * 9)),
            "is damaged: no step of a run: 'x'",
        ),
        (
            replace(run_of(*STEPS), dispatch=replace(Dispatch.of(STEPS), verdicts=())),
            "is damaged: there are more ends than verdicts",
        ),
        (
            replace(run_of(*STEPS), dispatch=replace(Dispatch.of(STEPS), cases=(0,))),
            "is damaged: zip()",
        ),
    ],
)
def test_a_record_that_cannot_be_replayed(tmp_path: Path, run: RunRecord, said: str) -> None:
    """Since it is of several runs, of an older version, or was changed."""
    write_record(run, tmp_path / "record.json.gz")
    with pytest.raises(ReportError) as caught:
        read_recording(tmp_path / "record.json.gz")
    assert said in str(caught.value)


def test_a_torn_archive_is_said_to_be(tmp_path: Path) -> None:
    """As is a file that is not there."""
    path = tmp_path / "record.json.gz"
    write_record(made_up_run(5), path)
    path.write_bytes(path.read_bytes()[:100])
    for each in (path, tmp_path / "none"):
        with pytest.raises(ReportError, match="cannot be read"):
            read_recording(each)
