"""Which place each case has in each worker's own collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Roster:
    """Translates between a worker's indices and cases; None where they are the same."""

    case_of: Sequence[int] | Mapping[int, int] | None = None
    index_of: Sequence[int] | None = None

    def case(self, index: int) -> int:
        """Return the case at ``index`` of the worker's items."""
        return index if self.case_of is None else self.case_of[index]

    def index(self, case: int) -> int:
        """Return where ``case`` is among the worker's items."""
        return case if self.index_of is None else self.index_of[case]

    def only(self, cases: Sequence[int]) -> Roster:
        """Return the same for ``cases`` alone, which are numbered anew."""
        index_of = [self.index(case) for case in cases]
        return Roster({index: case for case, index in enumerate(index_of)}, index_of)


def match_collections(ours: Sequence[str], theirs: Sequence[str]) -> Roster | None:
    """Pair the node ids of two collections; None if they are not the same tests.

    The order may differ. Of several tests with the same node id the n-th is paired with the
    n-th.
    """
    places: dict[tuple[str, int], int] = {}
    seen: Counter[str] = Counter()
    for case, nodeid in enumerate(ours):
        places[nodeid, seen[nodeid]] = case
        seen[nodeid] += 1
    seen.clear()
    case_of: list[int] = []
    for nodeid in theirs:
        place = (nodeid, seen[nodeid])
        if place not in places:
            return None
        seen[nodeid] += 1
        case_of.append(places[place])
    if len(case_of) != len(ours):
        return None
    index_of = [0] * len(ours)
    for index, case in enumerate(case_of):
        index_of[case] = index
    return Roster(case_of, index_of)


def describe_difference(
    ours: Sequence[str], theirs: Sequence[str], our_name: str, their_name: str
) -> str:
    """Say which tests the workers do not share: the first few of each."""
    lines = [
        f"workers collected different tests: {our_name} {len(ours)}, {their_name} {len(theirs)}"
    ]
    for name, here, there in ((our_name, ours, theirs), (their_name, theirs, ours)):
        surplus = list((Counter(here) - Counter(there)).elements())
        if surplus:
            more = f" and {len(surplus) - SHOWN} more" if len(surplus) > SHOWN else ""
            lines.append(f"only in {name}: " + ", ".join(surplus[:SHOWN]) + more)
    lines.append(
        "Tests and their parameters must be the same in every process: look for sets, random "
        "values, times or worker names in parametrize."
    )
    return "\n".join(lines)


#: So many differing tests are named for each worker.
SHOWN = 3
