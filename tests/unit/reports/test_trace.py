"""Traces, against what the Trace Event Format demands."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from records import made_up_run
from reported import EPOCH, attempt, case, run

from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.requirement import Kind, Requirement
from pytest_orchestra.model.run import RunRecord, WorkerRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.trace import make_events, write_trace

Event = dict[str, Any]


def events(record: RunRecord, path: Path) -> list[Event]:
    """Return the events in the file of a run, all of which must be sound."""
    write_trace(record, path / "trace.json")
    found: list[Event] = json.loads((path / "trace.json").read_bytes())["traceEvents"]
    check(found)
    return found


def check(found: Iterable[Event]) -> None:
    """Fail if an event lacks what its kind needs, slices are not nested, or arrows and waits have no end."""
    slices = defaultdict(list)
    pairs: dict[tuple[str, Any], list[Event]] = defaultdict(list)
    for each in found:
        assert {"ph", "cat", "name", "pid", "tid", "ts"} <= each.keys()
        assert isinstance(each["pid"], int)
        assert isinstance(each["tid"], int)
        assert each["ts"] >= 0
        each["name"].encode()
        match each["ph"]:
            case "X":
                slices[each["pid"], each["tid"]].append(each)
            case "b" | "e" | "s" | "f":
                pairs[each["cat"], each["id"]].append(each)
            case kind:
                assert kind in {"M", "C"}
    for lane in slices.values():
        check_nesting(lane)
    for begin, end in pairs.values():
        assert (begin["ph"], end["ph"]) in {("b", "e"), ("s", "f")}
        assert begin["ts"] <= end["ts"]
        assert begin["name"] == end["name"]
    for begin, end in pairs.values():
        for arrow in (begin, end) if begin["ph"] == "s" else ():
            assert any(
                each["ts"] <= arrow["ts"] <= each["ts"] + each["dur"]
                for each in slices[arrow["pid"], arrow["tid"]]
            )


def check_nesting(lane: list[Event]) -> None:
    """Fail if two slices overlap, and neither holds the other."""
    open_until: list[float] = []
    for each in lane:
        while open_until and each["ts"] >= open_until[-1] - 0.05:
            open_until.pop()
        end = each["ts"] + each["dur"]
        assert not open_until or end <= open_until[-1] + 0.15
        open_until.append(end)


def of(kind: str, found: Iterable[Event]) -> list[Event]:
    """Return the events of one kind."""
    return [each for each in found if each["ph"] == kind]


def test_a_lane_for_each_worker_of_each_host(tmp_path: Path) -> None:
    """Hosts are processes, workers threads, and both have their names."""
    workers = (
        WorkerRecord("gw0", 1, 1.0, 4.0, host="a"),
        WorkerRecord("gw1", 1, 1.0, 4.0, host="b"),
    )
    cases = [
        case(Verdict.PASSED, attempt(Verdict.PASSED, worker=name), nodeid=f"a.py::test_{name}")
        for name in ("gw0", "gw1")
    ]
    found = events(run(*cases, workers=workers), tmp_path)
    names = {(each["pid"], each["tid"]): each["args"]["name"] for each in of("M", found)}
    assert [
        (names[each["pid"], each["tid"]], names[each["pid"], 0]) for each in of("X", found)
    ] == [
        ("gw0", "a"),
        ("gw1", "b"),
    ]


def test_phases_stand_in_their_test(tmp_path: Path) -> None:
    """Setup, call and teardown follow each other inside of it, where the first and last are not tiny."""
    long = attempt(Verdict.PASSED, 0.5, setup=0.25, teardown=0.125)
    found = of("X", events(run(case(Verdict.PASSED, long)), tmp_path))
    assert [(each["name"], each["ts"], each["dur"]) for each in found] == [
        ("test", 1e6, 875_000),
        ("setup", 1e6, 250_000),
        ("call", 1.25e6, 500_000),
        ("teardown", 1.75e6, 125_000),
    ]


def test_attempts_that_would_overlap_are_cut(tmp_path: Path) -> None:
    """Times that were rounded, or are another clock's, do not break the nesting."""
    first = attempt(Verdict.FAILED, 0.5, started=EPOCH + 1, setup=0.001)
    second = attempt(Verdict.PASSED, 0.5, started=EPOCH + 1.4, setup=0.001)
    early = attempt(Verdict.PASSED, 0.5, started=EPOCH - 1)
    found = events(run(case(Verdict.FLAKY, first, second), case(Verdict.PASSED, early)), tmp_path)
    tests = [each for each in of("X", found) if each["cat"] == "test"]
    assert [each["args"].get("attempt") for each in tests] == [None, 1, 2]
    assert all(a["ts"] + a["dur"] <= b["ts"] for a, b in pairwise(tests))
    assert tests[1]["cname"] == "terrible"


