"""``--orchestrate-diagnose``: instead of the tests, experiments with one of them."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import pytest

from pytest_orchestra.diagnosis.conclusion import Cause, Conclusion
from pytest_orchestra.diagnosis.experiment import Experiment, Result
from pytest_orchestra.diagnosis.investigation import Investigation
from pytest_orchestra.diagnosis.words import count_tests, describe, under
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.collect import COLLECTING, Collecting
from pytest_orchestra.running.fixture_claims import FixtureClaims
from pytest_orchestra.running.hosts import Hosts
from pytest_orchestra.running.identify import read_host
from pytest_orchestra.running.laboratory import Call, Cast, Ending, Laboratory, Trial
from pytest_orchestra.running.line_up import LineUp
from pytest_orchestra.running.opening import Opening
from pytest_orchestra.running.terminal import TerminalReport
from pytest_orchestra.scheduling.duration import format_duration, parse_duration
from pytest_orchestra.scheduling.near import SUGGESTIONS, around
from pytest_orchestra.scheduling.nodeid import is_within, split_nodeid
from pytest_orchestra.settings import Settings

OPTION: Final = "--orchestrate-diagnose"
BUDGET_OPTION: Final = "--orchestrate-diagnose-budget"

#: Seconds for all experiments, unless the user says otherwise.
BUDGET: Final = 120.0

#: No process gets less than so many seconds.
_LEAST_LIMIT: Final = 10.0

#: A process that takes so many times what one took before is taken to hang.
_PATIENCE: Final = 10.0

#: No more than this share of the budget for one process of which nothing is known.
_SHARE: Final = 0.25

#: So many of the failures' messages are shown.
_MESSAGES: Final = 3

#: So many tests are named where one was to be.
_NAMED: Final = 5


def stay_alone(config: pytest.Config) -> None:
    """Let xdist start no workers, and tell the user if some were wanted."""
    option = config.option
    if getattr(option, "numprocesses", None) or getattr(option, "tx", None):
        config.stash[_WAS_PARALLEL] = True
    for name, value in (("numprocesses", 0), ("dist", "no"), ("distload", False), ("tx", [])):
        if hasattr(option, name):
            setattr(option, name, value)


_WAS_PARALLEL: Final = pytest.StashKey[bool]()


def budget(config: pytest.Config) -> float:
    """Return the seconds that the user grants; raises pytest.UsageError if that is no time."""
    wish = config.getoption("orchestrate_diagnose_budget")
    if wish is None:
        return BUDGET
    try:
        return parse_duration(wish)
    except ValueError as error:
        raise pytest.UsageError(f"{BUDGET_OPTION}: {error}") from None


def configure_diagnosis(
    config: pytest.Config,
    settings: Settings,
    problems: tuple[Problem, ...],
    terminal: TerminalReport,
) -> None:
    """Register what collects the tests, and experiments with one of them."""
    opening = Opening(config, settings, problems, terminal, None)
    collecting = Collecting(config, settings.missing, "no", FixtureClaims(settings.fixtures))
    manager = config.pluginmanager
    manager.register(opening, "orchestra-opening")
    manager.register(collecting, COLLECTING)
    manager.register(
        Diagnosing(config, opening, collecting, budget(config)), "orchestra-diagnosing"
    )


class Diagnosing:
    """Plugin that takes the place of the loop over all tests."""

    def __init__(
        self, config: pytest.Config, opening: Opening, collecting: Collecting, seconds: float
    ) -> None:
        self._config = config
        self._opening = opening
        self._collecting = collecting
        self._budget = seconds
        self._messages: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._longest = 0.0
        self._shown: Experiment | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Experiment, unless pytest's own loop has something else to say."""
        if session.testsfailed and not self._config.option.continue_on_collection_errors:
            return None
        wanted: str = self._config.getoption("orchestrate_diagnose")
        target = find_target(wanted, [item.nodeid for item in session.items], self._config)
        line_up = self._line_up(session, target)
        laboratory = Laboratory(
            _call(self._config), _cast(session.items, line_up), read_host().cpus
        )
        try:
            self._experiment(line_up, laboratory)
        finally:
            laboratory.close()
        return True

    def _line_up(self, session: pytest.Session, target: str) -> LineUp:
        collection = self._collecting.collection_of(session.items)
        plan = self._opening.plan(collection, 1, (Hosts().meet(read_host()),))
        return LineUp(plan, target)

    def _experiment(self, line_up: LineUp, laboratory: Laboratory) -> None:
        scene = line_up.scene
        say = self._opening.terminal.line
        if self._config.stash.get(_WAS_PARALLEL, False):
            say("-n is ignored: experiments run one after the other", yellow=True)
        others = count_tests(len(scene.others)) if scene.others else "no tests"
        say(
            f"diagnosing {line_up.target} among {others}, for up to {format_duration(self._budget)}"
        )
        investigation = Investigation(scene, self._budget)
        course = investigation.run()
        try:
            experiment = next(course)
            while True:
                limit = self._limit(experiment, investigation.notebook.spent)
                result = laboratory.perform(experiment, limit)
                self._note(experiment, result, laboratory.trials, line_up)
                experiment = course.send(result)
        except StopIteration as stop:
            conclusion: Conclusion = stop.value
        self._tell(conclusion, line_up)

    def _limit(self, experiment: Experiment, spent: float) -> float:
        """Return for how many seconds a process may go on."""
        if experiment.tests:
            return max(_LEAST_LIMIT, _PATIENCE * self._longest, self._budget - spent)
        if self._longest:
            return max(_LEAST_LIMIT, _PATIENCE * self._longest)
        return max(_LEAST_LIMIT, _SHARE * self._budget)

    # words

    def _note(
        self, experiment: Experiment, result: Result, trials: Sequence[Trial], line_up: LineUp
    ) -> None:
        """Show a letter for each run of the target, in a line for each experiment."""
        if result.passed:
            self._longest = max(self._longest, result.seconds)
        for trial in trials:
            if trial.ending is Ending.FAILED:
                self._messages[trial.message] += 1
            elif trial.ending is Ending.NONE:
                self._lost[trial.message] += 1
        if self._config.get_verbosity() < 0:
            return
        writer = self._config.get_terminal_writer()
        if experiment != self._shown:
            self._end_line()
            writer.write(f"  {under(experiment, line_up.name)}: ")
        self._shown = experiment
        writer.write("".join(_LETTERS[trial.ending] for trial in trials), flush=True)

    def _end_line(self) -> None:
        writer = self._config.get_terminal_writer()
        if writer.width_of_current_line:
            writer.line()

    def _tell(self, conclusion: Conclusion, line_up: LineUp) -> None:
        self._end_line()
        writer = self._config.get_terminal_writer()
        writer.sep("=", "diagnosis")
        writer.line(line_up.target)
        writer.line(describe(conclusion, line_up.name), bold=True)
        for message, count in self._messages.most_common(_MESSAGES):
            writer.line(f"failed {_times(count)} with: {message}")
        for message, count in self._lost.most_common(_MESSAGES):
            writer.line(f"did not run {_times(count)}: {message}")
        command = self._command(conclusion, line_up)
        if command:
            writer.line(f"to see it: {command}")
        if conclusion.ran_out:
            seconds = format_duration(self._budget)
            writer.line(f"not all was tried within {seconds}: {BUDGET_OPTION} grants more")

    def _command(self, conclusion: Conclusion, line_up: LineUp) -> str:
        """Return a command that lets the target fail in plain pytest; empty if there may be none."""
        if conclusion.cause not in {Cause.POLLUTED, Cause.BRITTLE} or not conclusion.is_narrowed:
            return ""
        tests = conclusion.evidence[0].experiment.tests
        nodeids = line_up.line_up(tests, with_target=True)
        if len(nodeids) > len(tests) + 1:
            return ""  # there are prerequisites, which plain pytest knows nothing of
        root, here = self._config.rootpath, self._config.invocation_params.dir
        names = (
            nodeids if root == here else [os.path.relpath(root / each, here) for each in nodeids]
        )
        return shlex.join(["pytest", *names])


