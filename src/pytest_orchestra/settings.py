"""The command line and ``[tool.pytest_orchestra]`` as settings that have been checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from pytest_orchestra.errors import UsageProblems
from pytest_orchestra.model.missing import Missing
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.scheduling.quantity import format_quantity, parse_quantity

#: The table of this plugin in a TOML file.
TABLE: Final = "tool.pytest_orchestra"

_KEYS: Final = ("resources", "missing")
_RESOURCE_OPTION: Final = "--orchestrate-resource"
_MISSING_OPTION: Final = "--orchestrate-missing"
_CAPACITY_REMEDY: Final = "write NAME = 2, or a quantity such as NAME = '16GB'"
_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has settled; ``resources`` maps names to capacities in tokens or bytes."""

    resources: Mapping[str, int] = field(default_factory=dict)
    missing: Missing = Missing.PULL


def load_settings(
    table: Mapping[str, object],
    *,
    source: str,
    resources: Sequence[str] = (),
    missing: str | None = None,
) -> tuple[Settings, tuple[Problem, ...]]:
    """Check the ``table`` of the file ``source`` and the options, which override it.

    ``resources`` are ``NAME=CAPACITY`` as given to ``--orchestrate-resource``, ``missing`` is
    the value of ``--orchestrate-missing``. Returns the settings that are sound, with defaults
    for the rest, and a problem for each that is not.
    """
    problems = [*_unknown_keys(table, source)]
    capacities = {
        **_file_capacities(table.get("resources", {}), source, problems),
        **_option_capacities(resources, problems),
    }
    in_file = _missing(table.get("missing"), f"{TABLE}.missing", source, problems)
    by_option = _missing(missing, _MISSING_OPTION, "", problems)
    return Settings(capacities, by_option or in_file or Missing.PULL), tuple(problems)


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


def _unknown_keys(table: Mapping[str, object], source: str) -> Iterator[Problem]:
    for key in table:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, 1)
            known = f"did you mean {near[0]}?" if near else f"known are {', '.join(_KEYS)}"
            yield Problem(f"unknown key {TABLE}.{key}", known, source)


def _file_capacities(table: object, source: str, problems: list[Problem]) -> dict[str, int]:
    key = f"{TABLE}.resources"
    if not isinstance(table, Mapping):
        remedy = f"write [{key}] and below it NAME = CAPACITY for each resource"
        problems.append(Problem(f"{key} is {table!r}, not a table", remedy, source))
        return {}
    found: dict[str, int] = {}
    for name, capacity in table.items():
        try:
            found[name] = _capacity(name, capacity)
        except ValueError as error:
            problems.append(Problem(f"{key}.{name}: {error}", _CAPACITY_REMEDY, source))
    return found


def _option_capacities(texts: Sequence[str], problems: list[Problem]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in texts:
        name, _, written = text.partition("=")
        try:
            capacity = _capacity(name.strip(), written)
        except ValueError as error:
            remedy = "write NAME=CAPACITY, such as gpu=2 or memory=16GB"
            problems.append(Problem(f"{_RESOURCE_OPTION} {text}: {error}", remedy))
            continue
        other = found.setdefault(name.strip(), capacity)
        if other != capacity:
            what = (
                f"two different capacities for one resource: {_RESOURCE_OPTION} "
                f"{name.strip()}={format_quantity(other)} and {text}"
            )
            problems.append(Problem(what, "give it once"))
    return found


def _capacity(name: str, value: object) -> int:
    """Return a capacity in tokens or bytes; raises ValueError with what is wrong with it."""
    if not name.strip() or name == "*":
        raise ValueError(f"{name!r} is not the name of a resource")
    if isinstance(value, str):
        return parse_quantity(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is not a capacity")
    return value


def _missing(value: object, key: str, source: str, problems: list[Problem]) -> Missing | None:
    for choice in Missing:
        if value == choice:
            return choice
    if value is not None:
        remedy = f"write one of {', '.join(Missing)}"
        problems.append(Problem(f"{key} does not know {value!r}", remedy, source))
    return None
