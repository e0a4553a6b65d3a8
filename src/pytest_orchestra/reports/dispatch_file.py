"""What it takes to run a run again, in a file: lines of JSON that people can read; or out of a record."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from pytest_orchestra.errors import ForeignFileError, ReportError
from pytest_orchestra.model.dispatch import Conditions, Deed, Dispatch, Recording, Step
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.shard import ShardRecord
from pytest_orchestra.model.surroundings import Surroundings
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.codec import codec_of
from pytest_orchestra.reports.files import replacing
from pytest_orchestra.reports.record_file import read_record

FORMAT: Final = "pytest-orchestra dispatch"
#: Counted up when a reader of an older version would misunderstand the file.
VERSION: Final = 1

#: Steps in a line that has the test under the name of the deed.
_OF_CASES: Final = (Deed.RUN, Deed.ENDED, Deed.AMENDED)

_GZIP: Final = b"\x1f\x8b"


def recording_of(run: RunRecord) -> Recording:
    """Return what it takes to run ``run`` again."""
    return Recording(
        nodeids=tuple([case.spec.nodeid for case in run.cases]),
        dispatch=run.dispatch,
        conditions=run.conditions,
        surroundings=run.surroundings,
        shard=run.shard,
        hosts=tuple((worker.name, worker.host) for worker in run.workers),
    )


def write_dispatch(run: RunRecord, path: Path) -> None:
    """Write what it takes to run ``run`` again to ``path``. Raises OSError."""
    encode = json.JSONEncoder(ensure_ascii=True).encode
    with replacing(path) as file:
        for line in _lines(recording_of(run)):
            file.write(f"{encode(line)}\n".encode())


def _lines(recording: Recording) -> Iterator[dict[str, Any]]:
    shard = recording.shard
    yield {
        "format": FORMAT,
        "version": VERSION,
        "tests": len(recording.nodeids),
        "hosts": dict(recording.hosts),
        "conditions": codec_of(Conditions).write(recording.conditions),
        "surroundings": codec_of(Surroundings).write(recording.surroundings),
        **({} if shard is None else {"shard": codec_of(ShardRecord).write(shard)}),
    }
    begun: set[int] = set()
    for step in recording.dispatch:
        if step.case is not None:
            begun.add(step.case)
        yield _line(step, recording.nodeids)
    for case, nodeid in enumerate(recording.nodeids):
        if case not in begun:
            yield {"left": nodeid}


def _line(step: Step, nodeids: tuple[str, ...]) -> dict[str, Any]:
    nodeid = "" if step.case is None else nodeids[step.case]
    match step.deed:
        case Deed.JOINED:
            return {"joined": step.worker}
        case Deed.LOST if not nodeid:
            return {"lost": step.worker}
        case Deed.LOST:
            return {"lost": step.worker, "with": nodeid, "as": step.verdict}
        case Deed.DOWN:
            return {"down": step.fixtures, "on": step.worker}
        case Deed.RUN:
            return {"run": nodeid, "on": step.worker}
        case deed:
            return {str(deed): nodeid, "on": step.worker, "as": step.verdict}


def is_dispatch(path: Path) -> bool:
    """Whether there is a file at ``path`` that :func:`write_dispatch` wrote. Raises OSError."""
    with path.open("rb") as file:
        return FORMAT.encode() in file.readline(200)


def read_recording(path: Path) -> Recording:
    """Return what the file ``path`` has: a dispatch, or the record of a run, compressed or not.

    Raises ReportError, which says what is wrong with the file.
    """
    try:
        data = path.read_bytes()
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ReportError(f"{path} cannot be read: {reason}") from error
    head, *lines = data.splitlines() or [b""]
    try:
        first = json.loads(head)
    except ValueError:
        first = None
    if not isinstance(first, dict) or first.get("format") != FORMAT:
        return _from_record(path)
    if first.get("version") != VERSION:
        raise ReportError(
            f"{path} has version {first.get('version')!r} of the format, and this pytest-orchestra "
            f"reads version {VERSION}; use the one that wrote it"
        )
    try:
        return _read(first, map(json.loads, filter(bytes.strip, lines)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReportError(f"{path} is damaged: {error}; restore it, or record again") from error


def _from_record(path: Path) -> Recording:
    try:
        run = read_record(path)
    except ForeignFileError:
        raise ForeignFileError(
            f"{path} is not a run that can be replayed; name a file that --orchestrate-record wrote, or "
            "the record of a run (record.json.gz)"
        ) from None
    if len(run.parts) > 1:
        raise ReportError(
            f"{path} was merged from {len(run.parts)} runs, which had no order in common; name the "
            "record of one of them"
        )
    if not run.dispatch.deeds:
        raise ReportError(
            f"{path} does not say what ran in which order: no test ran, or a version wrote it that did "
            "not note that yet; record again"
        )
    recording = recording_of(run)
    try:
        _check(recording)
    except ValueError as error:
        raise ReportError(f"{path} is damaged: {error}; restore it, or record again") from error
    return recording


def _check(recording: Recording) -> None:
    for step in recording.dispatch:
        if step.case is not None and not 0 <= step.case < len(recording.nodeids):
            raise ValueError(f"a step is of test {step.case} of {len(recording.nodeids)}")


def _read(head: dict[str, Any], lines: Iterable[dict[str, Any]]) -> Recording:
    numbers: dict[str, int] = {}
    steps = [step for line in lines if (step := _step(line, numbers)) is not None]
    if len(numbers) != head["tests"]:
        raise ValueError(f"it has {len(numbers)} of {head['tests']} tests")
    shard = head.get("shard")
    return Recording(
        nodeids=tuple(numbers),
        dispatch=Dispatch.of(steps),
        conditions=codec_of(Conditions).read(head["conditions"]),
        surroundings=codec_of(Surroundings).read(head["surroundings"]),
        shard=None if shard is None else codec_of(ShardRecord).read(shard),
        hosts=tuple((_text(worker), _text(host)) for worker, host in head["hosts"].items()),
    )


def _text(value: object) -> str:
    """Return ``value``; raises ValueError if it is no text."""
    if not isinstance(value, str):
        raise ValueError(f"{json.dumps(value)[:80]} is no name")  # noqa: TRY004 - of what was read
    return value


def _step(line: dict[str, Any], numbers: dict[str, int]) -> Step | None:
    """Return the step in a ``line``; gives numbers to tests in the order in which they are met."""
    match line:
        case {"left": nodeid}:
            numbers.setdefault(_text(nodeid), len(numbers))
            return None
        case {"joined": worker}:
            return Step(Deed.JOINED, _text(worker))
        case {"down": fixtures, "on": worker}:
            down = tuple((_text(name), _text(at)) for name, at in fixtures)
            return Step(Deed.DOWN, _text(worker), fixtures=down)
        case {"lost": worker}:
            nodeid = line.get("with")
            deed = Deed.LOST
        case _:
            deed = next((each for each in _OF_CASES if each in line), Deed.DOWN)
            nodeid, worker = line.get(deed), line.get("on")
    has_case = nodeid is not None
    is_end = has_case and deed is not Deed.RUN
    is_whole = (has_case or deed is Deed.LOST) and is_end == ("as" in line)
    if deed is Deed.DOWN or not isinstance(worker, str) or not is_whole:
        raise ValueError(f"there is a line that means nothing: {json.dumps(line)[:80]}")
    case = numbers.setdefault(_text(nodeid), len(numbers)) if has_case else None
    verdict = Verdict(line["as"]) if is_end else None
    return Step(deed, worker, case, verdict)
