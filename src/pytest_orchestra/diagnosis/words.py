"""A conclusion in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pytest_orchestra.diagnosis.conclusion import Cause, Conclusion, Evidence
from pytest_orchestra.diagnosis.experiment import Condition, Count, Experiment
from pytest_orchestra.history.judgement.chance import upper_bound

#: So many tests are named; of more only the number is.
MOST_NAMED: Final = 4

#: Says what a test is called, by its number.
Naming = Callable[[int], str]

_MEANS: Final = {
    Cause.TIMING: "timing",
    Cause.CONTENTION: "contention for something that only one can have at a time",
}

_RANDOM: Final = "random, nothing that was tried makes a difference"
_OPEN: Final = "there was no time to tell accident from cause"

#: Conditions that other tests are part of, whichever.
_WHERE: Final = {Condition.AFTER: "after other tests", Condition.BESIDE: "beside other tests"}


def describe(conclusion: Conclusion, name: Naming) -> str:
    """Return what ``conclusion`` says of the target, with the counts that prove it."""
    cause, evidence = conclusion.cause, conclusion.evidence
    match cause:
        case Cause.NEVER_RAN:
            return "did not run in any experiment, so nothing is known of it"
        case Cause.NEVER_FAILED:
            return f"never failed in {_runs(evidence)} runs ({_totals(evidence)}): fails in {_bound(evidence)}"
        case Cause.BROKEN:
            return f"fails always ({_failures(evidence)}): broken, passes in {_bound(evidence)}"
        case Cause.RANDOM:
            is_open = conclusion.ran_out and _is_open(evidence)
            return f"fails {_failures(evidence)}: {_OPEN if is_open else _RANDOM}"
        case Cause.POLLUTED | Cause.BRITTLE:
            return f"{_contrast(conclusion, name)}: {_order(conclusion, name)}"
    return f"{_contrast(conclusion, name)}: {_MEANS[cause]}"


def under(experiment: Experiment, name: Naming) -> str:
    """Return under which condition the target runs, such as ``after test_a.py::test_b``."""
    if not experiment.tests:
        return experiment.condition.value
    return f"{experiment.condition} {_tests(experiment.tests, name)}"


def _tests(tests: Sequence[int], name: Naming) -> str:
    if len(tests) > MOST_NAMED:
        return f"{len(tests)} other tests"
    return " and then ".join(map(name, tests))


def _contrast(conclusion: Conclusion, name: Naming) -> str:
    more, less = conclusion.evidence
    if _is_clear(more.count, less.count):
        fails = f"fails {under(more.experiment, name)} ({_of(more.count)})"
        passes = f"passes {under(less.experiment, name)} ({less.count.total} of {less.count.total})"
        return f"{fails}, {passes}"
    sides = f"fails {under(more.experiment, name)} {_of(more.count)}, {under(less.experiment, name)} {_of(less.count)}"
    return f"{sides} (p = {conclusion.chance:.1g})"


def _is_clear(more: Count, less: Count) -> bool:
    return more.failed == more.total and not less.failed


def _is_open(evidence: Sequence[Evidence]) -> bool:
    """Whether the target always did the same alone, and something else under other conditions."""
    failed = sum(each.count.failed for each in evidence)
    alone = [each.count for each in evidence if each.experiment.condition is Condition.ALONE]
    failed_alone, total_alone = sum(c.failed for c in alone), sum(c.total for c in alone)
    if not failed_alone:
        return failed > 0
    return failed_alone == total_alone and failed < _runs(evidence)


def _order(conclusion: Conclusion, name: Naming) -> str:
    tests = next(each.experiment.tests for each in conclusion.evidence if each.experiment.tests)
    named = _tests(tests, name)
    if not conclusion.is_narrowed:
        which = "which of them" if len(tests) > 1 else "whether by it alone"
        return f"order-dependent; {which} is not known"
    if conclusion.cause is Cause.POLLUTED:
        return f"order-dependent, polluted by {named}"
    return f"order-dependent, needs {named} (brittle)"


def _failures(evidence: Sequence[Evidence]) -> str:
    return ", ".join(f"{_of(count)} {words}" for words, count in _by_condition(evidence))


def _runs(evidence: Sequence[Evidence]) -> int:
    return sum(each.count.total for each in evidence)


def _bound(evidence: Sequence[Evidence]) -> str:
    """Return how rare is what was never seen, so as not to be missed but with 5 %."""
    return f"less than {upper_bound(_runs(evidence)) * 100:.2g} % of runs at 95 %"


def _totals(evidence: Sequence[Evidence]) -> str:
    return ", ".join(f"{count.total} {words}" for words, count in _by_condition(evidence))


def _by_condition(evidence: Sequence[Evidence]) -> list[tuple[str, Count]]:
    counts: dict[Condition, Count] = {}
    for each in evidence:
        condition, count = each.experiment.condition, each.count
        old = counts.get(condition, Count())
        counts[condition] = Count(old.failed + count.failed, old.total + count.total)
    return [(_WHERE.get(each, each.value), count) for each, count in counts.items()]


def _of(count: Count) -> str:
    return f"{count.failed} of {count.total}"
