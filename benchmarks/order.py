"""How early a failure shows under each order, and what that costs, over simulated builds.

What fails where is told in :mod:`benchmarks.builds`. Each build is planned by what its history
knows, and run by the engine in virtual time with what tests and set-ups really take.

APFDc, the cost-cognizant average percentage of faults detected (Elbaum, Malishevsky and Rothermel,
"Incorporating varying test costs and fault severities into test case prioritization", ICSE 2001), is for
one fault, found by the test at place f of n with costs t: (t_f + ... + t_n - t_f / 2) / (t_1 + ... + t_n). On
one worker that is 1 - (end of the failing test - half of its duration) / (duration of the run). With several it
is taken as just that, by the clock. Orders by which the run takes longer look a little better by that,
so there is a second figure over the duration in makespan order.

Runs of more than 5,000 tests are planned without trying orders. A few such builds are measured apart.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Final

from benchmarks.builds import Build, make_build
from benchmarks.machine import Machine
from benchmarks.measure import tell
from benchmarks.options import Options
from benchmarks.results import Bar, Report, Table, show
from pytest_orchestra.model.order import Order
from pytest_orchestra.running.ordering import SCHEDULED_CASES, Patience
from pytest_orchestra.scheduling.balance import PROMISE, Outlook
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.estimates import Estimates, number_segments
from pytest_orchestra.scheduling.feedback import weigh
from pytest_orchestra.scheduling.fixtures import Fixtures
from pytest_orchestra.scheduling.foresight import foresee
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import Demands, Scores, fill, score
from pytest_orchestra.scheduling.setups import SetUps
from pytest_orchestra.scheduling.simulate import Simulation, makespan
from pytest_orchestra.scheduling.slack import by_slack

#: Builds.
SIZE: Final = 200

COLLECTION: Final = "collection"

#: Large builds, and how many tests each has.
LARGE_SIZE: Final = 9
LARGE_TESTS: Final = (6_000, 6_000)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One build in one order.

    ``predicted`` is the predicted makespan, None where nothing is, ``taken`` the one that came of
    it, and ``shown`` when the failing test ended, less half of what it took; all in seconds.
    """

    predicted: float | None
    taken: float
    shown: float


def run(options: Options) -> Report:
    """Run ``size`` builds of the seed in every order, and some large ones."""
    machine = Machine.this()
    size = options.size or SIZE
    found: list[dict[str, Outcome]] = []
    for number in range(size):
        found.append(run_build(make_build(options.seed, number)))
        if not (number + 1) % 20:
            tell(f"{number + 1}/{size}")
    large = [
        run_large(make_build(options.seed, number, LARGE_TESTS))
        for number in range(min(size, LARGE_SIZE))
    ]
    rows = {name: _figures(found, name) for name in found[0]}
    large_rows = {name: _figures(large, name) for name in large[0]}
    feedback, balanced = rows[Order.FEEDBACK], rows[Order.BALANCED]
    return Report(
        "order",
        f"{size} simulated builds with one failure each, seed {options.seed}",
        machine,
        {
            "builds": size,
            "seed": options.seed,
            "orders": rows,
            "large": large_rows,
            "each": [
                {name: asdict(outcome) for name, outcome in outcomes.items()} for outcomes in found
            ],
        },
        (
            _table("orders", rows),
            _table(f"{len(large)} builds of {LARGE_TESTS[0]} tests", large_rows),
        ),
        (
            Bar("1 - mean APFDc of feedback", 0.1, _less(feedback["apfdc"])),
            Bar("1 - mean APFDc of balanced", 0.2, _less(balanced["apfdc"])),
            Bar(
                "worst predicted makespan of balanced / makespan",
                PROMISE,
                balanced["worst_predicted_ratio"],
            ),
        ),
    )


