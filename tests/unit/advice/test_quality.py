"""The score, its parts, and what is left out of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reported import attempt, case, run

from pytest_orchestra.advice.quality import (
    COMPLETE,
    EFFICIENT,
    PASSING,
    PROMPT,
    STABLE,
    judge_quality,
)
from pytest_orchestra.model.advice import Grade, Quality
from pytest_orchestra.model.run import RunRecord, UncollectedRecord
from pytest_orchestra.model.verdict import Verdict

PASSED, FAILED, FLAKY = Verdict.PASSED, Verdict.FAILED, Verdict.FLAKY


def quality(record: RunRecord, bound: float | None = 4.0, flaky: float | None = None) -> Quality:
    """Return the quality of a run that has one."""
    found = judge_quality(record, bound, flaky)
    assert found is not None
    return found


def values(found: Quality) -> dict[str, float]:
    """Return the parts that are known."""
    return {part.name: part.value for part in found.parts}


def test_a_run_without_fault_is_perfect() -> None:
    """All parts are known, and all are 1."""
    found = quality(run(case(PASSED), case(PASSED)))
    assert (found.score, found.grade, found.unknown) == (100.0, Grade.A, ())
    assert set(values(found)) == {PASSING, STABLE, COMPLETE, EFFICIENT, PROMPT}


def test_the_formula_gives_the_score() -> None:
    """Whoever reckons it again gets what is shown."""
    found = quality(run(case(PASSED), case(FAILED, seconds=1.0)), bound=2.0)
    assert found.formula == (
        "(40 x 0.25 passing + 15 x 1.00 complete + 15 x 0.50 efficient + 10 x 0.50 prompt) / 80"
        " = 46.9 %"
    )
    assert found.score == pytest.approx((40 * 0.25 + 15 + 7.5 + 5) / 80 * 100)
    assert found.grade is Grade.E


def test_nothing_ran_is_no_quality() -> None:
    """Neither skipped tests nor none at all tell anything."""
    assert judge_quality(run()) is None
    assert judge_quality(run(case(Verdict.SKIPPED), case(Verdict.XFAILED))) is None


def test_a_failure_that_nobody_tried_again_tells_nothing_of_stability() -> None:
    """It may be by chance: that part is left out, which is said."""
    assert STABLE in dict(quality(run(case(FAILED))).unknown)
    twice = case(FAILED, attempt(FAILED), attempt(FAILED))
    assert values(quality(run(twice)))[STABLE] == 1.0


def test_flaky_tests_make_a_suite_unstable() -> None:
    """Two in a hundred are two fifths of what would be the worst; more in history count instead."""
    tests = [case(PASSED)] * 98 + [case(FLAKY, attempt(FAILED), attempt(PASSED))] * 2
    assert values(quality(run(*tests)))[STABLE] == pytest.approx(0.6)
    assert values(quality(run(*tests), flaky=0.04))[STABLE] == pytest.approx(0.2)
    assert values(quality(run(*tests), flaky=0.5))[STABLE] == 0.0


def test_what_could_not_run_makes_a_run_incomplete() -> None:
    """Blocked tests, tests that were not run, and files that could not be collected."""
    tests = case(PASSED), case(PASSED), case(Verdict.BLOCKED), case(Verdict.NOT_RUN)
    assert values(quality(run(*tests)))[COMPLETE] == 0.5
    lost = UncollectedRecord("b.py", is_skipped=False, text="")
    assert values(quality(run(*tests, uncollected=(lost,))))[COMPLETE] == 0.4


@pytest.mark.parametrize("reason", ["alone", "short", "unknown"])
def test_efficiency_without_evidence_is_left_out(reason: str) -> None:
    """One worker, a run of a moment, or no bound."""
    record = run(case(PASSED))
    changed = {
        "alone": replace(record, workers=record.workers[:1]),
        "short": replace(record, seconds=0.5),
        "unknown": record,
    }[reason]
    found = quality(changed, bound=None if reason == "unknown" else 4.0)
    assert EFFICIENT in dict(found.unknown)
    assert EFFICIENT not in values(found)


def test_early_failures_are_better_than_late_ones() -> None:
    """What is known after a second of four has a quarter to be sorry for; the last failure counts."""
    early = run(case(FAILED, assigned_at=0.0, seconds=1.0))
    unknown = run(case(FAILED, assigned_at=None))
    assert values(quality(early))[PROMPT] == 0.75
    late = case(FAILED, assigned_at=1.0, seconds=2.0)
    assert values(quality(replace(early, cases=(*early.cases, late))))[PROMPT] == 0.25
    assert values(quality(unknown))[PROMPT] == 0.0
