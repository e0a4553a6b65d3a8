"""Suites in a directory of their own, run by pytest in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from textwrap import dedent
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest

#: Seconds after which a run is taken to hang; a run takes one or two where nothing else is done.
PATIENCE: Final = 300

#: Exit codes of pytest.
PASSED, FAILED, INTERRUPTED, INTERNAL_ERROR, USAGE, NOTHING_COLLECTED = range(6)

#: For a ``conftest.py``: failed tests are tried again at once, and not after a second or more.
WITHOUT_DELAY: Final = """
    from pytest_orchestra.scheduling.retries import RetryPolicy
    RetryPolicy.delay = lambda policy, failures: 0.01
"""

ENTRY: Final = "witness.jsonl"
JUNIT: Final = "junit.xml"
OUTPUT: Final = "output.txt"

_LAST_LINE: Final = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.MULTILINE)
_COUNT: Final = re.compile(r"(\d+) ([a-z]+)")


@dataclass(frozen=True)
class Span:
    """When and where a test ran, its setup and teardown included; endless if it never ended."""

    nodeid: str
    worker: str
    pid: int
    began: float
    ended: float = float("inf")


@dataclass(frozen=True)
class Result:
    """A run that is over: what pytest printed, what the witness saw, what JUnit's file says."""

    code: int
    output: str
    entries: tuple[Mapping[str, Any], ...]
    junit: str

    @cached_property
    def counts(self) -> dict[str, int]:
        """The numbers in pytest's last line, by word."""
        found = _LAST_LINE.findall(self.output)
        return {word: int(number) for number, word in _COUNT.findall(found[-1] if found else "")}

    @cached_property
    def verdicts(self) -> dict[str, str]:
        """The verdict of each collected test, as the plugin's record of the run has it."""
        return {case["nodeid"]: case["verdict"] for case in self.cases}

    @cached_property
    def cases(self) -> list[dict[str, Any]]:
        """The tests in the plugin's record of the run."""
        return [case for entry in self.of("finished") for case in entry["cases"]]

    @cached_property
    def spans(self) -> list[Span]:
        """Every time that a test ran, in the order in which they began."""
        spans: list[Span] = []
        for entry in self.of("began"):
            ends = [
                end["at"]
                for end in self.of("ended")
                if end["nodeid"] == entry["nodeid"]
                and end["pid"] == entry["pid"]
                and end["at"] >= entry["at"]
            ]
            where = entry["nodeid"], entry["worker"], entry["pid"]
            spans.append(Span(*where, entry["at"], min(ends, default=float("inf"))))
        return sorted(spans, key=lambda span: span.began)

    @property
    def begun(self) -> list[str]:
        """The node ids of the tests in the order in which they began, as often as they did."""
        return [span.nodeid for span in self.spans]

    def span(self, nodeid: str) -> Span:
        """Return the only time that a test ran."""
        found = [span for span in self.spans if span.nodeid == nodeid]
        assert len(found) == 1, f"{nodeid} ran {len(found)} times\n{self.output}"
        return found[0]

    def most_at_once(self, nodeids: Iterable[str] | None = None) -> int:
        """Return how many of these tests ran at the busiest moment."""
        among = None if nodeids is None else set(nodeids)
        spans = [span for span in self.spans if among is None or span.nodeid in among]
        return max(
            (sum(s.began <= span.began < s.ended for s in spans) for span in spans), default=0
        )

    def of(self, what: str) -> list[Mapping[str, Any]]:
        """Return the witness's entries of this kind."""
        return [entry for entry in self.entries if entry["what"] == what]

    def reports(self, nodeid: str | None = None) -> list[Mapping[str, Any]]:
        """Return the reports that plugins saw in the process that the user started."""
        return [entry for entry in self.of("report") if nodeid in (None, entry["nodeid"])]

    @property
    def blocked(self) -> dict[str, str]:
        """Why each blocked test did not run, as its report says it."""
        return {
            entry["nodeid"]: found[1]
            for entry in self.reports()
            if (found := re.search(r"(blocked: .*?)['\"]?\)?$", entry["text"]))
        }

    @property
    def testcases(self) -> list[ET.Element]:
        """The elements of JUnit's file, one for each test."""
        return list(ET.fromstring(self.junit).iter("testcase"))  # noqa: S314 - pytest wrote it

    @property
    def junit_names(self) -> Counter[str]:
        """How often each test is in JUnit's file, as ``module.Class::test``."""
        return Counter(f"{each.get('classname')}::{each.get('name')}" for each in self.testcases)

    def lines(self, pattern: str) -> list[str]:
        """Return the lines of the output in which the pattern is found."""
        return [line for line in self.output.splitlines() if re.search(pattern, line)]


