"""pytest's node ids taken apart, as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from typing import NamedTuple


class NodeIdParts(NamedTuple):
    """``tests/a.py::TestA::test_x[p]``: a file, a qualified name and bracketed parameters.

    ``name`` is ``TestA::test_x`` and ``params`` is ``[p]``; either may be empty.
    """

    file: str
    name: str
    params: str


def split_nodeid(nodeid: str) -> NodeIdParts:
    """Take ``nodeid`` apart; parameters may hold any text, also ``::`` and brackets."""
    file, _, rest = nodeid.partition("::")
    if not rest.endswith("]"):
        return NodeIdParts(file, rest, "")
    name, bracket, params = rest.partition("[")
    return NodeIdParts(file, name, bracket + params)


def scopes(nodeid: str) -> list[str]:
    """Return the node ids of the classes around a test, from the inside out, and of its file."""
    file, name, _ = split_nodeid(nodeid)
    parts = [file, *name.split("::")[:-1]]
    return ["::".join(parts[:count]) for count in range(len(parts), 0, -1)]


def directories(file: str) -> list[str]:
    """Return the directory of ``file`` and those above it, without the root directory."""
    parts = file.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def is_within(nodeid: str, scope: str) -> bool:
    """Whether a test is in the directory, file or class ``scope``; every test is in the empty one."""
    return not scope or nodeid.startswith((f"{scope}::", f"{scope}/"))


def matcher(pattern: str) -> Callable[[str], object]:
    """Return a test for the glob ``pattern``: of a whole id, or of a test, class or path in it."""
    endings = ("", "[[]*", "::*", "/*")
    return re.compile("|".join(translate(pattern + ending) for ending in endings)).match
