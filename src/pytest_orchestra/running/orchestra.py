"""Sets up the process that the user started: settings, terminal, and a driver."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_orchestra.errors import MachineError, UsageProblems
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.artifact_keeper import ArtifactKeeper
from pytest_orchestra.running.garbage import LastSearch, leave_quickly
from pytest_orchestra.running.headcount import Headcount
from pytest_orchestra.running.hiring import Hiring
from pytest_orchestra.running.last_run import LastRun
from pytest_orchestra.running.live import LIVE, Live
from pytest_orchestra.running.memory import Memory
from pytest_orchestra.running.replay_choice import replay_of
from pytest_orchestra.running.reporting import Reporting, report_folder
from pytest_orchestra.running.shard_choice import choose_shard
from pytest_orchestra.running.sharing import Sharing
from pytest_orchestra.running.staff import Staff
from pytest_orchestra.running.stage_choice import broken_expressions
from pytest_orchestra.running.terminal import TerminalReport
from pytest_orchestra.running.uncollected import UNCOLLECTED, Uncollected
from pytest_orchestra.scales import SCALES
from pytest_orchestra.settings import TABLE, Settings, load_settings, read_table


def configure_main(config: pytest.Config) -> None:
    """Set up the process that the user started, with or without workers."""
    if config.getoption("dist", "no") == "each":
        raise pytest.UsageError(
            "--dist each runs every test on every worker, --orchestrate runs every test once: "
            "use one of them, or another --dist"
        )
    settings, problems = _load(config)
    settings = replace(
        settings,
        shard=choose_shard(config, os.environ),
        retries=replace(settings.retries, for_all=_asks_for_all(config, settings)),
    )
    terminal = TerminalReport(config)
    manager = config.pluginmanager
    manager.register(terminal, "orchestra-terminal")
    if _wants_plan(config):
        from pytest_orchestra.running.planning import configure_planning  # noqa: PLC0415 - only if needed

        configure_planning(config, settings, problems, terminal)
        return
    if _wants_diagnosis(config):
        from pytest_orchestra.running.diagnosing import configure_diagnosis  # noqa: PLC0415 - only if needed

        configure_diagnosis(config, settings, problems, terminal)
        return
    manager.register(Uncollected(), UNCOLLECTED)
    manager.register(Live(config, terminal), LIVE)
    manager.register(Reporting.open(config, settings, terminal), "orchestra-reporting")
    if config.getoption("orchestrate_record") is not None:
        from pytest_orchestra.running.recorder import Recorder  # noqa: PLC0415 - only if needed

        Recorder.register(config, terminal)
    ArtifactKeeper.register(
        config, report_folder(config, settings), keeps_all=settings.keeps_all_artifacts
    )
    sharing = _share(config, settings)
    replay = replay_of(config)
    if replay is not None:
        manager.register(replay, "orchestra-replay")
    # How often a test fails that is made to fail again says nothing of how often it does.
    memory = None if replay is not None else Memory.open(config, settings, terminal)
    if memory is not None and not config.option.collectonly:
        manager.register(LastRun(config.rootpath), "orchestra-last-run")
    if _has_workers(config):
        staff = _staff(config, terminal, memory)
        hiring = Hiring(config, settings, problems, terminal, sharing, memory, staff)
        manager.register(hiring, "orchestra-hiring")
    else:
        from pytest_orchestra.running.alone import configure_alone  # noqa: PLC0415 - only if needed

        configure_alone(config, settings, problems, terminal, sharing, memory)
    manager.register(LastSearch(config, has_time=_has_workers(config)), "orchestra-last-search")
    leave_quickly()


def _wants_plan(config: pytest.Config) -> bool:
    """Whether nothing is to run but a plan is to be made; raises pytest.UsageError for what contradicts it."""
    wanted = [
        f"--orchestrate-{name}"
        for name in ("plan", "explain")
        if config.getoption(f"orchestrate_{name}") not in (None, False)
    ]
    others = [
        option
        for option, name in (
            ("--orchestrate-diagnose", "orchestrate_diagnose"),
            ("--orchestrate-replay", "orchestrate_replay"),
            ("--collect-only", "collectonly"),
        )
        if config.getoption(name) not in (None, False)
    ]
    if wanted and others:
        raise pytest.UsageError(
            f"{wanted[0]} says what a run would do and runs no test, {others[0]} is for something "
            "else: use one of them"
        )
    return bool(wanted)


def _staff(config: pytest.Config, terminal: TerminalReport, memory: Memory | None) -> Staff | None:
    """Return who decides how many workers there are, if that is left to us."""
    limit = len(config.option.tx)
    if not config.stash.get(SCALES, False) or limit == 1 or replay_of(config) is not None:
        return None
    headcount = Headcount(config, memory.path, memory.prepare) if memory is not None else None
    return Staff(config, limit, terminal, headcount)


def _wants_diagnosis(config: pytest.Config) -> bool:
    """Whether to experiment with one test; raises pytest.UsageError for half of a wish."""
    wanted = config.getoption("orchestrate_diagnose")
    if wanted is None and config.getoption("orchestrate_diagnose_budget") is not None:
        raise pytest.UsageError(
            "--orchestrate-diagnose-budget needs --orchestrate-diagnose NODEID: give both"
        )
    if wanted is not None and config.getoption("orchestrate_shard") is not None:
        raise pytest.UsageError(
            "--orchestrate-diagnose looks at all tests, --orchestrate-shard at some: use one of them"
        )
    for name in ("live", "events") if wanted is not None else ():
        if config.getoption(f"orchestrate_{name}") is not None:
            raise pytest.UsageError(
                f"--orchestrate-{name} follows one run, --orchestrate-diagnose makes many: use one of them"
            )
    return wanted is not None and not config.option.collectonly


def _share(config: pytest.Config, settings: Settings) -> Sharing | None:
    """Join the other runs on this machine, if any resource is shared with them."""
    if config.option.collectonly:
        return None
    try:
        sharing = Sharing.open(settings.resources, settings.runtime_dir, config.rootpath)
    except MachineError as error:
        raise pytest.UsageError(str(UsageProblems([error.problem]))) from None
    if sharing is not None:
        config.add_cleanup(sharing.close)
    return sharing


def _asks_for_all(config: pytest.Config, settings: Settings) -> bool:
    """Whether no places are named on the command line; makes a difference for patterns only."""
    is_asked = config.args_source is not pytest.Config.ArgsSource.ARGS
    return bool(settings.retries.patterns) and is_asked


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
    source = _relative(path, config.rootpath)
    settings, found = load_settings(
        table,
        source=source,
        resources=config.getoption("orchestrate_resource"),
        missing=config.getoption("orchestrate_missing"),
        retries=config.getoption("orchestrate_retries"),
        order=config.getoption("orchestrate_order"),
    )
    return settings, (*found, *broken_expressions(settings.stages, f"{TABLE}.stages", source))


def _relative(path: Path, rootpath: Path) -> str:
    return path.relative_to(rootpath).as_posix() if path.is_relative_to(rootpath) else str(path)
