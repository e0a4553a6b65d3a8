"""Probabilities in closed form; nothing here needs more than the logarithm of gamma."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, lgamma
from typing import Final

#: Both parameters of the prior that says least about a rate (Jeffreys).
JEFFREYS: Final = 0.5


def upper_bound(clean: int, chance: float = 0.05) -> float:
    """Return the rate at which ``clean`` passes and no failure have just this ``chance``."""
    return 1.0 - chance ** (1.0 / clean) if clean else 1.0


def no_failure(failed: int, total: int, more: int) -> float:
    """Return the chance of ``more`` passes in a row after ``failed`` of ``total`` attempts."""
    return _exactly(0, failed, total, more)


def at_least(count: int, failed: int, total: int, more: int) -> float:
    """Return the chance that ``count`` or more of ``more`` attempts fail.

    What is known of the rate is that ``failed`` of ``total`` earlier attempts did.
    """
    return min(1.0, sum(_exactly(k, failed, total, more) for k in range(count, more + 1)))


def fisher(with_failed: int, with_total: int, without_failed: int, without_total: int) -> float:
    """Return the chance that at least ``with_failed`` failures fall on these by accident.

    That is Fisher's exact test for one side: all failures are dealt out to all attempts at random.
    """
    failed = with_failed + without_failed
    total = with_total + without_total
    whole = _log_choose(total, failed)
    return min(
        1.0,
        sum(
            exp(_log_choose(with_total, k) + _log_choose(without_total, failed - k) - whole)
            for k in range(max(with_failed, failed - without_total), min(failed, with_total) + 1)
        ),
    )


def quantile(points: Iterable[tuple[float, float]], share: float) -> float:
    """Return below which value ``share`` of the weight lies.

    ``points`` are values and their weights in ascending order, with a sum of one. The weight of
    a value is taken to lie evenly between it and the one before.
    """
    reached, before = 0.0, 0.0
    for value, weight in points:
        if weight > 0 and reached + weight >= share:
            return before + (value - before) * (share - reached) / weight
        reached, before = reached + weight, value
    return before


def _exactly(count: int, failed: int, total: int, more: int) -> float:
    one, other = failed + JEFFREYS, total - failed + JEFFREYS
    return exp(
        _log_choose(more, count)
        + _log_beta(one + count, other + more - count)
        - _log_beta(one, other)
    )


def _log_beta(one: float, other: float) -> float:
    return lgamma(one) + lgamma(other) - lgamma(one + other)


def _log_choose(total: int, chosen: int) -> float:
    return lgamma(total + 1) - lgamma(chosen + 1) - lgamma(total - chosen + 1)
