"""Runs experiments: pytest in processes of its own, beside what the experiment demands."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from pytest_orchestra.diagnosis.experiment import Condition, Experiment, Result
from pytest_orchestra.running.rehearsal import SCRIPT, Script

#: So many processes for each core keep it busy in experiments under load.
BURNERS: Final = 3

#: So many copies of the target run at once.
COPIES: Final = 3

#: Beside a run of all other tests, the target runs so often at the most.
RUNS_BESIDE: Final = 5

#: Seconds between two looks at processes.
_INTERVAL: Final = 0.005

#: Keeps a core busy until its parent is gone.
_BURN: Final = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    sum(range(10000))"


class Ending(Enum):
    """How a run of the target ended; ``NONE``: it did not get so far."""

    PASSED = "passed"
    FAILED = "failed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of the target; ``message`` says why it failed, or why it did not run."""

    ending: Ending
    message: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """How to start pytest as the user did: ``command`` and ``arguments``, in a ``directory``.

    ``has_cache``: pytest's plugin that keeps a cache was not switched off.
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    has_cache: bool = True


@dataclass(frozen=True, slots=True)
class Cast:
    """Who runs: the node id of the ``target``, and for tests by number what has to run.

    ``line_up`` returns the node ids of tests, their prerequisites included, in order; with True
    those of the target too, which comes last. ``paths`` maps node ids to files.
    """

    target: str
    line_up: Callable[[Sequence[int], bool], tuple[str, ...]]
    paths: Mapping[str, str]


class Laboratory:
    """Carries out experiments, one at a time; leaves no process and no file behind when closed."""

    def __init__(self, call: Call, cast: Cast, cores: int) -> None:
        self._call = call
        self._cores = cores
        self._cast = cast
        self._folder = Path(tempfile.mkdtemp(prefix="orchestra-diagnosis-"))
        self._runs = 0
        #: The trials of the last experiment.
        self.trials: list[Trial] = []

    def close(self) -> None:
        """Remove what experiments have left."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def perform(self, experiment: Experiment, limit: float) -> Result:
        """Carry out ``experiment``, in which no process gets more than ``limit`` seconds."""
        began = time.monotonic()
        self.trials = list(self._perform(experiment, limit))
        endings = [trial.ending for trial in self.trials]
        seconds = time.monotonic() - began
        return Result(endings.count(Ending.PASSED), endings.count(Ending.FAILED), seconds)

    def _perform(self, experiment: Experiment, limit: float) -> Iterator[Trial]:
        tests = experiment.tests
        match experiment.condition:
            case Condition.ALONE | Condition.AFTER:
                yield from self._run_at_once([self._script(tests)], limit)
            case Condition.LOAD:
                with _burning(self._cores):
                    yield from self._run_at_once([self._script()], limit)
            case Condition.COPIES:
                gate = self._new("gate")
                scripts = [self._script(gate=str(gate)) for _ in range(COPIES)]
                yield from self._run_at_once(scripts, limit, gate)
            case Condition.BESIDE if len(tests) == 1:
                gate = self._new("gate")
                rival = self._cast.line_up(tests, False)  # noqa: FBT003 - as it is called
                scripts = [self._script(gate=str(gate)), self._rival(rival, rival[-1], str(gate))]
                yield from list(self._run_at_once(scripts, limit, gate))[:1]
            case Condition.BESIDE:
                others = self._rival(self._cast.line_up(tests, False))  # noqa: FBT003 - as above
                yield from self._run_beside(others, limit)

    def _run_beside(self, others: Script, limit: float) -> Iterator[Trial]:
        """Run the target again and again while ``others`` run."""
        with ExitStack() as stack:
            crowd = stack.enter_context(self._start(others, limit))
            for _ in range(RUNS_BESIDE):
                yield from self._run_at_once([self._script()], limit)
                if not crowd.is_running:
                    break

    def _run_at_once(
        self, scripts: Sequence[Script], limit: float, gate: Path | None = None
    ) -> Iterator[Trial]:
        """Yield what becomes of each; where there is a ``gate``, it opens when all stand at it."""
        with ExitStack() as stack:
            runs = [stack.enter_context(self._start(each, limit)) for each in scripts]
            while any(run.is_running for run in runs):
                if gate and all(run.has_begun or not run.is_running for run in runs):
                    gate.touch()
                    gate = None
                time.sleep(_INTERVAL)
            if gate and any(run.has_begun for run in runs):
                yield from [Trial(Ending.NONE, "not all were there in time") for _ in runs]
            else:
                yield from [run.trial() for run in runs]

    def _script(self, tests: Sequence[int] = (), gate: str = "") -> Script:
        nodeids = self._cast.line_up(tests, True)  # noqa: FBT003 - as it is called
        return self._rival(nodeids, self._cast.target, gate)

    def _rival(self, nodeids: tuple[str, ...], target: str = "", gate: str = "") -> Script:
        return Script(
            tests=nodeids,
            paths=tuple(dict.fromkeys(self._cast.paths[nodeid] for nodeid in nodeids)),
            target=target,
            record=str(self._new("record")),
            basetemp=str(self._new("temp")),
            parent=os.getpid(),
            gate=gate,
        )

    def _new(self, what: str) -> Path:
        self._runs += 1
        return self._folder / f"{what}{self._runs}"

    @contextmanager
    def _start(self, script: Script, limit: float) -> Iterator[_Run]:
        path, output = self._new("script"), self._new("output")
        script.write(path)
        call = self._call
        # First, since "--" may be among the arguments; what files say comes before both.
        own = ["-p", "pytest_orchestra.running.rehearsal"]
        if call.has_cache:
            own += ["-o", f"cache_dir={self._folder / 'cache'}"]
        with output.open("wb") as stream:
            process = subprocess.Popen(  # noqa: S603 - what the user started, once more
                [*call.command, *own, *call.arguments],
                cwd=call.directory,
                env={**call.environment, SCRIPT: str(path)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield _Run(process, Path(script.record), output, limit)
        finally:
            _kill(process)
            shutil.rmtree(script.basetemp, ignore_errors=True)


class _Run:
    """A process that plays a script."""

    def __init__(
        self, process: subprocess.Popen[bytes], record: Path, output: Path, limit: float
    ) -> None:
        self._process = process
        self._record = record
        self._output = output
        self._limit = limit
        self._end = time.monotonic() + limit
        self._is_late = False
        #: What the target had taken when the time was up.
        self._seconds = 0.0

    @property
    def is_running(self) -> bool:
        """Whether it has not ended; it does when its time is up."""
        if self._process.poll() is not None:
            return False
        if time.monotonic() > self._end:
            if self.has_begun:
                self._seconds = time.time() - self._record.stat().st_mtime
            self._is_late = True
            _kill(self._process)
            return False
        return True

    @property
    def has_begun(self) -> bool:
        """Whether its target has begun."""
        return self._record.exists()

    def trial(self) -> Trial:
        """Return how the target ended, once the process has."""
        notes = self._notes()
        if not notes or (self._is_late and self._seconds < self._limit / 2):
            return Trial(Ending.NONE, self._last_words())
        if len(notes) == 1:
            how = f"ran for {self._seconds:.2g} s" if self._is_late else "ended its process"
            return Trial(Ending.FAILED, how)
        endings = {"passed": Ending.PASSED, "failed": Ending.FAILED}
        return Trial(endings.get(notes[1]["outcome"], Ending.NONE), notes[1]["message"])

    def _notes(self) -> list[dict[str, str]]:
        if not self._record.exists():
            return []
        lines = self._record.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def _last_words(self) -> str:
        if self._is_late:
            return f"{self._limit:.3g} s were over before it ended, or before it began"
        text = self._output.read_text(encoding="utf-8", errors="replace")
        lines = [line.strip("= ") for line in text.splitlines() if line.strip("= ")]
        return f"pytest ended before it with {self._process.returncode}: {(lines or ['-'])[-1]}"


@contextmanager
def _burning(cores: int) -> Iterator[None]:
    """Keep so many ``cores`` busy."""
    command = [sys.executable, "-c", _BURN, str(os.getpid())]
    burners: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(BURNERS * cores):
            burners.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))  # noqa: PERF401, S603 - each is noted as it starts; our own text
        yield
    finally:
        for burner in burners:
            burner.kill()
        for burner in burners:
            burner.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it has started; that may go on when the process itself has ended."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
