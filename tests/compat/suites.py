"""Runs the suites of real projects with and without the orchestra and compares every outcome.

    python tests/compat/suites.py click boltons [--json FILE] [--cache DIR] [--option=-x]

Makes a virtual environment with pytest, xdist, this project and the release of each named
project, unpacks the release's source distribution, and runs its tests under plain pytest and
under each compared run. By default those are ``--orchestrate`` and ``--orchestrate -n 2``;
``--against="-n 2 --dist load"`` replaces them. The reports of each test are compared by node
id: phase, outcome and whether it was an expected failure. Exits with 0 if nothing differs,
with 1 if something does.
"""

# ruff: noqa: S603, T201 - a script that starts our own interpreter and prints its findings

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHECKOUT: Final = Path(__file__).resolve().parents[2]
TOOLS: Final = ("pytest==9.2.*", "pytest-xdist==3.8.*")
PLAIN: Final = "-p no:orchestra"  # not merely inactive: what pytest does without the project
COMPARED: Final = ("--orchestrate", "--orchestrate -n 2")

#: Records what the user is told: in the controller, where there are workers.
RECORDER_NAME: Final = "record_reports"
RECORDER: Final = '''
"""Writes one JSON line for each report of a run."""

import json
import os


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(open(os.environ["RECORD_REPORTS"], "w", 1)))


class Recorder:
    def __init__(self, file):
        self.file = file

    def pytest_runtest_logreport(self, report):
        line = {
            "nodeid": report.nodeid,
            "when": report.when,
            "outcome": report.outcome,
            "wasxfail": getattr(report, "wasxfail", None) is not None,
        }
        self.file.write(json.dumps(line) + "\\n")

    def pytest_unconfigure(self):
        self.file.close()
'''


@dataclass(frozen=True, slots=True)
class Project:
    """A release whose source distribution holds tests that can be run here."""

    name: str
    version: str
    tests: tuple[str, ...] = ("tests",)

    @property
    def release(self) -> str:
        """What pip installs."""
        return f"{self.name}=={self.version}"


PROJECTS: Final[Mapping[str, Project]] = {
    project.name: project for project in (Project("click", "8.5.1"), Project("boltons", "26.2.0"))
}


