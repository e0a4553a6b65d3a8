"""A run as a trace for Perfetto and chrome://tracing, in the Trace Event Format.

A process for each host and a thread for each worker in it; one more process for what tests waited
for, one for the tokens in use, and one for stages, in which each is a thread.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeAlias

from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.requirement import Kind, Requirement
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.reports.files import replacing
from pytest_orchestra.reports.names import split_names
from pytest_orchestra.reports.outcomes import is_bad
from pytest_orchestra.reports.stages import stage_stories, word
from pytest_orchestra.reports.text import encodable, shorten
from pytest_orchestra.reports.times import instant
from pytest_orchestra.scheduling.explain import waited_for_text

Event: TypeAlias = dict[str, Any]

#: Setup, call and teardown are shown where setup and teardown took this many seconds together; else the
#: call is as good as the whole, and the three would be most of the file.
SHORTEST_AROUND: Final = 0.001
#: Waits shorter than this many seconds are left out.
SHORTEST_WAIT: Final = 0.001

_MICROSECONDS: Final = 1e6
_MOST_NAME: Final = 200

#: Which requirements on other tests get an arrow.
_ARROWS: Final = frozenset({Kind.DATA, Kind.DEPENDENCY, Kind.ORDER})


@dataclass(frozen=True, slots=True)
class _Span:
    """An attempt in its worker's lane; ``began`` and ``ended`` in seconds since the run began."""

    case: int
    number: int
    attempt: Attempt
    began: float
    ended: float


def write_trace(run: RunRecord, path: Path) -> tuple[Path, ...]:
    """Write the trace to ``path``, an event in each line; returns the path. Raises OSError."""
    encode = json.JSONEncoder(separators=(",", ":")).encode
    about = {"run began": instant(run.started), "tests": len(run.cases)}
    with replacing(path) as file:
        file.write(f'{{"displayTimeUnit":"ms","otherData":{encode(about)},"traceEvents":['.encode())
        separator = b"\n"
        for event in make_events(run):
            file.write(separator + encode(event).encode())
            separator = b",\n"
        file.write(b"\n]}\n")
    return (path,)


def make_events(run: RunRecord) -> Iterator[Event]:
    """Return the events of a run; those of a lane are in their order, and none overlap."""
    lanes = _Lanes(run)
    spans = _spans(run)
    yield from lanes.names()
    for worker in sorted(spans, key=lambda name: lanes.place(name)["tid"]):
        place = lanes.place(worker)
        for span in spans[worker]:
            yield from _slices(run.cases[span.case], span, place)
    yield from _waits(run, lanes.waits)
    yield from _tokens(run, lanes.tokens)
    yield from _stages(run, lanes.stages)
    yield from _arrows(run, spans, lanes)


class _Lanes:
    """Gives each host a number as a process, and each worker one as a thread."""

    def __init__(self, run: RunRecord) -> None:
        names = dict.fromkeys(worker.name for worker in run.workers)
        for case in run.cases:
            names.update(dict.fromkeys(each.worker for each in case.attempts))
        host_of = {worker.name: worker.host for worker in run.workers}
        hosts = list(dict.fromkeys(host_of.get(name, "") for name in names)) or [""]
        self._hosts = hosts
        self._default = run.surroundings.host or "workers"
        self._places = {
            name: {"pid": 1 + hosts.index(host_of.get(name, "")), "tid": 1 + number}
            for number, name in enumerate(names)
        }
        self.waits = len(hosts) + 1
        self.tokens = len(hosts) + 2
        self.stages = len(hosts) + 3

    def place(self, worker: str) -> Mapping[str, int]:
        """Return the process and the thread that stand for ``worker``."""
        return self._places[worker]

    def names(self) -> Iterator[Event]:
        """Return the events that give all of them their names."""
        for number, host in enumerate(self._hosts, 1):
            yield _named("process_name", {"pid": number, "tid": 0}, host or self._default)
        for worker, place in self._places.items():
            yield _named("thread_name", place, worker or "worker")
        yield _named("process_name", {"pid": self.waits, "tid": 0}, "waiting")
        yield _named("process_name", {"pid": self.tokens, "tid": 0}, "tokens in use")


def _named(what: str, place: Mapping[str, int], name: str) -> Event:
    # Some readers split the category of every event, also of these.
    event = {"ph": "M", "cat": "__metadata", "name": what, **place, "ts": 0}
    return event | {"args": {"name": encodable(name)}}


def _spans(run: RunRecord) -> dict[str, list[_Span]]:
    """Return each worker's attempts in the order of time, cut so that none overlap.

    Clocks of hosts differ, and times are rounded: what is cut off are microseconds.
    """
    spans: dict[str, list[_Span]] = {}
    for index, case in enumerate(run.cases):
        for number, attempt in enumerate(case.attempts, 1):
            if attempt.started is not None:
                began = max(0.0, attempt.started - run.started)
                span = _Span(index, number, attempt, began, began + attempt.seconds)
                spans.setdefault(attempt.worker, []).append(span)
    for lane in spans.values():
        lane.sort(key=lambda span: span.began)
        lane[:-1] = [
            one if one.ended <= other.began else replace(one, ended=other.began)
            for one, other in pairwise(lane)
        ]
    return spans


def _slices(case: CaseRecord, span: _Span, place: Mapping[str, int]) -> Iterator[Event]:
    nodeid = encodable(shorten(case.spec.nodeid, 1000))
    arguments: Event = {"test": nodeid, "verdict": span.attempt.verdict}
    if len(case.attempts) > 1:
        arguments["attempt"] = span.number
    event = _slice(_short(case), "test", span.began, span.ended, place)
    if is_bad(span.attempt):
        event["cname"] = "terrible"
    yield {**event, "args": arguments}
    if (span.attempt.setup or 0.0) + (span.attempt.teardown or 0.0) < SHORTEST_AROUND:
        return
    began = span.began
    for phase in ("setup", "call", "teardown"):
        seconds = getattr(span.attempt, phase)
        if seconds is not None and began < span.ended:
            ended = min(began + seconds, span.ended)
            yield _slice(phase, "phase", began, ended, place)
            began = ended


