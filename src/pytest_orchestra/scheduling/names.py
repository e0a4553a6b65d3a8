"""What a name in a dependency means: the cases that answer to it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from posixpath import join, normpath
from typing import Final

from pytest_orchestra.model.case import CaseSpec, Cell, Column, Need
from pytest_orchestra.scheduling.near import Neighbours
from pytest_orchestra.scheduling.nodeid import directories, matcher, scopes, split_nodeid

#: What follows the name of a test with parameters in the node ids of its cases.
_PARAMS: Final = "["

#: What follows the name of a class, file or directory in the node ids of the cases inside it.
_MEMBERS: Final = ("::", "/")

#: Of so many groups of cases it is kept who has which parameters.
_KEPT: Final = 100

#: Where the part of a path begins that is a glob.
_GLOB: Final = re.compile(r"[^/]*[*?\[]")


class Names:
    """The names of a collection; a case is its index in ``cases``.

    A target is looked up as a custom name, then as it is read from ever farther away: in the
    classes around the dependant from the inside out, in its file, from the root directory, from
    the directory of its file and from those above. The first reading that names anything wins: a
    test, all the parameter sets of a test, or all that a class, file or directory holds. After
    that it is tried as a glob, in the same order.

    Of what it means, a dependant in a column of a matrix gets what stands in the same column, if anything does.
    """

    def __init__(self, cases: Sequence[CaseSpec]) -> None:
        self._ids = [case.nodeid for case in cases]
        self._columns = _Columns(cases)
        self._exact = {nodeid: index for index, nodeid in enumerate(self._ids)}
        self._custom: dict[str, list[int]] = {}
        for index, case in enumerate(cases):
            for name in case.names:
                self._custom.setdefault(name, []).append(index)
        self._carriers: dict[str, _Prefixes] = {}
        self._members: dict[str, tuple[int, ...]] = {}
        self._sets: dict[str, tuple[int, ...]] = {}
        self._by_params: dict[int, tuple[tuple[int, ...], dict[str, list[int]]]] = {}
        self._globs: dict[tuple[str, str], tuple[int, ...]] = {}

    def resolve(self, need: Need, dependant: int) -> tuple[int, ...]:
        """Return the ascending indices of the cases that ``need.target`` means; none: ``()``.

        A dependant inside the class, file, directory or glob that it names is left out; one
        that names itself, or the test that it is a parameter set of, is not.
        """
        found = self._meant(need, dependant) if need.target else ()
        found = self._columns.beside(dependant, found)
        if not need.match_params:
            return found
        sorted_out = self._sorted_out(found)
        params = {"", self._params(dependant)}
        return tuple(sorted(case for each in params for case in sorted_out.get(each, ())))

    def _sorted_out(self, cases: tuple[int, ...]) -> dict[str, list[int]]:
        """Return ``cases`` by their parameters; all parameter sets of a test ask for the same ones."""
        kept = self._by_params.get(id(cases))
        if kept is not None and kept[0] is cases:
            return kept[1]
        found: dict[str, list[int]] = {}
        for case in cases:
            found.setdefault(self._params(case), []).append(case)
        if len(self._by_params) >= _KEPT:
            self._by_params.clear()
        self._by_params[id(cases)] = cases, found
        return found

    def _params(self, case: int) -> str:
        """Return the parameters of ``case`` in brackets, without the values of a matrix."""
        cell = self._columns.cells.get(case)
        return split_nodeid(self._ids[case] if cell is None else cell.row).params

    def near(self, target: str, dependant: int) -> tuple[str, ...]:
        """Return up to three names like ``target`` that ``dependant`` may have meant.

        A test of that very name in another file comes first, as its node id.
        """
        return self._neighbours.near(target, self._ids[dependant])

    def _meant(self, need: Need, dependant: int) -> tuple[int, ...]:
        target = need.target
        if need.within:
            inside = self._carriers_inside(target, need.within)
            inside = inside or self._named(f"{need.within}::{target}", dependant)
            if inside:
                return inside
        if target in self._custom:
            return tuple(self._custom[target])
        case = (
            self._exact[target] if self._is_nodeid(target) else self._neighbour(target, dependant)
        )
        if case is not None:
            return (case,)
        for reading in _readings(target, self._ids[dependant]):
            if named := self._named(reading, dependant):
                return named
        if need.anywhere and target in self._anywhere:
            return tuple(self._anywhere[target])
        return self._globbed(target, dependant)

    def _neighbour(self, target: str, dependant: int) -> int | None:
        """Return the case that ``target`` names right beside ``dependant``, as most do."""
        scope, separator, name = self._ids[dependant].rpartition("::")
        if "]" in name:  # parameters may hold anything
            return None
        return self._exact.get(scope + separator + target)

    def _is_nodeid(self, target: str) -> bool:
        """Whether ``target`` is a node id in full, and nothing nearer can be meant by it."""
        if target not in self._exact:
            return False
        file, separator, _ = target.partition("::")
        return bool(separator) and file not in self._steps

    @cached_property
    def _steps(self) -> frozenset[str]:
        """What stands between the separators of node ids, but for the files."""
        inner = {nodeid.partition("::")[2].partition("[")[0] for nodeid in self._ids}
        return frozenset(step for name in inner for step in name.split("::"))

    def _carriers_inside(self, name: str, within: str) -> tuple[int, ...]:
        """Return the cases under ``within`` that carry the custom name.

        Many files may use the same name, so the carriers are not gone through one by one.
        """
        if name not in self._custom:
            return ()
        if name not in self._carriers:
            self._carriers[name] = _Prefixes(self._ids, self._custom[name])
        return self._carriers[name].inside(within)

    def _named(self, name: str, dependant: int) -> tuple[int, ...]:
        """Return the case, its parameter sets, or the members that ``name`` has in full."""
        if name in self._exact:
            return (self._exact[name],)
        sets = self._sets.get(name) or self._sorted.below(name + _PARAMS)
        if sets:
            self._sets[name] = sets
        return sets or _without(dependant, self._inside(name))

    def _inside(self, name: str) -> tuple[int, ...]:
        """Return the members of a class, file or directory; many may ask for the same."""
        members = self._members.get(name) or self._sorted.inside(name)
        if members:
            self._members[name] = members
        return members

    def _globbed(self, target: str, dependant: int) -> tuple[int, ...]:
        glob = _GLOB.search(target)
        if glob is None:
            return ()
        nodeid = self._ids[dependant]
        places = [(f"{scope}::", target) for scope in scopes(nodeid)]
        literal, pattern = target[: glob.start()], target[glob.start() :]
        for directory in ("", *directories(split_nodeid(nodeid).file)):
            path = normpath(join(directory, literal))
            places.append(("" if path == "." else f"{path}/", pattern))
        return next(
            filter(None, (_without(dependant, self._matching(*place)) for place in places)), ()
        )

    def _matching(self, prefix: str, pattern: str) -> tuple[int, ...]:
        """Return the cases whose node id is ``prefix`` and something that the glob matches."""
        key = (prefix, pattern)
        if key not in self._globs:
            matches = matcher(pattern)
            cases = self._sorted.below(prefix) if prefix else range(len(self._ids))
            self._globs[key] = tuple(i for i in cases if matches(self._ids[i][len(prefix) :]))
        return self._globs[key]

    @cached_property
    def _sorted(self) -> _Prefixes:
        return _Prefixes(self._ids, range(len(self._ids)))

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(self._ids, self._custom)

    @cached_property
    def _anywhere(self) -> dict[str, list[int]]:
        """The cases of each name inside a file, with and without its parameters."""
        found: dict[str, list[int]] = {}
        for index, nodeid in enumerate(self._ids):
            _, name, params = split_nodeid(nodeid)
            for each in {name, name + params}:
                found.setdefault(each, []).append(index)
        return found


class _Columns:
    """Which cases stand in a matrix, and which of them in columns that agree."""

    def __init__(self, cases: Sequence[CaseSpec]) -> None:
        self.cells: Final = {number: case.cell for number, case in enumerate(cases) if case.cell}
        self._agree: Final[dict[tuple[Column, Column], bool]] = {}
        #: What many dependants in one column mean by the same is kept once.
        self._beside: Final[dict[tuple[Column, tuple[int, ...]], tuple[int, ...]]] = {}

    def beside(self, dependant: int, cases: tuple[int, ...]) -> tuple[int, ...]:
        """Return those of ``cases`` in the column of ``dependant``, or in none; all, if there are no such."""
        cell = self.cells.get(dependant)
        if cell is None:
            return cases
        key = cell.column, cases
        found = self._beside.get(key)
        if found is None:
            found = self._beside[key] = (
                tuple(case for case in cases if self._agrees(cell, self.cells.get(case))) or cases
            )
        return found

    def _agrees(self, cell: Cell, other: Cell | None) -> bool:
        if other is None:
            return True
        key = cell.column, other.column
        if key not in self._agree:
            self._agree[key] = cell.agrees(other)
        return self._agree[key]


class _Prefixes:
    """Some cases in the order of their node ids, where all that share a prefix are together."""

    def __init__(self, nodeids: Sequence[str], cases: Iterable[int]) -> None:
        self._cases = sorted(cases, key=nodeids.__getitem__)
        self._keys = [nodeids[case] for case in self._cases]

    def below(self, prefix: str) -> tuple[int, ...]:
        """Return the ascending indices of the cases whose node id begins with ``prefix``."""
        start = bisect_left(self._keys, prefix)
        if start == len(self._keys) or not self._keys[start].startswith(prefix):
            return ()
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return tuple(sorted(self._cases[start : bisect_left(self._keys, after, start)]))

    def inside(self, name: str) -> tuple[int, ...]:
        """Return the cases inside the class, file or directory ``name``."""
        return next(filter(None, (self.below(name + mark) for mark in _MEMBERS)), ())


def _readings(target: str, nodeid: str) -> Iterator[str]:
    """Yield what ``target`` may be in full, where the case ``nodeid`` says it."""
    for scope in scopes(nodeid):
        yield f"{scope}::{target}"
    path, separator, name = target.partition("::")
    for directory in ("", *directories(split_nodeid(nodeid).file)):
        yield normpath(join(directory, path)) + separator + name


def _without(case: int, cases: tuple[int, ...]) -> tuple[int, ...]:
    place = bisect_left(cases, case)
    if cases[place : place + 1] != (case,):
        return cases
    return cases[:place] + cases[place + 1 :]
