"""The file of events: a line of JSON for each moment of a run, written as it happens.

Only ever appended to. Each line is written at once and whole, so what is there is valid whatever becomes of the
process, and several runs may share a file. docs/live.md describes the lines.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, assert_never

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
from pytest_orchestra.model.verdict import Verdict

#: Rises when what a reader relies on changes; new events and new keys do not.
VERSION: Final = 1

#: So many characters of a message are told.
_MOST: Final = 500


class EventsFile:
    """Appends the events of one run, named ``uuid``, to an open file.

    ``nodeid_of`` names cases.
    """

    def __init__(self, descriptor: int, uuid: str, nodeid_of: Callable[[int], str]) -> None:
        self._descriptor: Final = descriptor
        self._uuid: Final = uuid
        self._nodeid_of: Final = nodeid_of

    def write(self, moments: Iterable[Moment], at: float) -> None:
        """Append ``moments``, of which one heard ``at``, in seconds since the epoch; raises OSError."""
        begin: dict[str, Any] = {"at": round(at, 3), "run": self._uuid}
        lines = [
            json.dumps({"event": name, **begin, **keys})
            for name, keys in (self._event(moment) for moment in moments)
        ]
        write_whole(self._descriptor, "".join(f"{line}\n" for line in lines).encode())

    def _event(self, moment: Moment) -> tuple[str, dict[str, Any]]:  # noqa: C901, PLR0911 - one for each kind
        match moment:
            case RunBegan(tests, workers):
                return "run_started", {"version": VERSION, "tests": tests, "workers": workers}
            case WorkerCame(worker, host):
                return "worker_joined", {"worker": worker, **_if("host", host)}
            case WorkerWent(worker):
                return "worker_left", {"worker": worker}
            case CaseBegan(case, worker, attempt):
                keys = {"test": self._nodeid_of(case), "worker": worker, "attempt": attempt}
                return "test_started", keys
            case CaseEnded():
                return "test_finished", self._ended(moment)
            case CaseLeft(case, verdict, reason):
                keys = {"test": self._nodeid_of(case), "verdict": str(verdict), "reason": reason}
                return "test_not_run", keys
            case CaseAmended(case, verdict, was, failure):
                told = {} if was is None else {"was": str(was)}
                keys = {"test": self._nodeid_of(case), "verdict": str(verdict), **told}
                return "test_amended", {**keys, **_message(failure)}
            case GateJudged():
                return "gate", _gate(moment)
            case RunStopping(reason):
                return "run_stopping", {"reason": reason}
            case RunEnded(seconds, counts, stopped):
                keys = {"seconds": round(seconds, 3), "counts": _by_verdict(counts)}
                return "run_ended", {**keys, **_if("stopped", stopped)}
            case _:  # pragma: no cover - the type checker proves that there are no others
                assert_never(moment)

    def _ended(self, moment: CaseEnded) -> dict[str, Any]:
        return {
            "test": self._nodeid_of(moment.case),
            "verdict": str(moment.verdict),
            "seconds": round(moment.seconds, 6),
            "worker": moment.worker,
            "attempt": moment.attempt,
            **_if("began", moment.began and round(moment.began, 3)),
            **_if("again", moment.again),
            **_message(moment.failure),
        }


def open_to_append(path: Path) -> int:
    """Return a descriptor of the file ``path``, which is made if need be, at the beginning of a line.

    Raises OSError.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666)
    try:
        if not _ends_a_line(descriptor):
            write_whole(descriptor, b"\n")
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of ``data``; raises OSError."""
    while data:
        data = data[os.write(descriptor, data) :]


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events in the file ``path``, without a last line that was cut off."""
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n") and line.strip():
            yield json.loads(line)


def first_line(failure: Failure, most: int = _MOST) -> str:
    """Return what a failure says in one line: ``ValueError: no such user``."""
    message = next(iter(failure.message.strip().splitlines()), "")
    line = f"{failure.kind}: {message}" if failure.kind and message else failure.kind or message
    return line if len(line) <= most else f"{line[: most - 1]}…"


def now() -> float:
    """Return the time in seconds since the epoch."""
    return time.time()


def _ends_a_line(descriptor: int) -> bool:
    """Whether the file is empty, ends with a line feed, or is one that cannot be looked into, like a pipe."""
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        if not size:
            return True
        os.lseek(descriptor, size - 1, os.SEEK_SET)
        return os.read(descriptor, 1) == b"\n"
    except OSError:
        return True


def _gate(moment: GateJudged) -> dict[str, object]:
    return {
        "stage": moment.stage,
        "state": "failed" if moment.has_failed else "passed",
        **_if("was", moment.had_passed and "passed"),
        "seconds": round(moment.at, 3),
        "counts": _by_verdict(moment.counts),
        **_if("reason", "; ".join(moment.reasons)),
        **_if("on_fail", moment.on_fail and str(moment.on_fail)),
    }


def _by_verdict(counts: Mapping[Verdict, int]) -> dict[str, int]:
    return {str(verdict): count for verdict, count in counts.items()}


def _if(key: str, value: object) -> dict[str, object]:
    return {key: value} if value else {}


def _message(failure: Failure | None) -> dict[str, object]:
    return {} if failure is None else _if("message", first_line(failure))
