"""Tests that have another name than before: pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Trace:
    """By what a test can be recognised: node id, line of its function, digest of its code."""

    nodeid: str
    line: int
    body: str


_Key: TypeAlias = Callable[[Trace], Hashable]


def find_renames(new: Iterable[Trace], gone: Iterable[Trace]) -> Mapping[str, str]:
    """Return the former node ids of ``new`` tests that are certainly some of those ``gone``.

    That is certain if the code is the same, and either the names of function and parameters are,
    in another file or class, or file, class, line and parameters are. Of several that may be
    the same test none is.
    """
    new, gone = list(new), list(gone)
    found: dict[str, str] = {}
    for key in (_moved, _renamed):
        left = _group((each for each in new if each.nodeid not in found), key)
        taken = set(found.values())
        candidates = _group((each for each in gone if each.nodeid not in taken), key)
        for place, tests in left.items():
            others = candidates.get(place, [])
            if len(tests) == len(others) == 1:
                found[tests[0]] = others[0]
    return found


def _group(traces: Iterable[Trace], key: _Key) -> dict[Hashable, list[str]]:
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for trace in traces:
        if trace.body:
            groups[key(trace)].append(trace.nodeid)
    return groups


def _moved(trace: Trace) -> Hashable:
    _, _, name, params = _parts(trace.nodeid)
    return trace.body, name, params


def _renamed(trace: Trace) -> Hashable:
    file, classes, _, params = _parts(trace.nodeid)
    return trace.body, file, classes, params, trace.line or trace.nodeid


def _parts(nodeid: str) -> tuple[str, str, str, str]:
    """Return file, classes, function and parameters."""
    file, _, rest = nodeid.partition("::")
    name, bracket, params = rest.partition("[") if rest.endswith("]") else (rest, "", "")
    classes, _, function = name.rpartition("::")
    return file, classes, function, bracket + params
