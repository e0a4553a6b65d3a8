"""How often a failure that hangs on the dispatch comes again when a recorded run is replayed.

Each suite is run until some test fails, as it may in CI. Then it is replayed from the record of that
run, and run just as often as it is run usually: how often does the same fail?
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Final

from benchmarks.machine import Machine
from benchmarks.measure import MeasuringError, measure, tell
from benchmarks.options import Options
from benchmarks.results import Bar, Report, Table
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.record_file import read_record

#: Replays of each suite.
SIZE: Final = 10

#: So often a suite is run at most until something fails.
_TRIES: Final = 20

AT_ONE_TIME: Final = "what runs at the same time elsewhere"

#: Suites in which how long tests take is chance, and so is what fails.
SUITES: Final[Mapping[str, str]] = {
    "what ran before it on its worker": """
        import random, time, pytest

        SEEN = []

        @pytest.mark.parametrize("n", range(40))
        def test_n(n):
            time.sleep(random.random() / 40)
            SEEN.append(n)
            assert sum(SEEN[-4:]) % 7
    """,
    "a test that left something behind": """
        import os, random, time, pytest

        @pytest.mark.parametrize("n", range(40))
        def test_n(n):
            time.sleep(random.random() / 40)
            os.environ[f"N{n % 5}"] = str(n)

        @pytest.mark.depends("test_n", when="finished")
        @pytest.mark.parametrize("n", range(5))
        def test_late(n):
            assert int(os.environ.get(f"N{n}", 0)) < 37
    """,
    AT_ONE_TIME: """
        import random, time, pytest
        from pathlib import Path

        @pytest.mark.parametrize("n", range(30))
        def test_n(n): time.sleep(random.random() / 20)

        def test_migrates():
            Path("migrating").touch()
            time.sleep(0.3)
            Path("migrating").unlink()

        @pytest.mark.parametrize("n", range(6))
        def test_more(n): time.sleep(random.random() / 20)

        def test_reads(): assert not Path("migrating").exists()
    """,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """In how many of ``runs`` runs all ``failures`` came again, replayed and as it is run usually."""

    failures: int
    runs: int
    replayed: int
    usual: int


def run(options: Options) -> Report:
    """Record a failure of each suite, and see how often it comes again."""
    size = options.size or SIZE
    found: dict[str, Finding] = {}
    for name, suite in SUITES.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "test_made.py").write_text(dedent(suite))
            found[name] = _look_at(name, folder, options, size)
    rows = [
        (
            name,
            str(each.failures),
            f"{each.replayed} of {each.runs}",
            f"{each.usual} of {each.runs}",
        )
        for name, each in found.items()
    ]
    return Report(
        "replay",
        f"suites of 38 to 45 tests whose failures hang on chance, {options.workers} workers",
        Machine.this(),
        {"found": {name: vars_of(each) for name, each in found.items()}},
        tables=(
            Table(
                "how often it came again",
                ("a failure that hangs on", "failed", "replayed", "as usual"),
                tuple(rows),
            ),
        ),
        bars=tuple(
            Bar(f"replays without the failure: {name}", 0, each.runs - each.replayed)
            for name, each in found.items()
            if name != AT_ONE_TIME
        ),
        notes=(f"{AT_ONE_TIME}: hangs on how long tests take as well, which no replay can repeat",),
    )


def vars_of(finding: Finding) -> dict[str, int]:
    """Return the figures of a finding by name."""
    return {name: getattr(finding, name) for name in Finding.__slots__}


def _look_at(name: str, folder: Path, options: Options, size: int) -> Finding:
    recorded = folder / "recorded.json.gz"
    failed: frozenset[str] = frozenset()
    for number in range(_TRIES):
        failed = _failures(folder, recorded, options, "-n", str(options.workers))
        tell(f"{name}: run {number + 1}: {len(failed)} failed")
        if failed:
            break
    else:
        raise MeasuringError(f"{name}: nothing failed in {_TRIES} runs")
    replayed = usual = 0
    for number in range(size):
        again = _failures(
            folder, folder / "again.json.gz", options, f"--orchestrate-replay={recorded}"
        )
        replayed += failed <= again
        other = _failures(folder, folder / "other.json.gz", options, "-n", str(options.workers))
        usual += failed <= other
        tell(f"{number + 1}/{size}  {name}: {len(failed & again)} of {len(failed)} came again")
    return Finding(len(failed), size, replayed, usual)


def _failures(folder: Path, record: Path, options: Options, *arguments: str) -> frozenset[str]:
    """Run the suite once, and return the tests that failed."""
    command = (
        *(sys.executable, "-m", "pytest", "-q", "--tb=no", "-pno:cacheprovider", "--orchestrate"),
        *("--orchestrate-history=none", f"--orchestrate-json={record}", *arguments),
    )
    sample = measure(command, folder, timeout=options.timeout)
    if sample.status not in (0, 1):
        raise MeasuringError(f"ended with status {sample.status}:\n{sample.output[-2000:]}")
    run = read_record(record)
    return frozenset(each.spec.nodeid for each in run.cases if each.verdict is Verdict.FAILED)
