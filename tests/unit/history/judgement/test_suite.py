from __future__ import annotations

import pytest

from pytest_orchestra.history.judgement.suite import RunFlakes, summarise
from pytest_orchestra.model.flakes import Trend


def runs(*flaky: int) -> list[RunFlakes]:
    """Return runs of a thousand tests with so many flaky ones each."""
    return [RunFlakes(1000, count) for count in flaky]


def test_the_latest_run_and_the_last_ones_have_a_rate() -> None:
    """Only so many runs as were asked for count."""
    found = summarise(runs(500, 10, 10, 10, 4), last=4)
    assert found.latest.mean == pytest.approx(0.004)
    assert found.overall.mean == pytest.approx(0.0085)
    assert found.runs == 4
    assert found.latest.low < 0.004 < found.latest.high


def test_no_flaky_test_leaves_an_upper_bound() -> None:
    """Nothing seen in a thousand tests is not nothing."""
    latest = summarise(runs(0), last=1).latest
    assert latest.low == 0.0
    assert 0.002 < latest.high < 0.004
    assert summarise([RunFlakes(10, 10)] * 2, last=2).overall.high == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("flaky", "trend"),
    [
        ((5,) * 6 + (40,) * 6, Trend.RISING),
        ((40,) * 6 + (5,) * 6, Trend.FALLING),
        ((10,) * 12, Trend.UNCLEAR),
        ((5, 5, 5, 40, 40, 40), Trend.UNCLEAR),
    ],
)
def test_a_trend_is_told_when_it_is_one(flaky: tuple[int, ...], trend: Trend) -> None:
    """The interval of the change has to leave zero out, and a few runs are too few."""
    assert summarise(runs(*flaky), last=20).trend is trend


def test_one_bad_day_is_no_trend() -> None:
    """Where runs differ more than by chance, a run counts for less."""
    found = summarise(runs(2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 40), last=12)
    assert found.trend is Trend.UNCLEAR
    assert found.change is not None
    assert found.change.low < 0 < found.change.mean


def test_intervals_of_uneven_runs_are_wider() -> None:
    """The same sum says less if it came in one go."""
    even, uneven = summarise(runs(5, 5, 5, 5), last=4), summarise(runs(0, 0, 20, 0), last=4)
    assert even.overall.mean == uneven.overall.mean
    assert uneven.overall.high > even.overall.high
