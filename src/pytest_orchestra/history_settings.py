"""Where the history is and how much of it is kept, as it stands in the configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.model.problem import Problem
from pytest_orchestra.resource_settings import unknown_keys

#: In place of the path of a history: there is to be none.
NO_HISTORY: Final = "none"

_KEYS: Final = ("path", "days", "runs")
_EXAMPLE: Final = "write history = { path = 'build/history.sqlite3', days = 180, runs = 200 }"


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """What the user has settled of the history.

    ``path`` is that of its file, from the root directory, or ``"none"``; None for the default. Results
    are kept for ``days``, and of ``runs`` runs of each test.
    """

    path: str | None = None
    days: float = 180.0
    runs: int = 200


def read_history(value: object, key: str, source: str, problems: list[Problem]) -> HistorySettings:
    """Return what ``value``, a path or a table, says; what is wrong with it goes to ``problems``."""
    if value is None:
        return HistorySettings()
    if not isinstance(value, Mapping):
        return HistorySettings(_path(value, key, source, problems))
    problems += unknown_keys(value, _KEYS, key, source)
    default = HistorySettings()
    path = value.get("path")
    return HistorySettings(
        None if path is None else _path(path, f"{key}.path", source, problems),
        _days(value.get("days", default.days), f"{key}.days", source, problems) or default.days,
        _runs(value.get("runs", default.runs), f"{key}.runs", source, problems) or default.runs,
    )


def is_path(text: str) -> bool:
    """Whether ``text`` can be the path of a file, as far as that shows."""
    return bool(text.strip()) and "\0" not in text


def _path(value: object, key: str, source: str, problems: list[Problem]) -> str | None:
    if isinstance(value, str) and is_path(value):
        return value
    what = f"{key} is {value!r}, not the path of a file or {NO_HISTORY!r}"
    problems.append(Problem(what, "write the path as a string", source))
    return None


def _days(value: object, key: str, source: str, problems: list[Problem]) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return value
    problems.append(Problem(f"{key} is {value!r}, not a number above zero", _EXAMPLE, source))
    return None


def _runs(value: object, key: str, source: str, problems: list[Problem]) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    problems.append(Problem(f"{key} is {value!r}, not a whole number above zero", _EXAMPLE, source))
    return None
