"""The zoo run for real: pytest tests that race, pollute and share a port, on two workers.

Every run is a commit of its own, in an order of its own; one is an outage. What failed is tried
again up to twice, alone, in a process in which the tests of the other worker ran before.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.machine import Machine
from benchmarks.measure import MeasuringError, tell
from benchmarks.modes import here
from benchmarks.options import Options
from benchmarks.results import Report, Table, show
from pytest_orchestra.history.judgement.judge import Judgement, judge
from pytest_orchestra.history.judgement.observation import Observation, Trial, is_outage
from pytest_orchestra.history.judgement.sentence import describe

#: Runs.
SIZE: Final = 30

ZOO: Final = Path(__file__).parent / "zoo"

#: Attempts of one test in one run.
_ATTEMPTS: Final = 3

#: The run that is an outage.
_OUTAGE: Final = 20

#: Seconds that ``test_timeout`` may take.
_LIMIT: Final = 0.12

#: pytest's exit statuses when all passed, and when some failed.
_FINE: Final = (0, 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One time that a test ran, as the zoo wrote it down; times are seconds of one clock."""

    nodeid: str
    worker: str
    passed: bool
    signature: str
    began: float
    ended: float


def run(options: Options) -> Report:
    """Run the zoo ``size`` times, and judge its tests."""
    machine = Machine.this()
    histories: dict[str, list[Observation]] = {}
    for commit in range(options.size or SIZE):
        for nodeid, observation in _observe(commit, options):
            histories.setdefault(nodeid, []).append(observation)
        tell(f"commit {commit}")
    judged = {nodeid: judge(each) for nodeid, each in sorted(histories.items())}
    shown = [nodeid for nodeid in judged if "healthy" not in nodeid]
    rows = tuple(_row(nodeid, histories[nodeid], judged[nodeid]) for nodeid in shown)
    return Report(
        "flakes-real",
        f"{options.size or SIZE} runs of {len(histories)} tests, on 2 workers",
        machine,
        {"tests": {nodeid: describe(judged[nodeid]) for nodeid in shown}},
        (
            Table(
                "what was seen and judged",
                ("test", "failed first", "recovered", "judged", "associated with"),
                rows,
            ),
        ),
    )


def _row(nodeid: str, history: Sequence[Observation], judgement: Judgement) -> tuple[str, ...]:
    return (
        nodeid.partition("::")[2],
        show(_failed(history)),
        show(_recovered(history)),
        judgement.standing,
        ", ".join(each.kind for each in judgement.associations) or "-",
    )


def _failed(history: Sequence[Observation]) -> float:
    counted = [each for each in history if not each.is_outage]
    return sum(not each.first.passed for each in counted) / len(counted)


def _recovered(history: Sequence[Observation]) -> float | None:
    failed = [each for each in history if not each.is_outage and not each.first.passed]
    return sum(each.passed for each in failed) / len(failed) if failed else None


def _observe(commit: int, options: Options) -> Iterator[tuple[str, Observation]]:
    """Run the zoo once with its retries, and yield what was seen of each test."""
    first = _run(commit, options, ("--orchestrate", "-n", "2"))
    attempts = {entry.nodeid: [_attempt(entry, first)] for entry in first}
    is_down = is_outage(sum(not entry.passed for entry in first), len(first))
    pending = [entry for entry in first if not entry.passed and not is_down]
    for _ in range(_ATTEMPTS - 1):
        again: list[Entry] = []
        for worker in sorted({entry.worker for entry in pending}):
            names = [entry.nodeid for entry in pending if entry.worker == worker]
            before = [e.nodeid for e in first if e.worker != worker and e.passed]
            ran = _run(commit, options, (), [*before, *names])
            for entry in ran[len(before) :]:
                attempts[entry.nodeid].append(_attempt(entry, ran))
                again += [] if entry.passed else [replace(entry, worker=worker)]
        pending = again
    for nodeid, each in attempts.items():
        limit = _LIMIT if nodeid.endswith("test_timeout") else None
        yield (
            nodeid,
            Observation(str(commit), tuple(each), f"c{commit}", limit=limit, is_outage=is_down),
        )


def _attempt(entry: Entry, ran: Sequence[Entry]) -> Trial:
    beside = [
        other
        for other in ran
        if other.worker != entry.worker and other.began < entry.ended and entry.began < other.ended
    ]
    kinds = {other.nodeid.partition("::")[2].partition("[")[0] for other in beside}
    return Trial(
        entry.passed,
        entry.signature,
        entry.ended - entry.began,
        bool(beside),
        frozenset(e.nodeid for e in ran if e.worker == entry.worker and e.began < entry.began),
        frozenset(kinds & {"test_port", "test_race"}),
    )


def _run(
    commit: int, options: Options, arguments: Sequence[str], names: Sequence[str] = ()
) -> list[Entry]:
    with tempfile.TemporaryDirectory() as folder:
        command = (*here(), "-q", "-p", "no:cacheprovider", "-c", os.devnull, *arguments)
        done = subprocess.run(
            (*command, f"--rootdir={ZOO}", f"--confcutdir={ZOO}", "test_zoo.py"),
            cwd=ZOO,
            env={**os.environ, **_variables(commit, folder, names)},
            capture_output=True,
            text=True,
            timeout=options.timeout,
            check=False,
        )
        if done.returncode not in _FINE:
            raise MeasuringError(
                f"the zoo ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        lines = [
            line
            for file in Path(folder).glob("*.jsonl")
            for line in file.read_text(encoding="utf-8").splitlines()
        ]
    entries = [Entry(**json.loads(line)) for line in lines]
    return sorted(entries, key=lambda entry: entry.began)


def _variables(commit: int, folder: str, names: Sequence[str]) -> dict[str, str]:
    return {
        "ZOO_COMMIT": str(commit),
        "ZOO_ORDER": str(commit),
        "ZOO_NAMES": json.dumps(list(names)),
        "ZOO_OUTAGE": "1" if commit == _OUTAGE else "",
        "ZOO_PORT": str(_free_port()),
        "ZOO_RECORD": folder,
    }


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
