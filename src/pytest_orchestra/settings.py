"""The command line and ``[tool.pytest_orchestra]`` as settings that have been checked."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from pytest_orchestra.errors import UsageProblems
from pytest_orchestra.history_settings import HistorySettings, read_history
from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.case import Claim
from pytest_orchestra.model.missing import Missing
from pytest_orchestra.model.order import Order
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.shard import Shard
from pytest_orchestra.model.stage import StageSpec
from pytest_orchestra.resource_settings import (
    read_fixtures,
    read_hosts,
    read_options,
    read_resources,
    replace_wait,
    unknown_keys,
)
from pytest_orchestra.retry_settings import RetrySettings, read_retries
from pytest_orchestra.scheduling.duration import parse_duration
from pytest_orchestra.stage_settings import read_stages

#: The table of this plugin in a TOML file.
TABLE: Final = "tool.pytest_orchestra"

_KEYS: Final = (
    "resources",
    "fixtures",
    "hosts",
    "priority",
    "order",
    "missing",
    "max_wait",
    "runtime_dir",
    "history",
    "quarantine",
    "retries",
    "report",
    "artifacts",
    "stages",
)

#: Where the file of tests in quarantine is, in the root directory, unless the user says otherwise.
DEFAULT_QUARANTINE: Final = "quarantine.toml"
#: In place of its path: there is to be none.
NO_QUARANTINE: Final = "none"

#: What these marks add to the priority of a test where the user says nothing else of them.
WEIGHTS: Final = MappingProxyType({"smoke": 10_000.0, "critical": 5_000.0})

#: When artifacts are kept.
_IF_FAILED: Final = "failed"
_ALWAYS: Final = "always"

_MISSING_OPTION: Final = "--orchestrate-missing"
_ORDER_OPTION: Final = "--orchestrate-order"
_Choice = TypeVar("_Choice", bound=StrEnum)

_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has settled.

    ``resources`` maps names to capacities, ``fixtures`` names to what they take while they are
    up, and ``hosts`` names to capacities that differ there. ``runtime_dir`` is where runs on
    this machine share tokens, None for the user's own. ``history`` says where runs are remembered.
    ``shard`` is the part of the suite that is to run, None for all of it. ``order`` is by what
    tests are ordered, and ``priority`` maps names of marks to what they add to a test's priority.
    ``retries`` says how often failed tests are tried again.
    ``report`` is the path of a directory for reports, from the root directory; None for none.
    ``quarantine`` is the path of the file of tests in quarantine, from the root directory, or
    ``"none"``; None for the default. ``keeps_all_artifacts``: what tests leave behind is kept even if they pass.
    ``stages`` are those of the run in their order; none: it has no stages.
    """

    resources: Mapping[str, Capacity] = field(default_factory=dict)
    fixtures: Mapping[str, tuple[Claim, ...]] = field(default_factory=dict)
    hosts: Mapping[str, Mapping[str, Capacity]] = field(default_factory=dict)
    missing: Missing = Missing.PULL
    runtime_dir: str | None = None
    history: HistorySettings = field(default_factory=HistorySettings)
    shard: Shard | None = None
    order: Order = Order.BALANCED
    priority: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    retries: RetrySettings = field(default_factory=RetrySettings)
    report: str | None = None
    quarantine: str | None = None
    keeps_all_artifacts: bool = False
    stages: tuple[StageSpec, ...] = ()


