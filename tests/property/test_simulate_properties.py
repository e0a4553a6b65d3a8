"""Whole runs in virtual time: no faster than possible, not slower than one by one, nobody starves.

Not checked: how near to the best possible a makespan is (the benchmarks measure that), and when
a wide case starts that ranks after others; those do not overtake it, they go before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import Final

from engines import Edges, make_engine
from hypothesis import given, settings
from hypothesis import strategies as st
from replays import NotingEngine, given_out, noted, over_before

from pytest_orchestra.model.case import CaseSpec, Claim, Mode
from pytest_orchestra.model.dispatch import Step
from pytest_orchestra.model.verdict import SUCCESS
from pytest_orchestra.scheduling.script import Script
from pytest_orchestra.scheduling.simulate import Simulation, Span, makespan

CAPACITIES: Final = {"db": 3, "gpu": 1}
ROUNDING: Final = 1e-6
NARROW: Final = (
    frozenset[Claim](),
    frozenset({Claim("db")}),
    frozenset({Claim("db", mode=Mode.READ)}),
    frozenset({Claim("gpu")}),
    frozenset({Claim("db"), Claim("gpu")}),
)
WIDE: Final = (
    frozenset({Claim("db", 3)}),
    frozenset({Claim("db", 2)}),
    frozenset({Claim("db", mode=Mode.WRITE)}),
    frozenset({Claim("db", 3), Claim("gpu")}),
)


@dataclass(frozen=True)
class Suite:
    """Cases that take so many seconds; ``seconds`` is known beforehand or not."""

    specs: Sequence[CaseSpec]
    edges: Edges
    seconds: Sequence[float]
    workers: int
    known: bool
    horizon: float = 0.0
    patience: float = 1.0

    def run(self) -> tuple[Span, ...]:
        """Return what ran when."""
        engine = make_engine(
            self.specs,
            self.edges,
            capacities=CAPACITIES,
            seconds=self.seconds if self.known else None,
            segments=[case // 4 for case in range(len(self.specs))],
            workers=self.workers,
            horizon=self.horizon,
            patience=self.patience,
        )
        names = [f"w{number}" for number in range(self.workers)]
        return Simulation(engine, self.seconds, names).run()


def make_suite(random: Random, cases: int) -> Suite:
    """Make up a suite in which every case runs and passes."""
    share = random.choice((0.1, 0.5, 0.9))
    specs = [make_spec(random, share) for _ in range(cases)]
    most_needs = random.choice((0, 1, 2))
    return Suite(
        specs,
        {
            case: {random.randrange(case): SUCCESS for _ in range(random.randint(0, most_needs))}
            for case in range(1, cases)
        },
        make_seconds(random, cases),
        random.randint(1, 5),
        random.random() < 0.7,
        random.choice((0.0, 0.5, 20.0)),
        random.choice((0.0, 1.0)),
    )


def make_spec(random: Random, share: float) -> CaseSpec:
    """Make up a case; ``share`` of them claim something."""
    return CaseSpec(
        "test_a.py::test_x",
        claims=random.choice((*NARROW, *WIDE)) if random.random() < share else frozenset(),
        alone=random.random() < share / 8,
        group=random.choice((None, None, None, "g")),
        priority=random.choice((0.0, 0.0, 3.0)),
    )


def make_seconds(random: Random, cases: int) -> list[float]:
    """Make up how long cases take; longer than the patience here and there."""
    return [random.choice((0.1, 0.5, 1.0, 2.0, random.uniform(0.0, 5.0))) for _ in range(cases)]


def lower_bounds(suite: Suite) -> dict[str, float]:
    """Return what no order can beat, with a name for each."""
    tails: dict[int, float] = {}
    for case, spent in enumerate(suite.seconds):
        before = [tails[each] for each in suite.edges.get(case, {})]
        tails[case] = spent + max(before, default=0.0)
    alone = sum(s for spec, s in zip(suite.specs, suite.seconds, strict=True) if spec.alone)
    group = sum(s for spec, s in zip(suite.specs, suite.seconds, strict=True) if spec.group)
    use: dict[str, float] = defaultdict(float)
    for spec, spent in zip(suite.specs, suite.seconds, strict=True):
        for claim in spec.claims:
            capacity = CAPACITIES[claim.resource]
            tokens = capacity if claim.mode is Mode.WRITE else claim.amount
            use[claim.resource] += tokens * spent / capacity
    return {
        "critical path": max(tails.values()),
        "work": (sum(suite.seconds) - alone) / suite.workers + alone,
        "group": group,
        **use,
    }


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(1, 40))
def test_a_run_takes_as_long_as_it_must_and_no_longer_than_one_by_one(
    random: Random, cases: int
) -> None:
    """Every case runs once, on one worker at a time, and somebody works at any time."""
    suite = make_suite(random, cases)
    spans = suite.run()
    assert sorted(span.case for span in spans) == list(range(len(suite.specs)))
    for name, bound in lower_bounds(suite).items():
        assert makespan(spans) >= bound - ROUNDING, name
    assert makespan(spans) <= sum(suite.seconds) + ROUNDING
    by_worker = defaultdict(list)
    for span in spans:
        by_worker[span.worker].append(span)
    for mine in by_worker.values():
        assert all(one.end <= other.start for one, other in pairwise(mine))


def make_crowd(random: Random, narrow: int, wide: int) -> Suite:
    """Make up a crowd of narrow cases, then wide ones that rank first but become ready later.

    The first case is what the wide ones wait for; it may bind them to its worker.
    """
    home = random.choice((None, "g"))
    cases = 1 + narrow + wide
    specs = [
        CaseSpec("test_a.py::test_first", group=home),
        *[CaseSpec("test_a.py::test_narrow", claims=random.choice(NARROW)) for _ in range(narrow)],
        *[
            CaseSpec(
                "test_a.py::test_wide",
                claims=random.choice(WIDE),
                alone=random.random() < 0.3,
                group=home,
                priority=1.0,
            )
            for _ in range(wide)
        ],
    ]
    return Suite(
        specs,
        {case: {0: SUCCESS} for case in range(1 + narrow, cases)},
        [random.choice((0.1, 0.5, 1.0, random.uniform(0.0, 1.0))) for _ in range(cases)],
        random.randint(2, 5),
        known=False,
        patience=random.choice((0.0, 1.0, 3.0)),
    )


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(20, 80), st.integers(1, 3))
def test_a_wide_case_gets_its_turn(random: Random, narrow: int, wide: int) -> None:
    """It starts soon after it has been overtaken for as long as its patience lasts.

    Until then it takes one case to be asked for and one for its patience to be noticed at its
    end; then one until all who hold its tokens are through, and one more where only a certain
    worker may run it. Another case may have its reservation first, which takes those two as
    well. Wide cases get their turns one after the other.
    """
    suite = make_crowd(random, narrow, wide)
    start = {span.case: span.start for span in suite.run()}
    ready = start[0] + suite.seconds[0]
    one_turn = suite.patience + 6 * max(suite.seconds)
    for case in range(1 + narrow, 1 + narrow + wide):
        assert start[case] <= ready + wide * one_turn + ROUNDING


def recorded_suite(
    suite: Suite, seconds: Sequence[float], script: Script | None
) -> tuple[Step, ...]:
    """Run a suite in which cases take so many ``seconds``, and return its steps."""
    engine = make_engine(
        suite.specs,
        suite.edges,
        capacities=CAPACITIES,
        seconds=suite.seconds if suite.known else None,
        workers=suite.workers,
        horizon=suite.horizon,
        script=script,
    )
    notes = NotingEngine(engine)
    Simulation(engine, seconds, [f"w{number}" for number in range(suite.workers)]).run()
    return noted(notes.history)


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(1, 40))
def test_every_worker_gets_the_same_again(random: Random, cases: int) -> None:
    """However long tests take this time, as long as they end as they did."""
    suite = make_suite(random, cases)
    steps = recorded_suite(suite, suite.seconds, None)
    others = [each * random.choice((0.1, 1.0, 7.0)) for each in suite.seconds]
    again = recorded_suite(suite, others, Script(steps))
    assert given_out(again) == given_out(steps)


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(1, 40))
def test_what_was_over_before_is_over_before(random: Random, cases: int) -> None:
    """A case begins on an idle worker only when all is over that was over then."""
    suite = replace(make_suite(random, cases), horizon=0.0)
    steps = recorded_suite(suite, suite.seconds, None)
    others = [each * random.choice((0.1, 1.0, 7.0)) for each in suite.seconds]
    again = recorded_suite(suite, others, Script(steps))
    before, now = over_before(steps), over_before(again)
    assert all(before[case] <= now[case] for case in before)