def run_build(build: Build) -> dict[str, Outcome]:
    """Return what comes of ``build`` in each order."""
    setups = SetUps(build.kits, build.costs, build.nodeids)
    pool = Pool(build.stock.overall())
    rule = _rule(build, pool)
    outcomes: dict[str, Outcome] = {}
    for order in (Order.FEEDBACK, Order.BALANCED, Order.MAKESPAN):
        patience = Patience(time.thread_time)  # others on this machine do not count
        foresight = foresee(
            build.specs,
            build.graph,
            pool,
            rule,
            build.known,
            build.workers,
            SCHEDULED_CASES // (3 * len(build.specs)),
            patience if order is Order.MAKESPAN else patience.half,
            outlook=Outlook(order, build.failing, setups, patience),
        )
        outcomes[order] = _simulate(build, foresight.scores, setups, foresight.makespan)
    as_collected = replace(rule, level=tuple(range(len(build.specs))))
    outcomes[COLLECTION] = _simulate(build, as_collected, setups)
    return outcomes


def run_large(build: Build) -> dict[str, Outcome]:
    """Return what comes of a ``build`` that is too large to try orders for."""
    setups = SetUps(build.kits, build.costs, build.nodeids)
    rule = _rule(build, Pool(build.stock.overall()))
    seconds = fill(build.known)
    worth = weigh(build.failing, seconds, build.graph, setups.files(), whole=True)
    balanced = by_slack(rule, worth, seconds, build.workers, setups)
    return {
        Order.BALANCED: _simulate(build, replace(rule, level=balanced), setups),
        Order.MAKESPAN: _simulate(build, rule, setups),
    }


def _rule(build: Build, pool: Pool) -> Scores:
    demands = Demands.read(build.specs, pool)
    return score(build.specs, build.graph, build.known, build.workers, demands)


def _simulate(
    build: Build, scores: Scores, setups: SetUps, predicted: float | None = None
) -> Outcome:
    fixtures = Fixtures(build.kits, build.nodeids)
    for fixture, cost in build.costs.items():
        fixtures.learn(fixture, cost)
    segments = number_segments([spec.file for spec in build.specs])
    engine = Engine(
        build.specs,
        build.graph,
        scores,
        Pool(build.stock),
        Estimates(segments, build.known, fixtures),
    )
    names = tuple(f"gw{number}" for number in range(build.workers))
    spans = Simulation(engine, build.seconds, names, setups=setups).run()
    shown = next(span for span in spans if span.case == build.fails)
    return Outcome(predicted, makespan(spans), shown.end - build.seconds[build.fails] / 2)


def _figures(found: Sequence[Mapping[str, Outcome]], name: str) -> dict[str, float | None]:
    usual = [outcomes[Order.MAKESPAN] for outcomes in found]
    own = [outcomes[name] for outcomes in found]
    pairs = list(zip(own, usual, strict=True))
    predicted = [
        one.predicted / other.predicted
        for one, other in pairs
        if one.predicted is not None and other.predicted
    ]
    taken = [one.taken / other.taken for one, other in pairs]
    return {
        "apfdc": fmean(1.0 - one.shown / one.taken for one in own),
        "apfdc_over_makespan_order": fmean(1.0 - one.shown / other.taken for one, other in pairs),
        "mean_predicted_ratio": fmean(predicted) if predicted else None,
        "worst_predicted_ratio": max(predicted, default=None),
        "mean_simulated_ratio": fmean(taken),
        "worst_simulated_ratio": max(taken),
    }


def _less(share: float | None) -> float | None:
    return None if share is None else 1.0 - share


def _table(title: str, rows: Mapping[str, Mapping[str, float | None]]) -> Table:
    columns = {
        "APFDc": "apfdc",
        "over makespan's": "apfdc_over_makespan_order",
        "predicted / makespan": "mean_predicted_ratio",
        "worst": "worst_predicted_ratio",
        "simulated / makespan": "mean_simulated_ratio",
        "worst ": "worst_simulated_ratio",
    }
    return Table(
        title,
        ("order", *columns),
        tuple(
            (str(name), *(show(figures[key], 3) for key in columns.values()))
            for name, figures in rows.items()
        ),
    )
