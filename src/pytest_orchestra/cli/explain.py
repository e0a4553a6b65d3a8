"""``pytest-orchestra explain``: why a test started when it did."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pytest_orchestra.advice.hindsight import Hindsight, look_back
from pytest_orchestra.advice.readiness import SHORTEST, Stay
from pytest_orchestra.cli import project
from pytest_orchestra.cli.console import say
from pytest_orchestra.cli.flaky_report import write_data
from pytest_orchestra.cli.project import CommandError, Project
from pytest_orchestra.model.capacity import Scope
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.forms import FORMS
from pytest_orchestra.reports.last_run import last_run_path
from pytest_orchestra.reports.record_file import read_record
from pytest_orchestra.scheduling.explain import blocked_text, waited_for_text
from pytest_orchestra.scheduling.pool import EXCLUSIVE

EPILOG: Final = """\
examples:
  pytest-orchestra explain tests/test_cart.py::test_total
  pytest-orchestra explain test_total build/report/record.json.gz --json

What could have been gained is the most that it may be: whether other tests would have come in between
nobody can know. Before a run, pytest --orchestrate-explain NODEID says why a test has its place in the order.

exit codes: 0 explained; 2 wrong use, no such test, or no record of a run
"""

#: So many tests of one kind are named, and so many names are suggested.
_MOST: Final = 8
_SUGGESTED: Final = 3

#: What a worker takes to begin with what it was given is worth a line from so many seconds on.
_LATE: Final = 0.01


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be given on the command line."""
    project.add_options(parser)
    parser.add_argument(
        "nodeid", help="the test: its node id, or an end or a part of one that no other has"
    )
    parser.add_argument(
        "record",
        nargs="?",
        type=Path,
        help="record.json.gz of a run (default: the last run of the project that was kept)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, and nothing else, on standard output"
    )


def act(options: argparse.Namespace) -> int:
    """Do what ``options`` say."""
    path = options.record or _last_record(Project.find(options))
    run = read_record(path)
    case = find(options.nodeid, [each.spec.nodeid for each in run.cases], path)
    found = look_back(run, case)
    if options.json:
        write_data(to_data(run, found))
    else:
        say(lines(run, found, path))
    return 0


def _last_record(place: Project) -> Path:
    """Return the record that was written last; raises CommandError where there is none."""
    folder = place.settings.report
    usual = [last_run_path(place.root)]
    if folder is not None:
        usual.append(place.root / Path(folder).expanduser() / FORMS["json"].file)
    there = [path for path in usual if path.is_file()]
    if not there:
        raise CommandError(
            f"there is no record of a run at {usual[-1]}: run pytest --orchestrate first (a run of very many "
            "tests a second is not kept by itself: add --orchestrate-json=PATH), or name a record.json.gz"
        )
    return max(there, key=lambda path: path.stat().st_mtime)


def find(wanted: str, nodeids: Sequence[str], path: Path) -> int:
    """Return the number of the test that is ``wanted``; raises CommandError with what is near."""
    if wanted in nodeids:
        return nodeids.index(wanted)
    ends = [number for number, nodeid in enumerate(nodeids) if nodeid.endswith(f"::{wanted}")]
    parts = ends or [number for number, nodeid in enumerate(nodeids) if wanted in nodeid]
    if len(parts) == 1:
        return parts[0]
    if parts:
        names = _named([nodeids[number] for number in parts])
        raise CommandError(f"{wanted!r} may be any of {len(parts)} tests: {names}")
    bare = {nodeid.rpartition("::")[2]: nodeid for nodeid in nodeids}
    near = get_close_matches(wanted, nodeids, _SUGGESTED)
    near += [bare[name] for name in get_close_matches(wanted.rpartition("::")[2], bare, _SUGGESTED)]
    suggested = list(dict.fromkeys(near))[:_SUGGESTED]
    hint = (
        f"; did you mean {' or '.join(suggested)}?"
        if suggested
        else f"; it has {len(nodeids)} others"
    )
    raise CommandError(f"{path} has no test {wanted!r}{hint}")


