"""What the order of a run goes by."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from engines import after, counted, spec

from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.model.order import Order
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.ordering import (
    MOST_FORESEEN,
    SCHEDULED_CASES,
    Expectations,
    Ordering,
    Patience,
    put_in_order,
)
from pytest_orchestra.running.terminal import order_lines
from pytest_orchestra.scheduling.balance import Gain
from pytest_orchestra.scheduling.capacity import Stock
from pytest_orchestra.scheduling.graph import arrange


def cases(count: int) -> list[CaseSpec]:
    """Return cases with names of their own."""
    return [replace(spec(), nodeid=f"test_a.py::test_{number}") for number in range(count)]


def order_of(
    count: int, expected: Expectations, order: Order = Order.BALANCED, workers: int = 2
) -> Ordering:
    """Return the order of so many cases that need nothing."""
    graph, stock = arrange([{} for _ in range(count)]), Stock(counted({}))
    return put_in_order(cases(count), graph, stock, workers, expected, None, order)


def first(ordering: Ordering) -> int:
    """Return the case that goes first."""
    level = ordering.scores.level
    return min(range(len(level)), key=lambda case: (level[case], case))


def lasting(seconds: float, count: int) -> dict[str, float]:
    """Return durations of so many cases."""
    return dict.fromkeys((case.nodeid for case in cases(count)), seconds)


@pytest.mark.parametrize("order", Order)
def test_without_a_past_the_order_of_the_collection_is_kept(order: Order) -> None:
    """Nothing tells the tests apart, so nothing is said of an order either."""
    ordering = order_of(20, Expectations(), order)
    assert set(ordering.scores.level) == {0}
    assert ordering.order is None
    assert ordering.foresight is None


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("order", [Order.BALANCED, Order.FEEDBACK])
@pytest.mark.parametrize("count", [30, MOST_FORESEEN + 1])
def test_what_is_likely_to_fail_goes_first(order: Order, workers: int, count: int) -> None:
    """In small runs and in large ones, with workers and without."""
    expected = Expectations(lasting(0.1, count), failing={"test_a.py::test_7": 0.5})
    assert first(order_of(count, expected, order, workers)) == 7


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("count", [30, MOST_FORESEEN + 1])
def test_makespan_does_not_ask_what_fails(workers: int, count: int) -> None:
    """It keeps the order of the collection where nothing is urgent."""
    expected = Expectations(lasting(0.1, count), failing={"test_a.py::test_7": 0.5})
    assert first(order_of(count, expected, Order.MAKESPAN, workers)) == 0


def test_a_run_takes_more_than_its_tests() -> None:
    """What comes between them, and what they are known to come to together, is predicted, too."""
    expected = Expectations(lasting(0.1, 10), pace=1.5, gap=0.02)
    ordering = order_of(10, expected, workers=2)
    assert ordering.foresight is not None
    assert ordering.foresight.makespan == pytest.approx(5 * (1.5 * 0.1 + 0.02))
    assert ordering.known == [0.1] * 10


def test_what_flakes_often_goes_last() -> None:
    """More than one time in ten; whether or not durations are known."""
    flaking = {"test_a.py::test_0": 0.11, "test_a.py::test_1": 0.1}
    scores = order_of(3, Expectations(flaking=flaking)).scores
    assert scores.priority == (-1000.0, 0.0, 0.0)
    assert scores.level == (1, 0, 0)


def test_patience_is_over_after_a_fiftieth_of_the_run_or_a_second() -> None:
    """And half of it after half of that."""
    now = 5.0
    patience = Patience(lambda: now)
    assert patience(10.0)
    now = 5.15
    assert patience(10.0)
    assert not patience.half(10.0)
    assert patience.half(1000.0)
    now = 5.25
    assert not patience(10.0)
    now = 6.01
    assert not patience(1000.0)


def test_the_order_is_told_with_what_it_brings_and_costs() -> None:
    """In seconds, where that is known; nothing is said where nothing was to be chosen."""
    foresight = order_of(
        30, Expectations(lasting(0.1, 30), failing={"test_a.py::test_7": 0.5})
    ).foresight
    assert foresight is not None

    def told(shows: float, showed: float, longer: float) -> list[str]:
        gain = Gain(Order.BALANCED, shows, showed, longer)
        return list(order_lines(Order.BALANCED, replace(foresight, gain=gain)))

    said = "balanced order: a failure is expected to show after 1.0 s; makespan order would take "
    assert told(1.0, 5.0, 0.2) == [f"{said}5.0 s for that, and end 0.2 s earlier"]
    assert told(1.0, 5.0, -0.2) == [f"{said}5.0 s for that, and end 0.2 s later"]
    assert told(1.0, 5.0, 0.01) == [f"{said}5.0 s for that, and end at the same time"]
    assert told(5.0, 5.0, 0.0) == []
    assert list(order_lines(None, None)) == []
    assert list(order_lines(Order.MAKESPAN, foresight)) == []
    assert list(order_lines(Order.FEEDBACK, None)) == [
        "feedback order: what is likely to fail goes first"
    ]
    (large,) = order_lines(Order.BALANCED, None)
    assert large.startswith("balanced order: what is likely to fail goes first for as long as ")


def test_untimed_a_better_order_is_looked_for_as_long_as_a_slow_machine_would() -> None:
    """So many rounds as fit into 2 % of the run, if a round of 30 tests takes 0.9 ms: no clock is asked."""
    specs = [
        replace(each, claims=frozenset({Claim("ab"[number % 2])}))
        for number, each in enumerate(cases(30))
    ]
    edges = [dict[int, frozenset[Verdict]]() if n < 2 else after(n - 1 - n % 2) for n in range(30)]
    expected = Expectations({each.nodeid: 0.01 * (1 + 7 * n % 13) for n, each in enumerate(specs)})
    stock = Stock(counted({"a": 1, "b": 1}))
    ordering = put_in_order(
        specs, arrange(edges), stock, 2, expected, None, Order.MAKESPAN, is_timed=False
    )
    assert ordering.foresight is not None
    assert ordering.foresight.rule > 1.01 * ordering.foresight.bound.seconds
    budget = 0.02 * ordering.foresight.rule
    assert ordering.foresight.rounds > 5
    assert ordering.foresight.rounds == math.ceil(budget / (3 * 30 / SCHEDULED_CASES)) - 1
