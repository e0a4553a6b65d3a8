"""The chain of cases that holds up the end of a run for longest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.graph import Graph

#: Sums of the same seconds in another order may differ by this share.
_ROUNDING: Final = 1e-9


def chain_from(
    case: int, graph: Graph, tail: Sequence[float], seconds: Sequence[float]
) -> tuple[int, ...]:
    """Return the longest path of cases that begins with ``case``, each of which waits for the one before.

    Or for the gate of its stage. ``tail`` are the lengths of such paths, as in :class:`.Scores`. Where a
    group makes a tail longer than any path, the path ends.
    """
    path = [case]
    while (following := _following(path[-1], graph, tail, seconds)) is not None:
        path.append(following)
    return tuple(path)


def _following(
    case: int, graph: Graph, tail: Sequence[float], seconds: Sequence[float]
) -> int | None:
    """Return what comes after ``case`` on the longest path from it; None if nothing does."""
    rest = tail[case] * (1.0 - _ROUNDING) - seconds[case]
    longest = _longest((each for each, _ in graph.dependents[case]), tail)
    staging = graph.staging
    if staging is not None and (longest is None or tail[longest] < rest):
        waiting = staging.needed_by[staging.of_case[case]]
        longest = _longest((each for stage in waiting for each in staging.members[stage]), tail)
    return None if longest is None or tail[longest] < rest else longest


def _longest(cases: Iterable[int], tail: Sequence[float]) -> int | None:
    return max(cases, key=lambda each: (tail[each], -each), default=None)


def critical_path(
    specs: Sequence[CaseSpec], graph: Graph, tail: Sequence[float], seconds: Sequence[float]
) -> tuple[int, ...]:
    """Return the longest path of all, or the cases of a group that share one worker if these take longer."""
    if not specs:
        return ()
    first = max(range(len(specs)), key=lambda case: (tail[case], -case))
    path = chain_from(first, graph, tail, seconds)
    group = specs[first].group
    if group is None or sum(seconds[each] for each in path) >= tail[first] * (1.0 - _ROUNDING):
        return path
    return tuple(case for case, spec in enumerate(specs) if spec.group == group)
