"""Suites of real projects, from their source distributions, in every mode."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from benchmarks.comparison import Comparison
from benchmarks.machine import Machine
from benchmarks.measure import in_turn, measure, tell
from benchmarks.modes import COMMON, OURS, PLAIN, make_command
from benchmarks.options import Options
from benchmarks.results import Bar, Report

CHECKOUT: Final = Path(__file__).resolve().parents[1]

#: Where releases are fetched for the tests that compare outcomes; here they are for times.
FETCHING: Final = CHECKOUT / "tests" / "compat" / "suites.py"


@dataclass(frozen=True, slots=True)
class Suite:
    """A release, what of its tests is run, and what these need that the release does not."""

    version: str
    tests: tuple[str, ...] = ("tests",)
    needs: tuple[str, ...] = ()


SUITES: Final = {
    "click": Suite("8.5.1"),
    "boltons": Suite("26.2.0"),
    "sphinx": Suite(
        "9.0.4",
        tuple(
            f"tests/test_builders/test_build_{name}.py"
            for name in ("html", "html_5_output", "html_toctree")
        ),
        ("html5lib", "defusedxml", "psutil", "setuptools", "cython", "typing-extensions"),
    ),
}


def run(options: Options) -> Report:
    """Compare all modes on each of the suites that were asked for."""
    machine = Machine.this()
    names = options.projects or tuple(SUITES)
    found = {name: _compare(name, options) for name in names}
    return Report(
        "suites",
        ", ".join(f"{name} {SUITES[name].version}" for name in names)
        + f", {options.workers} workers",
        machine,
        {
            "workers": options.workers,
            "runs": options.runs,
            "suites": {name: comparison.figures() for name, comparison in found.items()},
        },
        tuple(
            comparison.table(f"{name}, medians of {options.runs} runs")
            for name, comparison in found.items()
        ),
        tuple(
            Bar(
                f"{name}: wall time / best xdist mode",
                1.03,
                comparison.of_best_xdist(OURS.name),
            )
            for name, comparison in found.items()
        ),
        tuple(
            f"{name}: {note}" for name, comparison in found.items() for note in comparison.notes()
        ),
    )


def _compare(name: str, options: Options) -> Comparison:
    suite = SUITES[name]
    pytest, folder = _fetch(name, suite, options.cache)
    tell(f"{name}: a first run, which compiles what the others find compiled")
    measure((*pytest, *COMMON, *PLAIN.options(1), *suite.tests), folder, timeout=options.timeout)
    commands = [
        make_command(
            mode,
            folder,
            pytest=pytest,
            workers=options.workers,
            tests=suite.tests,
            # Not all tests of somebody else's need to pass here: notes say what differs.
            expected=frozenset(),
        )
        for mode in options.modes
    ]
    return Comparison(in_turn(commands, options.runs, timeout=options.timeout))


def _fetch(name: str, suite: Suite, cache: Path) -> tuple[Sequence[str], Path]:
    """Return how to start pytest where the release is installed, and its unpacked sources."""
    tell(f"{name}: fetching {suite.version}")
    fetching = _fetching()
    cache.mkdir(parents=True, exist_ok=True)
    project = fetching.Project(name, suite.version, suite.tests)
    python = fetching.prepare(cache, [project], orchestra=True)
    if suite.needs:
        fetching.call(python, "-m", "pip", "install", "-q", *suite.needs)
    # The script, not ``-m pytest``: the tests are to import the installed release.
    return (str(python.with_name("pytest")),), fetching.unpack(cache, project, python)


def _fetching() -> ModuleType:
    """Import the script; the tests are not a package, and the name is not to get in the way."""
    name = "orchestra_compat_suites"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, FETCHING)
        assert spec is not None, FETCHING
        assert spec.loader is not None, FETCHING
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # where its dataclasses look for it
        spec.loader.exec_module(module)
    return sys.modules[name]
