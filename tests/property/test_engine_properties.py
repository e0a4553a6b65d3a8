"""Random runs on random workers: no promise of the engine is broken at any step.

Messages to and from the workers are in order and arrive late, so the engine's picture of a
worker is behind. The judge recomputes everything from what was said, and looks at what really goes
on, too: tests that run, and fixtures that are up.

Not checked: that a pick is the best one by rank (see the unit tests of the selection), when a
reservation is made (see test_simulate_properties), which instances a test gets, verdicts that are amended to a better one, and drivers
that break their own side of the bargain, such as finishing a case twice.
"""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from replays import noted
from show import HOSTS, Scenario, Show

from pytest_orchestra.model.case import CaseSpec, Claim, Hold, Mode
from pytest_orchestra.model.verdict import ANY_VERDICT, SUCCESS
from pytest_orchestra.scheduling.retries import RetryPolicy

CLAIMS: Final = (
    Claim("db", 1),
    Claim("db", 2),
    Claim("db", mode=Mode.READ),
    Claim("db", mode=Mode.WRITE),
    Claim("gpu", 1),
    Claim("disk", 2),
    Claim("schema", mode=Mode.READ),
    Claim("schema", mode=Mode.WRITE),
    Claim("undeclared", 1),
    Claim("staging", 1),
    Claim("staging", 2),
    Claim("box", 1),
    Claim("box", 2),
    Claim("license", 1),
    Claim("license", mode=Mode.WRITE),
    Claim("seat", 1),
)

#: Where fixtures stay up, and what they take.
FIXTURES: Final = {
    "pg": ("", (Claim("db", 1),)),
    "tables": ("file", (Claim("db", 1), Claim("schema", mode=Mode.READ))),
    "migrated": ("file", (Claim("schema", mode=Mode.WRITE),)),
    "all_of_db": ("file", (Claim("db", mode=Mode.WRITE),)),
    "stage": ("directory", (Claim("staging", 1),)),
    "bench": ("", (Claim("box", 1),)),
    "licensed": ("file", (Claim("license", 1),)),
    "seated": ("", (Claim("seat", 1), Claim("license", 1))),
    "card": ("test", (Claim("gpu", 1),)),
}


def make_scenario(random: Random, cases: int) -> Scenario:
    """Make up ``cases`` cases; their dependencies point back, so that there is no cycle."""
    share = random.choice((0.1, 0.5, 0.9))
    keeping = random.choice((0.0, 0.2, 0.5, 0.9))
    most_needs = random.choice((0, 1, 2))
    accepts = (SUCCESS, SUCCESS, ANY_VERDICT)
    edges = {
        case: {
            random.randrange(case): random.choice(accepts)
            for _ in range(random.randint(0, most_needs))
        }
        for case in range(1, cases)
    }
    cleaning = random.choice((0.0, 0.2, 0.6))
    cleaners = {
        case: set(random.choices(tuple(needed), k=2))
        for case, needed in edges.items()
        if needed and random.random() < cleaning
    }
    return Scenario(
        specs=tuple(make_spec(random, case, share, keeping) for case in range(cases)),
        edges=edges,
        segments=tuple(case // 3 for case in range(cases)),
        seconds=tuple(random.choice((None, 0.0, 0.004, 0.1, 3.0)) for _ in range(cases)),
        horizon=random.choice((0.0, 0.02, 5.0)),
        patience=random.choice((0.0, 1.0, math.inf)),
        cleaners=cleaners,
        hosts=random.choice(({}, HOSTS)),
        retries=make_policy(random, cases),
    )


def make_policy(random: Random, cases: int) -> RetryPolicy:
    """Make up who is tried again how often, and from when on nobody is."""
    most = random.choice((0, 1, 3))
    return RetryPolicy(
        {case: random.randint(0, most) for case in range(cases)},
        backoff=random.choice((0.0, 0.5, 3.0)),
        outage_failures=random.choice((2, 5, 1000)),
    )


def make_spec(random: Random, case: int, share: float, keeping: float) -> CaseSpec:
    """Make up a case; ``share`` of them claim something, and ``keeping`` of them use fixtures."""
    claims = random.choices(CLAIMS, k=random.randint(1, 3)) if random.random() < share else []
    used = random.choices(tuple(FIXTURES), k=random.randint(1, 3))
    directory = f"tests{case // 12}"
    scopes = {
        "": "",
        "directory": directory,
        "file": f"{directory}/test_{case // 4}.py",
        "test": None,
    }
    return CaseSpec(
        f"{scopes['file']}::test_{case}",
        claims=frozenset({claim.resource: claim for claim in claims}.values()),
        holds=tuple(
            Hold(name, scopes[FIXTURES[name][0]], FIXTURES[name][1])
            for name in (sorted(set(used)) if random.random() < keeping else ())
        ),
        alone=random.random() < share / 8,
        group=random.choice((None, None, None, None, "g", "h")),
        priority=random.choice((0.0, 0.0, 0.0, 5.0, -5.0)),
    )


def played(random: Random, cases: int, acts: int) -> Show:
    """Return a show after so many acts, or at its end if that comes sooner."""
    show = Show(random, make_scenario(random, cases))
    for _ in range(acts):
        if show.engine.done:
            break
        show.play()
    return show


@settings(max_examples=250, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(1, 40), st.integers(0, 300))
def test_no_promise_is_broken(random: Random, cases: int, acts: int) -> None:
    """Whatever happens, the judge finds nothing, and every case ends with one verdict."""
    show = played(random, cases, acts)
    show.play_out()
    assert show.engine.done
    assert sorted(show.judge.verdicts) == list(range(cases))


@settings(max_examples=50, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(1, 40), st.integers(0, 300))
def test_the_same_events_give_the_same_commands(random: Random, cases: int, acts: int) -> None:
    """A run can be told again, step by step."""
    show = played(random, cases, acts)
    again = show.scenario.engine()
    for event, now, commands in show.history:
        assert again.handle(event, now) == commands


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(1, 25), st.integers(0, 200))
def test_a_script_breaks_no_promise(random: Random, cases: int, acts: int) -> None:
    """Whatever was recorded, and whatever happens now, every case ends with one verdict."""
    scenario = replace(make_scenario(random, cases), patience=1.0)
    recorded = Show(random, scenario)
    for _ in range(acts):
        if recorded.engine.done:
            break
        recorded.play()
    if random.random() < 0.8:
        recorded.play_out()
    replayed = Show(random, replace(scenario, steps=noted(recorded.history)))
    for _ in range(random.randint(0, acts)):
        if replayed.engine.done:
            break
        replayed.play()
    replayed.play_out()