def lines(run: RunRecord, found: Hindsight, path: Path) -> Iterator[str]:
    """Yield what is to be said of a test."""
    record = found.record
    nodeid = record.spec.nodeid
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started)) if run.started else "?"
    yield f"{nodeid}: {_outcome(found)}"
    workers = max(1, len(run.workers))
    yield f"in the run of {started} on {workers} {'worker' if workers == 1 else 'workers'} ({path})"
    yield ""
    if found.given is None:
        yield from _never(run, found)
        return
    yield from _steps(run, found)
    yield ""
    yield from _what_if(found)


def _outcome(found: Hindsight) -> str:
    record = found.record
    if found.began is None:
        return str(record.verdict)
    took = "" if record.seconds is None else f" and took {record.seconds:.2f} s"
    return f"{record.verdict} on {record.worker}, where it began after {found.began:.2f} s{took}"


def _never(run: RunRecord, found: Hindsight) -> Iterator[str]:
    cause = found.record.cause
    if found.ready is not None:
        yield _at(found.ready, "it was ready")
    if cause is None:
        yield "it never began"
    elif found.record.verdict is Verdict.BLOCKED:
        yield f"it never began: {blocked_text(cause, lambda case: _name(run, case))}"
    else:
        yield f"it never began: {cause.reason}"


def _steps(run: RunRecord, found: Hindsight) -> Iterator[str]:
    """Yield what happened, in its order."""
    record = found.record
    assert found.given is not None  # noqa: S101 - who never began has no such story
    for number, attempt in enumerate(found.attempts[:-1], 1):
        at = 0.0 if attempt.started is None else attempt.started - run.started
        yield _at(
            at, f"attempt {number} {attempt.verdict} on {attempt.worker}, so it was tried again"
        )
    yield from _ready(run, found)
    until = found.given if found.refused is None else found.refused
    if found.ready is not None and until - found.ready > SHORTEST:
        yield _at(
            found.ready, f"waited {until - found.ready:.2f} s for a free worker, while these ran:"
        )
        yield from _stays(run, found.busy)
        if found.overtaken:
            tests = "test was" if found.overtaken == 1 else "tests were"
            yield _indented(f"{found.overtaken} {tests} given to workers meanwhile, before it")
    if found.refused is not None:
        what = waited_for_text(found.resource, alone=record.spec.alone)
        held = _held(run, found)
        yield _at(found.refused, f"waited {found.given - found.refused:.2f} s for {what}{held}")
        yield from _stays(run, found.holders)
        others = _held_otherwise(run, found)
        if found.holders and others and found.holders_end < found.given - SHORTEST:
            yield _indented(f"from {found.holders_end:.2f} s on {others}")
    yield _at(found.given, f"given to {record.worker}")
    late = _LATE if not found.was_sent_ahead else SHORTEST
    if found.began is not None and found.began - found.given > late:
        why = ", since it had been sent there ahead of time" if found.was_sent_ahead else ""
        yield _at(found.began, f"began{why}")
    if found.began is not None and record.seconds is not None:
        yield _at(found.began + record.seconds, str(record.verdict))


def _ready(run: RunRecord, found: Hindsight) -> Iterator[str]:
    if found.ready is None:
        return
    if len(found.attempts) > 1:
        yield _at(found.ready, "ready to be tried again")
    elif found.turn is not None:
        name, worker = _name(run, found.turn.case), found.turn.worker
        turn = f"its turn in the stage {found.stage!r}, since {name} was over ({worker})"
        yield _at(found.ready, f"ready: {turn}")
    elif found.stage is not None:
        yield _at(found.ready, f"ready: the stage {found.stage!r} had opened")
    elif found.chain:
        for stay in found.chain[:-1]:
            yield _at(stay.end, f"{_name(run, stay.case)} was over ({stay.worker})")
        last, others = found.chain[-1], found.prerequisites - 1
        of = f", the last of {found.prerequisites} that it comes after" if others else ""
        yield _at(found.ready, f"ready: {_name(run, last.case)} was over ({last.worker}){of}")
    elif found.ready <= SHORTEST:
        yield _at(found.ready, "ready from the beginning")
    else:
        yield _at(found.ready, "ready")


