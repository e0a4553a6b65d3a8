"""Predictions, and orders that beat the rule's."""

from __future__ import annotations

import pytest
from engines import make_pool

from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.model.verdict import SUCCESS
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.estimates import Estimates
from pytest_orchestra.scheduling.foresight import Foresight, foresee
from pytest_orchestra.scheduling.graph import arrange
from pytest_orchestra.scheduling.score import Scores, score
from pytest_orchestra.scheduling.simulate import Simulation, makespan

#: Five jobs of four operations on four machines; the rule alone does not find the best order.
MACHINES = [[0, 1, 2, 3], [1, 0, 3, 2], [3, 2, 0, 1], [2, 3, 1, 0], [0, 3, 1, 2]]
SECONDS = [[5, 8, 3, 9], [4, 9, 7, 2], [6, 3, 8, 7], [9, 2, 6, 5], [3, 7, 4, 8]]


def shop() -> tuple[list[CaseSpec], list[dict[int, frozenset[str]]], list[float]]:
    """Return cases, prerequisites and seconds."""
    specs: list[CaseSpec] = []
    before: list[dict[int, frozenset[str]]] = []
    for machines in MACHINES:
        for step, machine in enumerate(machines):
            before.append({len(specs) - 1: SUCCESS} if step else {})
            specs.append(CaseSpec(f"t{len(specs)}", claims=frozenset({Claim(f"m{machine}")})))
    return specs, before, [float(each) for row in SECONDS for each in row]


def plan(rounds: int, *, patience: bool = True) -> tuple[Foresight, Scores]:
    """Foresee the shop on as many workers as can be used."""
    specs, before, seconds = shop()
    graph = arrange(before)  # type: ignore[arg-type]
    pool = make_pool(**{f"m{number}": 1 for number in range(4)})
    scores = score(specs, graph, seconds, 5)
    return foresee(specs, graph, pool, scores, seconds, 5, rounds, lambda _: patience), scores


def run(scores: Scores) -> float:
    """Return what the engine makes of ``scores``."""
    specs, before, seconds = shop()
    pool = make_pool(**{f"m{number}": 1 for number in range(4)})
    estimates = Estimates([0] * len(specs), seconds)
    engine = Engine(specs, arrange(before), scores, pool, estimates)  # type: ignore[arg-type]
    return makespan(Simulation(engine, seconds, [f"w{number}" for number in range(5)]).run())


def test_engine_runs_what_was_foreseen() -> None:
    """A better order is better when the engine runs it, and takes what was predicted."""
    found, rule = plan(200)
    assert found.makespan < found.rule
    assert found.makespan >= found.bound.seconds
    assert run(found.scores) == pytest.approx(found.makespan)
    assert run(rule) == pytest.approx(found.rule)


def test_without_time_the_rule_stands() -> None:
    """When there is no time to look, the scores stay as they are."""
    found, rule = plan(200, patience=False)
    assert found.scores is rule
    assert found.makespan == found.rule
    assert found.rounds == 0


def test_an_order_that_is_good_enough_is_kept() -> None:
    """Where the rule reaches the bound, nothing else is tried."""
    specs = [CaseSpec(f"t{number}") for number in range(4)]
    graph, pool = arrange([{}] * 4), make_pool()
    scores = score(specs, graph, [1.0] * 4, 2)
    found = foresee(specs, graph, pool, scores, [1.0] * 4, 2, 200, lambda _: True)
    assert found.rounds == 0
    assert found.makespan == found.bound.seconds == 2.0
