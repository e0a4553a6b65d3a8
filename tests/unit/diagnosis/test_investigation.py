from __future__ import annotations

from itertools import count
from random import Random

import pytest
from laboratory import Bench, Failing, before

from pytest_orchestra.diagnosis.conclusion import Cause, Conclusion
from pytest_orchestra.diagnosis.experiment import (
    ALONE,
    COPIES,
    LOAD,
    Condition,
    Count,
    Experiment,
    Scene,
    after,
    beside,
)
from pytest_orchestra.diagnosis.investigation import ENOUGH_CLEAN, SURE

SCENE = Scene(earlier=tuple(range(20)), later=tuple(range(21, 30)), rivals=(3, 25))
WIDE = Scene(earlier=tuple(range(50)), later=tuple(range(51, 100)), rivals=(3, 4))


def diagnose(fails: Failing, scene: Scene = SCENE, budget: float = 120) -> Conclusion:
    """Return what comes of experiments with a target that fails so."""
    return Bench(fails).diagnose(scene, budget)


def at_rate(rate: float, seed: int = 1) -> Failing:
    """Return a target that fails at random."""
    random = Random(seed)  # noqa: S311 - the same each time
    return lambda _: random.random() < rate


def test_a_polluter_is_named_with_counts_that_prove_it() -> None:
    """Of twenty tests before it the one is found that makes the target fail."""
    found = diagnose(lambda experiment: 7 in before(experiment))
    assert found.cause is Cause.POLLUTED
    assert found.is_narrowed
    more, less = found.evidence
    assert more.experiment == after((7,))
    assert more.count.failed == more.count.total >= 5
    assert less.experiment == ALONE
    assert less.count.failed == 0
    assert found.chance is not None
    assert found.chance <= SURE


def test_two_that_pollute_together_are_both_named() -> None:
    """Neither alone makes the target fail."""
    found = diagnose(lambda experiment: {2, 15} <= before(experiment))
    assert (found.cause, found.evidence[0].experiment) == (Cause.POLLUTED, after((2, 15)))


def test_a_polluter_among_the_tests_that_come_later() -> None:
    """In another order, or on another worker, it would run before the target."""
    found = diagnose(lambda experiment: 27 in before(experiment))
    assert found.evidence[0].experiment == after((27,))


def test_a_polluter_whose_traces_another_test_removes() -> None:
    """After all tests the target passes, yet the polluter is found."""

    def fails(experiment: Experiment) -> bool:
        ran = [test for test in experiment.tests if test in {4, 12}] if before(experiment) else []
        return ran[-1:] == [4]

    found = diagnose(fails)
    assert (found.cause, found.evidence[0].experiment) == (Cause.POLLUTED, after((4,)))


def test_a_polluter_that_makes_the_target_fail_only_sometimes() -> None:
    """Sets of tests are looked at more than once before they are taken for harmless."""
    flips = count()
    found = diagnose(lambda experiment: 7 in before(experiment) and next(flips) % 3 > 0)
    assert (found.cause, found.evidence[0].experiment) == (Cause.POLLUTED, after((7,)))


def test_what_the_history_suspects_is_tried_first() -> None:
    """The culprit is known after a few runs that cost next to nothing."""
    scene = Scene(SCENE.earlier, suspected=(7,))
    bench = Bench(lambda experiment: 7 in before(experiment))
    found = bench.diagnose(scene)
    assert found.evidence[0].experiment == after((7,))
    crowds = {each for each in bench.done if each.tests}
    assert crowds == {after((7,))}


def test_a_setter_is_named() -> None:
    """The target fails alone, and passes after the one test that it needs."""
    found = diagnose(lambda experiment: 7 not in before(experiment))
    assert found.cause is Cause.BRITTLE
    assert found.is_narrowed
    more, less = found.evidence
    assert (more.experiment, less.experiment) == (ALONE, after((7,)))
    assert more.count.failed == more.count.total
    assert less.count.failed == 0


def test_a_target_that_always_fails_is_broken() -> None:
    """Everything that may run before it has been tried."""
    found = diagnose(lambda _: True)
    assert found.cause is Cause.BROKEN
    assert {each.experiment for each in found.evidence} >= {ALONE, after(SCENE.others)}


def test_a_target_that_fails_at_random() -> None:
    """Nothing is to blame, and the rate is that of many runs."""
    found = diagnose(at_rate(0.3))
    assert found.cause is Cause.RANDOM
    assert found.chance is None
    tried = {each.experiment.condition for each in found.evidence}
    assert tried == set(Condition)
    alone = next(each.count for each in found.evidence if each.experiment == ALONE)
    assert alone.total == 20


