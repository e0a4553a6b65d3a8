from __future__ import annotations

from dataclasses import replace

import pytest
from observations import FAIL, PASS, alone

from pytest_orchestra.history.judgement.association import Factor, Kind, associate
from pytest_orchestra.history.judgement.observation import Trial

OTHER = "test_a.py::test_other"
CULPRIT = "test_a.py::test_culprit"


def after(attempt: Trial, *names: str) -> Trial:
    """Return the attempt as it is after these tests."""
    return replace(attempt, before=frozenset(names))


def test_a_victim_fails_after_its_polluter() -> None:
    """The test that makes the difference is named, with the counts that show it."""
    attempts = [after(FAIL, CULPRIT, OTHER)] * 6 + [after(PASS, OTHER)] * 20 + [after(PASS)] * 10
    (found,) = associate(alone(attempts), 0.01)
    assert found.kind is Kind.ORDER
    best = found.evidence[0]
    assert (best.factor, best.what) == (Factor.AFTER, CULPRIT)
    assert (best.with_failed, best.with_total) == (6, 6)
    assert (best.without_failed, best.without_total) == (0, 30)
    assert best.chance < 0.001


def test_a_brittle_test_fails_when_its_helper_did_not_run() -> None:
    """Absence is evidence, too."""
    attempts = [after(FAIL, OTHER)] * 6 + [after(PASS, OTHER, CULPRIT)] * 30
    (found,) = associate(alone(attempts), 0.01)
    assert (found.evidence[0].factor, found.evidence[0].what) == (Factor.NOT_AFTER, CULPRIT)


def test_many_candidates_need_a_stronger_contrast() -> None:
    """What is likely among a thousand tests is not told, though it would be of one."""
    few = [after(FAIL, CULPRIT)] * 2 + [after(PASS)] * 20
    many = [after(FAIL, CULPRIT)] * 2 + [after(PASS, *(f"t{n}" for n in range(500)))] * 20
    assert associate(alone(few), 0.01)
    assert not associate(alone(many), 0.01)


def test_a_race_fails_beside_others() -> None:
    """Retries that run alone are what it is compared with."""
    attempts = [replace(FAIL, beside=True)] * 8 + [replace(PASS, beside=True)] * 4
    attempts += [replace(PASS, beside=False)] * 12
    (found,) = associate(alone(attempts), 0.01)
    assert found.kind is Kind.CONTENTION
    assert found.evidence[0].factor is Factor.BESIDE


def test_what_only_goes_along_is_not_told() -> None:
    """A brittle test that is tried again alone, after what it needs, has nothing against company."""
    without = [replace(after(FAIL), beside=True)] * 18 + [replace(after(FAIL), beside=False)]
    helped = [replace(after(PASS, CULPRIT), beside=True)] * 16
    helped += [replace(after(PASS, CULPRIT), beside=False)] * 22
    (found,) = associate(alone([*without, *helped]), 0.01)
    assert found.kind is Kind.ORDER


@pytest.mark.parametrize(
    ("near", "apart"),
    [
        (replace(FAIL, beside=True), replace(PASS, beside=False)),
        (
            replace(FAIL, contended=frozenset({"port"})),
            replace(PASS, contended=frozenset()),
        ),
    ],
    ids=["beside", "contended"],
)
def test_contention_is_told_where_order_goes_along(near: Trial, apart: Trial) -> None:
    """A race that is tried again alone, mostly after some test, does not need that test."""
    attempts = [after(near)] * 14 + [after(near, CULPRIT)] * 2
    attempts += [after(apart)] * 8 + [after(apart, CULPRIT)] * 16
    (found,) = associate(alone(attempts), 0.01)
    assert found.kind is Kind.CONTENTION


def test_what_cannot_be_told_apart_is_all_told() -> None:
    """Where order and contention always come together, either may be it."""
    attempts = [replace(after(FAIL), beside=True)] * 12
    attempts += [replace(after(PASS, CULPRIT), beside=False)] * 12
    found = associate(alone(attempts), 0.01)
    assert [each.kind for each in found] == [Kind.ORDER, Kind.CONTENTION]


