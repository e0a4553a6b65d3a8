"""Registers what each process needs: collecting, a driver, the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from pytest_orchestra.errors import UsageProblems
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.alone import Alone
from pytest_orchestra.running.collect import Collecting
from pytest_orchestra.running.link import INPUT_KEY
from pytest_orchestra.running.opening import Opening
from pytest_orchestra.running.terminal import TerminalReport
from pytest_orchestra.settings import Missing, Settings, load_settings, read_table

COLLECTING: Final = "orchestra-collecting"


def configure_worker(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Set up a process that xdist started, with what the controller put into its input."""
    from pytest_orchestra.running.worker import WorkerLoop  # noqa: PLC0415 - needs execnet

    told = workerinput[INPUT_KEY]
    collecting = Collecting(config, Missing(told["missing"]), told["dist"])
    config.pluginmanager.register(collecting, COLLECTING)
    config.pluginmanager.register(
        WorkerLoop(config, told["channel"], collecting), "orchestra-worker"
    )


def configure_main(config: pytest.Config) -> None:
    """Set up the process that the user started, with or without workers."""
    if config.getoption("dist", "no") == "each":
        raise pytest.UsageError(
            "--dist each runs every test on every worker, --orchestrate runs every test once: "
            "use one of them, or another --dist"
        )
    settings, problems = _load(config)
    terminal = TerminalReport(config)
    opening = Opening(config, settings, problems, terminal)
    manager = config.pluginmanager
    manager.register(terminal, "orchestra-terminal")
    manager.register(opening, "orchestra-opening")
    if _has_workers(config):
        from pytest_orchestra.running.distributed import Distributed  # noqa: PLC0415 - xdist

        manager.register(Distributed(config, settings, opening), "orchestra-controller")
        return
    collecting = Collecting(config, settings.missing, config.getoption("dist", "no"))
    manager.register(collecting, COLLECTING)
    manager.register(Alone(config, opening, collecting), "orchestra-alone")


def _has_workers(config: pytest.Config) -> bool:
    return (
        config.getoption("dist", "no") != "no"
        and bool(config.getoption("tx", None))
        and not config.option.collectonly
    )


def _load(config: pytest.Config) -> tuple[Settings, tuple[Problem, ...]]:
    chosen = config.getoption("orchestrate_config")
    path = config.invocation_params.dir / chosen if chosen else config.rootpath / "pyproject.toml"
    try:
        table = read_table(path) if chosen or path.is_file() else {}
    except UsageProblems as problems:
        raise pytest.UsageError(str(problems)) from None
    return load_settings(
        table,
        source=_relative(path, config.rootpath),
        resources=config.getoption("orchestrate_resource"),
        missing=config.getoption("orchestrate_missing"),
    )


def _relative(path: Path, rootpath: Path) -> str:
    return path.relative_to(rootpath).as_posix() if path.is_relative_to(rootpath) else str(path)
