"""``--orchestrate-diagnose``: instead of the tests, experiments with one of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from pytest_orchestra.diagnosis.experiment import Experiment
from pytest_orchestra.diagnosis.investigation import Investigation
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.retry_settings import RetrySettings
from pytest_orchestra.running.collect import COLLECTING, Collecting
from pytest_orchestra.running.findings import Findings
from pytest_orchestra.running.fixture_claims import FixtureClaims
from pytest_orchestra.running.hosts import Hosts
from pytest_orchestra.running.identify import read_host
from pytest_orchestra.running.laboratory import Call, Cast, Laboratory
from pytest_orchestra.running.line_up import LineUp
from pytest_orchestra.running.matrix import Matrix
from pytest_orchestra.running.memory import history_path
from pytest_orchestra.running.opening import Opening
from pytest_orchestra.running.suspects import find_suspects
from pytest_orchestra.running.target import find_target
from pytest_orchestra.running.terminal import TerminalReport
from pytest_orchestra.scheduling.duration import parse_duration
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

#: Whether the user wanted workers.
_WAS_PARALLEL: Final = pytest.StashKey[bool]()


def stay_alone(config: pytest.Config) -> None:
    """Let xdist start no workers, and tell the user if some were wanted."""
    option = config.option
    if getattr(option, "numprocesses", None) or getattr(option, "tx", None):
        config.stash[_WAS_PARALLEL] = True
    for name, value in (("numprocesses", 0), ("dist", "no"), ("distload", False), ("tx", [])):
        if hasattr(option, name):
            setattr(option, name, value)


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
    claims, once = FixtureClaims(settings.fixtures), RetrySettings(is_off=True)
    collecting = Collecting(config, settings.missing, "no", claims, settings.priority, once)
    manager = config.pluginmanager
    manager.register(opening, "orchestra-opening")
    manager.register(collecting, COLLECTING)
    Matrix.register(manager, settings.stages)
    manager.register(
        Diagnosing(config, opening, collecting, budget(config), history_path(config, settings)),
        "orchestra-diagnosing",
    )


class Diagnosing:
    """Plugin that takes the place of the loop over all tests."""

    def __init__(
        self,
        config: pytest.Config,
        opening: Opening,
        collecting: Collecting,
        seconds: float,
        history: Path | None,
    ) -> None:
        self._history = history
        self._config = config
        self._opening = opening
        self._collecting = collecting
        self._budget = seconds
        self._longest = 0.0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Experiment, unless pytest's own loop has something else to say."""
        if session.testsfailed and not self._config.option.continue_on_collection_errors:
            return None
        if not self._config.pluginmanager.has_plugin("terminalreporter"):
            raise pytest.UsageError(f"{OPTION} has nowhere to print to: leave out -p no:terminal")
        wanted: str = self._config.getoption("orchestrate_diagnose")
        target = find_target(OPTION, wanted, [item.nodeid for item in session.items], self._config)
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
        suspects = find_suspects(self._history, target, self._opening.terminal.alarm)
        return LineUp(plan, target, suspects)

    def _experiment(self, line_up: LineUp, laboratory: Laboratory) -> None:
        scene = line_up.scene
        say = self._opening.terminal.line
        if self._config.stash.get(_WAS_PARALLEL, False):
            say("-n is ignored: experiments run one after the other", yellow=True)
        number = len(scene.others)
        others = "1 other test" if number == 1 else f"{number or 'no'} other tests"
        say(f"diagnosing {line_up.target}: {others}, up to {self._budget:.4g} s")
        load, cores = os.getloadavg()[0], read_host().cpus
        if load > cores:
            busy = f"the machine is busy already (load {load:.1f}, {cores} cores)"
            say(f"{busy}: what depends on time may fail alone, too", yellow=True)
        findings = Findings(self._config, line_up)
        investigation = Investigation(scene, self._budget)
        course = investigation.run()
        try:
            experiment = next(course)
            while True:
                limit = self._limit(experiment, investigation.notebook.spent)
                result = laboratory.perform(experiment, limit)
                if result.passed:
                    self._longest = max(self._longest, result.seconds)
                findings.note(experiment, laboratory.trials)
                experiment = course.send(result)
        except StopIteration as stop:
            findings.conclude(stop.value)
            if stop.value.ran_out:
                spent = f"{self._budget:.4g} s"
                say(f"not all was tried within {spent}; {BUDGET_OPTION} grants more", yellow=True)

    def _limit(self, experiment: Experiment, spent: float) -> float:
        """Return for how many seconds a process may go on."""
        if experiment.tests:
            return max(_LEAST_LIMIT, _PATIENCE * self._longest, self._budget - spent)
        if self._longest:
            return max(_LEAST_LIMIT, _PATIENCE * self._longest)
        return max(_LEAST_LIMIT, _SHARE * self._budget)


def _cast(items: Sequence[pytest.Item], line_up: LineUp) -> Cast:
    paths = {item.nodeid: str(item.path) for item in items}
    return Cast(line_up.target, line_up.line_up, paths)


def _call(config: pytest.Config) -> Call:
    """Return how the user started pytest."""
    # As a command of its own, pytest does not find modules in the current directory.
    is_command = Path(sys.argv[0]).name.startswith(("pytest", "py.test"))
    python = [sys.executable, "-P"] if is_command else [sys.executable]
    params = config.invocation_params
    # pytest-cov measures from before it can be told by setting an option.
    more = ("--no-cov",) if hasattr(config.option, "no_cov") else ()
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_CURRENT_TEST", "PYTEST_XDIST"))
    }
    return Call(
        (*python, "-m", "pytest"),
        (*more, *map(str, params.args)),
        params.dir,
        environment,
        config.pluginmanager.has_plugin("cacheprovider"),
    )
