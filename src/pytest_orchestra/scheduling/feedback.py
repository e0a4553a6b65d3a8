"""How soon each case is worth running if failures are to show early.

The worth of a case is its probability of failure over its duration: going by that, most first, makes the
expected time to a failure as short as it can be (Smith 1956). What must run before a case is worth
as much as both together, if that is more. Cases that need the same expensive fixtures are worth
what those of them bring that pay for the set-up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.score import rank_within
from pytest_orchestra.scheduling.setups import Blocks

#: How likely a test fails, of which nobody says anything else.
PRIOR: Final = 0.025

#: Differences among durations below this many seconds change nothing that anybody would notice, and are
#: not the same in two runs.
NOTICEABLE: Final = 0.02

_LEAST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Worth:
    """What is to be told apart, and what is to stay together.

    ``grade``: the smaller goes first, and cases of one grade are worth about the same, within
    a factor of two, so that they can keep the order of the collection. ``bundle`` numbers cases that
    should follow one another; those that are alone have numbers of their own.
    """

    grade: tuple[int, ...]
    bundle: tuple[int, ...]


def weigh(
    failing: Sequence[float],
    seconds: Sequence[float],
    graph: Graph,
    blocks: Blocks = (),
    *,
    whole: bool = False,
) -> Worth:
    """Say what each case is worth; ``failing`` are probabilities, ``seconds`` durations.

    ``blocks`` are cases that need the same expensive fixtures, with what a set-up costs.
    ``whole``: they stay together, come what may.
    """
    odds = [max(each, _LEAST) for each in failing]
    spent = [max(each, NOTICEABLE) for each in seconds]
    bundle = list(range(len(odds)))
    for cost, cases in blocks:
        order = sorted(cases, key=lambda case: (-odds[case] / spent[case], case))
        most = len(order) if whole else _head(cost, order, odds, spent)
        _share(cost, (order[:most], order[most:]), odds, spent, bundle)
    _lead(graph, odds, spent)
    grade = tuple(
        -math.floor(round(math.log2(chance / time), 6))
        for chance, time in zip(odds, spent, strict=True)
    )
    return Worth(grade, tuple(bundle))


def feedback_level(tiers: Sequence[int], worth: Worth, urgent: Sequence[float]) -> tuple[int, ...]:
    """Return the order by worth alone, and by urgency among equals."""
    return rank_within(tiers, [(grade, -u) for grade, u in zip(worth.grade, urgent, strict=True)])


def take_front(
    tiers: Sequence[int], worth: Worth, seconds: Sequence[float], room: float
) -> list[bool]:
    """Say of each case whether it is of those worth most that take ``room`` seconds in all."""
    places = zip(tiers, worth.grade, worth.bundle, range(len(seconds)), strict=True)
    is_front = [False] * len(seconds)
    for *_, case in sorted(places):
        room -= seconds[case]
        if room < 0.0:
            break
        is_front[case] = True
    return is_front


def _head(cost: float, order: Sequence[int], odds: Sequence[float], spent: Sequence[float]) -> int:
    """Return how many of the cases in ``order``, which need a set-up of ``cost`` seconds, go first.

    Those for which it pays most. The rest follows at once if that takes no longer than another
    set-up.
    """
    chance, time = 0.0, cost
    best, most = 0.0, 0
    for count, case in enumerate(order, 1):
        chance += odds[case]
        time += spent[case]
        if chance / time >= best:
            best, most = chance / time, count
    return len(order) if sum(spent[case] for case in order[most:]) <= cost else most


def _share(
    cost: float,
    parts: Iterable[Sequence[int]],
    odds: list[float],
    spent: list[float],
    bundle: list[int],
) -> None:
    """Let the cases of each part be worth what they are together, with a set-up of ``cost`` seconds."""
    for members in parts:
        chance = sum(odds[case] for case in members)
        time = cost + sum(spent[case] for case in members)
        for case in members:
            odds[case], spent[case] = chance / len(members), time / len(members)
            bundle[case] = members[0]


def _lead(graph: Graph, odds: list[float], spent: list[float]) -> None:
    """Let each case be worth what it is with the dependant that makes most of it, if that is more."""
    for case in reversed(graph.order):
        own = odds[case], spent[case]
        for dependant, _ in graph.dependents[case]:
            chance, time = own[0] + odds[dependant], own[1] + spent[dependant]
            if chance * spent[case] > odds[case] * time:
                odds[case], spent[case] = chance, time
