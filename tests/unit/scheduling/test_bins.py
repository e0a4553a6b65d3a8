"""What bins take."""

from __future__ import annotations

from pytest_orchestra.scheduling.bins import Bins


def test_a_fixture_counts_once_in_each_bin() -> None:
    """Whoever comes first pays for it, and it is paid for until the last has gone."""
    bins = Bins([10, 20, 30], [(0,), (0, 1), ()], [5, 7], 2)
    bins.put((0, 1), 0)
    assert bins.loads == [42, 0]
    bins.take(0)
    assert bins.loads == [32, 0]
    bins.put((0, 2), 1)
    assert bins.loads == [32, 45]
    assert bins.most == 45
    assert bins.bin_of == [1, 0, 1]
    bins.take(1)
    assert bins.loads == [0, 45]


def test_the_best_bin_is_the_emptiest_unless_another_saves_a_set_up() -> None:
    """A fixture that is up is worth what it costs."""
    bins = Bins([10, 8, 1, 1], [(0,), (), (0,), ()], [5], 3)
    assert bins.best_for((0,)) == 0
    bins.put((0,), 0)
    assert bins.best_for((1,)) == 1
    bins.put((1,), 1)
    bins.put((3,), 2)
    assert bins.loads == [15, 8, 1]
    assert bins.best_for((2,)) == 2
    bins.take(3)
    bins.put((3,), 2)
    assert bins.best_for((3,)) == 2


def test_what_is_up_attracts_while_it_pays() -> None:
    """A unit goes where its fixture is up if the other bin would take more with it."""
    bins = Bins([1, 1], [(0,), (0,)], [50], 2)
    bins.put((0,), 1)
    bins.put((), 0)
    assert bins.best_for((1,)) == 0
    heavy = Bins([1, 60, 1], [(0,), (), (0,)], [50], 2)
    heavy.put((0,), 0)
    heavy.put((1,), 1)
    assert heavy.best_for((2,)) == 0
