"""What a run says in numbers and names of its own, said in those of the run that it becomes a part of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from pytest_orchestra.merging.stages import label_checks
from pytest_orchestra.model.run import CaseRecord, RunRecord

#: Stands between a worker's name and what it was a part of.
_OF: Final = "@"

#: Into so many parts a second is cut, which are those in which Unix time comes as a float: sums of them
#: are exact, and so the same in any order.
_PARTS: Final = 1 << 22

#: So many characters of a run's uuid tell it from the others.
_SHOWN: Final = 6


def label(run: RunRecord) -> RunRecord:
    """Return ``run`` with the names of workers made the run's own: ``gw0@2`` is the second shard's."""
    if len(run.parts) > 1:
        return run
    shard = run.parts[0].shard if run.parts else run.shard
    name = str(shard.index) if shard is not None else run.uuid[:_SHOWN]
    suffix = f"{_OF}{name}"

    def rename(worker: str) -> str:
        return worker if not worker or _OF in worker else worker + suffix

    return replace(
        run,
        cases=tuple([_renamed(case, rename) for case in run.cases]),
        workers=tuple(replace(each, name=rename(each.name)) for each in run.workers),
        stages=label_checks(run, f"{'run' if shard is None else 'shard'} {name}"),
    )


def _renamed(case: CaseRecord, rename: Callable[[str], str]) -> CaseRecord:
    cause = case.cause
    if cause is not None and cause.worker is not None:
        cause = replace(cause, worker=rename(cause.worker))
    return replace(
        case,
        worker=None if case.worker is None else rename(case.worker),
        cause=cause,
        attempts=tuple([replace(each, worker=rename(each.worker)) for each in case.attempts]),
    )


def number_anew(
    run: RunRecord, numbers: Mapping[str, int], stages: Mapping[str, int], started: float
) -> RunRecord:
    """Return ``run`` with ``numbers`` (by node id) for its cases, and times that count from ``started``.

    Cases are of the stages with the numbers in ``stages`` (by name). Its own start, in seconds since the epoch, and the order of its cases stay.
    """
    new = [numbers[case.spec.nodeid] for case in run.cases]
    stage_of = [stages[stage.spec.name] for stage in run.stages]
    later = run.started - started if run.started else 0.0
    return replace(
        run,
        cases=tuple([_moved(case, new, stage_of, later) for case in run.cases]),
        workers=tuple(
            replace(
                each,
                joined_at=_exact(each.joined_at) + later,
                busy=_exact(each.busy),
                present=_exact(each.present),
            )
            for each in run.workers
        ),
        resources=tuple(replace(each, held_up=_exact(each.held_up)) for each in run.resources),
        unclaimed=tuple((fixture, new[case]) for fixture, case in run.unclaimed),
        flakes=tuple(replace(each, case=new[each.case]) for each in run.flakes),
        quarantine=tuple(replace(each, case=new[each.case]) for each in run.quarantine),
        pressure=tuple(
            replace(each, began=_exact(each.began) + later, seconds=_exact(each.seconds))
            for each in run.pressure
        ),
        recommendations=tuple(
            replace(each, cases=tuple([new[case] for case in each.cases]))
            for each in run.recommendations
        ),
        stages=tuple(
            replace(
                each,
                opened_at=_later(each.opened_at, later),
                ended_at=_later(each.ended_at, later),
                judged_at=_later(each.judged_at, later),
            )
            for each in run.stages
        ),
    )


def _moved(case: CaseRecord, new: list[int], stage_of: list[int], later: float) -> CaseRecord:
    spec, cause = case.spec, case.cause
    if spec.stage is not None and spec.stage < len(stage_of):
        spec = replace(spec, stage=stage_of[spec.stage])
    if cause is not None and cause.case is not None:
        cause = replace(cause, case=new[cause.case])
    if cause is not None and cause.stage is not None and cause.stage < len(stage_of):
        cause = replace(cause, stage=stage_of[cause.stage])
    return replace(
        case,
        spec=spec,
        cause=cause,
        ready_at=_later(case.ready_at, later),
        refused_at=_later(case.refused_at, later),
        assigned_at=_later(case.assigned_at, later),
        requirements=tuple(
            [
                replace(each, cases=tuple([new[case] for case in each.cases]))
                for each in case.requirements
            ]
        ),
    )


def _later(at: float | None, later: float) -> float | None:
    return None if at is None else _exact(at) + later


def _exact(seconds: float) -> float:
    """Return ``seconds`` such that no sum of them loses a digit; it is off by a millionth at most."""
    return round(seconds * _PARTS) / _PARTS if math.isfinite(seconds) else seconds
