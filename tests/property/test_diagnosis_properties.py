"""What must hold of a diagnosis, whatever makes a target fail.

Not checked: that a cause is found at all where chance has its part.
"""

from __future__ import annotations

from collections.abc import Generator
from math import ceil, log2
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from laboratory import Bench, before

from pytest_orchestra.diagnosis.conclusion import Cause
from pytest_orchestra.diagnosis.experiment import ALONE, Condition, Experiment, Result, Scene, after
from pytest_orchestra.diagnosis.investigation import SURE
from pytest_orchestra.diagnosis.narrowing import Narrowed, Trying, narrow
from pytest_orchestra.diagnosis.words import describe


@st.composite
def culprits(draw: st.DrawFn) -> tuple[int, frozenset[int]]:
    """Draw how many tests there are, and which of them act together."""
    size = draw(st.integers(1, 300))
    chosen = draw(st.frozensets(st.integers(0, size - 1), min_size=1, max_size=4))
    return size, chosen


@given(culprits())
def test_all_that_pollute_together_are_found(drawn: tuple[int, frozenset[int]]) -> None:
    """They are named, and no other, after a number of runs that grows with the logarithm."""
    size, wanted = drawn
    bench = Bench(lambda experiment: wanted <= before(experiment))
    found = bench.diagnose(Scene(tuple(range(size))), budget=1e9)
    assert found.cause is Cause.POLLUTED
    assert found.is_narrowed
    assert found.evidence[0].experiment == after(tuple(sorted(wanted)))
    looks = len(wanted) * (ceil(log2(size)) + 2) if size > 1 else 0
    confirming = 40
    assert len(bench.done) <= looks + confirming


@given(culprits())
def test_all_that_are_needed_are_found(drawn: tuple[int, frozenset[int]]) -> None:
    """Setters are found as polluters are."""
    size, wanted = drawn
    bench = Bench(lambda experiment: not wanted <= before(experiment))
    found = bench.diagnose(Scene(tuple(range(size))), budget=1e9)
    assert found.cause is Cause.BRITTLE
    assert found.evidence[1].experiment == after(tuple(sorted(wanted)))


@st.composite
def rates(draw: st.DrawFn) -> dict[Condition, float]:
    """Draw how often a target fails under each condition."""
    rate = st.sampled_from([0.0, 0.0, 0.05, 0.3, 0.9, 1.0])
    return {condition: draw(rate) for condition in Condition}


@given(
    rates(),
    st.integers(0, 12),
    st.integers(0, 5),
    st.floats(0.1, 200),
    st.randoms(use_true_random=False),
)
def test_whatever_happens_there_is_a_conclusion(
    rate: dict[Condition, float], earlier: int, later: int, budget: float, random: Random
) -> None:
    """It is proved by its counts, it can be said, and the budget has been kept."""
    scene = Scene(
        tuple(range(earlier)),
        tuple(range(earlier + 1, earlier + 1 + later)),
        rivals=(0,) if earlier else (),
    )
    bench = Bench(
        lambda each: random.random() < rate[each.condition],
        is_lost=lambda _: random.random() < 0.05,
    )
    found = bench.diagnose(scene, budget)
    assert describe(found, str)
    if found.chance is not None:
        more, less = (each.count for each in found.evidence)
        assert found.chance <= SURE
        assert more.failed * less.total > less.failed * more.total
    else:
        failed = sum(each.count.failed for each in found.evidence)
        assert (failed > 0) == (found.cause in {Cause.RANDOM, Cause.BROKEN})
    first = 4 * (0.5 + 0.01 * earlier)
    assert bench.spent <= max(budget, first) + 1e-6
    assert all(list(each.tests) == sorted(each.tests) for each in bench.done)


@given(st.integers(1, 60), st.randoms(use_true_random=False))
def test_what_is_named_was_seen_to_show_it(size: int, random: Random) -> None:
    """Also where more tests do not always show more, as where some clean up after others."""
    answers: dict[tuple[int, ...], bool] = {tuple(range(size)): True}

    def shows(tests: tuple[int, ...]) -> Trying:
        yield ALONE
        return answers.setdefault(tests, random.random() < 0.5)

    course = narrow(tuple(range(size)), shows)
    assert answers[_last(course).tests]


def _last(course: Generator[Experiment, Result, Narrowed]) -> Narrowed:
    """Return what ``course`` comes to, if the results do not matter to it."""
    try:
        next(course)
        while True:
            course.send(Result(0, 0, 0.0))
    except StopIteration as stop:
        found: Narrowed = stop.value
        return found
