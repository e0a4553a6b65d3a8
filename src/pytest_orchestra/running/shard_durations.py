"""The durations by which a suite is cut into shards, which all shards must have in common.

What a shard leaves in the history would cut the suite otherwise for the next one. So the first
shard writes down what is known, and the others go by that.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pytest_orchestra.running.durations import seconds_of

#: Without a commit, for how many seconds the same tests are taken for the same round of shards.
ROUND: Final = 24 * 3600.0

#: Files that are older than this many seconds are removed.
_OLD: Final = 30 * 24 * 3600.0

#: Digits of a second that are written down.
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds of tests by node id, and of fixtures by name and scope."""

    tests: Mapping[str, float] = field(default_factory=dict)
    fixtures: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def rounded(self) -> Durations:
        """Return what will be read again once this has been written."""
        return Durations(
            {each: round(seconds, _DIGITS) for each, seconds in sorted(self.tests.items())},
            {each: round(seconds, _DIGITS) for each, seconds in sorted(self.fixtures.items())},
        )


def read(path: Path) -> Durations | None:
    """Return what ``path`` says, ours or pytest-split's ``.test_durations``; None if there is no file.

    Raises OSError if it cannot be read, and ValueError, with the reason, if it is neither.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not isinstance(content, dict):
        raise ValueError("is not a JSON object of node ids and seconds")  # noqa: TRY004 - the content
    tests = content.get("tests")
    if not isinstance(tests, dict):
        return Durations(seconds_of(content))
    fixtures = content.get("fixtures", ())
    if not isinstance(fixtures, list) or not all(map(_is_fixture, fixtures)):
        raise ValueError("has fixtures that are not [name, scope, seconds]")
    return Durations(
        seconds_of(tests), {(name, scope): float(seconds) for name, scope, seconds in fixtures}
    )


def write_first(path: Path, durations: Durations) -> bool:
    """Write ``path`` unless it is there, and return whether that was done.

    Of several who do so at once one succeeds. Raises OSError.
    """
    content = {
        "tests": durations.tests,
        "fixtures": [[*fixture, seconds] for fixture, seconds in durations.fixtures.items()],
    }
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(content, indent=0, ensure_ascii=True), encoding="utf-8")
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def tidy(folder: Path, own: Path, *, lasts: bool) -> None:
    """Remove what nobody needs from ``folder``: old files, and ``own`` if its round is over.

    ``lasts``: it is of a commit, and so for as long as that.
    """
    now = time.time()
    for path in folder.glob("*.json"):
        age = _OLD if lasts or path != own else ROUND
        with suppress(OSError):  # somebody else does the same
            if now - path.stat().st_mtime > age:
                path.unlink()


def _is_fixture(value: Any) -> bool:
    match value:
        case [str(), str(), seconds]:
            return bool(seconds_of({"": seconds}))
    return False
