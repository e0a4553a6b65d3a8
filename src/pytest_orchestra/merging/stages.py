"""Stages of several runs as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.stage import Check, StageRecord


def label_checks(run: RunRecord, of: str) -> tuple[StageRecord, ...]:
    """Return the stages of ``run``, whose checks say that it is the part ``of`` the whole that they judged."""
    return tuple(
        replace(
            stage,
            checks=tuple(
                replace(check, detail=f"{check.detail} ({of})".lstrip()) for check in stage.checks
            ),
        )
        for stage in run.stages
    )


def join_stages(runs: Sequence[RunRecord]) -> tuple[StageRecord, ...]:
    """Return the stages of ``runs``, whose times count from the same start, those of one name as one.

    They are in the order that all runs have, or else in that of their names. A gate judged each part by itself:
    all of its checks are kept, so it has failed if it failed for any part.
    """
    orders = {tuple(stage.spec.name for stage in run.stages) for run in runs if run.stages}
    names = orders.pop() if len(orders) == 1 else sorted({name for each in orders for name in each})
    found: dict[str, list[StageRecord]] = {name: [] for name in names}
    for run in runs:
        for stage in run.stages:
            found[stage.spec.name].append(stage)
    return tuple(_joined(stages) for stages in found.values())


def _joined(stages: Sequence[StageRecord]) -> StageRecord:
    checks = dict.fromkeys(check for stage in stages for check in stage.checks)
    return StageRecord(
        # Parts of one suite have the same; where somebody changed it meanwhile, one of them is as good.
        spec=min((stage.spec for stage in stages), key=repr),
        opened_at=min(
            (stage.opened_at for stage in stages if stage.opened_at is not None), default=None
        ),
        ended_at=max(
            (stage.ended_at for stage in stages if stage.ended_at is not None), default=None
        ),
        judged_at=max(
            (stage.judged_at for stage in stages if stage.judged_at is not None), default=None
        ),
        checks=tuple(sorted(checks, key=_place)),
    )


def _place(check: Check) -> tuple[str, str, str]:
    return check.criterion, check.detail, str(check.is_met)
