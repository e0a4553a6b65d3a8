"""What users and coverage have to say of gates."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from reported import case, run

from pytest_orchestra.model.advice import Coverage
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.stage import Check, Gate, StageFigures, StageRecord, StageSpec
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.running.gates import late_failures, review, with_coverage
from pytest_orchestra.running.stage_words import summary_of_stages

COVERED = StageRecord(StageSpec("one", gate=Gate(min_coverage=80.0)), judged_at=1.0)
PLAIN = StageRecord(StageSpec("two"))


def config_with(hook: Any) -> Any:
    """Return what stands for pytest's configuration, with an implementation of the hook."""
    return SimpleNamespace(hook=SimpleNamespace(pytest_orchestra_gate=hook))


def judged(record: RunRecord) -> Check:
    """Return what became of the gate that asks for coverage."""
    first, second = with_coverage(record).stages
    assert second == PLAIN
    (check,) = first.checks
    return check


def staged(*cases: CaseRecord, percent: float | None = None) -> RunRecord:
    """Return a run with a stage that asks for 80 % coverage, of which so much was measured."""
    coverage = None if percent is None else Coverage(percent, 70.0, "pytest-cov")
    return replace(run(*cases), stages=(COVERED, PLAIN), coverage=coverage)


@pytest.mark.parametrize(("percent", "is_met"), [(79.99, False), (80.0, True)])
def test_coverage_is_judged_at_the_end(
    percent: float,
    is_met: bool,  # noqa: FBT001 - a parameter
) -> None:
    """With its figure, beside the limit."""
    check = judged(staged(case(Verdict.PASSED), percent=percent))
    assert check.is_met is is_met
    assert check.detail == f"coverage {percent:g} %, at least 80 % needed"


def test_what_was_not_measured_is_not_met() -> None:
    """And what to do about it is said."""
    check = judged(staged(case(Verdict.PASSED)))
    assert (check.is_met, check.detail.split(": ")[1]) == (
        False,
        "install pytest-cov and give --cov",
    )


@pytest.mark.parametrize(
    "held",
    [
        case(Verdict.NOT_RUN),
        replace(case(Verdict.BLOCKED), cause=Cause("gate of stage 'one' failed", stage=0)),
    ],
    ids=["stopped", "gate"],
)
def test_half_a_run_says_nothing_of_coverage(held: CaseRecord) -> None:
    """Where tests were held back nobody knows what they would have covered."""
    assert judged(staged(held, percent=10.0)).is_met is None


@pytest.mark.parametrize("judged_at", [1.0, None])
def test_whoever_watches_hears_of_missing_coverage(judged_at: float | None) -> None:
    """At the end, of a gate that may have passed before; of one whose coverage suffices nothing."""
    record = staged(case(Verdict.PASSED), percent=7.0)
    record = replace(record, stages=(replace(COVERED, judged_at=judged_at), PLAIN))
    (told,) = late_failures(with_coverage(record))
    assert (told.stage, told.had_passed) == ("one", judged_at is not None)
    assert told.reasons == ("coverage 7 %, at least 80 % needed",)
    assert not list(late_failures(with_coverage(staged(case(Verdict.PASSED), percent=90.0))))


def test_a_run_whose_gates_ask_for_no_coverage_stays_as_it_is() -> None:
    """Whether or not any was measured."""
    record = replace(run(case(Verdict.PASSED)), stages=(PLAIN,))
    assert with_coverage(record) is record


def test_whoever_objects_is_heard() -> None:
    """Also whoever says something that is no text, or fails to say anything."""
    figures = StageFigures("one")
    assert review(config_with(lambda stage: [stage.name, 3]), figures) == (
        "one",
        "pytest_orchestra_gate returned 3, which is neither None nor a text",
    )

    def fail(stage: StageFigures) -> list[str]:
        raise LookupError(stage.name)

    assert review(config_with(fail), figures) == ("pytest_orchestra_gate raised LookupError: one",)


@pytest.mark.parametrize("raises", [pytest.fail, pytest.skip, pytest.xfail, sys.exit])
def test_what_ends_a_test_is_an_objection(raises: Callable[[str], None]) -> None:
    """The hook is no test: nothing that it raises is taken for the outcome of the last test of the stage."""

    def hook(stage: StageFigures) -> list[str]:
        raises(f"{stage.name} is bad")
        return []

    (objection,) = review(config_with(hook), StageFigures("one"))
    assert objection.startswith("pytest_orchestra_gate raised ")
    assert objection.endswith(": one is bad")


def test_objections_are_lines() -> None:
    """Whatever is in them, since they stand in tables and in reasons; one that says nothing is said to."""
    answers = ["two\nlines \x1b[31m", " "]
    assert review(config_with(lambda stage: answers), StageFigures("one")) == (  # noqa: ARG005 - pluggy's name
        "two lines #x1B[31m",
        "pytest_orchestra_gate returned an empty text, and not None",
    )


def test_the_summary_says_what_failed_the_run() -> None:
    """Below a table of all stages, in which columns of numbers are aligned."""
    failed = replace(COVERED, checks=(Check("max_failures", is_met=False, detail="2 failed"),))
    spec = replace(case(Verdict.PASSED).spec, stage=0)
    record = replace(
        run(replace(case(Verdict.PASSED), spec=spec)),
        stages=(replace(failed, opened_at=0.5), PLAIN),
    )
    assert list(summary_of_stages(record)) == [
        "stage  tests    from     to  gate    verdicts",
        "one        1  0.50 s  never  failed  1 passed",
        "two        0   never  never  none    no tests",
        "gate of stage one failed, so the run has: 2 failed",
    ]
