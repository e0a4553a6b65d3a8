"""What quarantine would have done to a made-up test that is put there whenever it may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from benchmarks.flake_zoo import TRUTH, Specimen
from pytest_orchestra.history.judgement.judge import Judgement, judge
from pytest_orchestra.history.judgement.quarantine import (
    Cause,
    Entry,
    Ruling,
    is_candidate,
    rule,
)

#: Runs that must be known before a test may be put away.
_BEFORE: Final = 100

#: Failures of one test that are looked at.
_MOST: Final = 8

_TODAY: Final = date(2026, 11, 25)
_ENTRY: Final = Entry("test_zoo.py::test", "zoo", "it is flaky", _TODAY)


@dataclass(frozen=True, slots=True)
class Fate:
    """What quarantine did.

    Of ``bad_runs``, with a regression while the test was in quarantine, ``masked`` were let
    through. ``mistaken``: it was judged flaky while it was only broken. Of ``flaked`` runs, in
    which it failed by chance at first, ``let_through`` did not fail the run, and the others did
    for ``causes``. A test that got ``worse`` was ``noticed`` with so many failed runs; None if
    it never was.
    """

    bad_runs: int = 0
    masked: int = 0
    mistaken: int = 0
    flaked: int = 0
    let_through: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    worse: int = 0
    noticed: int | None = None


def quarantine(specimen: Specimen) -> Fate:
    """Follow a test through its failures, in quarantine from when it may first be put there."""
    failed = [
        number
        for number, each in enumerate(specimen.observations)
        if not each.first.passed and each.is_clean and not each.is_outage
    ]
    if specimen.nature.worse:
        return _worse(specimen, failed)
    bad = [number for number in failed if specimen.bad[number]]
    fate = _bad_runs(specimen, bad[:_MOST])
    if TRUTH[specimen.nature.kind] != "flaky":
        return replace(fate, mistaken=_mistaken(specimen, bad))
    chance = [number for number in failed if number >= _BEFORE and not specimen.bad[number]]
    return _chance_runs(specimen, chance[:_MOST], fate)


def _bad_runs(specimen: Specimen, bad: Sequence[int]) -> Fate:
    """Look at runs with a regression; once in quarantine, a test stays there."""
    is_in, bad_runs, masked = False, 0, 0
    for number in bad:
        judgement = judge(specimen.observations[:number])
        is_in = is_in or is_candidate(judgement)
        if is_in:
            bad_runs += 1
            masked += not _rule(specimen, number, judgement).gates
    return Fate(bad_runs=bad_runs, masked=masked)


def _mistaken(specimen: Specimen, bad: Sequence[int]) -> int:
    """Whether the test is called flaky when its last regression has been seen in full."""
    return int(bool(bad) and is_candidate(judge(specimen.observations[: bad[-1] + 1])))


def _chance_runs(specimen: Specimen, chance: Sequence[int], fate: Fate) -> Fate:
    if not chance or not is_candidate(judge(specimen.observations[:_BEFORE])):
        return fate
    rulings = [_rule(specimen, number, judge(specimen.observations[:number])) for number in chance]
    return replace(
        fate,
        flaked=len(rulings),
        let_through=sum(not ruling.gates for ruling in rulings),
        causes=Counter(cause.value for ruling in rulings for cause in ruling.causes),
    )


def _worse(specimen: Specimen, failed: Sequence[int]) -> Fate:
    """Count the failed runs that a test which got worse needs to be noticed by more than retries.

    That every attempt failed does not count here: it would sooner or later.
    """
    since = [n for n in failed if specimen.commits[n] >= specimen.nature.turns]
    if not since or not is_candidate(judge(specimen.observations[: since[0]])):
        return Fate()
    for count, number in enumerate(since, 1):
        ruling = _rule(specimen, number, judge(specimen.observations[:number]))
        if Cause.OFTEN in ruling.causes:
            return Fate(worse=1, noticed=count)
    return Fate(worse=1)


def _rule(specimen: Specimen, number: int, judgement: Judgement) -> Ruling:
    return rule(_ENTRY, judgement, specimen.observations[number].attempts, _TODAY)
