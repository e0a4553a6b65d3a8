"""What tests are known to take, from pytest-split's ``.test_durations``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

#: The file of pytest-split: a JSON object of node ids and seconds.
FILE_NAME: Final = ".test_durations"


def read_durations(rootpath: Path) -> tuple[Mapping[str, float], str | None]:
    """Return seconds by node id from the file in ``rootpath``, and a complaint if it is no good.

    Without the file nothing is known and nothing is wrong. Entries that are not numbers of
    seconds are left out.
    """
    path = rootpath / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, None
    except (OSError, ValueError) as error:
        return {}, f"{FILE_NAME} cannot be read and is ignored: {error}"
    if not isinstance(content, dict):
        return {}, f"{FILE_NAME} is not a JSON object of node ids and seconds, and is ignored"
    return seconds_of(content), None


def seconds_of(content: Mapping[str, object]) -> Mapping[str, float]:
    """Return the entries of ``content`` that are numbers of seconds."""
    seconds = {nodeid: _seconds(each) for nodeid, each in content.items()}
    return {nodeid: each for nodeid, each in seconds.items() if each is not None}


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None
