"""What one more of something would gain: two forecasts by the same rule, with it and without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.case import CaseSpec, Mode
from pytest_orchestra.scheduling.capacity import Stock
from pytest_orchestra.scheduling.forecast import Prospect, forecast
from pytest_orchestra.scheduling.graph import Graph
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import Demands, score


@dataclass(frozen=True, slots=True)
class Gain:
    """So many seconds earlier a run ends with ``amount`` more of ``resource``; None: with one more worker."""

    resource: str | None
    amount: int
    seconds: float


def gains_of_more(
    prospect: Prospect, graph: Graph, stock: Stock, workers: int, resources: Sequence[str]
) -> Iterator[Gain]:
    """Yield what one more worker would gain, then one more of each of ``resources``.

    What is compared goes by urgency alone, whatever order the run has: an order that is made for one
    number of workers would seem to be no better on another. It may seem to lose, too (Graham 1969).
    """
    names = tuple(f"gw{number}" for number in range(workers + 1))

    def makespan(among: int, there: Stock) -> float:
        demands = Demands.read(prospect.specs, Pool(there))
        scores = score(prospect.specs, graph, prospect.seconds, among, demands)
        return forecast(prospect, scores, there, names[:among]).makespan

    as_it_is = makespan(workers, stock)
    yield Gain(None, 1, as_it_is - makespan(workers + 1, stock))
    for resource in resources:
        capacity = stock.capacities[resource]
        amount = one_more(prospect.specs, resource, capacity)
        more = replace(capacity, tokens=capacity.tokens + amount)
        with_more = Stock({**stock.capacities, resource: more})
        yield Gain(resource, amount, as_it_is - makespan(workers, with_more))


def one_more(specs: Sequence[CaseSpec], resource: str, capacity: Capacity) -> int:
    """Return what one more of it is: an instance, or of a quantity the most that a test takes."""
    if not capacity.is_quantity:
        return capacity.slots
    claims = (
        claim
        for spec in specs
        for claim in (*spec.claims, *(each for hold in spec.holds for each in hold.claims))
    )
    return max(
        (each.amount for each in claims if each.resource == resource and each.mode is Mode.COUNT),
        default=1,
    )


def scarce(held_up: Mapping[str, float], most: int) -> tuple[str, ...]:
    """Return up to ``most`` resources for which cases were held up, longest first; seconds by name."""
    found = [name for name, seconds in held_up.items() if seconds > 0.0]
    return tuple(sorted(found, key=lambda name: (-held_up[name], name))[:most])
