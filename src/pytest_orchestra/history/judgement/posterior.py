"""How often a test is flaky, and whether it is at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, pi, sin
from typing import Final

from pytest_orchestra.history.judgement.chance import no_failure, quantile, upper_bound
from pytest_orchestra.history.judgement.states import States
from pytest_orchestra.history.judgement.steps import Steps
from pytest_orchestra.history.judgement.thresholds import Thresholds

#: Flake rates to try. A test that always fails is not flaky, so they end below one.
_POINTS: Final = 160
_MOST: Final = 0.7  # of the way to a rate of one, which is a rate of 0.79

#: At even distances here, equal weights are the prior that says least about a rate (Jeffreys).
RATES: Final = tuple(
    sin(pi / 2 * _MOST * (number + 0.5) / _POINTS) ** 2 for number in range(_POINTS)
)

#: What lies outside the interval at either end.
_TAIL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is known of a test's flake rate: how often its first attempt fails by chance.

    ``mean``, and ``low`` to ``high``, which hold it with 90 %, are the rate if the test is flaky;
    ``probability`` is that it is, and ``bad_now`` that it is broken at present. Where nothing
    failed, ``low`` is 0 and ``high`` is the rate that is not exceeded with 95 %.
    """

    mean: float
    low: float
    high: float
    probability: float
    bad_now: float


def estimate(steps: Steps, states: States, thresholds: Thresholds) -> Posterior:
    """Return what ``steps`` tell about the rate."""
    if not any(step.failed for step in steps.all):
        return without_failure(steps.runs, thresholds)
    passages = [states.passage(rate) for rate in RATES]
    steady = states.passage(thresholds.noise)
    logs = [each.log_likelihood for each in passages]
    top = max(*logs, steady.log_likelihood)
    weights = [exp(each - top) / _POINTS for each in logs]
    flaky = thresholds.flaky_prior * sum(weights)
    not_flaky = (1.0 - thresholds.flaky_prior) * exp(steady.log_likelihood - top)
    probability = flaky / (flaky + not_flaky)
    shares = _shares(logs)
    bad_now = sum(share * each.bad_now for share, each in zip(shares, passages, strict=True))
    edges = list(zip(RATES, shares, strict=True))
    return Posterior(
        sum(rate * share for rate, share in edges),
        quantile(edges, _TAIL),
        quantile(edges, 1.0 - _TAIL),
        probability,
        probability * bad_now + (1.0 - probability) * steady.bad_now,
    )


def without_failure(runs: int, thresholds: Thresholds) -> Posterior:
    """Return what so many ``runs`` without any failure tell."""
    flaky = thresholds.flaky_prior * no_failure(0, 0, runs)
    probability = flaky / (flaky + 1.0 - thresholds.flaky_prior)
    return Posterior(0.5 / (runs + 1), 0.0, upper_bound(runs), probability, 0.0)


def _shares(logs: Sequence[float]) -> list[float]:
    """Return the weights of the rates among themselves, also where none of them is likely."""
    top = max(logs)
    weights = [exp(each - top) for each in logs]
    total = sum(weights)
    return [weight / total for weight in weights]
