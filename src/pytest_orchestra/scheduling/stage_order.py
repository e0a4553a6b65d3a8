"""In which stage each case runs and in which order, such that no stage waits for itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeAlias

from pytest_orchestra.model.stage import Strategy
from pytest_orchestra.model.verdict import ANY_VERDICT, Verdict
from pytest_orchestra.scheduling.graph import Graph, arrange
from pytest_orchestra.scheduling.staging import Staging

#: Per case, its prerequisites and the verdicts of them that it accepts.
Prerequisites: TypeAlias = Sequence[Mapping[int, frozenset[Verdict]]]


@dataclass(frozen=True, slots=True)
class Pull:
    """``case`` runs in ``stage`` and not in its own, which opens too late for ``dependant``."""

    case: int
    dependant: int
    own: int
    stage: int


@dataclass(frozen=True, slots=True)
class Staged:
    """A ``graph`` with gates, and what was pulled forward for it."""

    graph: Graph
    pulls: tuple[Pull, ...]


def stage_cases(staging: Staging, prerequisites: Prerequisites, graph: Graph) -> Staged:
    """Settle in which stage each case runs, and in which order the cases of sequential stages do.

    ``graph`` is that of ``prerequisites``. What a case needs that belongs to a later stage runs in the
    case's own, if it would come too late otherwise: stages would wait for one another.
    """
    settled = _in_time(staging, graph)
    needed_by: dict[int, int] = {}
    _note_pulls(staging, settled, graph, needed_by)
    if any(spec.strategy is Strategy.SEQUENTIAL for spec in staging.specs):
        place = _collected_order(prerequisites)
        before = None
        while before is None or before.of_case != settled.of_case:
            before = _in_sequence(settled, prerequisites, place)
            graph = arrange(_chained(before, prerequisites))
            settled = _in_time(before, graph)
            _note_pulls(before, settled, graph, needed_by)
    pulls = [
        Pull(case, dependant, staging.of_case[case], settled.of_case[case])
        for case, dependant in sorted(needed_by.items())
    ]
    return Staged(with_gates(graph, settled), tuple(pulls))


def _in_time(staging: Staging, graph: Graph) -> Staging:
    """Return the stages with every case pulled forward that would come too late for one that needs it.

    A prerequisite in a later stage comes in time if that waits for no gates but those that the dependant
    waits for as well. So whatever a gate waits for waits for gates of earlier stages only, and nothing waits
    for itself.
    """
    stages = list(staging.of_case)
    #: Bits of the stages of each case and of all that need it.
    bits = [0] * len(stages)
    known: dict[tuple[int, int], int] = {}
    for case in reversed(graph.order):
        needed_in = 0
        for dependant, _ in graph.dependents[case]:
            needed_in |= bits[dependant]
        if needed_in:
            key = stages[case], needed_in
            if key not in known:
                known[key] = _early_enough(*key, staging.ancestors)
            stages[case] = known[key]
        bits[case] = needed_in | 1 << stages[case]
    return replace(staging, of_case=tuple(stages))


def _early_enough(stage: int, needed_in: int, ancestors: Sequence[frozenset[int]]) -> int:
    """Return the stage, or an earlier one, in which a case is in time for the stages of these bits."""
    while True:
        late = (
            each
            for each in range(stage)
            if needed_in >> each & 1 and not ancestors[stage] <= ancestors[each]
        )
        first = next(late, None)
        if first is None:
            return stage
        stage = first


def _collected_order(prerequisites: Prerequisites) -> list[int]:
    """Return the place of each case in the order of the collection, but behind its prerequisites."""
    place = [-1] * len(prerequisites)
    count = 0
    for root in range(len(prerequisites)):
        stack = [root]
        while stack:
            case = stack[-1]
            if place[case] >= 0:
                stack.pop()
                continue
            before = [each for each in prerequisites[case] if place[each] < 0]
            if before:
                stack += sorted(before, reverse=True)
                continue
            stack.pop()
            place[case] = count
            count += 1
    return place


def _in_sequence(staging: Staging, prerequisites: Prerequisites, place: Sequence[int]) -> Staging:
    """Return the stages with the order in which the cases of sequential ones take turns."""
    sequences = tuple(
        tuple(sorted(members, key=place.__getitem__))
        for spec, members in zip(staging.specs, staging.members, strict=True)
        if spec.strategy is Strategy.SEQUENTIAL
    )
    implied = frozenset(
        (before, case)
        for sequence in sequences
        for before, case in pairwise(sequence)
        if before not in prerequisites[case]
    )
    return replace(staging, sequences=sequences, implied=implied)


def _chained(staging: Staging, prerequisites: Prerequisites) -> Prerequisites:
    """Return ``prerequisites`` and what only the turns of sequential stages make of cases."""
    chained = list(prerequisites)
    for before, case in staging.implied:
        chained[case] = {**chained[case], before: ANY_VERDICT}
    return chained


def _note_pulls(before: Staging, settled: Staging, graph: Graph, needed_by: dict[int, int]) -> None:
    """Note of each case that was pulled forward which one needs it, the earliest of them."""
    for case, (own, stage) in enumerate(zip(before.of_case, settled.of_case, strict=True)):
        if own != stage:
            needed_by[case] = min(
                (dependant for dependant, _ in graph.dependents[case]),
                key=settled.of_case.__getitem__,
            )


def with_gates(graph: Graph, staging: Staging) -> Graph:
    """Return ``graph`` with gates, in an order that heeds them."""
    order = _GatedOrder(graph, staging).order
    assert len(order) == len(graph.order), "stages wait for one another"  # noqa: S101 - _in_time sees to that
    return replace(graph, order=tuple(order), staging=staging)


class _GatedOrder:
    """Puts the cases of a graph in an order in which each stage comes after those that it needs."""

    def __init__(self, graph: Graph, staging: Staging) -> None:
        self.order: Final[list[int]] = []
        self._staging: Final = staging
        self._left: Final = [len(members) for members in staging.members]
        self._closed_by: Final = [len(needed) for needed in staging.needs]
        self._waits_for: Final = [
            count + bool(self._closed_by[stage])
            for count, stage in zip(graph.waits_for, staging.of_case, strict=True)
        ]
        self._ready: Final = deque(case for case, count in enumerate(self._waits_for) if not count)
        for stage, needed in enumerate(staging.needs):
            if not needed:
                self._end_if_over(stage)
        while self._ready:
            case = self._ready.popleft()
            self.order.append(case)
            for dependant, _ in graph.dependents[case]:
                self._set_free(dependant)
            stage = staging.of_case[case]
            self._left[stage] -= 1
            self._end_if_over(stage)

    def _set_free(self, case: int) -> None:
        self._waits_for[case] -= 1
        if not self._waits_for[case]:
            self._ready.append(case)

    def _end_if_over(self, stage: int) -> None:
        """If nothing is left of ``stage`` open those that need it, and so on where these have no cases."""
        stack = [stage] if not self._left[stage] and not self._closed_by[stage] else []
        while stack:
            for waiting in self._staging.needed_by[stack.pop()]:
                self._closed_by[waiting] -= 1
                if self._closed_by[waiting]:
                    continue
                for case in self._staging.members[waiting]:
                    self._set_free(case)
                if not self._left[waiting]:
                    stack.append(waiting)
