"""Bins are levelled by moves and swaps."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_orchestra.scheduling.bins import Bins
from pytest_orchestra.scheduling.levelling import fill_empty, level


def filled(*contents: Sequence[int], kits: Sequence[Sequence[int]] = (), cost: int = 0) -> Bins:
    """Return bins with units of these weights."""
    weights = [weight for each in contents for weight in each]
    bins = Bins(weights, kits or [()] * len(weights), [cost], len(contents))
    first = 0
    for where, content in enumerate(contents):
        bins.put(range(first, first + len(content)), where)
        first += len(content)
    return bins


def test_a_unit_moves() -> None:
    """What is too much in one bin goes to another."""
    bins = filled([4, 4, 4], [4])
    level(bins, 8)
    assert bins.loads == [8, 8]


def test_units_swap() -> None:
    """Where no unit can move, two change places."""
    bins = filled([7, 5], [4, 4])
    level(bins, 10)
    assert sorted(bins.loads) == [9, 11]


def test_a_single_unit_stays() -> None:
    """A bin is never emptied to relieve it."""
    bins = filled([9], [2, 2])
    level(bins, 7)
    assert bins.loads == [9, 4]


def test_no_exchange_that_costs_more_than_it_saves() -> None:
    """A move that brings a set-up with it is undone if the other bin were as full."""
    bins = filled([4, 4], [6], kits=[(0,), (0,), ()], cost=10)
    before = bins.loads.copy()
    level(bins, 7)
    assert bins.loads == before == [18, 6]


def test_a_swap_that_costs_more_is_undone() -> None:
    """Both units are back where they were."""
    bins = filled([9, 9], [5, 9], kits=[(0,), (0,), (), ()], cost=10)
    units = [set(each) for each in bins.units]
    level(bins, 21)
    assert bins.loads == [28, 14]
    assert bins.units == units


def test_level_bins_are_left_alone() -> None:
    """Nothing moves where the fullest takes what it must."""
    bins = filled([5], [5])
    level(bins, 5)
    assert bins.units == [{0}, {1}]


def test_empty_bins_get_the_smallest_unit_of_the_fullest() -> None:
    """No bin stays empty while another has two units."""
    bins = filled([], [3, 1, 2], [4], [])
    fill_empty(bins)
    assert bins.units == [{1}, {0}, {3}, {2}]


def test_bins_stay_empty_where_there_is_nothing_to_give() -> None:
    """One unit fills one bin."""
    bins = filled([], [3])
    fill_empty(bins)
    assert bins.units == [set(), {0}]


def test_levelling_ends() -> None:
    """However many exchanges would help, the time that it takes is bounded."""
    bins = filled([1] * 200, [1])
    level(bins, 100)
    assert bins.loads == [160, 41]
