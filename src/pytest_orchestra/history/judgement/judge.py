"""The judgement of one test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pytest_orchestra.history.judgement.association import Association, associate
from pytest_orchestra.history.judgement.chance import no_failure, upper_bound
from pytest_orchestra.history.judgement.observation import Observation
from pytest_orchestra.history.judgement.posterior import Posterior, estimate
from pytest_orchestra.history.judgement.states import States
from pytest_orchestra.history.judgement.steps import Step, Steps, put_together
from pytest_orchestra.history.judgement.thresholds import DEFAULTS, Thresholds
from pytest_orchestra.model.flakes import Standing

#: Code that was bad with more than this probability explains its failures.
_RATHER_BAD = 0.5

#: So many runs without any pass are no bad luck.
_NO_LUCK = 3


@dataclass(frozen=True, slots=True)
class Impact:
    """What flaking has cost: ``seconds`` in failed attempts, and how many runs were red by it."""

    seconds: float
    red_builds: int


@dataclass(frozen=True, slots=True)
class Lately:
    """First attempts that ``failed`` of ``total`` in the latest runs, and in all earlier ones."""

    failed: int
    total: int
    earlier_failed: int
    earlier_total: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is concluded about one test.

    ``runs`` is on how many it rests, and ``outages`` how many were left out. ``disagreements`` is
    how often the same code both passed and failed. ``posterior`` is of the flake rate;
    ``upper`` is not exceeded with 95 %, counting only what came after a flaky test was mended.
    ``is_mended``: it was flaky once, and has passed too often since to be so still. ``never_passed``:
    it ran, and no attempt passed, so that nothing speaks for a flake.
    ``signatures`` are those of the failures by chance, and ``lately`` tells the latest runs apart.
    """

    standing: Standing
    runs: int
    outages: int
    disagreements: int
    posterior: Posterior
    upper: float
    is_mended: bool
    never_passed: bool
    impact: Impact
    associations: tuple[Association, ...]
    signatures: frozenset[str]
    lately: Lately


def judge(observations: Sequence[Observation], thresholds: Thresholds = DEFAULTS) -> Judgement:
    """Return what ``observations`` of one test, in the order of the runs, say about it."""
    steps = put_together(observations, thresholds.recent)
    states = States(steps, thresholds)
    posterior = estimate(steps, states, thresholds)
    never_passed = bool(steps.runs) and not _has_passed(steps)
    if never_passed:
        posterior = replace(posterior, probability=0.0)
    good = [] if never_passed else _good(steps, states, posterior, thresholds)
    by_chance = [each for each in good if not each.first.passed]
    since = _passes_since(good)
    is_mended = bool(by_chance) and (
        no_failure(len(by_chance), len(good) - since, since) <= thresholds.mended
    )
    standing = (
        _never_passed(steps, posterior, thresholds)
        if never_passed
        else _standing(steps, posterior, thresholds, is_mended=is_mended)
    )
    return Judgement(
        standing=standing,
        runs=steps.runs,
        outages=steps.outages,
        disagreements=sum(step.disagrees for step in steps.all),
        posterior=posterior,
        upper=upper_bound(since) if is_mended else posterior.high,
        is_mended=is_mended and standing is Standing.HEALTHY,
        never_passed=never_passed,
        impact=_impact(by_chance),
        associations=(
            associate(good, thresholds.associated)
            if standing in {Standing.FLAKY, Standing.SUSPECT}
            else ()
        ),
        signatures=frozenset(
            attempt.signature
            for each in by_chance
            for attempt in each.attempts
            if not attempt.passed
        ),
        lately=_lately(good, thresholds.recent),
    )


def _has_passed(steps: Steps) -> bool:
    return any(each.passed for step in steps.all for each in step.observations)


def _never_passed(steps: Steps, posterior: Posterior, thresholds: Thresholds) -> Standing:
    """Return the class of a test that no attempt passed: a few runs may have had bad luck."""
    is_broken = posterior.bad_now >= thresholds.broken or steps.runs >= _NO_LUCK
    return Standing.BROKEN if is_broken else Standing.NEW


def _standing(
    steps: Steps, posterior: Posterior, thresholds: Thresholds, *, is_mended: bool
) -> Standing:
    """Return the class; what is broken now is so whatever it was before."""
    if posterior.bad_now >= thresholds.broken:
        return Standing.BROKEN
    if not is_mended and posterior.probability >= thresholds.flaky:
        return Standing.FLAKY
    if not is_mended and posterior.probability >= thresholds.suspect:
        return Standing.SUSPECT
    return Standing.NEW if steps.runs < thresholds.new_runs else Standing.HEALTHY


def _good(
    steps: Steps, states: States, posterior: Posterior, thresholds: Thresholds
) -> list[Observation]:
    """Return what was observed of code that was rather good than bad, in order.

    Runs of one commit have no order among themselves: those that failed come last.
    """
    kept: Iterable[Step] = steps.all
    if any(step.failed for step in steps.all):
        rate = max(posterior.probability * posterior.mean, thresholds.noise)
        bad = states.bad(rate)
        kept = [step for step, chance in zip(steps.all, bad, strict=True) if chance <= _RATHER_BAD]
    return [
        each
        for step in sorted(kept, key=lambda step: step.place)
        for each in sorted(step.observations, key=lambda each: not each.first.passed)
    ]


def _passes_since(observations: Sequence[Observation]) -> int:
    """Return how many observations came after the last that failed at first."""
    return next(
        (count for count, each in enumerate(reversed(observations)) if not each.first.passed),
        len(observations),
    )


def _impact(by_chance: Iterable[Observation]) -> Impact:
    runs = list(by_chance)
    return Impact(
        sum(
            attempt.seconds or 0.0
            for each in runs
            for attempt in each.attempts
            if not attempt.passed
        ),
        sum(not each.passed for each in runs),
    )


def _lately(observations: Sequence[Observation], recent: int) -> Lately:
    failed = [not each.first.passed for each in observations]
    latest, earlier = failed[-recent:], failed[:-recent]
    return Lately(sum(latest), len(latest), sum(earlier), len(earlier))
