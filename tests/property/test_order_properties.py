"""Whatever the cases are like, an order by feedback keeps to its promises.

Not checked: how early failures show; the benchmark measures that.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Final

from engines import make_pool
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.model.order import Order
from pytest_orchestra.model.verdict import SUCCESS
from pytest_orchestra.scheduling.balance import PROMISE, Outlook
from pytest_orchestra.scheduling.feedback import weigh
from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.scheduling.foresight import Foresight, foresee
from pytest_orchestra.scheduling.graph import arrange
from pytest_orchestra.scheduling.rehearsal import Rehearsal
from pytest_orchestra.scheduling.score import Demands, Scores, score
from pytest_orchestra.scheduling.setups import SetUps
from pytest_orchestra.scheduling.slack import by_slack

ROUNDING: Final = 1e-6
#: Each is planned several times over.
EXAMPLES: Final = 30


class Case:
    """A suite that is made up: files with fixtures, edges, claims, priorities, durations."""

    def __init__(self, seed: int, cases: int) -> None:
        random = Random(seed)  # noqa: S311 - nothing secret hangs on it
        per_file = random.choice((3, 10, 40))
        files = [f"test_{case // per_file}.py" for case in range(cases)]
        priorities = random.choice(((0.0,), (0.0, 0.0, 5.0)))
        claims = (frozenset[Claim](), frozenset({Claim("db")}), frozenset({Claim("db", 2)}))
        share = random.choice((0.0, 0.1, 0.5))
        self.specs = [
            CaseSpec(
                f"{file}::test_{case}",
                file=file,
                priority=random.choice(priorities),
                claims=random.choice(claims) if random.random() < share else claims[0],
            )
            for case, file in enumerate(files)
        ]
        edges = random.choice((0.0, 0.3))
        self.graph = arrange(
            [
                {random.randrange(case): SUCCESS} if case and random.random() < edges else {}
                for case in range(cases)
            ]
        )
        unit = random.choice((0.001, 0.1, 1.0))
        self.seconds = [unit * random.lognormvariate(0.0, 1.5) for _ in range(cases)]
        self.failing = [random.choice((0.0, 0.005, 0.005, 0.15, 0.6)) for _ in range(cases)]
        self.workers = random.randint(1, 6)
        names = list(dict.fromkeys(files))
        fixtures = tuple(("db", name) for name in names)
        use = random.choice((0.0, 0.5, 1.0))
        kits = Kits(
            fixtures,
            ((), *((number,) for number in range(len(fixtures)))),
            tuple(names.index(file) + 1 if random.random() < use else 0 for file in files),
        )
        costs = {fixture: unit * random.random() * 5 for fixture in fixtures} if use else {}
        self.setups = SetUps(kits, costs, [spec.nodeid for spec in self.specs])
        self.pool = make_pool(db=3)

    def scores(self) -> Scores:
        """Return the order by urgency."""
        demands = Demands.read(self.specs, self.pool)
        return score(self.specs, self.graph, self.seconds, self.workers, demands)

    def foresee(self, order: Order) -> Foresight:
        """Return what is foreseen in this order."""
        return foresee(
            self.specs,
            self.graph,
            self.pool,
            self.scores(),
            self.seconds,
            self.workers,
            10,
            lambda _: True,
            outlook=Outlook(order, self.failing, self.setups),
        )


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_balanced_keeps_its_promise(seed: int, cases: int) -> None:
    """It is predicted to end at most 2 % later than by urgency alone, and shows failures no later."""
    case = Case(seed, cases)
    balanced, urgent = case.foresee(Order.BALANCED), case.foresee(Order.MAKESPAN)
    assert balanced.makespan <= PROMISE * urgent.makespan + ROUNDING
    assert balanced.gain is not None
    assert balanced.gain.shows <= balanced.gain.showed + ROUNDING
    assert case.foresee(Order.BALANCED) == balanced


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.sampled_from(Order))
def test_priority_is_kept_in_every_order(seed: int, cases: int, order: Order) -> None:
    """No case has a smaller level than one of a higher priority."""
    case = Case(seed, cases)
    _keeps_tiers(case.foresee(order).scores)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_large_runs_can_be_run_in_their_balanced_order(seed: int, cases: int) -> None:
    """Priority is kept, and the engine comes to an end."""
    case = Case(seed, cases)
    worth = weigh(case.failing, case.seconds, case.graph, case.setups.files(), whole=True)
    scores = case.scores()
    level = by_slack(scores, worth, case.seconds, case.workers, case.setups)
    _keeps_tiers(replace(scores, level=level))
    rehearsal = Rehearsal(
        case.specs, case.graph, case.pool, scores, case.seconds, case.workers, case.setups
    )
    assert rehearsal.run(level)[0].makespan >= scores.bound - ROUNDING


def _keeps_tiers(scores: Scores) -> None:
    pairs = sorted(zip(scores.tier, scores.level, strict=True))
    for (tier, level), (next_tier, next_level) in pairwise(pairs):
        assert tier == next_tier or level < next_level
