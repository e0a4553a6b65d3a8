"""Runs commands one after the other and measures what each took."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, Final

#: How often the memory of a running command is looked at, in seconds. It only ever grows in
#: what the kernel reports, so no more than what was taken in the last moment can be missed.
LOOK_EVERY: Final = 0.05

#: How long what a command left behind may take to go, in seconds, before it is killed.
GRACE: Final = 5.0

#: Variables that would change what is measured, or that belong to an outer run of pytest.
FOREIGN: Final = ("PYTEST_", "COV_", "COVERAGE_", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a command.

    ``wall`` and ``cpu`` are seconds; ``cpu`` is user and system time of the whole tree of
    processes, as far as each was waited for by its parent. ``peak`` is the most memory that the
    started process itself ever had in use, in bytes; what it started is not part of it.
    ``status`` is None if the command took too long and was killed. ``outlived`` says that some
    process was still there after the command had ended, so that its CPU time is missing.
    """

    wall: float
    cpu: float
    peak: int
    status: int | None
    output: str
    outlived: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """Something to measure: ``name`` is what tables call it; ``prepare`` and ``after`` are not measured.

    ``expected`` are the exit statuses that are fine; none means that any is.
    """

    name: str
    arguments: tuple[str, ...]
    folder: Path
    prepare: Callable[[], None] | None = None
    after: Callable[[], None] | None = None
    expected: frozenset[int] = frozenset({0})


class MeasuringError(Exception):
    """A command did not do what was to be measured; carries the end of its output."""


def in_turn(
    commands: Sequence[Command], runs: int, *, timeout: float
) -> Mapping[str, tuple[Sample, ...]]:
    """Run all commands once, then all again, until each ran ``runs`` times.

    Whatever slows the machine down for a while so hits every command alike. Raises
    MeasuringError if one takes longer than ``timeout`` seconds or ends with another status than
    expected.
    """
    samples: dict[str, list[Sample]] = {command.name: [] for command in commands}
    for number in range(1, runs + 1):
        for command in commands:
            if command.prepare is not None:
                command.prepare()
            sample = measure(command.arguments, command.folder, timeout=timeout)
            _insist(command, sample)
            samples[command.name].append(sample)
            if command.after is not None:
                command.after()
            tell(f"{number}/{runs}  {command.name}: {sample.wall:.2f} s")
    return {name: tuple(each) for name, each in samples.items()}


def measure(arguments: Sequence[str], folder: Path, *, timeout: float) -> Sample:
    """Run one command in ``folder`` with nothing to read and its output going to a file."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        peak, in_time = _watch(process.pid, started + timeout)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        outlived = _outlived(process.pid)
        return Sample(
            wall=wall,
            cpu=usage.ru_utime + usage.ru_stime,
            peak=peak,
            status=process.returncode if in_time else None,
            output=_read(output),
            outlived=outlived,
        )


def peak_memory(pid: int) -> int:
    """Return the most memory that a live process ever had in use, in bytes; 0 if it is gone.

    Not ``ru_maxrss``: that of a process that was waited for includes those that it waited for,
    and that of a process which was just started includes what its parent had.
    """
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def middle(samples: Sequence[Sample], figure: Callable[[Sample], float]) -> float:
    """Return the median of one figure of several samples."""
    return median(figure(sample) for sample in samples)


def tell(text: str) -> None:
    """Say how far things are, where it does not get into the results."""
    print(text, file=sys.stderr, flush=True)


def _watch(pid: int, deadline: float) -> tuple[int, bool]:
    """Wait for the end of a process, but do not reap it: until then its number is its own.

    Returns its peak memory, and whether it ended by itself.
    """
    peak, in_time = 0, True
    handle = os.pidfd_open(pid)
    try:
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        while not waiting.poll(LOOK_EVERY * 1000):
            peak = max(peak, peak_memory(pid))
            if in_time and time.perf_counter() > deadline:
                in_time = False
                os.killpg(pid, signal.SIGKILL)
    finally:
        os.close(handle)
    return peak, in_time


def _outlived(group: int) -> bool:
    """Whether any process of a group is still there; they get some time, and then are killed."""
    found = False
    deadline = time.perf_counter() + GRACE
    with suppress(ProcessLookupError):
        os.killpg(group, 0)
        found = True
        while time.perf_counter() < deadline:
            time.sleep(LOOK_EVERY)
            os.killpg(group, 0)
        os.killpg(group, signal.SIGKILL)
    return found


def environment() -> dict[str, str]:
    """Return the variables that commands are run with."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


def _read(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace")


def _insist(command: Command, sample: Sample) -> None:
    if sample.status is None:
        what = "took too long and was killed"
    elif command.expected and sample.status not in command.expected:
        what = f"ended with status {sample.status}"
    else:
        return
    end = "\n".join(sample.output.splitlines()[-30:])
    raise MeasuringError(f"{command.name} {what}: {' '.join(command.arguments)}\n{end}")
