"""Random suites that stamp what they do, and a judge of whether a run kept every promise.

``generate`` makes a suite from a seed, ``run`` starts pytest on it (and kills a worker, if
asked), ``violations`` compares what happened with what the suite said. The judge trusts
only the clock stamps that the tests wrote and pytest's own JUnit file, never the plugin.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import junitparser

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

CASES: Final = 300
FILES: Final = 10
EDGES: Final = 400
EXCLUSIVE: Final = 6
COUNTS: Final = ("db", "gpu", "port")
LOCKS: Final = ("schema", "cache")
STAMPS: Final = "stamps.jsonl"
KILLED: Final = "killed"
JUNIT: Final = "junit.xml"
OUTPUT: Final = "output.txt"


# --- the suite -------------------------------------------------------------------------------


class Outcome(StrEnum):
    """What a test does when it runs, or what became of it."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Case:
    """One generated test: what it says of itself and what it does when it runs.

    ``counts`` maps a resource to tokens and ``locks`` maps one to "read" or "write".
    ``hard`` prerequisites must pass, ``after`` prerequisites need only be over.
    """

    nodeid: str
    counts: Mapping[str, int] = field(default_factory=dict)
    locks: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False
    hard: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    plan: Outcome = Outcome.PASSED
    milliseconds: int = 0

    def source(self) -> str:
        """Return the test function as Python text."""
        marks = []
        if self.hard:
            marks.append(f"depends({self.hard[0]!r})")
        if self.hard[1:]:
            marks.append(f"depends(on={list(self.hard[1:])!r})")
        marks += [f"depends({other!r}, when='finished')" for other in self.after]
        words = ["'*'"] if self.alone else []
        words += [repr(name) for name, tokens in self.counts.items() if tokens == 1]
        words += [f"{name}={tokens}" for name, tokens in self.counts.items() if tokens > 1]
        words += [f"{name}={mode!r}" for name, mode in self.locks.items()]
        if words:
            marks.append(f"resources({', '.join(words)})")
        fixture = "breaks_in_teardown" if self.plan is Outcome.ERROR else ""
        lines = [f"@pytest.mark.{mark}" for mark in marks]
        lines.append(f"def {self.nodeid.partition('::')[2]}({fixture}):")
        lines.append(f"    time.sleep({self.milliseconds / 1000})")
        if self.plan is Outcome.FAILED:
            lines.append("    pytest.fail('as planned')")
        if self.plan is Outcome.SKIPPED:
            lines.append("    pytest.skip('as planned')")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests by node id in the order of their collection, and the tokens there are."""

    cases: Mapping[str, Case]
    capacities: Mapping[str, int]

    def in_order(self) -> Iterator[Case]:
        """Return the cases so that each comes after its prerequisites."""
        graph = {case.nodeid: (*case.hard, *case.after) for case in self.cases.values()}
        return (self.cases[nodeid] for nodeid in TopologicalSorter(graph).static_order())

    def expected(self, crashed: Collection[str] = ()) -> dict[str, Outcome]:
        """Return the outcome of every test if these crash, blocks included."""
        outcomes: dict[str, Outcome] = {}
        for case in self.in_order():
            if any(outcomes[other] is not Outcome.PASSED for other in case.hard):
                outcomes[case.nodeid] = Outcome.BLOCKED
            else:
                outcomes[case.nodeid] = Outcome.CRASHED if case.nodeid in crashed else case.plan
        return outcomes

    def roots(self, nodeid: str, outcomes: Mapping[str, Outcome]) -> set[str]:
        """Return the tests at the root of this one's block."""
        found: set[str] = set()
        for other in self.cases[nodeid].hard:
            if outcomes[other] is Outcome.BLOCKED:
                found |= self.roots(other, outcomes)
            elif outcomes[other] is not Outcome.PASSED:
                found.add(other)
        return found

    def write(self, folder: Path) -> None:
        """Write the test files, their conftest.py and the configuration into the folder."""
        folder.joinpath("conftest.py").write_text(CONFTEST)
        tokens = "".join(f"{name} = {amount}\n" for name, amount in self.capacities.items())
        folder.joinpath("pyproject.toml").write_text(
            "[tool.pytest.ini_options]\ntestpaths = ['.']\n\n"
            f"[tool.pytest_orchestra.resources]\n{tokens}"
        )
        by_file = itertools.groupby(
            self.cases.values(), key=lambda case: case.nodeid.partition("::")[0]
        )
        for name, cases in by_file:
            parts = ["import time\n\nimport pytest", *(case.source() for case in cases)]
            folder.joinpath(name).write_text("\n\n\n".join(parts) + "\n")