@dataclass(frozen=True, slots=True)
class Result:
    """One run of a suite. ``reports`` maps a node id to its reports in their order.

    ``status`` is None if the run took too long and was stopped.
    """

    options: str
    status: int | None
    seconds: float
    output: str
    reports: Mapping[str, tuple[str, ...]]

    def counts(self) -> dict[str, int]:
        """Return how many tests there were and how many ended how."""
        ends = Counter(ending(reports) for reports in self.reports.values())
        return {
            "tests": len(self.reports),
            "reports": sum(len(reports) for reports in self.reports.values()),
            **dict(sorted(ends.items())),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a run did otherwise than the plain one."""

    project: str
    options: str
    status: tuple[int | None, int | None]
    seconds: tuple[float, float]
    counts: tuple[dict[str, int], dict[str, int]]
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    changed: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether nothing differs, the exit status included, and there was something at all."""
        differ = self.missing or self.added or self.changed
        return not differ and self.status[0] == self.status[1] and self.counts[0]["tests"] > 0


def ending(reports: Sequence[str]) -> str:
    """Return how a test ended, in pytest's words."""
    for report in reports:
        when, outcome, *expected = report.split()
        if expected and outcome != "failed":
            return "xfailed" if outcome == "skipped" else "xpassed"
        if outcome != "passed":
            return "error" if outcome == "failed" and when != "call" else outcome
    return "passed"


def compare(project: Project, plain: Result, other: Result) -> Comparison:
    """Return what the other run did differently, test by test."""
    return Comparison(
        project.name,
        other.options,
        (plain.status, other.status),
        (plain.seconds, other.seconds),
        (plain.counts(), other.counts()),
        missing=sorted(plain.reports.keys() - other.reports.keys()),
        added=sorted(other.reports.keys() - plain.reports.keys()),
        changed={
            nodeid: (reports, other.reports[nodeid])
            for nodeid, reports in sorted(plain.reports.items())
            if nodeid in other.reports and reports != other.reports[nodeid]
        },
    )


def call(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a command of the preparation; its output is shown if it fails, and that is the end."""
    done = subprocess.run(
        command, cwd=cwd, text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        sys.exit(f"{shlex.join(map(str, command))}\n{done.stdout}{done.stderr}")


def prepare(cache: Path, projects: Sequence[Project], *, orchestra: bool) -> Path:
    """Return the Python of an environment that has what the runs need."""
    python = cache / "venv" / "bin" / "python"
    if not python.exists():
        call(sys.executable, "-m", "venv", cache / "venv")
    releases = [project.release for project in projects]
    call(python, "-m", "pip", "install", "-q", *TOOLS, *releases)
    if orchestra:
        call(python, "-m", "pip", "install", "-q", "-e", CHECKOUT)
    cache.joinpath(f"{RECORDER_NAME}.py").write_text(RECORDER)
    return python


def unpack(cache: Path, project: Project, python: Path) -> Path:
    """Return the folder of the unpacked source distribution."""
    folder = cache / f"{project.name}-{project.version}"
    if not folder.exists():
        pip = (python, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:")
        call(*pip, project.release, "-d", cache / "sdists")
        archive = next((cache / "sdists").glob(f"{project.name}-{project.version}.tar.gz"))
        with tarfile.open(archive) as opened:
            opened.extractall(cache, filter="data")
    return folder


def run(python: Path, folder: Path, project: Project, options: str, *, timeout: float) -> Result:
    """Run the suite once and return what was reported of every test."""
    cache = folder.parent
    record = cache / f"{project.name}.jsonl"
    record.unlink(missing_ok=True)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    environment |= {"PYTHONPATH": str(cache), "RECORD_REPORTS": str(record)}
    # The script, not ``-m pytest``: the tests are to import the installed release.
    command: list[str | Path] = [python.with_name("pytest"), "-q", "-p", RECORDER_NAME]
    started = time.monotonic()
    with cache.joinpath(f"{project.name}.out").open("w+") as output:
        process = subprocess.Popen(
            [*command, *shlex.split(options), *project.tests],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        status = wait(process, timeout)
        output.seek(0)
        text = output.read()
    seconds = round(time.monotonic() - started, 2)
    return Result(options, status, seconds, text, read_reports(record))


def wait(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    """Return the exit status, or None if the process and its workers had to be killed."""
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # Only before the process is waited for is the group's number certainly its own.
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def read_reports(record: Path) -> dict[str, tuple[str, ...]]:
    """Return the reports of every test as words, such as ``call skipped expected``."""
    reports: dict[str, tuple[str, ...]] = {}
    for line in record.read_text().splitlines() if record.exists() else ():
        report = json.loads(line)
        words = f"{report['when']} {report['outcome']}{' expected' * report['wasxfail']}"
        reports[report["nodeid"]] = (*reports.get(report["nodeid"], ()), words)
    return reports


def show(result: Result, project: Project) -> None:
    """Print one line of figures for a run."""
    counts = ", ".join(f"{amount} {name}" for name, amount in result.counts().items())
    status = "stopped" if result.status is None else f"exit {result.status}"
    print(f"{project.name:10} {result.options:28} {status:7} {result.seconds:7.2f} s  {counts}")


def show_differences(found: Comparison, output: str) -> None:
    """Print all that differs, and the end of the output of a run that differs."""
    if found.same:
        print(f"{found.project}: {found.options}: no difference")
        return
    print(
        f"{found.project}: {found.options}: {len(found.missing)} missing, {len(found.added)} added,"
        f" {len(found.changed)} changed; exit status {found.status[0]}, now {found.status[1]}"
    )
    for nodeid in found.missing:
        print(f"  missing  {nodeid}")
    for nodeid in found.added:
        print(f"  added    {nodeid}")
    for nodeid, (before, now) in found.changed.items():
        print(f"  changed  {nodeid}: {', '.join(before)} -> {', '.join(now)}")
    print("  " + "\n  ".join(output.splitlines()[-20:]))


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("projects", nargs="+", choices=PROJECTS, metavar="PROJECT")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the comparisons here")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep the environment here")
    parser.add_argument(
        "--option", action="append", default=[], help="added to each compared run; repeatable"
    )
    parser.add_argument(
        "--against",
        action="append",
        metavar="OPTIONS",
        help=f"a run to compare instead of the usual ({' and '.join(COMPARED)}); repeatable",
    )
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one run")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare the suites named on the command line and return the exit status."""
    options = arguments(argv)
    compared = [
        shlex.join([*shlex.split(one), *options.option]) for one in options.against or COMPARED
    ]
    projects = [PROJECTS[name] for name in dict.fromkeys(options.projects)]
    found: list[Comparison] = []
    with tempfile.TemporaryDirectory() as temporary:
        cache = (options.cache or Path(temporary)).resolve()
        cache.mkdir(parents=True, exist_ok=True)
        orchestra = any("--orchestrate" in one for one in compared)
        python = prepare(cache, projects, orchestra=orchestra)
        for project in projects:
            folder = unpack(cache, project, python)
            plain = run(python, folder, project, PLAIN, timeout=options.timeout)
            show(plain, project)
            for one in compared:
                result = run(python, folder, project, one, timeout=options.timeout)
                show(result, project)
                found.append(compare(project, plain, result))
                show_differences(found[-1], result.output)
    if options.json:
        rows = [{**asdict(one), "same": one.same} for one in found]
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0 if all(one.same for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
