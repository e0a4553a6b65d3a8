"""Why a run has failed in which no test may have: conditions that the run as a whole was to meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_orchestra.model.run import RunRecord


@dataclass(frozen=True, slots=True)
class Condition:
    """What the run was to meet, by ``name``, whether it did, and by which figures; ``is_of_stage``: a gate's."""

    name: str
    is_met: bool
    detail: str
    is_of_stage: bool = False

    @property
    def text(self) -> str:
        """All of it in a line."""
        return f"{self.name}: {self.detail}"


def conditions(run: RunRecord) -> Iterator[Condition]:
    """Yield what gates asked for, and what became of tests that failed in some attempt.

    That is: what quarantine, and --orchestrate-fail-on-flaky, made of them.
    """
    for stage in run.stages:
        for check in stage.checks:
            if check.is_met is not None:
                name = f"gate of stage {stage.spec.name!r}, {check.criterion}"
                yield Condition(name, check.is_met, check.detail, is_of_stage=True)
    flaky = len(run.flaky)
    if run.fails_on_flaky:
        tests = "1 test is" if flaky == 1 else f"{flaky or 'no'} tests are"
        yield Condition("--orchestrate-fail-on-flaky", not flaky, f"{tests} flaky")
    for each in run.quarantine:
        nodeid = run.cases[each.case].spec.nodeid
        yield Condition(f"quarantine of {nodeid}", not each.gates, each.sentence)
