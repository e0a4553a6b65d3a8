"""Names to edges, edges to a topological order, and cycles as paths that can be read.

The order is found by Kahn's algorithm on plain lists, which a run needs anyway; networkx is
imported only for the part of the graph that is left over when there is a cycle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_orchestra.model.case import CaseSpec, Need
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.names import Names
from pytest_orchestra.scheduling.staging import Staging


@dataclass(frozen=True, slots=True)
class Links:
    """Resolved dependencies.

    ``prerequisites[case]`` maps each prerequisite to the verdicts of it that ``case``
    accepts; ``unresolved`` are the needs that no collected case answers to. ``meanings`` are
    cases, each with a need and the cases that it means.
    """

    prerequisites: tuple[Mapping[int, frozenset[Verdict]], ...]
    unresolved: tuple[tuple[int, Need], ...]
    meanings: tuple[tuple[int, Need, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """An acyclic graph over cases ``0 .. len(order) - 1``.

    ``dependents[case]`` are the cases that wait for it and the verdicts that they accept;
    ``waits_for[case]`` counts the prerequisites of ``case``; ``order`` is topological: first
    what waits for nothing, as it was collected, then what that sets free, and so on.

    ``staging`` says which cases also wait for gates; then ``order`` heeds these, but no other part of the
    graph knows of them.
    """

    dependents: tuple[tuple[tuple[int, frozenset[Verdict]], ...], ...]
    waits_for: tuple[int, ...]
    order: tuple[int, ...]
    staging: Staging | None = None

    @property
    def edges(self) -> int:
        """The number of edges that somebody asked for."""
        implied = 0 if self.staging is None else len(self.staging.implied)
        return sum(self.waits_for) - implied

    def longest(
        self,
        costs: Sequence[float],
        least: Sequence[float] = (),
        workers: int = 0,
        *,
        is_bound: bool = False,
    ) -> list[float]:
        """Return the length of the longest path from the start of each case to the end of the run.

        Each case counts its ``costs``, and at ``least`` so much together with all that comes after it. If
        there are ``workers``, what a gate holds back takes no less than its work shared among so many.
        ``is_bound``: the run cannot be shorter, so gates that may pass before their stage has ended do not count.
        """
        lengths = list(least or costs)
        dependents, staging = self.dependents, self.staging
        if staging is None:
            for case in reversed(self.order):
                if dependents[case]:
                    longest = max([lengths[each] for each, _ in dependents[case]])
                    lengths[case] = max(lengths[case], costs[case] + longest)
            return lengths
        counts = [not is_bound or staging.is_barrier(stage) for stage in range(len(staging.specs))]
        behind = _work_behind(staging, costs, workers) if workers else [0.0] * len(counts)
        for case in reversed(self.order):
            longest = max([lengths[each] for each, _ in dependents[case]], default=0.0)
            stage = staging.of_case[case]
            if counts[stage]:
                longest = max(longest, behind[stage])
            lengths[case] = max(lengths[case], costs[case] + longest)
            for needed in staging.needs[stage]:
                behind[needed] = max(behind[needed], lengths[case])
        return lengths


def _work_behind(staging: Staging, costs: Sequence[float], workers: int) -> list[float]:
    """Return per stage what the stages that cannot open before it take at least, in seconds."""
    work = [0.0] * len(staging.specs)
    for case, stage in enumerate(staging.of_case):
        work[stage] += costs[case]
    return [
        sum(work[each] for each in staging.after(stage)) / workers for stage in range(len(work))
    ]


class CycleError(Exception):
    """Cases that wait for one another; ``cycles`` are paths whose first case is not repeated."""

    def __init__(self, cycles: tuple[tuple[int, ...], ...]) -> None:
        super().__init__(f"{len(cycles)} dependency cycles")
        self.cycles = cycles


def link(specs: Sequence[CaseSpec], names: Names | None = None) -> Links:
    """Resolve the needs and feeds of ``specs``; self-dependencies stay in, as cycles of one.

    Two needs for the same prerequisite merge: it must satisfy both.
    """
    if not any(spec.needs or spec.feeds for spec in specs):
        return Links(tuple({} for _ in specs), ())
    names = names or Names(specs)
    edges: list[dict[int, frozenset[Verdict]]] = [{} for _ in specs]
    unresolved: list[tuple[int, Need]] = []
    meanings: list[tuple[int, Need, tuple[int, ...]]] = []

    for case, spec in enumerate(specs):
        needed = edges[case]
        for need in spec.needs:
            found = names.resolve(need, case)
            for prerequisite in found:
                _add(needed, prerequisite, need.accepts)
            if found:
                meanings.append((case, need, found))
            elif not need.optional:
                unresolved.append((case, need))
        for need in spec.feeds:
            for dependant in names.resolve(need, case):
                _add(edges[dependant], case, need.accepts)
                own = replace(need, target=spec.nodeid)
                meanings.append((dependant, own, (case,)))
    return Links(tuple(edges), tuple(unresolved), tuple(meanings))


def _add(
    needed: dict[int, frozenset[Verdict]], prerequisite: int, accepts: frozenset[Verdict]
) -> None:
    known = needed.get(prerequisite)
    needed[prerequisite] = accepts if known is None else known & accepts


def arrange(prerequisites: Sequence[Mapping[int, frozenset[Verdict]]]) -> Graph:
    """Turn prerequisites per case into a graph; raises CycleError if some cases never start."""
    dependents: list[list[tuple[int, frozenset[Verdict]]]] = [[] for _ in prerequisites]
    for case, needed in enumerate(prerequisites):
        for prerequisite, accepts in needed.items():
            dependents[prerequisite].append((case, accepts))
    waits_for = [len(needed) for needed in prerequisites]
    remaining = waits_for.copy()
    ready = deque(case for case, count in enumerate(remaining) if not count)
    order: list[int] = []
    while ready:
        case = ready.popleft()
        order.append(case)
        for dependant, _ in dependents[case]:
            remaining[dependant] -= 1
            if not remaining[dependant]:
                ready.append(dependant)
    if len(order) < len(prerequisites):
        stuck = {case for case, count in enumerate(remaining) if count}
        raise CycleError(_cycles(stuck, prerequisites))
    return Graph(tuple(tuple(each) for each in dependents), tuple(waits_for), tuple(order))


def closure(cases: Iterable[int], neighbours: Sequence[Iterable[int]]) -> set[int]:
    """Return ``cases`` and all that can be reached from them over ``neighbours``."""
    seen = set(cases)
    stack = list(seen)
    while stack:
        for each in neighbours[stack.pop()]:
            if each not in seen:
                seen.add(each)
                stack.append(each)
    return seen


def _cycles(
    stuck: set[int], prerequisites: Sequence[Mapping[int, frozenset[Verdict]]]
) -> tuple[tuple[int, ...], ...]:
    """Return one cycle for each knot of cases, each as ``a waits for b waits for ...``."""
    import networkx as nx  # noqa: PLC0415 - heavy, and only needed to explain a mistake

    waits: nx.DiGraph[int] = nx.DiGraph(
        (case, prerequisite)
        for case in sorted(stuck)
        for prerequisite in prerequisites[case]
        if prerequisite in stuck
    )
    knots = sorted(
        (sorted(knot) for knot in nx.strongly_connected_components(waits)), key=lambda knot: knot[0]
    )
    return tuple(
        tuple(case for case, _ in nx.find_cycle(waits.subgraph(knot), source=knot[0]))
        for knot in knots
        if len(knot) > 1 or waits.has_edge(knot[0], knot[0])
    )