#: What the tests do that are not to pass; they block about a tenth of the suite.
MISHAPS: Final = 6 * (Outcome.FAILED,) + 6 * (Outcome.SKIPPED,) + 4 * (Outcome.ERROR,)


def generate(seed: int) -> Suite:
    """Return the suite of this seed; equal seeds give equal suites."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    nodeids = [f"test_{n * FILES // CASES:02}.py::test_{n}" for n in range(CASES)]
    capacities = {name: rng.randint(1, 4) for name in COUNTS}
    # Prerequisites follow a shuffled order, so that many are collected after their dependants.
    pairs = list(itertools.combinations(rng.sample(nodeids, CASES), 2))
    edges: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for earlier, later in rng.sample(pairs, EDGES):
        edges[later, rng.random() < 0.75].append(earlier)
    plans = dict(zip(rng.sample(nodeids, len(MISHAPS)), MISHAPS, strict=True))
    exclusive = set(rng.sample(nodeids, EXCLUSIVE))
    cases = {}
    for nodeid in nodeids:
        alone = nodeid in exclusive
        wanted = [] if alone else rng.sample(COUNTS + LOCKS, rng.choice((0, 0, 1, 1, 2, 3)))
        cases[nodeid] = Case(
            nodeid,
            counts={
                name: min(rng.randint(1, 3), capacities[name]) for name in wanted if name in COUNTS
            },
            locks={
                name: rng.choice(("read", "read", "read", "write"))
                for name in wanted
                if name in LOCKS
            },
            alone=alone,
            hard=tuple(edges[nodeid, True]),
            after=tuple(edges[nodeid, False]),
            plan=plans.get(nodeid, Outcome.PASSED),
            milliseconds=rng.randint(0, 30),
        )
    return Suite(cases, capacities)


#: A stamp is one write in append mode, so that lines of several workers never mix. The fixture
#: is set up first and torn down last: tokens must be held until the function's teardown ends.
CONFTEST: Final = f"""
import json
import os
import time
from pathlib import Path

import pytest


def stamp(nodeid, event):
    line = {{
        "nodeid": nodeid,
        "event": event,
        "ns": time.monotonic_ns(),
        "worker": os.environ.get("PYTEST_XDIST_WORKER", ""),
        "pid": os.getpid(),
    }}
    path = Path(__file__).with_name("{STAMPS}")
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, (json.dumps(line) + "\\n").encode())
    finally:
        os.close(file)


def wait_for_the_kill(most):
    stamps, killed = Path(__file__).with_name("{STAMPS}"), Path(__file__).with_name("{KILLED}")
    while not killed.exists() and stamps.read_bytes().count(b"\\n") > most:
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def stamped(request):
    stamp(request.node.nodeid, "start")
    if "STRESS_MOST_STAMPS" in os.environ:
        wait_for_the_kill(int(os.environ["STRESS_MOST_STAMPS"]))
    yield
    stamp(request.node.nodeid, "end")


@pytest.fixture
def breaks_in_teardown(stamped):
    yield
    raise RuntimeError("as planned")
"""


# --- what happened ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stamp:
    """A test started or ended: nanoseconds of the machine's monotonic clock, and where."""

    nodeid: str
    event: str
    ns: int
    worker: str
    pid: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """One testcase of the JUnit file."""

    nodeid: str
    outcome: Outcome
    message: str = ""


@dataclass(frozen=True, slots=True)
class Kill:
    """A worker that was killed, and the moment just before the signal was sent."""

    pid: int
    ns: int


@dataclass(frozen=True, slots=True)
class Run:
    """All that one run of pytest left behind. ``status`` is None if it had to be stopped."""

    status: int | None
    output: str
    stamps: Sequence[Stamp]
    verdicts: Sequence[Verdict]
    kill: Kill | None


def read_stamps(path: Path) -> list[Stamp]:
    """Return the whole lines of a file that may still be growing, or not exist yet."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    return [Stamp(**json.loads(line)) for line in lines if line.endswith("\n")]


def read_verdicts(path: Path) -> list[Verdict]:
    """Return the testcases of pytest's JUnit file in their order."""
    if not path.exists():
        return []
    suites = junitparser.JUnitXml.fromfile(str(path))
    return [verdict_of(case) for suite in suites for case in suite]


