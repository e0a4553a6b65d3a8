"""``pytest-orchestra doctor``: whether what runs need is there, and what stands in their way."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Final

from pytest_orchestra.cli import project
from pytest_orchestra.cli.checkup import Finding, State
from pytest_orchestra.cli.checkup_machine import (
    check_cpus,
    check_git,
    check_pressure,
    check_runtime_dir,
    check_worker,
)
from pytest_orchestra.cli.checkup_packages import check_packages, check_peers, check_python
from pytest_orchestra.cli.checkup_project import (
    check_history,
    check_quarantine,
    check_report,
    check_settings,
)
from pytest_orchestra.cli.console import say
from pytest_orchestra.cli.flaky_report import write_data
from pytest_orchestra.cli.project import Project
from pytest_orchestra.errors import OrchestraError

EPILOG: Final = """\
examples:
  pytest-orchestra doctor
  pytest-orchestra doctor --json

Tests of the project are neither collected nor run; one of its own is, on a worker (--no-worker leaves that out).

exit codes: 0 nothing is broken; 1 something is; 2 wrong use
"""

_FINE, _BROKEN = range(2)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be given on the command line."""
    project.add_options(parser)
    parser.add_argument("--no-worker", action="store_true", help="start no worker")
    parser.add_argument(
        "--json", action="store_true", help="print JSON, and nothing else, on standard output"
    )


def act(options: argparse.Namespace) -> int:
    """Do what ``options`` say."""
    found = list(examine(options))
    if options.json:
        write_data({"findings": [asdict(each) for each in found]})
    else:
        say(f"{each.state} {each.subject}: {each.text}" for each in found)
        counts = Counter(each.state for each in found)
        broken, odd = counts[State.BROKEN], counts[State.ODD]
        say(["", f"{broken} broken, {odd} to look at, {counts[State.FINE]} fine"])
    return _BROKEN if any(each.state is State.BROKEN for each in found) else _FINE


def examine(options: argparse.Namespace) -> Iterator[Finding]:
    """Yield all findings: what is installed, then what is configured, then what can be used."""
    yield from check_python()
    yield from check_packages()
    yield from check_peers()
    try:
        place = Project.find(options)
    except OrchestraError as error:
        yield Finding(State.BROKEN, "settings", str(error))
        place = None
    if place is not None:
        checks: tuple[Callable[[Project], Iterator[Finding]], ...] = (
            lambda of: check_settings(of, options.config),
            lambda of: check_history(of, options.history),
            check_quarantine,
            check_report,
            check_runtime_dir,
            check_git,
        )
        for check in checks:
            yield from check(place)
    yield from check_cpus()
    yield from check_pressure()
    if not options.no_worker:
        yield from check_worker()
