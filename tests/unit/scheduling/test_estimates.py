import math

from pytest_orchestra.scheduling.estimates import NEWEST, Estimates, number_segments


def test_what_earlier_runs_took_is_expected_again() -> None:
    """What is known beforehand is not changed by what this run takes."""
    estimates = Estimates([0, 0], [2.0, None])
    estimates.learn(0, 50.0)
    assert estimates.expected(0) == 2.0


def test_nothing_is_expected_of_what_nobody_knows() -> None:
    """It may take for ever."""
    assert Estimates([0], [None]).expected(0) == math.inf


def test_neighbours_are_expected_to_be_alike() -> None:
    """What a case of the segment took counts for the others of it."""
    estimates = Estimates([0, 0, 1, 1], [None] * 4)
    estimates.learn(0, 1.0)
    estimates.learn(2, 9.0)
    assert estimates.expected(1) == 1.0
    assert estimates.expected(3) == 9.0


def test_elsewhere_cases_are_expected_to_be_like_any_other() -> None:
    """The newest counts for most, and what was before is not forgotten."""
    estimates = Estimates([0, 1, 2], [None] * 3)
    estimates.learn(0, 1.0)
    assert estimates.expected(2) == 1.0
    estimates.learn(1, 2.0)
    assert estimates.expected(2) == 1.0 + NEWEST


def test_segments_are_runs_of_neighbours() -> None:
    """The same place further on is another segment."""
    assert number_segments(["a", "a", "b", "a"]) == (0, 0, 1, 2)
    assert number_segments([]) == ()
