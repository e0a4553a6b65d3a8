"""What a run is predicted to take, and an order that takes less where one can be found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.bound import Bound, makespan_bound
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.improve import improve, make_shop
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import Scores, fill, ranks

#: No better order is looked for where the rule's is this close to the bound.
CLOSE_ENOUGH: Final = 1.01

#: A better order must save this share of the makespan, or the rule's is kept.
WORTH_IT: Final = 0.005


@dataclass(frozen=True, slots=True)
class Foresight:
    """The order to run in, and what it is predicted to take, in seconds.

    ``rule`` is what the order of the rule was predicted to take, ``rounds`` how many times
    another one was tried.
    """

    scores: Scores
    makespan: float
    rule: float
    bound: Bound
    rounds: int


def foresee(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of the run
    specs: Sequence[CaseSpec],
    graph: Graph,
    pool: Pool,
    scores: Scores,
    seconds: Sequence[float | None],
    workers: int,
    rounds: int,
    go_on: Callable[[float], bool],
    seed: int = 0,
) -> Foresight:
    """Predict the run, and look for a better order for at most ``rounds`` rounds.

    ``go_on`` gets the predicted makespan and says whether there is time for one more round.
    """
    filled = fill(seconds)
    demands = [pool.demand(spec.claims, alone=spec.alone, holds=spec.holds) for spec in specs]
    bound = makespan_bound(scores.tail, filled, demands, pool.capacities, workers)
    shop = make_shop(specs, graph, pool, filled, workers)
    order = sorted(range(len(specs)), key=lambda case: (scores.level[case], case))
    keys = [0.0] * len(specs)
    for place, case in enumerate(order):
        keys[case] = float(place)
    rule = shop.schedule(keys).makespan
    if rule <= CLOSE_ENOUGH * bound.seconds:
        return Foresight(scores, rule, rule, bound, 0)
    found = improve(shop, keys, rounds, tiers=scores.tier, seed=seed, go_on=lambda: go_on(rule))
    if found.best.makespan > (1.0 - WORTH_IT) * rule:
        return Foresight(scores, rule, rule, bound, found.rounds)
    level = ranks(list(zip(scores.tier, found.best.starts, strict=True)))
    better = replace(scores, level=tuple(level))
    return Foresight(better, found.best.makespan, rule, bound, found.rounds)
