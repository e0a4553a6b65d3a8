"""The project in a git repository that the real zoo is: what a user does with it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from argparse import Namespace
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from benchmarks.measure import FOREIGN, MeasuringError
from benchmarks.modes import COMMON, here
from benchmarks.options import Options
from benchmarks.zoo_plan import NEW, REGRESSING, Visit, label
from benchmarks.zoo_score import Judged, Ran
from pytest_orchestra.cli.flaky import find
from pytest_orchestra.cli.project import Project
from pytest_orchestra.cli.quarantine import Ward
from pytest_orchestra.history.judgement.quarantine import Entry
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.verdict import FAILURE
from pytest_orchestra.reports.record_file import read_record

ZOO: Final = Path(__file__).parent / "zoo"

#: pytest's exit statuses when all passed, and when some failed.
_FINE: Final = frozenset({0, 1})

#: What git is to ignore, and the configuration of the project.
_FILES: Final = {".gitignore": "__pycache__/\n", "pyproject.toml": "[tool.pytest.ini_options]\n"}

_GIT: Final = ("git", "-c", "user.name=zoo", "-c", "user.email=zoo@example.com")


@dataclass(frozen=True, slots=True)
class Place:
    """A ``folder`` for the project and for what its tests share, with so many ``retries`` in each run."""

    folder: Path
    retries: int
    options: Options

    @property
    def project(self) -> Path:
        """Where the project is."""
        return self.folder / "zoo"

    @property
    def _record(self) -> Path:
        return self.folder / "record.json.gz"

    def found(self) -> None:
        """Make the project, without a commit."""
        shutil.copytree(ZOO, self.project, ignore=shutil.ignore_patterns(NEW, "__pycache__"))
        for name, text in _FILES.items():
            (self.project / name).write_text(text, encoding="utf-8")
        self._call(*_GIT, "init", "--quiet")

    def run(self, visit: Visit) -> Ran:
        """Commit what is new, if it is not the same commit again, and run all tests."""
        if not visit.is_again:
            self._commit(visit)
        command = (
            *here(),
            *COMMON,
            "--orchestrate",
            "-n",
            str(self.options.workers),
            "--orchestrate-retries",
            str(self.retries),
            # in one word: pytest takes a path that is there, after an option that it does not know
            # yet, for one of tests, and looks for the root directory above it
            f"--orchestrate-json={self._record}",
        )
        began = time.perf_counter()
        done = self._start(*command, **self._variables(visit))
        seconds = time.perf_counter() - began
        if done.returncode not in _FINE:
            raise MeasuringError(
                f"the zoo ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return _ran(visit, done.returncode, seconds, read_record(self._record), self._quarantined())

    def put_into_quarantine(self) -> None:
        """Put there all that the history calls flaky, and all that some commit breaks."""
        told = json.loads(self._flaky("--json", "--candidates"))
        for nodeid in dict.fromkeys([*(each["nodeid"] for each in told["tests"]), *REGRESSING]):
            entry = ("--add", nodeid, "--owner", "zoo", "--reason", "it is flaky")
            self._flaky(*entry, *(("--force",) if nodeid in REGRESSING else ()))

    def judge(self) -> dict[str, Judged]:
        """Return what the history has to say of all tests: also of those that it calls healthy."""
        names = [case.spec.nodeid for case in read_record(self._record).cases]
        all_entries = {name: Entry(name, "", "", date.max) for name in names}
        place = Project.find(Namespace(rootdir=self.project, config=None))
        found = find(place.history(None), all_entries)
        judged = {each.nodeid: Judged(label(each.nodeid), each.judgement) for each in found.tests}
        return dict(sorted(judged.items()))

    def _quarantined(self) -> frozenset[str]:
        place = Project.find(Namespace(rootdir=self.project, config=None))
        return frozenset(Ward.of(place).entries)

    def _commit(self, visit: Visit) -> None:
        if visit.has_new:
            shutil.copyfile(ZOO / NEW, self.project / NEW)
        broken = [nodeid.partition("::")[2] for nodeid in sorted(visit.broken)]
        text = json.dumps({"commit": visit.commit, "broken": broken}, indent=2)
        (self.project / "commit.json").write_text(f"{text}\n", encoding="utf-8")
        self._call(*_GIT, "add", "--all")
        self._call(*_GIT, "commit", "--quiet", "--message", f"Commit {visit.commit}")

    def _variables(self, visit: Visit) -> dict[str, str]:
        return {
            "ZOO_ORDER": str(visit.number),
            "ZOO_OUTAGE": "1" if visit.is_outage else "",
            "ZOO_PORT": str(_free_port()),
            "ZOO_SHARED": str(self.folder / "shared.txt"),
        }

    def _flaky(self, *arguments: str) -> str:
        """Do as the command ``pytest-orchestra flaky`` does."""
        start = "import sys; from pytest_orchestra.cli.main import main; sys.exit(main())"
        return self._call(sys.executable, "-c", start, "flaky", *arguments)

    def _call(self, *command: str) -> str:
        done = self._start(*command)
        if done.returncode:
            raise MeasuringError(f"{' '.join(command)} failed\n{done.stdout}{done.stderr}")
        return done.stdout

    def _start(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        inherited = {
            name: text for name, text in os.environ.items() if not name.startswith(FOREIGN)
        }
        return subprocess.run(
            command,
            cwd=self.project,
            env={**inherited, **variables},
            capture_output=True,
            text=True,
            timeout=self.options.timeout,
            check=False,
        )


def _ran(
    visit: Visit, status: int, seconds: float, record: RunRecord, quarantined: frozenset[str]
) -> Ran:
    ruled = [(record.cases[each.case].spec.nodeid, each.gates) for each in record.quarantine]
    return Ran(
        visit,
        status,
        seconds,
        frozenset(
            case.spec.nodeid
            for case in record.cases
            if case.attempts and case.attempts[0].verdict in FAILURE
        ),
        frozenset(case.spec.nodeid for case in record.cases if case.verdict in FAILURE),
        quarantined,
        frozenset(nodeid for nodeid, gates in ruled if not gates),
        frozenset(nodeid for nodeid, gates in ruled if gates),
    )


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