def verdict_of(case: junitparser.TestCase) -> Verdict:
    """Return what a testcase says; a crash counts as one although it is a failure too."""
    nodeid = f"{case.classname}.py::{case.name}"
    message = "; ".join(f"{result.message or ''}" for result in case.result)
    kinds = {type(result) for result in case.result}
    if not kinds:
        return Verdict(nodeid, Outcome.PASSED)
    if kinds == {junitparser.Skipped}:
        blocked = message.startswith("blocked: ")
        return Verdict(nodeid, Outcome.BLOCKED if blocked else Outcome.SKIPPED, message)
    if "crashed" in message:
        return Verdict(nodeid, Outcome.CRASHED, message)
    failed = kinds == {junitparser.Failure}
    return Verdict(nodeid, Outcome.FAILED if failed else Outcome.ERROR, message)


class Killer(threading.Thread):
    """Waits until the run has come so far, then kills a random worker of it."""

    #: So many stamps more, and tests wait for it: the run is not over before it had its turn.
    AHEAD: Final = 40

    def __init__(self, folder: Path, rng: random.Random) -> None:
        super().__init__(daemon=True)
        self.kill: Kill | None = None
        self.over = threading.Event()
        self.controller = 0
        self._stamps = folder / STAMPS
        self._killed = folder / KILLED
        self._rng = rng
        self._after_stamps = rng.randint(10, 3 * CASES // 2)  # of about 530

    @property
    def environment(self) -> dict[str, str]:
        """What the tests must know."""
        return {"STRESS_MOST_STAMPS": str(self._after_stamps + self.AHEAD)}

    def run(self) -> None:
        """Kill one worker, and let the run go on."""
        while len(stamps := read_stamps(self._stamps)) < self._after_stamps:
            if self.over.wait(0.005):
                return
        self.over.wait(self._rng.uniform(0, 0.03))
        pid = self._rng.choice(sorted({stamp.pid for stamp in stamps}))
        if self._is_worker(pid):
            moment = time.monotonic_ns()
            os.kill(pid, signal.SIGKILL)
            self.kill = Kill(pid, moment)
        self._killed.touch()

    def _is_worker(self, pid: int) -> bool:
        """Whether the process still is a child of the controller: pids are used again."""
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        return int(status.rpartition(")")[2].split()[1]) == self.controller


def launch(folder: Path, *options: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start pytest on the folder, with the plugins in ``options`` and no others."""
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={JUNIT}", *options]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with folder.joinpath(OUTPUT).open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter
            command,
            cwd=folder,
            env=kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def run(
    folder: Path, *options: str, kill: random.Random | None = None, timeout: float = 300
) -> Run:
    """Run pytest on the folder and return what happened.

    ``kill`` says when and whom to kill. A run that takes longer than ``timeout`` seconds is
    made to dump its stacks and is then stopped.
    """
    killer = Killer(folder, kill) if kill else None
    process = launch(folder, *options, **(killer.environment if killer else {}))
    if killer:
        killer.controller = process.pid
        killer.start()
    try:
        status = wait(process, timeout)
    finally:
        if killer:
            killer.over.set()
            killer.join()
    return Run(
        status,
        folder.joinpath(OUTPUT).read_text(errors="replace"),
        read_stamps(folder / STAMPS),
        read_verdicts(folder / JUNIT),
        killer.kill if killer else None,
    )


def wait(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    """Return the exit status, or None if the process and its workers had to be killed."""
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # pytest's faulthandler prints all stacks
        end = time.monotonic() + 20
        while not _has_ended(process) and time.monotonic() < end:
            time.sleep(0.01)
        return None
    finally:
        # Only before the process is waited for is the group's number certainly its own.
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has; its exit status is left to be asked for, and its number is still its own."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


# --- the judge -------------------------------------------------------------------------------


class Broken(StrEnum):
    """A promise that a run can break."""

    CAPACITY = "more tokens taken than there are"
    LOCK = "a writer was not alone with its lock"
    EXCLUSIVE = "an exclusive test was not alone"
    TOO_EARLY = "started before a prerequisite was over"
    RAN_UNFOUNDED = "ran although a hard prerequisite did not pass"
    RAN_TWICE = "ran more than once"
    UNFINISHED = "started and never ended"
    NEVER_RAN = "has an outcome but never ran"
    NO_VERDICT = "has no verdict"
    TWO_VERDICTS = "has more than one verdict"
    UNKNOWN = "is no test of the suite"
    UNEXPECTED_BLOCK = "was blocked without a cause"
    WRONG_CAUSE = "was blocked for a reason that is none"
    WRONG_OUTCOME = "has the wrong outcome"
    WRONG_BLAME = "a crash was blamed on the wrong test"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: which, by which test, and what was seen."""

    promise: Broken
    nodeid: str
    seen: str = ""

    def __str__(self) -> str:
        return f"{self.nodeid} {self.promise}: {self.seen}"


@dataclass(frozen=True, slots=True)
class Execution:
    """One test from its first to its last stamp; ``ended`` is infinite if there is none."""

    case: Case
    pid: int
    started: float
    ended: float
    cut: bool


def executions(suite: Suite, stamps: Iterable[Stamp], kill: Kill | None) -> list[Execution]:
    """Pair the stamps. A test cut off by the kill ended with it."""
    open_: dict[tuple[str, int], Stamp] = {}
    found: list[Execution] = []

    def close(start: Stamp, ended: float, *, cut: bool) -> None:
        found.append(Execution(suite.cases[start.nodeid], start.pid, start.ns, ended, cut))

    def cut_off(start: Stamp) -> None:
        killed = kill is not None and start.pid == kill.pid
        close(start, max(start.ns, kill.ns) if kill and killed else float("inf"), cut=True)

    for stamp in sorted(stamps, key=lambda stamp: stamp.ns):
        key = stamp.nodeid, stamp.pid
        if stamp.nodeid not in suite.cases:
            continue
        if stamp.event == "end":
            # One without a start is a run of its own: it must have come from somewhere.
            close(open_.pop(key, stamp), stamp.ns, cut=False)
        else:
            if key in open_:
                cut_off(open_[key])
            open_[key] = stamp
    for stamp in open_.values():
        cut_off(stamp)
    return found


def most_at_once(stamps: Iterable[Stamp]) -> int:
    """Return how many tests ran at the busiest moment; a kill counts as if its test went on."""
    running = most = 0
    for stamp in sorted(stamps, key=lambda stamp: (stamp.ns, stamp.event)):
        running += 1 if stamp.event == "start" else -1
        most = max(most, running)
    return most


def violations(suite: Suite, run: Run) -> list[Violation]:
    """Return every promise that the run broke, none if all is well."""
    ran: dict[str, list[Execution]] = {nodeid: [] for nodeid in suite.cases}
    for execution in executions(suite, run.stamps, run.kill):
        ran[execution.case.nodeid].append(execution)
    verdicts: dict[str, list[Verdict]] = {nodeid: [] for nodeid in suite.cases}
    for verdict in run.verdicts:
        verdicts.setdefault(verdict.nodeid, []).append(verdict)
    outcomes = {nodeid: given[-1].outcome for nodeid, given in verdicts.items() if given}
    seen = {stamp.nodeid for stamp in run.stamps} | {verdict.nodeid for verdict in run.verdicts}
    everything = [execution for several in ran.values() for execution in several]
    return [
        *(Violation(Broken.UNKNOWN, nodeid) for nodeid in sorted(seen - set(suite.cases))),
        *overlaps(suite, everything),
        *disorders(suite, ran, outcomes),
        *miscounts(suite, ran, verdicts),
        *misjudgements(suite, verdicts),
        *misblames(run.kill, ran, outcomes),
    ]


def overlaps(suite: Suite, everything: Iterable[Execution]) -> Iterator[Violation]:
    """Find tests that ran at one time and must not; an end comes before a start."""
    events = [(one.started, 1, one) for one in everything]
    events += [(one.ended, 0, one) for one in everything]
    running: list[Execution] = []
    for _, is_start, one in sorted(events, key=lambda event: event[:2]):
        if not is_start:
            # A test of no length ends before it starts in this order, and overlaps nothing.
            running = [other for other in running if other is not one]
        elif one.ended > one.started:
            running.append(one)
            yield from clashes(suite, one.case, [other.case for other in running])


def clashes(suite: Suite, new: Case, running: Sequence[Case]) -> Iterator[Violation]:
    """Find what the new case takes in excess of what there is; it is among the running."""
    seen = ", ".join(case.nodeid for case in running)
    if len(running) > 1 and any(case.alone for case in running):
        yield Violation(Broken.EXCLUSIVE, new.nodeid, seen)
    for name in new.counts:
        taken, there = sum(case.counts.get(name, 0) for case in running), suite.capacities[name]
        if taken > there:
            yield Violation(Broken.CAPACITY, new.nodeid, f"{taken} of {there} {name}: {seen}")
    for name in new.locks:
        modes = [case.locks[name] for case in running if name in case.locks]
        if "write" in modes and len(modes) > 1:
            yield Violation(Broken.LOCK, new.nodeid, f"{name} {modes}: {seen}")


def disorders(
    suite: Suite, ran: Mapping[str, Sequence[Execution]], outcomes: Mapping[str, Outcome]
) -> Iterator[Violation]:
    """Find tests that ran before their turn, or that should not have run at all."""
    for case in suite.cases.values():
        for one in ran[case.nodeid]:
            for other in (*case.hard, *case.after):
                if any(earlier.ended > one.started for earlier in ran[other]):
                    yield Violation(Broken.TOO_EARLY, case.nodeid, f"before {other} ended")
            for other in case.hard:
                if outcomes.get(other) is not Outcome.PASSED:
                    seen = f"{other}: {outcomes.get(other, 'no verdict')}"
                    yield Violation(Broken.RAN_UNFOUNDED, case.nodeid, seen)


def miscounts(
    suite: Suite,
    ran: Mapping[str, Sequence[Execution]],
    verdicts: Mapping[str, Sequence[Verdict]],
) -> Iterator[Violation]:
    """Find tests that ran or were judged too often or not at all."""
    for nodeid in suite.cases:
        times, given = len(ran[nodeid]), verdicts[nodeid]
        if times > 1:
            yield Violation(Broken.RAN_TWICE, nodeid, f"on {[one.pid for one in ran[nodeid]]}")
        if any(one.ended == float("inf") for one in ran[nodeid]):
            yield Violation(Broken.UNFINISHED, nodeid)
        if not given:
            yield Violation(Broken.NO_VERDICT, nodeid, f"ran {times} times")
        if len(given) > 1:
            seen = str([verdict.outcome.value for verdict in given])
            yield Violation(Broken.TWO_VERDICTS, nodeid, seen)
        # A worker may be killed after a test was given to it and before its first stamp.
        if not times and any(
            verdict.outcome not in (Outcome.BLOCKED, Outcome.CRASHED) for verdict in given
        ):
            yield Violation(Broken.NEVER_RAN, nodeid, given[0].outcome)


def misjudgements(suite: Suite, verdicts: Mapping[str, Sequence[Verdict]]) -> Iterator[Violation]:
    """Find outcomes that differ from the plan, given the crashes there were."""
    crashed = {
        nodeid
        for nodeid, given in verdicts.items()
        if any(verdict.outcome is Outcome.CRASHED for verdict in given)
    }
    expected = suite.expected(crashed)
    for nodeid, outcome in expected.items():
        for verdict in verdicts[nodeid]:
            if verdict.outcome is not outcome:
                unexpected = verdict.outcome is Outcome.BLOCKED
                promise = Broken.UNEXPECTED_BLOCK if unexpected else Broken.WRONG_OUTCOME
                seen = f"{verdict.outcome}, not {outcome} ({verdict.message})"
                yield Violation(promise, nodeid, seen)
            elif outcome is Outcome.BLOCKED:
                roots = suite.roots(nodeid, expected)
                if not any(verdict.message.startswith(f"blocked: {root} ") for root in roots):
                    seen = f"{verdict.message!r}, not one of {sorted(roots)}"
                    yield Violation(Broken.WRONG_CAUSE, nodeid, seen)


def misblames(
    kill: Kill | None,
    ran: Mapping[str, Sequence[Execution]],
    outcomes: Mapping[str, Outcome],
) -> Iterator[Violation]:
    """Find crashes that hit another test than the one in flight on the killed worker.

    If none was in flight by its stamps, the worker was about to report its last test or to
    start one: then either may be blamed, or none.
    """
    crashed = [nodeid for nodeid, outcome in outcomes.items() if outcome is Outcome.CRASHED]
    on_killed = [one for several in ran.values() for one in several if kill and one.pid == kill.pid]
    last = max(on_killed, key=lambda one: one.started, default=None)
    in_flight = last.case.nodeid if last and last.cut else None
    if in_flight and in_flight not in crashed:
        yield Violation(Broken.WRONG_BLAME, in_flight, "in flight and not failed")
    for nodeid in crashed:
        was_last = last is not None and last.case.nodeid == nodeid
        unstarted = in_flight is None and not ran.get(nodeid)
        if kill is None or len(crashed) > 1 or not (was_last or unstarted):
            yield Violation(Broken.WRONG_BLAME, nodeid, f"of {crashed}; in flight: {in_flight}")
