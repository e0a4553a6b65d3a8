"""What the machine has, and whether a worker can be started on it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Final

from pytest_orchestra.cli.checkup import Finding, State
from pytest_orchestra.cli.project import Project
from pytest_orchestra.errors import MachineError

_PRESSURE: Final = Path("/proc/pressure/cpu")

#: Above this share of time, in per cent, in which somebody waits for a core, runs slow each other down.
_BUSY: Final = 20.0

#: For how many seconds to wait for git, and for a worker with one test.
_GIT_PATIENCE: Final = 10.0
_WORKER_PATIENCE: Final = 60.0

#: Lines of pytest's that are shown if the worker does not work.
_SHOWN: Final = 5


def check_runtime_dir(place: Project) -> Iterator[Finding]:
    """Say whether runs on this machine can share tokens."""
    try:
        from pytest_orchestra.machine.place import Place  # noqa: PLC0415 - not on every system
    except ImportError as error:
        yield Finding(State.ODD, "runtime directory", f"runs cannot share tokens here: {error}")
        return
    wish = place.settings.runtime_dir
    folder = None if wish is None else place.root / Path(wish).expanduser()
    try:
        found = Place.open(folder)
    except MachineError as error:
        yield Finding(State.BROKEN, "runtime directory", str(error))
        return
    yield Finding(State.FINE, "runtime directory", found.path)


def check_git(place: Project) -> Iterator[Finding]:
    """Say whether git knows the code: flaky tests are told from broken ones by its commits."""
    if which("git") is None:
        what = "is not installed: runs of the same code cannot be told from others"
        yield Finding(State.ODD, "git", what)
        return
    try:
        done = subprocess.run(
            ("git", "rev-parse", "HEAD"),  # noqa: S607 - the user's own git
            cwd=place.root,
            capture_output=True,
            text=True,
            timeout=_GIT_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding(State.ODD, "git", f"does not answer: {error}")
        return
    if done.returncode:
        what = "knows no commit here: runs of the same code cannot be told from others"
        yield Finding(State.ODD, "git", what)
    else:
        yield Finding(State.FINE, "git", f"at commit {done.stdout.strip()[:12]}")


def check_cpus() -> Iterator[Finding]:
    """Say how many cores there are for workers."""
    total = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else total
    text = f"{usable} of {total} cores may be used"
    if usable == 1:
        yield Finding(State.ODD, "cores", f"{text}: tests that compute gain nothing from workers")
    else:
        yield Finding(State.FINE, "cores", text)


def check_pressure() -> Iterator[Finding]:
    """Say how busy the machine is, as far as its kernel tells."""
    try:
        some = _PRESSURE.read_text(encoding="ascii").splitlines()[0]
        share = float(dict(part.split("=") for part in some.split()[1:])["avg60"])
    except (OSError, ValueError, KeyError, IndexError):
        yield Finding(State.FINE, "load", "the kernel does not tell who waits for a core (no PSI)")
        return
    text = f"in {share:.0f} % of the last minute somebody waited for a core"
    if share > _BUSY:
        yield Finding(State.ODD, "load", f"{text}: what tests take now says little")
    else:
        yield Finding(State.FINE, "load", text)


def check_worker() -> Iterator[Finding]:
    """Run one test on one worker, in a directory that has nothing of the project's."""
    with tempfile.TemporaryDirectory(prefix="pytest-orchestra-") as folder:
        Path(folder, "test_doctor.py").write_text("def test_worker(): pass\n", encoding="utf-8")
        Path(folder, "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        # Options of the user's are for other tests.
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
        }
        options = ("--orchestrate", "--orchestrate-history=none", "-n1", "-q", "--color=no")
        try:
            done = subprocess.run(  # noqa: S603 - this interpreter
                (sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider"),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=_WORKER_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            what = f"a test on one worker did not end in {_WORKER_PATIENCE:.0f} s"
            yield Finding(State.BROKEN, "worker", what)
            return
        except OSError as error:
            yield Finding(State.BROKEN, "worker", f"pytest cannot be started: {error}")
            return
    if done.returncode == 0:
        yield Finding(State.FINE, "worker", "one was started, and ran a test")
    else:
        tail = " | ".join(done.stdout.split("\n")[-_SHOWN - 1 :]).strip()
        yield Finding(State.BROKEN, "worker", f"pytest ended with {done.returncode}: {tail}")
