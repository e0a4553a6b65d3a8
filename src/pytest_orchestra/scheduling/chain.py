"""The chain of cases that holds up the end of a run for longest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.graph import Graph

#: Sums of the same seconds in another order may differ by this share.
_ROUNDING: Final = 1e-9


def chain_from(
    case: int, graph: Graph, tail: Sequence[float], seconds: Sequence[float]
) -> tuple[int, ...]:
    """Return the longest path of cases that begins with ``case``, each of which waits for the one before.

    ``tail`` are the lengths of such paths, as in :class:`.Scores`. Where a group makes a tail longer than
    any path, the path ends.
    """
    path = [case]
    while dependents := graph.dependents[path[-1]]:
        longest = max((each for each, _ in dependents), key=lambda each: (tail[each], -each))
        whole = seconds[path[-1]] + tail[longest]
        if whole < tail[path[-1]] * (1.0 - _ROUNDING):
            break
        path.append(longest)
    return tuple(path)


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