def _held(run: RunRecord, found: Hindsight) -> str:
    """Return what goes on from the name of what was lacking: who had it."""
    if not found.holders:
        others = _held_otherwise(run, found)
        return f": {others}" if others else ""
    return ", while these ran:" if found.resource == EXCLUSIVE else ", which these had:"


def _held_otherwise(run: RunRecord, found: Hindsight) -> str:
    """Say who had what was lacking where no test had it."""
    known = next((each for each in run.resources if each.name == found.resource), None)
    if known is not None and known.scope is Scope.MACHINE:
        return "other runs on the machine had it"
    keeps = any(
        claim.resource == found.resource
        for case in run.cases
        for hold in case.spec.holds
        if hold.scope is not None
        for claim in hold.claims
    )
    return "fixtures kept it that were still up" if keeps else ""


def _stays(run: RunRecord, stays: Sequence[Stay]) -> Iterator[str]:
    latest = sorted(stays, key=lambda stay: -stay.end)
    for stay in sorted(latest[:_MOST], key=lambda stay: (stay.start, stay.end)):
        amount = f", {stay.amount} of it" if stay.amount > 1 else ""
        yield _indented(
            f"{_name(run, stay.case)} on {stay.worker}, {stay.start:.2f} to {stay.end:.2f} s{amount}"
        )
    if len(stays) > _MOST:
        yield _indented(f"and {len(stays) - _MOST} before them")


def _what_if(found: Hindsight) -> Iterator[str]:
    if not found.remedies:
        yield "nothing would have made it start earlier"
        return
    yield "it would have started earlier, by so much at most, with"
    for remedy in found.remedies[:_MOST]:
        yield f"  {remedy.seconds:6.2f} s  {remedy.what}"


def _at(seconds: float, text: str) -> str:
    return f"{seconds:8.2f} s  {text}"


def _indented(text: str) -> str:
    return f"{'':14}{text}"


def _name(run: RunRecord, case: int) -> str:
    return run.cases[case].spec.nodeid


def _named(nodeids: Sequence[str]) -> str:
    more = len(nodeids) - _MOST
    return ", ".join(nodeids[:_MOST]) + (f" and {more} more" if more > 0 else "")


def to_data(run: RunRecord, found: Hindsight) -> dict[str, Any]:
    """Return the same for programs; times are seconds since the run began."""
    record = found.record

    def told(stays: Sequence[Stay]) -> list[dict[str, Any]]:
        return [
            {
                "test": _name(run, stay.case),
                "worker": stay.worker,
                "start": stay.start,
                "end": stay.end,
                "amount": stay.amount,
            }
            for stay in stays
        ]

    return {
        "test": record.spec.nodeid,
        "verdict": str(record.verdict),
        "worker": record.worker,
        "cause": None if record.cause is None else record.cause.reason,
        "ready": found.ready,
        "refused": found.refused,
        "given": found.given,
        "began": found.began,
        "seconds": record.seconds,
        "attempts": [
            {"verdict": str(each.verdict), "worker": each.worker} for each in found.attempts
        ],
        "waited_for": found.resource,
        "stage": found.stage,
        "turn_after": None if found.turn is None else _name(run, found.turn.case),
        "chain": told(found.chain),
        "holders": told(found.holders),
        "busy": told(found.busy),
        "overtaken": found.overtaken,
        "remedies": [{"what": each.what, "seconds": each.seconds} for each in found.remedies],
    }