_LETTERS: Final = {Ending.PASSED: ".", Ending.FAILED: "F", Ending.NONE: "-"}


def find_target(wanted: str, nodeids: Sequence[str], config: pytest.Config) -> str:
    """Return the node id that the user means; raises pytest.UsageError if it is not just one.

    Its path may count from the root directory, as pytest prints it, or from the current one.
    """
    known = set(nodeids)
    readings = (wanted, _from_here(wanted, config))
    for reading in readings:
        if reading in known:
            return reading
    for reading in readings:
        inside = [
            each for each in nodeids if is_within(each, reading) or each.startswith(f"{reading}[")
        ]
        if inside:
            named = "\n    ".join(inside[:_NAMED])
            more = f"\n    and {len(inside) - _NAMED} more" if len(inside) > _NAMED else ""
            raise pytest.UsageError(
                f"{OPTION} {wanted}: that is {count_tests(len(inside))}, name one of them:\n    {named}{more}"
            )
    near = _near(readings[1], nodeids)
    remedy = f"did you mean {' or '.join(near)}?" if near else "name one test by its node id"
    raise pytest.UsageError(f"{OPTION} {wanted}: no such test was collected\n    {remedy}")


def _from_here(wanted: str, config: pytest.Config) -> str:
    path, separator, name = wanted.partition("::")
    here = config.invocation_params.dir
    return Path(os.path.relpath(here / path, config.rootpath)).as_posix() + separator + name


def _near(wanted: str, nodeids: Sequence[str]) -> list[str]:
    """Return tests of that name elsewhere, and others of which the node id is like it."""
    name = split_nodeid(wanted).name.rpartition("::")[2]
    same = [
        each for each in nodeids if name and split_nodeid(each).name.rpartition("::")[2] == name
    ]
    alike = get_close_matches(wanted, around(sorted(nodeids), wanted), SUGGESTIONS)
    return list(dict.fromkeys((*same, *alike)))[:SUGGESTIONS]


def _cast(items: Sequence[pytest.Item], line_up: LineUp) -> Cast:
    paths = {item.nodeid: str(item.path) for item in items}
    return Cast(line_up.target, line_up.line_up, paths)


def _call(config: pytest.Config) -> Call:
    """Return how the user started pytest."""
    is_module = getattr(sys.modules["__main__"], "__spec__", None) is not None
    # As a command, pytest does not find modules in the current directory.
    python = [sys.executable] if is_module else [sys.executable, "-P"]
    command = (*python, "-m", "pytest")
    params = config.invocation_params
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_CURRENT_TEST", "PYTEST_XDIST"))
    }
    return Call(command, tuple(map(str, params.args)), params.dir, environment)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