def test_waits_last_until_the_test_is_given_out(tmp_path: Path) -> None:
    """Only waits for what is scarce are shown, by what it is."""
    waiting = case(Verdict.PASSED, refused_at=0.25, waited_for="db")
    found = events(run(waiting, case(Verdict.PASSED)), tmp_path)
    (begin,), (end,) = of("b", found), of("e", found)
    assert (begin["name"], begin["ts"], end["ts"]) == ("for 'db'", 0.25e6, 1e6)


def test_tokens_are_counted(tmp_path: Path) -> None:
    """What is given back at the moment at which another takes it is not in use twice."""
    cases = [
        case(
            Verdict.PASSED,
            attempt(Verdict.PASSED, 0.5, started=EPOCH + at),
            assigned_at=at,
            seconds=0.5,
            leases=(Lease("db", 1),),
        )
        for at in (1.0, 1.25, 1.5)
    ]
    found = of("C", events(run(*cases), tmp_path))
    assert [(each["ts"] / 1e6, each["args"]["in use"]) for each in found] == [
        (0.0, 0),
        (1.0, 1),
        (1.25, 2),
        (1.5, 2),
        (1.75, 1),
        (2.0, 0),
    ]


def test_an_arrow_from_what_was_waited_for(tmp_path: Path) -> None:
    """Of several prerequisites it is the one that ended last; what takes tokens has no arrow."""
    needs = (
        Requirement(Kind.DEPENDENCY, "a.py", (0, 1, 3)),
        Requirement(Kind.RESOURCE, "db", amount="1"),
    )
    cases = (
        case(Verdict.PASSED, attempt(Verdict.PASSED, 0.5, "gw0", started=EPOCH + 1)),
        case(Verdict.PASSED, attempt(Verdict.PASSED, 0.75, "gw1", started=EPOCH + 1)),
        case(
            Verdict.PASSED,
            attempt(Verdict.PASSED, 0.5, "gw0", started=EPOCH + 2),
            requirements=needs,
        ),
        case(Verdict.NOT_RUN),
        case(Verdict.NOT_RUN, requirements=needs),
    )
    found = events(run(*cases), tmp_path)
    (begin,), (end,) = of("s", found), of("f", found)
    assert (begin["tid"], end["tid"], end["ts"], end["bp"]) == (2, 1, 2e6, "e")


def test_large_and_hostile_runs_are_sound(tmp_path: Path) -> None:
    """Lanes, waits, tokens and arrows hold whatever the tests are called."""
    found = events(made_up_run(3000, is_hostile=True), tmp_path)
    assert {each["ph"] for each in found} == set("MXCbesf")
    assert max(each["args"]["in use"] for each in of("C", found)) == 2


def test_many_prerequisites_of_many_tests_are_looked_at_once() -> None:
    """Ten thousand tests that each depend on the same ten thousand have ten thousand arrows."""
    size = 10_000
    need = (Requirement(Kind.ORDER, "*", tuple(range(size))),)
    first = [case(Verdict.PASSED, attempt(Verdict.PASSED, 0.5)) for _ in range(size)]
    last = [
        case(Verdict.PASSED, attempt(Verdict.PASSED, 0.5, started=EPOCH + 9), requirements=need)
        for _ in range(size)
    ]
    found = list(make_events(run(*first, *last)))
    assert len(of("s", found)) == len(of("f", found)) == size
