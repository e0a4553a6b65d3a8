"""A history of a million results: what a run takes to read what it needs, and to add its own.

Every figure is of the whole step, opening and closing the file included, as a run does it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from benchmarks.machine import Machine
from benchmarks.measure import MeasuringError, tell
from benchmarks.options import Options
from benchmarks.results import MIB, Bar, Report, Table, show
from pytest_orchestra.history.archive import Archive
from pytest_orchestra.history.assessing import MOST_JUDGED, assess
from pytest_orchestra.history.renames import Trace
from pytest_orchestra.history.store import Store
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.evidence import CaseEvidence, FixtureEvidence, RunEvidence
from pytest_orchestra.model.verdict import Verdict

#: Results that the history holds.
SIZE: Final = 1_000_000
#: Tests of a run.
TESTS: Final = 10_000

#: The share of results that are failures.
FAILED_SHARE: Final = 0.01

#: When the first run began, and how much later each next one did, in seconds.
EPOCH: Final = 1.7e9
HOUR: Final = 3600.0

_ENVIRONMENT: Final = "cpython-3.11.7 linux-x86_64 pytest-9.2.0"


def run(options: Options) -> Report:
    """Fill a history with ``size`` results, then read from it and add to it ``runs`` times."""
    machine = Machine.this()
    size = options.size or SIZE
    tests = min(TESTS, size)
    random = Random(options.seed)
    number = size // tests
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "history.sqlite3")
        with Store.open(path) as store:
            for each in range(number):
                store.add(_make_run(each, tests, random))
                if each % 10 == 9:  # noqa: PLR2004 - now and then
                    tell(f"{(each + 1) * tests} results")
        bytes_of_file = path.stat().st_size
        reading, judging, writing = [], [], []
        for each in range(number, number + options.runs):
            evidence = _make_run(each, tests, random)
            read, judge, write = _use(path, evidence)
            reading.append(read)
            judging.append(judge)
            writing.append(write)
        failures = _time_failures(path, evidence)
    return Report(
        "history",
        f"{number * tests} results of {number} runs of {tests} tests, {options.runs} more",
        machine,
        {
            "results": number * tests,
            "tests": tests,
            "runs": options.runs,
            "seed": options.seed,
            "file_bytes": bytes_of_file,
            "read_seconds": reading,
            "judge_seconds": judging,
            "write_seconds": writing,
            "failures_of_one_test_seconds": failures,
        },
        (_table(reading, judging, writing, failures, bytes_of_file),),
        (
            Bar("reading what a run needs, in seconds", 0.5, median(reading)),
            Bar("judging what failed, in seconds", 1.0, median(judging)),
            Bar(f"adding {tests} results, in seconds", 0.5, median(writing)),
        ),
    )


def _make_run(number: int, tests: int, random: Random) -> RunEvidence:
    started = EPOCH + number * HOUR
    cases = []
    for test in range(tests):
        is_bad = random.random() < FAILED_SHARE
        seconds = 0.01 * random.lognormvariate(0.0, 1.0)
        attempt = Attempt(
            Verdict.FAILED if is_bad else Verdict.PASSED,
            started + test * 0.01,
            0.001,
            seconds,
            0.001,
            f"gw{test % 4}",
            f"AssertionError | assert N == N | test_{test % 50}" if is_bad else "",
        )
        cases.append(
            CaseEvidence(
                nodeid=f"tests/unit/test_module_{test // 50:04}.py::TestThings::test_{test % 50:02}",
                attempts=(attempt,),
                line=10 * (test % 50) + 1,
                body=f"cpython-311-{test:016x}",
                seconds=seconds + 0.002,
                cpu_seconds=seconds / 2,
                memory_peak=100 * 1024 * 1024,
            )
        )
    fixtures = tuple(FixtureEvidence(f"fixture_{n}", "", 0.5) for n in range(50))
    return RunEvidence(
        uuid=f"{number:032x}",
        started=started,
        seconds=60.0,
        cases=tuple(cases),
        fixtures=fixtures,
        commit=f"{number // 2:040x}",
        is_clean=True,
        environment=_ENVIRONMENT,
        workers=4,
    )


def _use(path: Path, evidence: RunEvidence) -> tuple[float, float, float]:
    """Do what a run does; return the seconds of reading before it, and of judging and writing after."""
    archive = Archive(path, path.name, _fail)
    traces = [Trace(case.nodeid, case.line, case.body) for case in evidence.cases]
    began = time.perf_counter()
    found = archive.recall(traces, _ENVIRONMENT, lambda _: False)
    read = time.perf_counter() - began
    if len(found.seconds) != len(evidence.cases):
        raise MeasuringError("the history does not know what was put into it")
    began = time.perf_counter()
    assessment = assess(archive, evidence, found.renamed, ())
    judged = time.perf_counter() - began
    if len(assessment.after) < MOST_JUDGED:
        raise MeasuringError("not enough tests have failed to see what judging takes")
    began = time.perf_counter()
    archive.keep(evidence, found.renamed, assessment.rates)
    return read, judged, time.perf_counter() - began


def _time_failures(path: Path, evidence: RunEvidence) -> float:
    """Return the seconds that it takes to find the failures of one test among all results."""
    with Store.open_to_read(path) as store:
        began = time.perf_counter()
        for case in evidence.cases[:100]:
            store.failures(case.nodeid)
        return (time.perf_counter() - began) / 100


def _fail(text: str) -> None:
    raise MeasuringError(text)


def _table(
    reading: Sequence[float],
    judging: Sequence[float],
    writing: Sequence[float],
    failures: float,
    bytes_of_file: int,
) -> Table:
    rows = [
        (name, show(1000 * median(each), 0), show(1000 * min(each), 0), show(1000 * max(each), 0))
        for name, each in (
            ("read before a run", reading),
            ("judge after it", judging),
            ("write after it", writing),
        )
    ]
    return Table(
        f"{bytes_of_file / MIB:.0f} MiB; the failures of one test are found in {1e6 * failures:.0f} us",
        ("step", "median ms", "from", "to"),
        tuple(rows),
    )
