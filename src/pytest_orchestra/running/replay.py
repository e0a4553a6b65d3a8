"""Runs a recorded run again, and says where reality differed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra.errors import ReportError
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.dispatch import Deed, Recording, Step
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.dispatch_file import read_recording, recording_of
from pytest_orchestra.running.counts import count
from pytest_orchestra.running.replay_choice import REPLAY
from pytest_orchestra.scheduling.data import pair
from pytest_orchestra.scheduling.fidelity import Fidelity, compare
from pytest_orchestra.scheduling.graph import link
from pytest_orchestra.scheduling.script import Script, renumbered

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from pytest_orchestra.running.terminal import TerminalReport

OPTION: Final = "--orchestrate-replay"

#: The only worker of a run without workers.
_ALONE: Final = ("main",)

#: So many tests, and differences, are named, unless ``-v`` asks for all.
_NAMED: Final = 5

#: Options that choose tests, or what becomes of them, in another way.
_RIVALS: Final = (
    ("orchestrate_shard", "--orchestrate-shard"),
    ("orchestrate_diagnose", "--orchestrate-diagnose"),
)


def prepare(config: pytest.Config) -> None:
    """Read the recording that is to be run again, and let there be as many workers as it had.

    Raises pytest.UsageError for what cannot be replayed.
    """
    for name, rival in _RIVALS:
        if config.getoption(name) is not None:
            raise pytest.UsageError(
                f"{OPTION} runs what the recording ran: leave out {rival}, or {OPTION}"
            )
    path = config.invocation_params.dir / Path(config.getoption("orchestrate_replay")).expanduser()
    try:
        recording = read_recording(path)
    except ReportError as error:
        raise pytest.UsageError(f"{OPTION}: {error}") from None
    replay = Replay(config, path, recording)
    if not config.option.collectonly:
        replay.hire()
    replay.sow()
    config.stash[REPLAY] = replay


class Replay:
    """Plugin for the process that the user started."""

    def __init__(self, config: pytest.Config, path: Path, recording: Recording) -> None:
        self._config: Final = config
        self._path: Final = path
        self._recording: Final = recording
        self._notes: Final[list[str]] = []
        #: New tests that recorded ones need by now, in the order in which they can run.
        self._needed: tuple[str, ...] = ()
        self._run: RunRecord | None = None

    # before the run

    def hire(self) -> None:
        """Let there be as many workers as the recording has, whatever was asked for."""
        option = self._config.option
        crew = self._recording.crew
        wanted = 0 if crew == _ALONE else len(crew)
        if not hasattr(option, "numprocesses"):
            if wanted:
                raise pytest.UsageError(
                    f"{OPTION}: {self._path} was recorded on {count(wanted, 'worker')}: that needs "
                    "pytest-xdist, which is not there or was switched off"
                )
            return
        asked = option.numprocesses
        elsewhere = option.tx if asked is None and wanted else []
        if isinstance(asked, int) and asked != wanted:
            self._notes.append(f"-n {asked} is not heeded: the recording says how many workers")
        if elsewhere:
            return
        option.numprocesses = wanted
        option.maxprocesses = None
        option.distload = False
        if not wanted:
            option.dist = "no"
        elif option.dist == "no":
            option.dist = "load"
        option.tx = ["popen"] * wanted

    def sow(self) -> None:
        """Let pytest-randomly begin with the seed of the recording, unless the user named one."""
        option, seed = self._config.option, self._recording.conditions.seed
        if seed and getattr(option, "randomly_seed", None) == "default":
            option.randomly_seed = int(seed)

    def announce(self, terminal: TerminalReport) -> None:
        """Say what is about to be run again."""
        recording = self._recording
        tests, crew = count(len(recording.nodeids), "test"), recording.crew
        where = "in one process" if crew == _ALONE else f"on {count(len(crew), 'worker')}"
        terminal.line(f"replays {self._path.name}: {tests} {where}")
        for note in self._notes:
            terminal.line(note, yellow=True)

    def take(self, specs: Sequence[CaseSpec], terminal: TerminalReport) -> tuple[int, ...]:
        """Return the cases of ``specs`` that the recording has, and what they need; says what it has not.

        Raises pytest.UsageError where none of its tests is left.
        """
        self.announce(terminal)
        recorded = set(self._recording.nodeids)
        collected = {spec.nodeid for spec in specs}
        if recorded and not recorded & collected:
            raise pytest.UsageError(
                f"{OPTION}: none of the {count(len(recorded), 'test')} of {self._path} was collected: "
                "give the same paths and options as then"
            )
        gone = [nodeid for nodeid in self._recording.nodeids if nodeid not in collected]
        new = [case for case, spec in enumerate(specs) if spec.nodeid not in recorded]
        needed = _needed(specs, set(new)) if new else ()
        self._needed = tuple(specs[case].nodeid for case in needed)
        left = set(new) - set(needed)
        for nodeids, what in (
            (gone, "recorded, and not collected this time"),
            ([specs[case].nodeid for case in new if case in left], "not recorded, and left out"),
            (self._needed, "not recorded, and needed by others: they run first"),
        ):
            if nodeids:
                terminal.line(
                    f"{count(len(nodeids), 'test')} {what}: {_names(nodeids)}", yellow=True
                )
        return tuple(case for case in range(len(specs)) if case not in left)

    def script(self, specs: Sequence[CaseSpec]) -> Script:
        """Return what to do with ``specs``, the cases of this run."""
        numbers: dict[str, int] = {}
        for case, spec in enumerate(specs):
            numbers.setdefault(spec.nodeid, case)
        recording = self._recording
        known = {
            index: numbers[nodeid]
            for index, nodeid in enumerate(recording.nodeids)
            if nodeid in numbers
        }
        first = recording.crew[0] if recording.crew else ""
        before = [Step(Deed.RUN, first, numbers[nodeid]) for nodeid in self._needed]
        return Script([*before, *renumbered(recording.dispatch, known)])

    # after the run

    @pytest.hookimpl(tryfirst=True)
    def pytest_orchestra_finished(self, run: RunRecord) -> None:
        """Keep what really happened."""
        self._run = run

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Say which failures came again, and where reality differed."""
        if self._run is None:
            return
        replayed = recording_of(self._run)
        terminalreporter.section("replay")
        is_long = self._config.get_verbosity() > 0
        for line in conditions_lines(self._recording, replayed):
            terminalreporter.write_line(line)
        for line in fidelity_lines(compare(self._recording, replayed), is_long=is_long):
            terminalreporter.write_line(line)


