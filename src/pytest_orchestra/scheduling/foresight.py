"""What a run is predicted to take, and an order that takes less where one can be found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.order import Order
from pytest_orchestra.scheduling.balance import Balance, Gain, Outlook
from pytest_orchestra.scheduling.bound import Bound, makespan_bound
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.improve import Shop, improve, make_shop
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.rehearsal import Rehearsal
from pytest_orchestra.scheduling.score import Scores, fill, ranks
from pytest_orchestra.scheduling.setups import SetUps

#: No better order is looked for where the rule's is this close to the bound.
CLOSE_ENOUGH: Final = 1.01

#: A better order must save this share of the makespan, or the rule's is kept.
WORTH_IT: Final = 0.005

#: With more sets of expensive fixtures than this the shop would be slow.
MOST_BUNDLES: Final = 100

#: A run is rehearsed if it takes this many seconds for each of its cases: so that doing so five times, at
#: about 30 microseconds a case, costs no more than a hundredth of it.
REHEARSED_CASE: Final = 0.015


@dataclass(frozen=True, slots=True)
class Foresight:
    """The order to run in, and what it is predicted to take, in seconds.

    ``rule`` is what the order of the rule was predicted to take, ``rounds`` how many times
    another one was tried. ``gain`` is there if it was not to end as early as it can.
    """

    scores: Scores
    makespan: float
    rule: float
    bound: Bound
    rounds: int
    gain: Gain | None = None


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
    outlook: Outlook | None = None,
) -> Foresight:
    """Predict the run, and look for a better order for at most ``rounds`` rounds.

    ``go_on`` gets the predicted makespan and says whether there is time for one more round.
    ``outlook`` says what else than an early end is wanted, if anything.
    """
    filled = fill(seconds)
    demands = [pool.demand(spec.claims, alone=spec.alone, holds=spec.holds) for spec in specs]
    bound = makespan_bound(scores.tail, filled, demands, pool.capacities, workers)
    shop = make_shop(specs, graph, pool, filled, workers)
    quickest = _hurry(shop, scores, bound, rounds, go_on, seed)
    if outlook is None:
        return quickest
    rehearsal = (
        Rehearsal(specs, graph, pool, scores, filled, workers, outlook.setups)
        if len(specs) * REHEARSED_CASE <= quickest.makespan
        else None
    )
    shop = _bundled(specs, graph, pool, filled, workers, outlook.setups) or shop
    balance = Balance(shop, graph, quickest.scores, outlook, workers, rehearsal)
    if outlook.setups.matter and quickest.scores is not scores:
        # What saved time may cost more set-ups than that.
        plain = Balance(shop, graph, scores, outlook, workers, rehearsal)
        if plain.urgent.makespan <= balance.urgent.makespan:
            balance, quickest = plain, replace(quickest, scores=scores)
    urgent = balance.urgent
    quickest = replace(quickest, makespan=urgent.makespan)
    if outlook.order is Order.MAKESPAN:
        return quickest
    trial = balance.feedback() if outlook.order is Order.FEEDBACK else balance.balanced()
    gain = Gain(outlook.order, trial.shows, urgent.shows, trial.makespan - urgent.makespan)
    chosen = replace(quickest.scores, level=trial.level)
    return replace(quickest, scores=chosen, makespan=trial.makespan, gain=gain)


def _bundled(  # noqa: PLR0913, PLR0917 - as above
    specs: Sequence[CaseSpec],
    graph: Graph,
    pool: Pool,
    seconds: Sequence[float],
    workers: int,
    setups: SetUps,
) -> Shop | None:
    """Return a shop where cases take turns that use the same expensive fixtures; None if none do.

    In a run they do not always: when another set-up pays, they are shared.
    """
    blocks = setups.blocks()
    if not 0 < len(blocks) <= MOST_BUNDLES:
        return None
    bundled = list(specs)
    for number, (_, cases) in enumerate(blocks):
        for case in cases:
            if specs[case].group is None:
                bundled[case] = replace(specs[case], group=f"fixtures {number}")
    return make_shop(bundled, graph, pool, seconds, workers)


def _hurry(  # noqa: PLR0913, PLR0917 - as above
    shop: Shop,
    scores: Scores,
    bound: Bound,
    rounds: int,
    go_on: Callable[[float], bool],
    seed: int,
) -> Foresight:
    """Return the order by which the run ends earliest, of those that were tried."""
    order = sorted(range(len(scores.level)), key=lambda case: (scores.level[case], case))
    keys = [0.0] * len(order)
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