def load_settings(  # noqa: PLR0913 - one for each option
    table: Mapping[str, object],
    *,
    source: str,
    resources: Sequence[str] = (),
    missing: str | None = None,
    order: str | None = None,
    retries: str | None = None,
) -> tuple[Settings, tuple[Problem, ...]]:
    """Check the ``table`` of the file ``source`` and the options, which override it.

    ``resources`` are ``NAME=CAPACITY`` as given to ``--orchestrate-resource``, ``missing`` is
    the value of ``--orchestrate-missing``, ``order`` of ``--orchestrate-order`` and ``retries`` of
    ``--orchestrate-retries``. Returns the settings that are sound, with defaults
    for the rest, and a problem for each that is not.
    """
    problems = [*unknown_keys(table, _KEYS, TABLE, source)]
    max_wait = _max_wait(table.get("max_wait"), source, problems)
    declared = read_resources(
        table.get("resources", {}), f"{TABLE}.resources", source, max_wait, problems
    )
    by_option = read_options(resources, declared, problems)
    capacities = {
        **declared,
        **{name: replace_wait(each, max_wait) for name, each in by_option.items()},
    }
    fixtures = read_fixtures(table.get("fixtures", {}), f"{TABLE}.fixtures", source, problems)
    hosts = read_hosts(table.get("hosts", {}), f"{TABLE}.hosts", source, capacities, problems)
    in_file = _choice(Missing, table.get("missing"), f"{TABLE}.missing", source, problems)
    wish = _choice(Missing, missing, _MISSING_OPTION, "", problems) or in_file or Missing.PULL
    usual = _choice(Order, table.get("order"), f"{TABLE}.order", source, problems)
    chosen = _choice(Order, order, _ORDER_OPTION, "", problems) or usual or Order.BALANCED
    priority = _weights(table.get("priority", {}), f"{TABLE}.priority", source, problems)
    runtime_dir = _path(
        table.get("runtime_dir"), "runtime_dir", "the path of a directory", source, problems
    )
    history = read_history(table.get("history"), f"{TABLE}.history", source, problems)
    quarantine = _path(
        table.get("quarantine"),
        "quarantine",
        f"the path of a TOML file or {NO_QUARANTINE!r}",
        source,
        problems,
    )
    again = read_retries(table.get("retries"), retries, f"{TABLE}.retries", source, problems)
    report = _path(table.get("report"), "report", "the path of a directory", source, problems)
    settings = Settings(
        capacities,
        fixtures,
        hosts,
        wish,
        runtime_dir,
        history,
        order=chosen,
        priority=priority,
        retries=again,
        report=report,
        quarantine=quarantine,
        keeps_all_artifacts=_keeps_all(table.get("artifacts", _IF_FAILED), source, problems),
        stages=read_stages(table.get("stages", ()), f"{TABLE}.stages", source, problems),
    )
    return settings, tuple(problems)


def read_table(path: Path) -> Mapping[str, object]:
    """Return the table ``[tool.pytest_orchestra]`` of the TOML file ``path``.

    In ``pyproject.toml`` nothing else counts, and the table may be absent. Any other file
    without that table is taken to be the table itself, so that a file of its own needs no header.
    Raises UsageProblems, which names the file and the line, if the file cannot be read.
    """
    document = _read_toml(path)
    tool = document.get("tool", {})
    table = tool.get("pytest_orchestra") if isinstance(tool, dict) else None
    if table is None:
        return {} if path.name == "pyproject.toml" else document
    if not isinstance(table, dict):
        raise UsageProblems(
            [Problem(f"{TABLE} is not a table", f"write [{TABLE}] above its keys", str(path))]
        )
    return table


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        what, remedy = f"cannot be read: {error.strerror}", "name a TOML file that exists"
        raise UsageProblems([Problem(what, remedy, str(path))]) from error
    except ValueError as error:
        line = _LINE.search(str(error))
        where = f"{path}:{line[1]}" if line else str(path)
        remedy = "write it in TOML, in UTF-8"
        raise UsageProblems([Problem(f"is not valid TOML: {error}", remedy, where)]) from error


def _max_wait(value: object, source: str, problems: list[Problem]) -> float | None:
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        what = f"{TABLE}.max_wait: {error}"
        problems.append(Problem(what, 'write max_wait = "10min"', source))
        return None


def _path(value: object, key: str, kind: str, source: str, problems: list[Problem]) -> str | None:
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    what = f"{TABLE}.{key} is {value!r}, not {kind}"
    problems.append(Problem(what, "write the path as a string", source))
    return None


def _keeps_all(value: object, source: str, problems: list[Problem]) -> bool:
    if value not in (_IF_FAILED, _ALWAYS):
        what = f"{TABLE}.artifacts does not know {value!r}"
        problems.append(Problem(what, f"write one of {_IF_FAILED}, {_ALWAYS}", source))
    return value == _ALWAYS


def _choice(
    choices: type[_Choice], value: object, key: str, source: str, problems: list[Problem]
) -> _Choice | None:
    for choice in choices:
        if value == choice:
            return choice
    if value is not None:
        remedy = f"write one of {', '.join(choices)}"
        problems.append(Problem(f"{key} does not know {value!r}", remedy, source))
    return None


def _weights(table: object, key: str, source: str, problems: list[Problem]) -> Mapping[str, float]:
    """Return what marks add to a priority: those of the ``table`` and the usual ones; 0 is nothing."""
    weights = dict(WEIGHTS)
    if not isinstance(table, Mapping):
        what = f"{key} is {table!r}, not a table"
        problems.append(Problem(what, f"write [{key}] and below it MARK = WEIGHT", source))
        return weights
    for name, value in table.items():
        if _is_finite(value):
            weights[name] = float(value)
        else:
            what = f"{key}.{name}: {value!r} is not a finite number"
            problems.append(Problem(what, f"write {name} = 1000, or 0 for no weight", source))
    return {name: weight for name, weight in weights.items() if weight}


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