@pytest.mark.parametrize(
    ("experiment", "cause"),
    [
        (LOAD, Cause.TIMING),
        (COPIES, Cause.CONTENTION),
        (beside((25,)), Cause.CONTENTION),
        (beside(SCENE.others), Cause.CONTENTION),
    ],
)
def test_a_condition_under_which_the_target_fails(experiment: Experiment, cause: Cause) -> None:
    """The condition is named, against how it goes alone."""
    found = diagnose(lambda each: each == experiment)
    assert found.cause is cause
    assert [each.experiment for each in found.evidence] == [experiment, ALONE]


def test_a_target_that_also_fails_alone_now_and_then() -> None:
    """Load is to blame if it fails so much more often then."""
    random = at_rate(0.15)
    found = diagnose(lambda each: each == LOAD or random(each))
    assert found.cause is Cause.TIMING
    assert found.evidence[1].count.failed > 0


@pytest.mark.parametrize(("rate_after", "cause"), [(1.0, Cause.POLLUTED), (0.0, Cause.BRITTLE)])
def test_order_makes_a_difference_to_a_random_target(rate_after: float, cause: Cause) -> None:
    """It is told which way, but no single test is blamed where chance has its part."""
    here, there = at_rate(0.5, seed=4), at_rate(rate_after)
    found = diagnose(lambda each: there(each) if before(each) else here(each))
    assert found.cause is cause
    assert not found.is_narrowed


def test_a_target_that_never_fails_is_not_called_sound() -> None:
    """It ran so often that something can be said of how rarely it fails."""
    found = diagnose(lambda _: False)
    assert found.cause is Cause.NEVER_FAILED
    assert sum(each.count.total for each in found.evidence) == ENOUGH_CLEAN
    assert not found.ran_out


def test_a_rare_failure_alone_is_found_at_the_very_end() -> None:
    """A failure in the last of the runs alone still makes it random."""
    alone = count()
    found = diagnose(lambda each: each == ALONE and next(alone) == 15)
    assert found.cause is Cause.RANDOM


def test_a_target_by_itself() -> None:
    """Where there are no other tests only load and copies are tried."""
    bench = Bench(lambda _: False)
    bench.diagnose(Scene())
    assert set(bench.done) == {ALONE, LOAD, COPIES}


def test_a_target_that_never_runs() -> None:
    """What is skipped everywhere is not taken for sound."""
    bench = Bench(lambda _: False, is_lost=lambda _: True)
    found = bench.diagnose(SCENE)
    assert (found.cause, found.evidence) == (Cause.NEVER_RAN, ())
    assert len(bench.done) == 4


def test_an_experiment_that_never_gets_to_the_target() -> None:
    """Where the process dies before it, that says nothing of the target."""
    bench = Bench(lambda _: False, is_lost=lambda each: each.condition is Condition.LOAD)
    found = bench.diagnose(SCENE)
    assert found.cause is Cause.NEVER_FAILED
    assert LOAD not in {each.experiment for each in found.evidence}


def test_the_budget_ends_everything() -> None:
    """After the first four experiments none begins that would not end in time."""
    bench = Bench(lambda _: False, seconds=1.0)
    found = bench.diagnose(SCENE, budget=10)
    assert bench.spent <= 10
    assert found.ran_out
    assert found.cause is Cause.NEVER_FAILED


@pytest.mark.parametrize("budget", [18, 20, 22])
def test_a_budget_that_ends_while_culprits_are_looked_for(budget: float) -> None:
    """What is told then has been seen to make the target fail, and is not said to be all."""
    bench = Bench(lambda each: 7 in before(each), seconds=1.0)
    found = bench.diagnose(SCENE, budget)
    assert found.cause is Cause.POLLUTED
    assert not found.is_narrowed
    assert found.ran_out
    assert 7 in found.evidence[0].experiment.tests
    assert found.evidence[0].count.failed


def test_one_failure_in_a_crowd_is_no_proof() -> None:
    """If it does not come again the crowd is left alone."""
    crowds = count()
    found = diagnose(lambda each: bool(before(each)) and next(crowds) == 0)
    assert found.cause is Cause.RANDOM


def test_counts_are_of_runs_not_of_tries() -> None:
    """One experiment with copies is several runs."""
    found = diagnose(lambda each: each == COPIES)
    assert found.evidence[0].count == Count(9, 9)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_chance_is_seldom_taken_for_a_cause(rate: float) -> None:
    """Of 600 diagnoses of a test that fails purely at random, so many are wrong as is documented."""
    fails = at_rate(rate)
    causes = [diagnose(fails, WIDE).cause for _ in range(600)]
    right = {Cause.RANDOM, Cause.BROKEN, Cause.NEVER_FAILED}
    assert sum(cause not in right for cause in causes) <= 0.033 * 600 + 0.5
