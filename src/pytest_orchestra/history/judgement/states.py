"""Whether the code was good or bad at each step: a chain with two hidden states.

A bad test (a regression, say) fails nearly always, until a commit mends it. A good one fails
with its flake rate. So a streak of failures is explained by two commits, and says little about
the rate; a failure and a pass of the same code can be explained by the rate only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TypeAlias

from pytest_orchestra.history.judgement.steps import Step, Steps
from pytest_orchestra.history.judgement.thresholds import Thresholds

#: Failed and all first attempts, then failed and passed repetitions.
_Counts: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """Going through all steps with one rate.

    ``log_likelihood`` is the natural logarithm; ``bad_now`` the probability that a chain, one
    of those that ran lately, is bad at its end.
    """

    log_likelihood: float
    bad_now: float


class States:
    """The chances of what was seen in ``steps``, for any flake rate."""

    def __init__(self, steps: Steps, thresholds: Thresholds) -> None:
        self._steps = steps
        self._assumed = thresholds
        self._bad = {step: self._when_bad(step) for step in dict.fromkeys(map(_counts, steps.all))}

    def passage(self, rate: float) -> Passage:
        """Go through all chains with the flake ``rate``, above 0 and below 1."""
        good = {counts: self._when_good(counts, rate) for counts in self._bad}
        total, bad_now = 0.0, 0.0
        for number, chain in enumerate(self._steps.chains):
            logarithm, bad = self._forward(chain, good)[-1]
            total += logarithm
            if number in self._steps.recent and chain[-1].failed:
                bad_now = max(bad_now, bad)
        for step in self._steps.detached:
            total += self._detached(step, good)[0]
        return Passage(total, bad_now)

    def bad(self, rate: float) -> list[float]:
        """Return how probably the code was bad at each of all steps."""
        good = {counts: self._when_good(counts, rate) for counts in self._bad}
        found: list[float] = []
        for chain in self._steps.chains:
            found += self._smooth(chain, good)
        found += [self._detached(step, good)[1] for step in self._steps.detached]
        return found

    def _forward(
        self, chain: Sequence[Step], good: dict[_Counts, float]
    ) -> list[tuple[float, float]]:
        """Return after each step the logarithm of the likelihood, and the chance to be bad."""
        breaks, stays = self._assumed.breaks, 1.0 - self._assumed.mends
        bad, total = self._assumed.starts_bad, 0.0
        found: list[tuple[float, float]] = []
        for step in chain:
            counts = _counts(step)
            logarithm, at_end = _weigh(bad, self._bad[counts], good[counts])
            total += logarithm
            found.append((total, at_end))
            bad = at_end * stays + (1.0 - at_end) * breaks
        return found

    def _smooth(self, chain: Sequence[Step], good: dict[_Counts, float]) -> list[float]:
        """Return the chances to be bad in the light of what came later, too."""
        breaks, stays = self._assumed.breaks, 1.0 - self._assumed.mends
        forward = self._forward(chain, good)
        later_good, later_bad = 1.0, 1.0
        found: list[float] = []
        for step, (_, bad) in zip(reversed(chain), reversed(forward), strict=True):
            weight_bad, weight_good = bad * later_bad, (1.0 - bad) * later_good
            found.append(weight_bad / (weight_bad + weight_good))
            counts = _counts(step)
            top = max(self._bad[counts], good[counts])
            seen_bad = exp(self._bad[counts] - top) * later_bad
            seen_good = exp(good[counts] - top) * later_good
            later_good = (1.0 - breaks) * seen_good + breaks * seen_bad
            later_bad = (1.0 - stays) * seen_good + stays * seen_bad
            scale = later_good + later_bad
            later_good, later_bad = later_good / scale, later_bad / scale
        return found[::-1]

    def _detached(self, step: Step, good: dict[_Counts, float]) -> tuple[float, float]:
        counts = _counts(step)
        return _weigh(self._assumed.dirty_bad, self._bad[counts], good[counts])

    def _when_bad(self, counts: _Counts) -> float:
        failed, total, repeated, recovered = counts
        fails = self._assumed.bad_fails
        passed = total - failed + recovered
        return (failed + repeated) * log(fails) + passed * log(1.0 - fails)

    def _when_good(self, counts: _Counts, rate: float) -> float:
        failed, total, repeated, recovered = counts
        again = self._assumed.repeats
        return (
            failed * log(rate)
            + (total - failed) * log(1.0 - rate)
            + repeated * log(again)
            + recovered * log(1.0 - again)
        )


def _counts(step: Step) -> _Counts:
    return step.failed, step.total, step.repeated, step.recovered


def _weigh(bad: float, when_bad: float, when_good: float) -> tuple[float, float]:
    """Return the logarithm of what was seen, and how probably it was bad, which ``bad`` was before.

    ``when_bad`` and ``when_good`` are the logarithms of what was seen in either state.
    """
    now_bad, now_good = log(bad) + when_bad, log(1.0 - bad) + when_good
    top = max(now_bad, now_good)
    both = exp(now_bad - top) + exp(now_good - top)
    return top + log(both), exp(now_bad - top) / both
