from __future__ import annotations

import pytest

from pytest_orchestra.diagnosis.conclusion import Cause, Conclusion, Evidence
from pytest_orchestra.diagnosis.experiment import (
    ALONE,
    COPIES,
    LOAD,
    Count,
    Experiment,
    after,
    beside,
)
from pytest_orchestra.diagnosis.words import describe, under


def name(test: int) -> str:
    """Return the node id of a made-up test."""
    return f"t.py::test_{test}"


def ran(experiment: Experiment, failed: int, total: int) -> Evidence:
    """Return so many failures in so many runs."""
    return Evidence(experiment, Count(failed, total))


MANY = tuple(range(40))

SENTENCES = [
    (
        Conclusion(
            Cause.POLLUTED, (ran(after((1,)), 5, 5), ran(ALONE, 0, 20)), 0.001, is_narrowed=True
        ),
        (
            "fails after t.py::test_1 (5 of 5), passes alone (20 of 20): order-dependent, polluted by "
            "t.py::test_1"
        ),
    ),
    (
        Conclusion(
            Cause.POLLUTED, (ran(after((1, 2)), 4, 5), ran(ALONE, 0, 20)), 0.001, is_narrowed=True
        ),
        (
            "fails after t.py::test_1 and then t.py::test_2 4 of 5, alone 0 of 20 (p = 0.001): "
            "order-dependent, polluted by t.py::test_1 and then t.py::test_2"
        ),
    ),
    (
        Conclusion(Cause.POLLUTED, (ran(after(MANY), 5, 5), ran(ALONE, 2, 20)), 0.002),
        (
            "fails after 40 other tests 5 of 5, alone 2 of 20 (p = 0.002): order-dependent; which of "
            "them is not known"
        ),
    ),
    (
        Conclusion(
            Cause.BRITTLE, (ran(ALONE, 7, 7), ran(after((1,)), 0, 5)), 0.001, is_narrowed=True
        ),
        (
            "fails alone (7 of 7), passes after t.py::test_1 (5 of 5): order-dependent, needs "
            "t.py::test_1 (brittle)"
        ),
    ),
    (
        Conclusion(Cause.BRITTLE, (ran(ALONE, 9, 12), ran(after((1,)), 0, 5)), 0.001),
        (
            "fails alone 9 of 12, after t.py::test_1 0 of 5 (p = 0.001): order-dependent; whether by "
            "it alone is not known"
        ),
    ),
    (
        Conclusion(Cause.TIMING, (ran(LOAD, 6, 10), ran(ALONE, 0, 20)), 0.001),
        "fails under load 6 of 10, alone 0 of 20 (p = 0.001): timing",
    ),
    (
        Conclusion(Cause.CONTENTION, (ran(COPIES, 9, 9), ran(ALONE, 0, 9)), 0.001),
        (
            "fails beside copies of itself (9 of 9), passes alone (9 of 9): contention for something "
            "that only one can have at a time"
        ),
    ),
    (
        Conclusion(
            Cause.RANDOM, (ran(ALONE, 4, 20), ran(after((1,)), 1, 2), ran(after(MANY), 0, 3))
        ),
        (
            "fails 4 of 20 alone, 1 of 5 after other tests: random, nothing that was tried makes a "
            "difference"
        ),
    ),
    (
        Conclusion(Cause.RANDOM, (ran(ALONE, 0, 9), ran(after(MANY), 3, 3)), ran_out=True),
        (
            "fails 0 of 9 alone, 3 of 3 after other tests: there was no time to tell accident from "
            "cause"
        ),
    ),
    (
        Conclusion(Cause.RANDOM, (ran(ALONE, 3, 3), ran(after(MANY), 0, 2)), ran_out=True),
        (
            "fails 3 of 3 alone, 0 of 2 after other tests: there was no time to tell accident from "
            "cause"
        ),
    ),
    (
        Conclusion(Cause.RANDOM, (ran(ALONE, 4, 20), ran(after(MANY), 1, 3)), ran_out=True),
        (
            "fails 4 of 20 alone, 1 of 3 after other tests: random, nothing that was tried makes a "
            "difference"
        ),
    ),
    (
        Conclusion(Cause.BROKEN, (ran(ALONE, 10, 10), ran(after(MANY), 2, 2))),
        (
            "fails always (10 of 10 alone, 2 of 2 after other tests): broken, passes in less than "
            "22 % of runs at 95 %"
        ),
    ),
    (
        Conclusion(Cause.NEVER_FAILED, (ran(ALONE, 0, 51), ran(COPIES, 0, 9))),
        (
            "never failed in 60 runs (51 alone, 9 beside copies of itself): fails in less than 4.9 % "
            "of runs at 95 %"
        ),
    ),
    (
        Conclusion(Cause.NEVER_RAN),
        "did not run in any experiment, so nothing is known of it",
    ),
]


@pytest.mark.parametrize(("conclusion", "sentence"), SENTENCES)
def test_a_conclusion_in_words(conclusion: Conclusion, sentence: str) -> None:
    """It names what is to blame, and the counts that prove it."""
    assert describe(conclusion, name) == sentence


def test_every_cause_has_its_words() -> None:
    """None is left out above."""
    assert {conclusion.cause for conclusion, _ in SENTENCES} == set(Cause)


def test_many_tests_are_counted_and_few_are_named() -> None:
    """A line stays readable, whatever runs beside the target."""
    assert under(LOAD, name) == "under load"
    assert under(beside((3,)), name) == "beside t.py::test_3"
    assert under(after(MANY), name) == "after 40 other tests"
