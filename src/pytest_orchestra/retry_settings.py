"""How often failed tests are tried again, as it stands in the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.model.problem import Problem

_OPTION: Final = "--orchestrate-retries"
_DEFAULT: Final = "default"

#: What begins a pattern that means a marker.
MARK: Final = "mark:"

#: More attempts than this are taken for a mistake.
MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How often a failed test is tried again.

    ``default`` holds for tests that nothing else is said of. ``patterns`` are globs of node ids, or
    ``mark:NAME``, each with a number; the first that matches counts. ``is_off``: no test is
    tried again, whatever is said of it. ``for_all``: all tests of the project are asked for, so that a
    pattern which matches none of them is a mistake.
    """

    default: int = 0
    patterns: tuple[tuple[str, int], ...] = ()
    is_off: bool = False
    for_all: bool = False


def read_retries(
    value: object, option: str | None, key: str, source: str, problems: list[Problem]
) -> RetrySettings:
    """Return what ``value`` of the file ``source`` says, and the ``option``, which overrides its default."""
    found = RetrySettings()
    if isinstance(value, Mapping):
        found = _read_table(value, key, source, problems)
    elif value is not None:
        remedy = (
            f"write retries = 2, or [{key}] and below it default = 1 and patterns such as "
            "'tests/e2e/**' = 3 or 'mark:network' = 2"
        )
        found = RetrySettings(_number(value, key, remedy, source, problems))
    if option is None:
        return found
    text = option.strip()
    number: object = int(text) if text.isascii() and text.isdigit() else option
    default = _number(number, _OPTION, f"write {_OPTION} 2, or 0 for none", "", problems)
    return RetrySettings(default, found.patterns, is_off=number == 0)


def _read_table(
    table: Mapping[object, object], key: str, source: str, problems: list[Problem]
) -> RetrySettings:
    numbers: dict[str, int] = {}
    for name, value in table.items():
        pattern = str(name)
        if not pattern.removeprefix(MARK).strip():
            what = f"{key} has a pattern without a name: {pattern!r}"
            problems.append(Problem(what, "write 'mark:NAME' or a glob of node ids", source))
            continue
        remedy = "write how many times a failed test is tried again, such as 2"
        numbers[pattern] = _number(value, f"{key}.{pattern}", remedy, source, problems)
    default = numbers.pop(_DEFAULT, 0)
    return RetrySettings(default, tuple(numbers.items()))


def _number(value: object, key: str, remedy: str, source: str, problems: list[Problem]) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST:
        return value
    what = f"{key} is {value!r}, not a whole number from 0 to {MOST}"
    problems.append(Problem(what, remedy, source))
    return 0
