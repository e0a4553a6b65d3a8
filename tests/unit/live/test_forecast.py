from __future__ import annotations

import pytest

from pytest_orchestra.live.forecast import Forecast


def test_a_run_that_goes_as_expected_ends_as_predicted() -> None:
    """At every moment."""
    forecast = Forecast([2.0] * 10, [2.0] * 10, makespan=10.0)
    for step in range(5):
        now = 2.0 * step
        running = {2 * step: now, 2 * step + 1: now}
        assert forecast.ends_at(now, running) == pytest.approx(10.0)
        assert forecast.ends_at(now + 1.0, running) == pytest.approx(10.0)
        for case in running:
            forecast.ended(case, 2.0)
    assert forecast.ends_at(10.0, {}) == 10.0


def test_a_slow_machine_is_noticed() -> None:
    """Half of a run that takes twice as long leaves about as much again."""
    forecast = Forecast([1.0] * 100, [1.0] * 100, makespan=100.0)
    for case in range(50):
        forecast.ended(case, 2.0)
    assert 170.0 < forecast.ends_at(100.0, {}) < 200.0


def test_one_slow_test_at_the_beginning_is_no_slow_machine() -> None:
    """A little of a run says little of the rest."""
    forecast = Forecast([1.0] * 100, [1.0] * 100, makespan=100.0)
    forecast.ended(0, 5.0)
    assert forecast.ends_at(5.0, {}) < 130.0


def test_the_run_ends_no_earlier_than_the_longest_chain() -> None:
    """Work that is left may be little, and still take long."""
    # The last case is awaited by nobody; the chain of the first two takes 20 seconds.
    forecast = Forecast([10.0, 10.0, 1.0], [20.0, 10.0, 1.0], makespan=20.0)
    forecast.ended(2, 1.0)
    assert forecast.ends_at(1.0, {0: 0.0}) == pytest.approx(20.0)
    forecast.ended(0, 10.0)
    assert forecast.ends_at(10.0, {1: 10.0}) == pytest.approx(20.0)


def test_what_runs_is_not_ahead_of_what_has_not_begun() -> None:
    """The longest chain is that with most left of it."""
    forecast = Forecast([10.0, 9.0], [10.0, 9.0], makespan=10.0)
    assert forecast.ends_at(0.0, {0: -8.0}) - 0.0 >= 8.9


def test_what_never_runs_takes_no_time() -> None:
    """A case that is blocked is not waited for, and is no example of quick ones."""
    forecast = Forecast([5.0, 5.0], [5.0, 5.0], makespan=10.0)
    forecast.ended(0, None)
    assert forecast.ends_at(0.0, {1: 0.0}) == pytest.approx(5.0)
    forecast.ended(0, None)
    forecast.ended(1, 5.0)
    assert forecast.ends_at(5.0, {1: 0.0}) == 5.0


def test_nothing_takes_no_time() -> None:
    """A run without tests, or with such as take none, is over."""
    assert Forecast([], [], makespan=0.0).ends_at(3.0, {}) == 3.0
    assert Forecast([0.0], [0.0], makespan=0.0).ends_at(3.0, {0: 1.0}) == 3.0
