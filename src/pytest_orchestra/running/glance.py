"""A glance at the sources before anything is collected: how many tests can run side by side, at least.

It only decides how many workers are started at once. Too few, and more are started when the tests
are known; too many, and those go home then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import Final

import pytest

#: So many files are looked at, at the most.
MOST_FILES: Final = 50

#: So much of a file is read, in characters.
MOST_TEXT: Final = 100_000

_TEST: Final = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+test|\bparametrize\(", re.MULTILINE)

#: What may keep a test from running beside others.
_TIES: Final = (
    "depends|depends_on|dependency|order|resources|cleans|xdist_group|isolate|isolated|stage"
)

#: Options that leave out most tests, so that sources tell nothing of how many are left.
_CHOOSING: Final = ("keyword", "lf", "stepwise", "orchestrate_shard")


def glance(config: pytest.Config, fixtures: Iterable[str], most: int) -> int:
    """Return a number of tests that can run side by side, from 1 to ``most``.

    ``fixtures`` are names of those that take resources. Where sources tell nothing it is 2.
    """
    if any(config.getoption(name, None) for name in _CHOOSING):
        return min(2, most)
    ties = re.compile(rf"\b(?:(?:{_TIES})\(|(?:{'|'.join(map(re.escape, fixtures)) or '(?!)'})\b)")
    is_by_file = config.getoption("dist", "no") in {"loadfile", "loadscope"}
    found = 0
    for place, single in _places(config):
        counted = 1 if single else _count(place, ties)
        found += min(1, counted) if is_by_file else counted
        if found >= most:
            return most
    return max(1, found)


def _count(path: Path, ties: re.Pattern[str]) -> int:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(MOST_TEXT)
    except OSError:
        return 0
    return max(0, len(_TEST.findall(text)) - len(ties.findall(text)))


def _places(config: pytest.Config) -> Iterator[tuple[Path, bool]]:
    """Yield files with tests, and whether only a single test of it is wanted."""
    patterns: list[str] = config.getini("python_files")
    ignored: list[str] = config.getini("norecursedirs")
    left = MOST_FILES
    for argument in dict.fromkeys(config.args):
        name, colons, _ = argument.partition("::")
        path = config.invocation_params.dir / name
        if not path.is_dir():
            yield path, bool(colons)
            continue
        for file in islice(_files(path, patterns, ignored), left):
            left -= 1
            yield file, False


def _files(top: Path, patterns: Sequence[str], ignored: Sequence[str]) -> Iterator[Path]:
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(
            each for each in folders if not any(fnmatch(each, glob) for glob in ignored)
        )
        for name in sorted(names):
            if name.endswith(".py") and any(fnmatch(name, glob) for glob in patterns):
                yield Path(folder, name)
