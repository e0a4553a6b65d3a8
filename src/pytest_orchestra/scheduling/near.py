"""Names like one that does not exist, out of a bounded choice."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import chain, islice
from typing import Final

from pytest_orchestra.scheduling.nodeid import NodeIdParts, scopes, split_nodeid

#: At most this many names.
SUGGESTIONS: Final = 3

#: Of each kind of name, at most this many are compared with the wrong one.
_CHOICE: Final = 500


class Neighbours:
    """Finds names that a user may have meant; ``custom`` are names that cases carry."""

    def __init__(self, nodeids: Iterable[str], custom: Iterable[str]) -> None:
        self._custom = sorted(custom)
        self._in_file: dict[str, dict[str, None]] = {}
        self._by_bare: dict[str, dict[str, None]] = {}
        for nodeid in nodeids:
            self._add(nodeid)
        self._files = sorted(self._in_file)
        self._bare = sorted(self._by_bare)

    def _add(self, nodeid: str) -> None:
        file, name, _ = split_nodeid(nodeid)
        names = self._in_file.setdefault(file, {})
        if not name or name in names:
            return
        names[name] = None
        if "::" in name:
            names[_scope(name)] = None
        self._by_bare.setdefault(_bare(name), {})[f"{file}::{name}"] = None

    def near(self, target: str, nodeid: str) -> tuple[str, ...]:
        """Return up to ``SUGGESTIONS`` names like ``target``, best first, for the case ``nodeid``.

        Tests of the very name elsewhere come first. A name is given as it would be written in
        the case's class or file; a test of another file is given by its node id.
        """
        own = split_nodeid(nodeid)
        bare = _bare(split_nodeid(f"::{target}").name)
        here = (f"{own.file}::{name}" for name in self._in_file[own.file] if _bare(name) == bare)
        found = dict.fromkeys(islice(chain(here, self._by_bare.get(bare, ())), _CHOICE))
        choice = dict(self._choice(target, bare, own))
        for name in get_close_matches(target, choice, SUGGESTIONS + 1):
            found[choice[name]] = None
        found.pop(f"{own.file}::{own.name}", None)
        return tuple(_written(name, nodeid) for name in islice(found, SUGGESTIONS))

    def _choice(self, target: str, bare: str, own: NodeIdParts) -> Iterator[tuple[str, str]]:
        """Yield what to compare ``target`` with, and the name to suggest if it is like it.

        Where two names are compared by the same text, the later and closer one holds.
        """
        for name in around(self._bare, bare):
            yield name, next(iter(self._by_bare[name]))
        for name in chain(self._paths(target), around(self._custom, target)):
            yield name, name
        names = islice(self._in_file[own.file], _CHOICE)
        for name in sorted(names, key=lambda name: _scope(name) == _scope(own.name)):
            yield _bare(name), f"{own.file}::{name}"
            yield name, f"{own.file}::{name}"

    def _paths(self, target: str) -> Iterator[str]:
        """Yield files like the one that ``target`` begins with, or what is in them."""
        path, _, name = target.partition("::")
        files = get_close_matches(path, around(self._files, path), SUGGESTIONS)
        for file in files:
            if name:
                yield from (f"{file}::{each}" for each in islice(self._in_file[file], _CHOICE))
            else:
                yield file


def _bare(name: str) -> str:
    return name.rpartition("::")[2]


def _scope(name: str) -> str:
    return name.rpartition("::")[0]


def _written(name: str, nodeid: str) -> str:
    """Return ``name`` without the class or file that it shares with the case ``nodeid``."""
    for scope in scopes(nodeid):
        if name.startswith(f"{scope}::"):
            return name.removeprefix(f"{scope}::")
    return name


def around(names: Sequence[str], name: str) -> Sequence[str]:
    """Return the part of the sorted ``names`` that shares most of its beginning with ``name``."""
    place = bisect_left(names, name)
    return names[max(0, place - _CHOICE // 2) : place + _CHOICE // 2]