def _slice(name: str, category: str, began: float, ended: float, place: Mapping[str, int]) -> Event:
    at = _micro(began)
    duration = round(_micro(ended) - at, 1)
    return {"ph": "X", "name": name, "cat": category, "ts": at, "dur": duration, **place}


def _micro(seconds: float) -> float:
    return round(seconds * _MICROSECONDS, 1)


def _short(case: CaseRecord) -> str:
    return encodable(shorten(split_names(case.spec.nodeid)[-1], _MOST_NAME)) or "?"


def _waits(run: RunRecord, process: int) -> Iterator[Event]:
    for number, case in enumerate(run.cases, 1):
        if case.held_up < SHORTEST_WAIT or case.refused_at is None or case.assigned_at is None:
            continue
        what = waited_for_text(case.waited_for, alone=case.spec.alone)
        event = {
            "name": encodable(f"for {what}"),
            "cat": "wait",
            "id": number,
            "pid": process,
            "tid": 0,
        }
        test = {"test": encodable(shorten(case.spec.nodeid, 1000))}
        yield {"ph": "b", "ts": _micro(case.refused_at), **event, "args": test}
        yield {"ph": "e", "ts": _micro(case.assigned_at), **event}


def _tokens(run: RunRecord, process: int) -> Iterator[Event]:
    """Return how much of each resource was in use whenever that changed."""
    changes: dict[str, list[tuple[float, int]]] = {}
    for case in run.cases:
        if not case.leases or case.assigned_at is None:
            continue
        # The controller gave them out, so this is its clock: another's could show more than there are.
        began, ended = case.assigned_at, case.assigned_at + (case.seconds or 0.0)
        for lease in case.leases:
            of = changes.setdefault(lease.resource, [])
            of += ((began, lease.amount), (ended, -lease.amount))
    for resource, of in sorted(changes.items()):
        # At one moment what is given back counts first, and sorts first.
        of.sort()
        name = encodable(resource)
        yield _counter(name, 0.0, 0, process)
        in_use = 0
        for position, (at, change) in enumerate(of, 1):
            in_use += change
            if position == len(of) or of[position][0] > at:
                yield _counter(name, at, in_use, process)


def _counter(name: str, at: float, in_use: int, process: int) -> Event:
    event = {"ph": "C", "cat": "tokens", "name": name, "ts": _micro(at), "pid": process, "tid": 0}
    return event | {"args": {"in use": in_use}}


def _stages(run: RunRecord, process: int) -> Iterator[Event]:
    """Return a slice for each stage that opened, with what became of it."""
    found = stage_stories(run)
    if found:
        yield _named("process_name", {"pid": process, "tid": 0}, "stages")
    for thread, stage in enumerate(found, 1):
        place = {"pid": process, "tid": thread}
        name = encodable(shorten(stage.spec.name, _MOST_NAME))
        yield _named("thread_name", place, name)
        opened, ended = stage.record.opened_at, stage.record.ended_at
        if opened is None:
            continue
        until = max(opened, run.seconds if ended is None else ended)
        event = _slice(name, "stage", opened, until, place)
        if stage.record.has_failed:
            event["cname"] = "terrible"
        gate = {
            encodable(f"{check.criterion} {word(check)}"): encodable(check.detail)
            for check in stage.record.checks
        }
        yield {**event, "args": {"verdicts": stage.tally, "how": encodable(stage.plan), **gate}}


def _arrows(run: RunRecord, spans: Mapping[str, Iterable[_Span]], lanes: _Lanes) -> Iterator[Event]:
    """Return an arrow to each dependent test from the one that it waited for the longest.

    For each requirement one: of a test that depends on a thousand others the rest says nothing.
    """
    first: dict[int, _Span] = {}
    last: dict[int, _Span] = {}
    for lane in spans.values():
        for span in lane:
            if span.case not in first or span.number < first[span.case].number:
                first[span.case] = span
            if span.case not in last or span.number > last[span.case].number:
                last[span.case] = span
    latest = _Latest(last)
    number = 0
    for index, case in enumerate(run.cases):
        end = first.get(index)
        for requirement in case.requirements if end is not None else ():
            begin = latest.of(requirement)
            if begin is None or end is None or begin.ended > end.began:
                continue
            number += 1
            event = {"name": requirement.kind, "cat": "dependency", "id": number}
            # An arrow hangs on the slice that is there at its time: the end itself is outside.
            inside = max(begin.began, begin.ended - 1e-6)
            yield {"ph": "s", "ts": _micro(inside), **event, **lanes.place(begin.attempt.worker)}
            at = _micro(end.began)
            yield {"ph": "f", "bp": "e", "ts": at, **event, **lanes.place(end.attempt.worker)}


class _Latest:
    """Finds the prerequisite that ended last, once for all tests that have the same ones."""

    def __init__(self, last: Mapping[int, _Span]) -> None:
        self._last = last
        self._known: dict[int, _Span | None] = {}

    def of(self, requirement: Requirement) -> _Span | None:
        """Return it, None where there is none that ran."""
        if requirement.kind not in _ARROWS or not requirement.cases:
            return None
        key = id(requirement.cases)  # the record keeps them, so that no other has the same
        if key not in self._known:
            found = [self._last[case] for case in requirement.cases if case in self._last]
            self._known[key] = max(found, key=lambda span: span.ended, default=None)
        return self._known[key]
