"""What others have to say of gates: users, in a hook, and coverage, which is only known when a run is over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import pytest
from _pytest.outcomes import OutcomeException

from pytest_orchestra.model.moments import GateJudged
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.stage import Check, StageFigures, StageRecord, StageSpec
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.stages import stage_stories
from pytest_orchestra.reports.text import one_line
from pytest_orchestra.running.draft import show

#: Returns why the gate of a stage that came to these figures does not pass; nothing if it does.
Review: TypeAlias = Callable[[StageFigures], tuple[str, ...]]

#: The criterion that only the end of the run decides.
_COVERAGE: Final = "min_coverage"


@dataclass(frozen=True, slots=True)
class Gating:
    """The stages of a run, if it has any.

    ``quarantined`` are node ids of tests that may be flaky. ``is_reviewed``: users have a say in gates.
    """

    stages: tuple[StageSpec, ...] = ()
    quarantined: Collection[str] = ()
    is_reviewed: bool = False


#: Of a run without stages.
NO_GATING: Final = Gating()


def is_reviewed(config: pytest.Config) -> bool:
    """Whether any plugin or conftest.py has a say in gates."""
    return bool(config.hook.pytest_orchestra_gate.get_hookimpls())


def review(config: pytest.Config, figures: StageFigures) -> tuple[str, ...]:
    """Return why the gate of a stage does not pass, in the words of all who have a say in it.

    Who fails to say anything objects: a gate is not to pass because of a mistake.
    """
    try:
        answers = config.hook.pytest_orchestra_gate(stage=figures)
    except (Exception, SystemExit, OutcomeException) as error:  # noqa: BLE001 - it is the user's code
        # pytest.fail() and pytest.skip() raise what is no Exception, and would be taken for the outcome of a test.
        return (one_line(f"pytest_orchestra_gate raised {type(error).__name__}: {error}"),)
    return tuple(map(_objection, answers))


def _objection(answer: object) -> str:
    """Return what somebody objects, in one line."""
    if not isinstance(answer, str):
        return f"pytest_orchestra_gate returned {show(answer)}, which is neither None nor a text"
    return one_line(answer) or "pytest_orchestra_gate returned an empty text, and not None"


def with_coverage(run: RunRecord) -> RunRecord:
    """Return ``run`` with what its coverage makes of gates that ask for some."""
    if all(stage.spec.gate.min_coverage is None for stage in run.stages):
        return run
    return replace(run, stages=tuple(_covered(stage, run) for stage in run.stages))


def late_failures(run: RunRecord) -> Iterator[GateJudged]:
    """Yield for each gate that coverage fails what is to be told of that: nobody knew before the end."""
    for story in stage_stories(run):
        stage = story.record
        reasons = tuple(
            check.detail
            for check in stage.checks
            if check.criterion == _COVERAGE and check.is_met is False
        )
        if reasons:
            others = (check for check in stage.checks if check.criterion != _COVERAGE)
            had_passed = stage.judged_at is not None and all(check.is_met for check in others)
            name, at = stage.spec.name, run.seconds
            yield GateJudged(name, at, story.counts, reasons, had_passed=had_passed)


def _covered(stage: StageRecord, run: RunRecord) -> StageRecord:
    least = stage.spec.gate.min_coverage
    if least is None:
        return stage
    is_met, detail = _judge_coverage(run, least)
    return replace(stage, checks=(*stage.checks, Check(_COVERAGE, is_met, detail)))


def _judge_coverage(run: RunRecord, least: float) -> tuple[bool | None, str]:
    wanted = f"at least {least:g} % needed"
    if any(_was_held_back(run, case) for case in range(len(run.cases))):
        return None, f"coverage not judged, since tests were held back; {wanted}"
    if run.coverage is None:
        remedy = "install pytest-cov and give --cov"
        return False, f"coverage was not measured, {wanted}: {remedy}"
    percent = run.coverage.percent
    return percent >= least, f"coverage {percent:.4g} %, {wanted}"


def _was_held_back(run: RunRecord, case: int) -> bool:
    """Whether it did not run since the run was stopped, or a gate had failed."""
    record = run.cases[case]
    by_gate = record.cause is not None and record.cause.stage is not None
    return record.verdict is Verdict.NOT_RUN or by_gate
