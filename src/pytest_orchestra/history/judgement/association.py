"""What a test's failures go together with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from pytest_orchestra.history.judgement.chance import fisher
from pytest_orchestra.history.judgement.observation import Observation, Trial

#: Seconds, as a share of the time limit, from which on an attempt was near it.
NEAR_LIMIT: Final = 0.8

#: Passes that take less than this share of the limit speak for a hang, not for a slow test.
_SLOW_PASS: Final = 0.5

#: At most so many pieces of evidence for one association.
_MOST: Final = 3

#: Fewer failures than this go together with nothing.
_FEWEST: Final = 2

#: Failed and all attempts with a factor, and without it.
_Counts: TypeAlias = tuple[int, int, int, int]


class Kind(StrEnum):
    """A way in which flaky tests depend on what they should not."""

    ORDER = "order-dependent"
    CONTENTION = "resource-contention"
    TIMING = "timing"


class Factor(StrEnum):
    """What was the case when a test failed more often."""

    AFTER = "after"
    NOT_AFTER = "not after"
    BESIDE = "beside other tests"
    CONTENDED = "contended"
    NEAR_LIMIT = "near its time limit"


@dataclass(frozen=True, slots=True)
class Contrast:
    """How often a test failed with and without a factor.

    ``what`` names the other test or the resource, if the factor has one. ``chance`` is that of
    so strong a contrast by accident, for all candidates of its kind together.
    """

    factor: Factor
    what: str
    with_failed: int
    with_total: int
    without_failed: int
    without_total: int
    chance: float


@dataclass(frozen=True, slots=True)
class Association:
    """A kind that the failures go with, and the evidence, strongest first."""

    kind: Kind
    evidence: tuple[Contrast, ...]


def associate(observations: Sequence[Observation], chance: float) -> tuple[Association, ...]:
    """Return what failures go together with, where accident has at most this ``chance``.

    ``observations`` are of good code only. That something goes together with failures does not
    prove that it causes them. What is tried again runs alone, but also later, after other tests, so
    that order and contention may come and go together: if only one of them still shows where the
    other is the same, that one is told.
    """
    attempts = [attempt for each in observations for attempt in each.attempts]
    order = _strongest(_order(attempts), chance)
    contention = _strongest(_contention(attempts), chance)
    if order and contention:
        by_order = _shows(order[0], _order, _split(attempts, contention[0]), chance)
        by_contention = _shows(contention[0], _contention, _split(attempts, order[0]), chance)
        if by_order is not by_contention:
            order, contention = order if by_order else (), contention if by_contention else ()
    told = (
        (Kind.ORDER, order),
        (Kind.CONTENTION, contention),
        (Kind.TIMING, _strongest(_timing(observations), chance)),
    )
    return tuple(Association(kind, evidence) for kind, evidence in told if evidence)


def _shows(
    one: Contrast,
    look: Callable[[Sequence[Trial]], Iterable[Contrast]],
    parts: Sequence[Sequence[Trial]],
    chance: float,
) -> bool:
    """Whether ``look`` finds this contrast in one of some ``parts``, too."""
    name = (one.factor, one.what)
    return any(
        (each.factor, each.what) == name and each.chance * len(parts) <= chance
        for part in parts
        for each in look(part)
    )


def _split(attempts: Sequence[Trial], by: Contrast) -> tuple[list[Trial], list[Trial]]:
    """Return the attempts for which the factor of ``by`` holds, and those for which it does not.

    Those of which that is not known are in neither. A factor and its opposite split alike.
    """
    held = [(attempt, _holds(by, attempt)) for attempt in attempts]
    return [each for each, holds in held if holds], [each for each, holds in held if holds is False]


def _holds(by: Contrast, attempt: Trial) -> bool | None:
    """Whether what the factor is about was so; None if that is not known."""
    match by.factor:
        case Factor.BESIDE:
            return attempt.beside
        case Factor.CONTENDED:
            return None if attempt.contended is None else by.what in attempt.contended
    return None if attempt.before is None else by.what in attempt.before


def _strongest(contrasts: Iterable[Contrast], chance: float) -> tuple[Contrast, ...]:
    told = (each for each in contrasts if each.chance <= chance)
    return tuple(sorted(told, key=lambda each: (each.chance, each.factor, each.what))[:_MOST])


def _order(attempts: Iterable[Trial]) -> list[Contrast]:
    known = [(attempt, attempt.before) for attempt in attempts if attempt.before is not None]
    after = _Tally(known)
    return [
        *_contrasts(Factor.AFTER, after),
        *_contrasts(Factor.NOT_AFTER, after),
    ]


def _contention(attempts: Sequence[Trial]) -> list[Contrast]:
    resources = _Tally([(each, each.contended) for each in attempts if each.contended is not None])
    beside = _Tally(
        [
            (each, frozenset({""} if each.beside else ()))
            for each in attempts
            if each.beside is not None
        ]
    )
    return [
        *_contrasts(Factor.CONTENDED, resources),
        *_contrasts(Factor.BESIDE, beside),
    ]


def _timing(observations: Iterable[Observation]) -> list[Contrast]:
    shares = [
        (attempt, attempt.seconds / each.limit)
        for each in observations
        for attempt in each.attempts
        if each.limit and attempt.seconds is not None
    ]
    passes = sorted(share for attempt, share in shares if attempt.passed)
    if not passes or passes[len(passes) * 9 // 10] < _SLOW_PASS:
        return []
    near = _Tally(
        [(attempt, frozenset({""} if share >= NEAR_LIMIT else ())) for attempt, share in shares]
    )
    return list(_contrasts(Factor.NEAR_LIMIT, near))


class _Tally:
    """Counts attempts, and failed ones, by the names that hold for them."""

    def __init__(self, attempts: Sequence[tuple[Trial, frozenset[str]]]) -> None:
        self.all = len(attempts)
        self.failed = sum(not attempt.passed for attempt, _ in attempts)
        self.with_all = Counter(name for _, names in attempts for name in names)
        self.with_failed = Counter(
            name for attempt, names in attempts if not attempt.passed for name in names
        )

    @property
    def names(self) -> list[str]:
        """The names that make a difference: they hold for some attempts, and not for others."""
        return [name for name, count in self.with_all.items() if count < self.all]


def _contrasts(factor: Factor, tally: _Tally) -> Iterator[Contrast]:
    """Yield for each name how failures go with it, or with its absence."""
    if tally.failed < _FEWEST:
        return
    opposite = factor is Factor.NOT_AFTER
    candidates = tally.names
    tried = len(candidates) * (2 if factor in {Factor.AFTER, Factor.NOT_AFTER} else 1)
    chances: dict[_Counts, float] = {}  # there are many names, and few ways to count them
    for name in candidates:
        with_failed, with_all = tally.with_failed[name], tally.with_all[name]
        here = (with_failed, with_all)
        there = (tally.failed - with_failed, tally.all - with_all)
        one, other = (there, here) if opposite else (here, there)
        if one[0] * other[1] > other[0] * one[1]:
            counts = (*one, *other)
            if counts not in chances:
                chances[counts] = min(1.0, fisher(*counts) * tried)
            yield Contrast(factor, name, *counts, chances[counts])
