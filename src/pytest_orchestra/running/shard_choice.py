"""Which shard a run is to be, from the command line or from what CI systems set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pytest

from pytest_orchestra.model.shard import Shard

OPTION: Final = "--orchestrate-shard"
DURATIONS_OPTION: Final = "--orchestrate-shard-durations"

#: Options by which every process chooses tests from what it remembers itself.
_OWN_CHOICE: Final = (("lf", "--lf"), ("stepwise", "--stepwise"))

#: In place of I/N: what the CI system says.
AUTO: Final = "auto"

#: Nobody has more machines; what is meant by a larger number is something else.
MOST: Final = 10_000

_SHARD: Final = re.compile(r"([0-9]+)/([0-9]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Source:
    """Variables of a CI system; ``first`` is its number of the first shard."""

    system: str
    index: str
    count: str
    first: int


_SOURCES: Final = (
    _Source("GitLab", "CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
    _Source("CircleCI", "CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),
    _Source("Buildkite", "BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0),
)


def choose_shard(config: pytest.Config, environment: Mapping[str, str]) -> Shard | None:
    """Return the shard that the options ask for, None for none; raises pytest.UsageError."""
    text: str | None = config.getoption("orchestrate_shard")
    if text is None:
        if config.getoption("orchestrate_shard_durations"):
            raise pytest.UsageError(f"{DURATIONS_OPTION} says by what to cut: add {OPTION} I/N")
        return None
    for name, option in _OWN_CHOICE:
        if config.getoption(name, default=False):
            raise pytest.UsageError(
                f"{option} chooses tests by what this machine remembers, so no two shards would cut the "
                f"same tests and some would run nowhere: use {option} or {OPTION}, not both"
            )
    try:
        return read_shard(text, environment)
    except ValueError as error:
        raise pytest.UsageError(f"{OPTION}: {error}") from None


def read_shard(text: str, environment: Mapping[str, str]) -> Shard:
    """Return the shard that ``text`` states, ``I/N`` or ``auto``.

    Raises ValueError, with a message for the user, if it states none.
    """
    if text == AUTO:
        return _from_environment(environment)
    match = _SHARD.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is no shard: write I/N, such as 2/4 for the second of four, or auto"
        )
    return _checked(int(match[1]), int(match[2]), text)


def _checked(index: int, count: int, text: str) -> Shard:
    if not 1 <= index <= count:
        count_text = f"1/{count} to {count}/{count}" if count else "1/1 or more"
        raise ValueError(
            f"there is no shard {text}: they are numbered from 1, so write {count_text}"
        )
    if count > MOST:
        raise ValueError(
            f"{text!r} is more than {MOST:,} shards: write a smaller number behind the slash"
        )
    return Shard(index, count)


def _from_environment(environment: Mapping[str, str]) -> Shard:
    for source in _SOURCES:
        index, count = environment.get(source.index), environment.get(source.count)
        if not index or not count:
            continue
        said = f"{source.index}={index} and {source.count}={count}"
        if not (index.isdecimal() and count.isdecimal()):
            raise ValueError(f"{said}, which are no numbers: write I/N in place of auto")
        number = int(index) - source.first + 1
        if not 1 <= number <= int(count):
            raise ValueError(f"{said}, which is none of the shards: write I/N in place of auto")
        return Shard(number, int(count))
    if environment.get("CI_NODE_TOTAL") == "1":
        return Shard(1, 1)  # GitLab, where a job that is not parallel has no index
    known = ", ".join(f"{source.system} ({source.index} and {source.count})" for source in _SOURCES)
    raise ValueError(
        f"auto finds no shard in the environment; it knows {known}: write I/N elsewhere"
    )
