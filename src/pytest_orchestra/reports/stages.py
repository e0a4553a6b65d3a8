"""What became of the stages of a run, for all reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.stage import Check, Gate, OnFail, StageRecord, StageSpec, Strategy
from pytest_orchestra.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class StageStory:
    """One stage: what is recorded of it, and how many of its tests ended with each verdict."""

    record: StageRecord
    counts: Mapping[Verdict, int]

    @property
    def spec(self) -> StageSpec:
        """What the user wrote."""
        return self.record.spec

    @property
    def tests(self) -> int:
        """How many tests belong to it."""
        return sum(self.counts.values())

    @property
    def tally(self) -> str:
        """Its verdicts: ``30 passed, 1 failed``."""
        parts = (f"{self.counts[each]:,} {each}" for each in Verdict if each in self.counts)
        return ", ".join(parts) or "no tests"

    @property
    def plan(self) -> str:
        """How it runs: ``matrix by db, after smoke, on failure continue``."""
        spec = self.spec
        by = f" by {' and '.join(spec.axes)}" if spec.strategy is Strategy.MATRIX else ""
        after = f", after {', '.join(spec.needs)}" if spec.needs else ""
        then = f", on failure {spec.on_fail}" if spec.on_fail is not OnFail.SKIP_DEPENDENTS else ""
        return f"{spec.strategy}{by}{after}{then}"

    @property
    def gate(self) -> str:
        """What became of its gate: passed, failed, not judged; or none, if it asks for nothing."""
        record = self.record
        if self.spec.gate == Gate() and not record.checks:
            return "none"
        return "failed" if record.has_failed else "passed" if record.has_passed else "not judged"


def word(check: Check) -> str:
    """Return what became of ``check``: met, not met or not judged."""
    return "not judged" if check.is_met is None else "met" if check.is_met else "not met"


def stage_name(run: RunRecord, stage: int | None) -> str:
    """Return the name of a stage by its index; empty if there is none."""
    return run.stages[stage].spec.name if stage is not None and stage < len(run.stages) else ""


def stage_stories(run: RunRecord) -> tuple[StageStory, ...]:
    """Return the stages of ``run`` in their order."""
    if not run.stages:
        return ()
    counts: list[Counter[Verdict]] = [Counter() for _ in run.stages]
    for case in run.cases:
        stage = case.spec.stage
        if stage is not None and stage < len(counts):
            counts[stage][case.verdict] += 1
    return tuple(
        StageStory(record, tally) for record, tally in zip(run.stages, counts, strict=True)
    )
