"""Which test the user means, of those that were collected."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import pytest

from pytest_orchestra.running.counts import count
from pytest_orchestra.scheduling.near import SUGGESTIONS, around
from pytest_orchestra.scheduling.nodeid import is_within, split_nodeid

#: So many tests are named where one was to be.
_NAMED: Final = 5


def find_target(option: str, wanted: str, nodeids: Sequence[str], config: pytest.Config) -> str:
    """Return the node id that the user means by ``wanted``, the value of ``option``.

    Raises pytest.UsageError if it is not just one.

    Its path may count from the root directory, as pytest prints it, or from the current one.
    """
    known = set(nodeids)
    readings = (wanted, _from_here(wanted, config))
    for reading in readings:
        if reading in known:
            return reading
    for reading in readings:
        inside = [
            each for each in nodeids if is_within(each, reading) or each.startswith(f"{reading}[")
        ]
        if inside:
            named = "\n    ".join(inside[:_NAMED])
            more = f"\n    and {len(inside) - _NAMED} more" if len(inside) > _NAMED else ""
            raise pytest.UsageError(
                f"{option} {wanted}: names {count(len(inside), 'test')}, give the node id of one:\n    {named}{more}"
            )
    near = _near(wanted, readings[1], nodeids)
    remedy = f"did you mean {' or '.join(near)}?" if near else "name one test by its node id"
    raise pytest.UsageError(f"{option} {wanted}: no such test was collected\n    {remedy}")


def _from_here(wanted: str, config: pytest.Config) -> str:
    path, separator, name = wanted.partition("::")
    here = config.invocation_params.dir
    return Path(os.path.relpath(here / path, config.rootpath)).as_posix() + separator + name


def _near(wanted: str, from_root: str, nodeids: Sequence[str]) -> list[str]:
    """Return tests of that name elsewhere, and others of which the node id is like it.

    ``wanted`` may be nothing but a name, which is not a path then, although it is read as one.
    """
    name = _bare(wanted) or _bare(f"::{wanted}")
    same = [each for each in nodeids if name and _bare(each) == name]
    alike = get_close_matches(from_root, around(sorted(nodeids), from_root), SUGGESTIONS)
    return list(dict.fromkeys((*same, *alike)))[:SUGGESTIONS]


def _bare(nodeid: str) -> str:
    return split_nodeid(nodeid).name.rpartition("::")[2]