@dataclass
class Project:
    """A directory with a suite."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)
    plugins: tuple[str, ...] = ("xdist", "orchestra", "witness")

    def configure(self, table: str = "", ini: str = "") -> None:
        """Write ``pyproject.toml`` with a table for the plugin and settings for pytest."""
        text = f"[tool.pytest.ini_options]\n{dedent(ini)}\n{dedent(table)}"
        (self.path / "pyproject.toml").write_text(text)

    def write(self, name: str, text: str) -> None:
        """Write a file; without an ending it is Python."""
        path = self.path / (name if "." in name else f"{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"))

    def orchestrate(self, *arguments: str, **environment: str) -> Result:
        """Run pytest with ``--orchestrate``."""
        return self.run("--orchestrate", *arguments, **environment)

    def run(self, *arguments: str, **environment: str) -> Result:
        """Run pytest."""
        return self.finish(self.start(*arguments, **environment))

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start pytest with the plugins under test and no others, in a process group of its own."""
        for name in (ENTRY, JUNIT):
            (self.path / name).unlink(missing_ok=True)
        options = [*(f"-p{name}" for name in self.plugins), "--color=no", f"--junitxml={JUNIT}"]
        command = [sys.executable, "-m", "pytest", *options, *arguments]
        with (self.path / OUTPUT).open("wb") as output:
            return subprocess.Popen(  # noqa: S603 - the interpreter that runs this test
                command,
                cwd=self.path,
                env=clean_environment() | self.environment | environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, process: subprocess.Popen[bytes]) -> Result:
        """Wait for pytest to end, and fail if it does not or leaves processes behind."""
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            pytest.fail(f"the run hung:\n{self.output}", pytrace=False)
        print(self.output)  # noqa: T201 - for those who read why a test failed
        entries = self.path / ENTRY
        junit = self.path / JUNIT
        return Result(
            process.returncode,
            self.output,
            tuple(map(json.loads, entries.read_text().splitlines())) if entries.exists() else (),
            junit.read_text() if junit.exists() else "",
        )

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something has happened in a run that goes on."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.output
            time.sleep(0.02)

    def seen(self, what: str) -> list[str]:
        """Return the tests in the witness's entries of this kind so far."""
        return [entry["nodeid"] for entry in self.entries if entry["what"] == what]

    @property
    def entries(self) -> list[Mapping[str, Any]]:
        """The witness's entries so far; the last line may still be being written."""
        path = self.path / ENTRY
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    @property
    def output(self) -> str:
        """What pytest has printed so far."""
        return (self.path / OUTPUT).read_text(errors="replace")


def clean_environment() -> dict[str, str]:
    """Return this process's environment, without what is meant for the run that it is part of."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    here = str(Path(__file__).parent)
    return kept | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONUNBUFFERED": "1",
        # Tests that wait for one another would wait for ever where workers are held back.
        "PYTEST_ORCHESTRA_PRESSURE": "none",
        "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])),
        "WITNESS": ENTRY,
    }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make an empty project."""
    path = tmp_path / "project"
    path.mkdir()
    project = Project(path, {"WITNESS": str(path / ENTRY)})
    project.configure()
    return project


@pytest.fixture(params=[(), ("-n", "2")], ids=["alone", "workers"])
def driver(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options for each of the two ways to run tests."""
    options: tuple[str, ...] = request.param
    return options
