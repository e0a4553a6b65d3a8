"""Workers and resources of several runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from pytest_orchestra.model.capacity import Scope
from pytest_orchestra.model.run import CaseRecord, ResourceRecord, RunRecord, WorkerRecord


def join_workers(runs: Iterable[RunRecord]) -> tuple[WorkerRecord, ...]:
    """Return the workers of ``runs``; one of the same name was there again when a shard was repeated."""
    found: dict[str, WorkerRecord] = {}
    for worker in (each for run in runs for each in run.workers):
        other = found.get(worker.name)
        if other is None:
            found[worker.name] = worker
        elif other != worker:  # the same one may be in two that were merged before
            found[worker.name] = replace(
                other,
                cases=other.cases + worker.cases,
                busy=other.busy + worker.busy,
                present=other.present + worker.present,
                joined_at=min(other.joined_at, worker.joined_at),
            )
    # Not by run: two that were merged before may each hold every other shard.
    return tuple(sorted(found.values(), key=lambda each: (each.joined_at, each.name)))


def join_resources(
    runs: Sequence[RunRecord], cases: Sequence[CaseRecord]
) -> tuple[ResourceRecord, ...]:
    """Return the resources of ``runs``, each of which had its own, unless the machine's runs shared them.

    A shard that was repeated has the same again. What was in use at a time is seen from the ``cases``.
    """
    in_use = _peaks(cases)
    found: dict[str, ResourceRecord] = {}
    had: set[int] = set()
    for run in runs:
        shards = {part.shard.index for part in run.parts if part.shard is not None}
        shards |= {run.shard.index} if run.shard is not None else set()
        is_again = bool(shards) and shards <= had
        had |= shards
        for resource in run.resources:
            other = found.get(resource.name)
            found[resource.name] = (
                resource if other is None else _joined(other, resource, is_again=is_again)
            )
    return tuple(
        replace(found[name], peak=max(found[name].peak, in_use.get(name, 0)))
        for name in sorted(found)
    )


def _joined(one: ResourceRecord, other: ResourceRecord, *, is_again: bool) -> ResourceRecord:
    capacity = None
    if one.capacity is not None and other.capacity is not None:
        is_same = is_again or Scope.MACHINE in (one.scope, other.scope)
        join = max if is_same else int.__add__
        capacity = join(one.capacity, other.capacity)
    return replace(
        one,
        capacity=capacity,
        peak=max(one.peak, other.peak),
        held_up=one.held_up + other.held_up,
    )


def _peaks(cases: Iterable[CaseRecord]) -> dict[str, int]:
    """Return how much of each resource tests had at a time, at most."""
    changes: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for case in cases:
        if case.assigned_at is None or case.seconds is None:
            continue
        for lease in case.leases:
            changes[lease.resource].append((case.assigned_at, lease.amount))
            changes[lease.resource].append((case.assigned_at + case.seconds, -lease.amount))
    return {
        name: max(accumulate(amount for _, amount in sorted(each)))
        for name, each in changes.items()
    }
