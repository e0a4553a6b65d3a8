"""A judgement in words."""

from __future__ import annotations

from typing import Final

from pytest_orchestra.history.judgement.association import Association, Contrast, Factor
from pytest_orchestra.history.judgement.judge import Judgement
from pytest_orchestra.model.flakes import Standing

_WITH: Final = {
    Factor.AFTER: "after {what}",
    Factor.NOT_AFTER: "when {what} did not run before it",
    Factor.BESIDE: "beside other tests",
    Factor.CONTENDED: "while others use {what!r}",
    Factor.NEAR_LIMIT: "near its time limit",
}

#: Rates below this are told as such.
_LITTLE: Final = 0.0001

#: Losses below so many seconds are not worth a word.
SHORTEST_LOSS: Final = 0.1

#: Above this the difference to certainty counts, so one more digit is told.
_MUCH: Final = 0.9


def describe(judgement: Judgement) -> str:
    """Return what ``judgement`` says, in a sentence or two without a final stop.

    Never that a test is not flaky: only below which rate it is.
    """
    standing = _never_passed if judgement.never_passed else _standing
    parts = [standing(judgement), *map(tell_association, judgement.associations)]
    if judgement.outages:
        parts.append(f"{_count(judgement.outages, 'run')} in outages left out")
    return "; ".join(parts)


def tell_association(association: Association) -> str:
    """Return what failures go together with, and how clearly."""
    return f"associated with {association.kind}: {_contrast(association.evidence[0])}"


def per_cent(rate: float) -> str:
    """Return ``rate`` in per cent with two digits that count, and never as nothing or as all."""
    if rate < _LITTLE:
        return "below 0.01 %"
    if rate > 1 - _LITTLE * 10:
        return "over 99.9 %"
    return f"{rate * 100:.3g} %" if rate > _MUCH else f"{rate * 100:.2g} %"


def _never_passed(judgement: Judgement) -> str:
    if judgement.runs == 1:
        return f"{judgement.standing}: failed in its only run so far"
    return f"{judgement.standing}: has passed in none of {judgement.runs} runs"


def _standing(judgement: Judgement) -> str:
    runs = _count(judgement.runs, "run")
    match judgement.standing:
        case Standing.NEW:
            return f"new: {runs} so far, flake rate {_bound(judgement)}"
        case Standing.HEALTHY if judgement.is_mended:
            return f"healthy: was flaky, but has not failed by chance for long; flake rate {_bound(judgement)}"
        case Standing.HEALTHY:
            return f"healthy: {runs}, flake rate {_bound(judgement)}"
        case Standing.BROKEN:
            sure = per_cent(judgement.posterior.bad_now)
            return f"broken: the latest code fails it, which is no chance with {sure}"
        case Standing.SUSPECT:
            sure = per_cent(judgement.posterior.probability)
            return f"suspect: flaky with {sure} after {runs}; flake rate {_bound(judgement)}"
    return f"flaky: {_rate(judgement)} in {runs}, {_seen(judgement)}{_cost(judgement)}"


def _rate(judgement: Judgement) -> str:
    of = judgement.posterior
    return f"fails by chance in {per_cent(of.mean)} ({per_cent(of.low)} to {per_cent(of.high)})"


def _seen(judgement: Judgement) -> str:
    if judgement.disagreements:
        return f"passed and failed on the same code {_times(judgement.disagreements)}"
    return "its failures come and go too fast for regressions"


def _cost(judgement: Judgement) -> str:
    impact = judgement.impact
    red = f", {_count(impact.red_builds, 'red run')}" if impact.red_builds else ""
    seconds = f", {impact.seconds:.2g} s lost" if impact.seconds >= SHORTEST_LOSS else ""
    return red + seconds


def _bound(judgement: Judgement) -> str:
    return f"below {per_cent(judgement.upper).removeprefix('below ')} at 95 %"


def _contrast(contrast: Contrast) -> str:
    where = _WITH[contrast.factor].format(what=contrast.what)
    return (
        f"failed {contrast.with_failed} of {contrast.with_total} {where}, "
        f"{contrast.without_failed} of {contrast.without_total} otherwise"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")
