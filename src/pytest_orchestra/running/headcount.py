"""How many workers a run of these tests could use last time, in a file beside the history.

It is read before workers are started, so it is small: no tests, no durations, and no SQLite.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

#: So many ways to choose tests are remembered: those that were used last.
MOST_KEPT: Final = 50

#: Options by which tests are chosen, or put together.
_CHOOSING: Final = (
    *("keyword", "markexpr", "lf", "deselect", "ignore", "ignore_glob", "stepwise", "dist"),
    *("orchestrate_shard", "orchestrate_resource", "orchestrate_config"),
)


class Headcount:
    """The file, for one way to choose tests; ``prepare`` makes its directory."""

    def __init__(self, config: pytest.Config, history: Path, prepare: Callable[[], None]) -> None:
        self._path: Final = history.with_name(f"{history.stem}.workers.json")
        self._prepare: Final = prepare
        chosen = [config.args, [str(config.getoption(name, None)) for name in _CHOOSING]]
        self._key: Final = hashlib.sha256(json.dumps(chosen).encode()).hexdigest()[:16]

    def read(self, limit: int) -> int | None:
        """Return how many workers to begin with, of at most ``limit``; None if that is not known."""
        found = self._load().get(self._key)
        if found is None:
            return None
        workers, of = found
        return limit if workers >= of else min(workers, limit)

    def write(self, workers: int, limit: int) -> None:
        """Remember that so many ``workers``, of at most ``limit``, were of use from the beginning."""
        known = self._load()
        known.pop(self._key, None)
        known[self._key] = (workers, limit)
        kept = dict(list(known.items())[-MOST_KEPT:])
        # It makes the next run begin better, and is not worth a word if it cannot be kept.
        with contextlib.suppress(OSError):
            self._prepare()
            fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            fresh.write_text(json.dumps(kept), encoding="utf-8")
            fresh.replace(self._path)

    def _load(self) -> dict[str, tuple[int, int]]:
        """Return workers and limit by key; nothing where the file is absent or damaged."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {key: (each[0], each[1]) for key, each in found.items() if _is_sound(each)}


def _is_sound(entry: object) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2  # noqa: PLR2004 - workers and limit
        and all(type(number) is int and number > 0 for number in entry)
    )
