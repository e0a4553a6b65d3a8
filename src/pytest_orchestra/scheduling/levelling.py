"""Moves and swaps units between bins until they take about the same."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from pytest_orchestra.scheduling.bins import Bins

#: A bin that takes no more than this times the bound is level enough.
LEVEL: Final = 1.001

#: So many exchanges are made for each bin, at most.
_EXCHANGES: Final = 20

#: So many of the emptiest bins are looked at, of the largest units, and of the likeliest exchanges.
_PARTNERS: Final = 4
_LARGEST: Final = 64
_TRIALS: Final = 6


def fill_empty(bins: Bins) -> None:
    """Give each empty bin the smallest unit of the fullest one that has several."""
    for empty in range(len(bins.loads)):
        if bins.units[empty]:
            continue
        donors = [each for each, units in enumerate(bins.units) if len(units) > 1]
        if not donors:
            return
        donor = max(donors, key=lambda each: (bins.loads[each], -each))
        unit = min(bins.units[donor], key=lambda each: (bins.weights[each], each))
        _move(bins, unit, empty)


def level(bins: Bins, bound: float) -> None:
    """Relieve the fullest bin for as long as that helps; ``bound`` is what it takes at the least."""
    for _ in range(_EXCHANGES * len(bins.loads)):
        top = bins.loads.index(bins.most)
        if bins.loads[top] <= LEVEL * bound or not _relieve(bins, top):
            return


def _relieve(bins: Bins, top: int) -> bool:
    """Return whether the fullest bin, ``top``, has become less full by an exchange with another."""
    partners = sorted(range(len(bins.loads)), key=lambda each: (bins.loads[each], each))
    from_top = _by_weight(bins, top)
    for low in partners[:_PARTNERS]:
        if low != top and any(
            _exchange(bins, top, low, *pair) for pair in _likeliest(bins, from_top, top, low)
        ):
            return True
    return False


def _likeliest(
    bins: Bins, from_top: Sequence[int], top: int, low: int
) -> list[tuple[int, int | None]]:
    """Return units of ``top``, and of ``low`` in exchange, that halve the difference best."""
    half = (bins.loads[top] - bins.loads[low]) / 2
    found = sorted(
        (abs(bins.weights[give] - (bins.weights[take] if take >= 0 else 0) - half), give, take)
        for give, take in _pairs(bins, from_top, low, half)
    )
    return [(give, None if take < 0 else take) for _, give, take in found[:_TRIALS]]


def _pairs(bins: Bins, from_top: Sequence[int], low: int, half: float) -> Iterator[tuple[int, int]]:
    """Yield units to move, and units to swap; -1 stands for nothing in exchange."""
    if len(from_top) > 1:
        yield from ((each, -1) for each in _near(bins, from_top, half))
    from_low = _by_weight(bins, low)
    for give in from_top[-_LARGEST:]:
        for take in _near(bins, from_low, bins.weights[give] - half):
            yield give, take


def _near(bins: Bins, units: Sequence[int], weight: float) -> Sequence[int]:
    """Return those of ``units``, the lightest first, that come next to ``weight``."""
    place = bisect_left(units, weight, key=bins.weights.__getitem__)
    return units[max(0, place - 1) : place + 1]


def _exchange(bins: Bins, top: int, low: int, give: int, take: int | None) -> bool:
    """Exchange two units, or move one, and return whether that was better; undo it if not."""
    before = bins.loads[top]
    _move(bins, give, low)
    if take is not None:
        _move(bins, take, top)
    if max(bins.loads[top], bins.loads[low]) < before:
        return True
    if take is not None:
        _move(bins, take, low)
    _move(bins, give, top)
    return False


def _move(bins: Bins, unit: int, into: int) -> None:
    bins.take(unit)
    bins.put((unit,), into)


def _by_weight(bins: Bins, where: int) -> list[int]:
    return sorted(bins.units[where], key=lambda each: (bins.weights[each], each))
