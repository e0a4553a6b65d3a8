"""One total order over cases: priority, then urgency; the engine breaks ties.

A smaller rank goes first. Ranks compare cases; edges and tokens decide what may start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.graph import Graph

#: A case whose path to the end is shorter than this share of the makespan bound fills gaps: it
#: is not urgent, and keeps the order of the collection, which suits fixtures.
FILLER_SHARE: Final = 0.02

#: What a case is taken to cost, in seconds, where nothing is known of any.
UNKNOWN_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Scores:
    """Per case: ``tier`` ranks priority alone, ``level`` ranks priority and then urgency.

    ``tail`` is the length of the critical path from the start of the case to the end of the
    run, in seconds; ``priority`` includes what is inherited from dependants.
    """

    tier: tuple[int, ...]
    level: tuple[int, ...]
    tail: tuple[float, ...]
    priority: tuple[float, ...]


def score(
    specs: Sequence[CaseSpec], graph: Graph, seconds: Sequence[float | None], workers: int
) -> Scores:
    """Rank ``specs`` for a run on ``workers`` workers; ``seconds`` are expected durations.

    A prerequisite inherits the priority of what waits for it. With one worker nothing is
    urgent: every order takes the same time, so the collection's is kept.
    """
    filled = fill(seconds)
    priority = [spec.priority for spec in specs]
    tail = filled.copy()
    for case in reversed(graph.order):
        highest, longest = priority[case], 0.0
        for dependant, _ in graph.dependents[case]:
            highest = max(highest, priority[dependant])
            longest = max(longest, tail[dependant])
        priority[case] = highest
        tail[case] += longest
    _lengthen_groups(specs, filled, tail)
    urgency = _urgency(tail, filled, workers)
    tier = ranks([-each for each in priority])
    if any(tier):
        level = ranks([(-p, -u) for p, u in zip(priority, urgency, strict=True)])
    else:
        level = ranks([-each for each in urgency])
    return Scores(tuple(tier), tuple(level), tuple(tail), tuple(priority))


def fill(seconds: Sequence[float | None]) -> list[float]:
    """Return ``seconds`` with the mean of the known ones where nothing is known."""
    known = [each for each in seconds if each is not None]
    default = sum(known) / len(known) if known else UNKNOWN_SECONDS
    return [default if each is None else each for each in seconds]


def _lengthen_groups(specs: Sequence[CaseSpec], filled: list[float], tail: list[float]) -> None:
    """Cases of one group follow one another on one worker, so each stands for all of them."""
    total: dict[str, float] = {}
    for spec, cost in zip(specs, filled, strict=True):
        if spec.group is not None:
            total[spec.group] = total.get(spec.group, 0.0) + cost
    if not total:
        return
    for case, spec in enumerate(specs):
        if spec.group is not None:
            tail[case] = max(tail[case], total[spec.group])


def _urgency(tail: Sequence[float], filled: Sequence[float], workers: int) -> list[float]:
    if workers == 1:
        return [0.0] * len(tail)
    bound = max(max(tail, default=0.0), sum(filled) / workers)
    threshold = FILLER_SHARE * bound
    return [each if each > threshold else 0.0 for each in tail]


def ranks(keys: Sequence[float] | Sequence[tuple[float, float]]) -> list[int]:
    """Return the place of each key among the distinct ones, from 0."""
    rank = {key: number for number, key in enumerate(sorted(set(keys)))}  # type: ignore[type-var]
    return [rank[key] for key in keys]
