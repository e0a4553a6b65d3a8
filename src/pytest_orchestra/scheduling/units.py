"""Which cases cannot be separated from which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pytest_orchestra.model.case import CaseSpec


class Ties:
    """Numbers ``0 .. count - 1`` that are tied to one another, at first none."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def tie(self, one: int, other: int) -> None:
        """``one`` and ``other``, and all that either is tied to, belong together."""
        first, second = self.head(one), self.head(other)
        self._above[max(first, second)] = min(first, second)

    def head(self, number: int) -> int:
        """Return the smallest of those that ``number`` is tied to."""
        above = self._above
        while above[number] != number:
            above[number] = number = above[above[number]]
        return number

    def sets(self) -> list[list[int]]:
        """Return all numbers in sets of those that belong together, both in ascending order."""
        found: dict[int, list[int]] = {}
        for number in range(len(self._above)):
            found.setdefault(self.head(number), []).append(number)
        return list(found.values())


def find_units(
    specs: Sequence[CaseSpec], prerequisites: Sequence[Iterable[int]]
) -> list[tuple[int, ...]]:
    """Return the cases in units that must stay together, in an order that hangs on node ids alone.

    A case stays with its prerequisites, with its group and with cases of the same node id.
    """
    order = sorted(range(len(specs)), key=lambda case: (specs[case].nodeid, case))
    place = {case: number for number, case in enumerate(order)}
    ties = Ties(len(specs))
    for case, needed in enumerate(prerequisites):
        for prerequisite in needed:
            ties.tie(place[case], place[prerequisite])
    firsts: dict[tuple[str, str], int] = {}
    for number, case in enumerate(order):
        for key in _keys(specs[case]):
            ties.tie(number, firsts.setdefault(key, number))
    return [tuple(order[number] for number in each) for each in ties.sets()]


def bundle(kits: Sequence[Iterable[int]]) -> list[list[int]]:
    """Return units in bundles of those that share anything; ``kits`` is what each of them has."""
    ties = Ties(len(kits))
    firsts: dict[int, int] = {}
    for unit, kit in enumerate(kits):
        for fixture in kit:
            ties.tie(unit, firsts.setdefault(fixture, unit))
    return ties.sets()


def _keys(spec: CaseSpec) -> Iterator[tuple[str, str]]:
    yield "nodeid", spec.nodeid
    if spec.group is not None:
        yield "group", spec.group
