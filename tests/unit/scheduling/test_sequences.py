"""Whose turn it is."""

from __future__ import annotations

from pytest_orchestra.scheduling.sequences import Sequences


def test_the_turn_goes_to_the_next() -> None:
    """When a case is over; the last one leaves it to nobody, and others have no turns."""
    sequences = Sequences([(3, 1, 2), (7,)])
    assert sequences.waiting == (1, 2)
    assert sequences.is_awaited(3)
    assert sequences.leave(9) is None
    assert sequences.leave(3) == 1
    assert not sequences.is_awaited(3)
    assert sequences.leave(1) == 2
    assert sequences.leave(2) is None
    assert sequences.leave(7) is None


def test_who_is_over_before_its_turn_keeps_no_place() -> None:
    """The one behind it waits for the one before it instead."""
    sequences = Sequences([(0, 1, 2, 3)])
    assert sequences.leave(1) is None
    assert sequences.leave(3) is None
    assert sequences.leave(0) == 2
    assert sequences.leave(2) is None