def test_order_and_contention_may_both_matter() -> None:
    """What shows where the other is the same stays, and so may both."""
    polluted = replace(after(FAIL, CULPRIT), beside=False)
    crowded = replace(after(FAIL), beside=True)
    quiet = replace(after(PASS), beside=False)
    attempts = [polluted] * 10 + [crowded] * 10 + [quiet] * 40
    found = associate(alone(attempts), 0.01)
    assert [each.kind for each in found] == [Kind.ORDER, Kind.CONTENTION]


def test_a_shared_port_is_named() -> None:
    """The resource that others had meanwhile is the evidence."""
    attempts = [replace(FAIL, contended=frozenset({"port", "db"}))] * 6
    attempts += [replace(PASS, contended=frozenset({"db"}))] * 20 + [
        replace(PASS, contended=frozenset())
    ] * 5
    (found,) = associate(alone(attempts), 0.01)
    assert (found.kind, found.evidence[0].factor) == (Kind.CONTENTION, Factor.CONTENDED)
    assert found.evidence[0].what == "port"


def near(attempt: Trial, seconds: float, times: int) -> list[Trial]:
    """Return so many attempts that took so long."""
    return [replace(attempt, seconds=seconds)] * times


def test_a_slow_test_fails_near_its_limit() -> None:
    """Its passes come close to the limit as well."""
    attempts = near(FAIL, 10.0, 6) + near(PASS, 6.0, 30)
    runs = [replace(run, limit=10.0) for run in alone(attempts)]
    (found,) = associate(runs, 0.01)
    assert (found.kind, found.evidence[0].factor) == (Kind.TIMING, Factor.NEAR_LIMIT)


def test_a_hang_is_not_timing() -> None:
    """Passes that take no time say that the failures are of another kind."""
    attempts = near(FAIL, 10.0, 6) + near(PASS, 0.1, 30)
    assert not associate([replace(run, limit=10.0) for run in alone(attempts)], 0.01)


def test_times_without_a_limit_or_a_pass_say_nothing() -> None:
    """There is nothing to be near to, or to compare with."""
    assert not associate(alone(near(FAIL, 10.0, 6) + near(PASS, 6.0, 30)), 0.01)
    only = [replace(run, limit=10.0) for run in alone(near(FAIL, 10.0, 9))]
    assert not associate(only, 0.01)


def test_one_failure_goes_together_with_nothing() -> None:
    """Anything was the case when it happened."""
    attempts = [after(FAIL, CULPRIT)] + [after(PASS)] * 1000
    assert not associate(alone(attempts), 0.01)


def test_what_always_holds_makes_no_difference() -> None:
    """A test that ran before in all runs is no suspect, nor is one that did no harm."""
    attempts = [after(FAIL, OTHER)] * 10 + [after(PASS, OTHER)] * 10
    assert not associate(alone(attempts), 1.0)
    assert not associate(alone([PASS, FAIL] * 10), 1.0)


def test_only_the_strongest_evidence_is_told() -> None:
    """Tests that always run together are told together, but not a hundred of them."""
    names = [f"t{number}" for number in range(10)]
    attempts = [after(FAIL, *names)] * 10 + [after(PASS)] * 20
    (found,) = associate(alone(attempts), 0.01)
    assert [each.what for each in found.evidence] == ["t0", "t1", "t2"]


def test_the_same_counts_have_the_same_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of tests ran before, and few ways to count them: each chance is worked out once."""
    asked: list[tuple[int, ...]] = []

    def fisher(*counts: int) -> float:
        asked.append(counts)
        return 1.0

    monkeypatch.setattr("pytest_orchestra.history.judgement.association.fisher", fisher)
    names = [f"t{number}" for number in range(3_000)]
    associate(
        alone(after(FAIL if number % 2 else PASS, *names[: 100 * number]) for number in range(20)),
        0.01,
    )
    assert len(asked) == len(set(asked))
    assert 0 < len(asked) < 50