def fidelity_lines(fidelity: Fidelity, *, is_long: bool) -> Iterator[str]:
    """Yield what is to be said of a replay; ``is_long`` leaves nothing out."""
    failures, again = fidelity.failures, set(fidelity.again)
    if failures:
        recorded = "recorded failure" if len(failures) == 1 else "recorded failures"
        yield f"{len(again)} of {len(failures)} {recorded} came again"
        why = dict.fromkeys(fidelity.missing, "not collected")
        why |= dict.fromkeys(fidelity.unrun, "did not run")
        lines = [
            f"  {why.get(each, 'not again')}: {each}" for each in failures if each not in again
        ]
        yield from _some(lines, is_long)
    else:
        yield "no test had failed in the recording"
    differences = fidelity.differences
    if not differences:
        yield "all else went as it was recorded: the same tests, workers, order and outcomes"
        return
    places = "place" if len(differences) == 1 else "places"
    yield f"reality differed in {len(differences)} {places}; the first:"
    yield f"  {differences[0]}"
    yield from _some([f"  {each}" for each in differences[1:]], is_long)


def conditions_lines(recorded: Recording, replayed: Recording) -> Iterator[str]:
    """Yield what was not the same around the two runs."""
    found = list(_other_conditions(recorded, replayed))
    if found:
        yield f"not as in the recording: {'; '.join(found)}"


def _other_conditions(recorded: Recording, replayed: Recording) -> Iterator[str]:
    before, after = _around(recorded), _around(replayed)
    for name in dict.fromkeys((*before, *after)):
        was, is_now = before.get(name, ""), after.get(name, "")
        if was != is_now:
            yield f"{name} {was or 'none'}, here {is_now or 'none'}"


def _around(recording: Recording) -> Mapping[str, str]:
    around, conditions = recording.surroundings, recording.conditions
    return {
        "Python": around.python,
        "system": around.system,
        **dict(around.versions),
        "seed": conditions.seed,
        "PYTHONHASHSEED": conditions.hash_seed,
        "-p": " ".join(conditions.plugins),
        "hosts": ", ".join(sorted({host for _, host in recording.hosts if host})),
    }


def _needed(specs: Sequence[CaseSpec], new: set[int]) -> tuple[int, ...]:
    """Return those of ``new`` that others need, directly or not, each after what it needs itself."""
    prerequisites = pair(specs).join(link(specs).prerequisites)
    found: dict[int, None] = {}
    for case in range(len(specs)):
        stack = [] if case in new else [each for each in prerequisites[case] if each in new]
        while stack:
            needed = [
                each for each in prerequisites[stack[-1]] if each in new and each not in found
            ]
            if stack[-1] in found or not needed or set(needed) & set(stack):
                found[stack.pop()] = None  # a cycle is refused elsewhere
            else:
                stack += needed
    return tuple(found)


def _some(lines: Sequence[str], is_long: bool) -> Iterator[str]:  # noqa: FBT001 - what -v says
    shown = lines if is_long else lines[:_NAMED]
    yield from shown
    if len(shown) < len(lines):
        yield f"  and {len(lines) - len(shown)} more (-v shows all)"


def _names(nodeids: Sequence[str]) -> str:
    more = len(nodeids) - _NAMED
    return ", ".join(nodeids[:_NAMED]) + (f" and {more} more" if more > 0 else "")
