from __future__ import annotations

from math import comb

import pytest

from pytest_orchestra.history.judgement.chance import (
    at_least,
    fisher,
    no_failure,
    quantile,
    upper_bound,
)


def test_three_hundred_clean_runs_mean_below_one_per_cent() -> None:
    """The bound is the rate at which so many passes have a chance of 5 %."""
    assert upper_bound(300) == pytest.approx(0.00994, abs=1e-5)
    assert (1 - upper_bound(40)) ** 40 == pytest.approx(0.05)
    assert upper_bound(0) == 1.0


def test_chances_of_all_counts_add_up() -> None:
    """Some number of failures is certain, and none of them is the rest."""
    assert at_least(0, 3, 40, 10) == pytest.approx(1.0)
    assert at_least(1, 3, 40, 10) == pytest.approx(1.0 - no_failure(3, 40, 10))


def test_without_knowledge_the_next_run_fails_or_not() -> None:
    """The prior prefers neither."""
    assert no_failure(0, 0, 1) == pytest.approx(0.5)
    assert no_failure(0, 0, 0) == pytest.approx(1.0)


def test_fisher_counts_the_ways_to_deal_failures_out() -> None:
    """The tea taster who gets all of eight cups right has one chance in seventy."""
    assert fisher(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert fisher(3, 4, 1, 4) == pytest.approx((1 + 16) / 70)
    assert fisher(0, 4, 4, 4) == pytest.approx(1.0)


def test_fisher_knows_how_many_fit() -> None:
    """Failures that the others cannot hold are on this side for certain."""
    assert fisher(3, 5, 1, 1) == pytest.approx(1.0)
    expected = comb(5, 4) / comb(6, 4)
    assert fisher(4, 5, 0, 1) == pytest.approx(expected)


def test_a_quantile_lies_evenly_between_two_values() -> None:
    """The weight of a value is spread down to the one before it."""
    points = [(1.0, 0.5), (3.0, 0.0), (5.0, 0.5)]
    assert quantile(points, 0.25) == pytest.approx(0.5)
    assert quantile(points, 0.75) == pytest.approx(4.0)
    assert quantile(points, 1.1) == pytest.approx(5.0)
