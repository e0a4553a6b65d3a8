"""What can be expected of tests by what they did: pure, and without a store.

**Durations** are a weighted median of the most recent ones, each of which weighs 0.8 of the next newer.
A median, since outliers (a cold cache, a machine that swaps) are large and always upwards, and a
mean would carry them along for runs. Weighted, since three of a kind outweigh all that was before:
a test that has become slower or faster is believed the third time, and an outlier, or two, never.
An exponential mean that adapts as quickly moves by half of every outlier.

**Failures** are weighed alike, against a prior: Beta(0.02, 0.8). That a test has changed
makes its past count for a quarter, against a prior by which 15 % fail; of a new test only the latter
is known. What was is counted if it makes a failure more likely than that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import accumulate
from typing import Final, NamedTuple

from pytest_orchestra.model.verdict import FAILURE, Verdict

#: Weight of an observation in terms of the next newer one.
FADING: Final = 0.8

#: Failures and successes that are taken for granted: of tests as they were, and of other ones.
PRIOR: Final = (0.02, 0.8)
CHANGED_PRIOR: Final = (0.3, 1.7)

#: How much of what was still counts for a test that has changed.
CHANGED_SHARE: Final = 0.25

#: Weights by age, and the sum of the first so many: a run needs a dozen for each of its tests.
_WEIGHTS: Final = tuple(FADING**age for age in range(64))
_SUMS: Final = (0.0, *accumulate(_WEIGHTS))


class Observed(NamedTuple):
    """One run of a test: when the run began, what the test took, in seconds, and how it ended.

    ``is_here``: in an environment like this one. A tuple, since every run reads a dozen per test.
    """

    started: float
    seconds: float
    verdict: Verdict = Verdict.PASSED
    is_here: bool = True


def expected_seconds(observed: Sequence[Observed]) -> float | None:
    """Return what a test is expected to take; ``observed`` is sorted, oldest first.

    A run in which it failed counts only if there is no other: a failure may come early. So does
    a run in another environment.
    """
    usable = [each for each in observed if each.verdict not in FAILURE] or observed
    own = [each.seconds for each in usable if each.is_here]
    return recent_median(own or [each.seconds for each in usable])


def recent_median(values: Sequence[float]) -> float | None:
    """Return the weighted median of ``values``, oldest first; None of none.

    Of two that share the weight evenly it is the greater.
    """
    if not values:
        return None
    # What is older than there are weights for weighs nothing.
    weighted = list(zip(reversed(values), _WEIGHTS, strict=False))
    weighted.sort(reverse=True)
    rest = _SUMS[len(weighted)] / 2.0
    for value, weight in weighted:
        rest -= weight
        if rest <= 0.0:
            return value
    return weighted[-1][0]  # the weights were rounded


def failure_probability(observed: Sequence[Observed], *, is_changed: bool = False) -> float:
    """Return how likely a test fails in the next run, 0.0 to 1.0.

    Skipped tests say nothing. ``is_changed``: its code is not that which was observed; a test of
    which nothing was observed is new, which is as good as changed.
    """
    failed = passed = 0.0
    if len(observed) < len(_SUMS) and _only_passed(observed):
        passed = _SUMS[len(observed)]  # most do, and always have
        observed = ()
    weight = 1.0
    for each in reversed(observed):
        if each.verdict is Verdict.SKIPPED:
            continue
        if each.verdict in FAILURE:
            failed += weight
        else:
            passed += weight
        weight *= FADING
    as_it_was = _mean(PRIOR, failed, passed)
    if not is_changed and failed + passed:
        return as_it_was
    return max(as_it_was, _mean(CHANGED_PRIOR, CHANGED_SHARE * failed, CHANGED_SHARE * passed))


def _only_passed(observed: Iterable[Observed]) -> bool:
    return {each.verdict for each in observed} <= {Verdict.PASSED}


class Likeness(StrEnum):
    """Which tests a guess goes by: the same with other parameters, those of its file, or all."""

    PARAMETERS = "parameters"
    FILE = "file"
    ALL = "all"


class Guesses:
    """What tests of which nothing is known may take, by what is ``known`` of others, in seconds by node id.

    The median of those with other parameters, else the mean in the same file, else the mean of
    all. A mean, since few tests take most of the time and it is better to start a long one too
    early.
    """

    def __init__(self, known: Mapping[str, float]) -> None:
        functions: dict[str, list[float]] = {}
        files: dict[str, list[float]] = {}
        for nodeid, seconds in known.items():
            functions.setdefault(function_of(nodeid), []).append(seconds)
            files.setdefault(_file_of(nodeid), []).append(seconds)
        self._by_function = {name: sorted(each)[len(each) // 2] for name, each in functions.items()}
        self._by_file = {name: sum(each) / len(each) for name, each in files.items()}
        self._of_all = sum(known.values()) / len(known) if known else None

    def of(self, nodeid: str) -> tuple[float, Likeness] | None:
        """Return seconds, and what they are taken from; None if nothing is known of any test."""
        function, file = function_of(nodeid), _file_of(nodeid)
        if function in self._by_function:
            return self._by_function[function], Likeness.PARAMETERS
        if file in self._by_file:
            return self._by_file[file], Likeness.FILE
        return None if self._of_all is None else (self._of_all, Likeness.ALL)


def guess(nodeids: Iterable[str], known: Mapping[str, float]) -> Mapping[str, float]:
    """Return what those tests may take, in seconds, that are not ``known``; see :class:`Guesses`."""
    unknown = [nodeid for nodeid in nodeids if nodeid not in known]
    if not unknown or not known:
        return {}
    guesses = Guesses(known)
    return {nodeid: found[0] for nodeid in unknown if (found := guesses.of(nodeid)) is not None}


def function_of(nodeid: str) -> str:
    """Return a node id without parameters."""
    file, colons, name = nodeid.partition("::")
    return f"{file}{colons}{name.partition('[')[0]}" if name.endswith("]") else nodeid


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _mean(prior: tuple[float, float], failed: float, passed: float) -> float:
    a, b = prior[0] + failed, prior[1] + passed
    return a / (a + b)
