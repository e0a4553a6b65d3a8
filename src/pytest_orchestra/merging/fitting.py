"""Whether runs belong together: shards that lose and duplicate no test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from pytest_orchestra.merging.combine import parts_of
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.shard import ShardRecord, misfits

#: So many tests are named.
_NAMED: Final = 3

#: Begins what a record says of shards that it lacks, behind why its runs were stopped.
_INCOMPLETE: Final = "incomplete: "


def shards_of(runs: Iterable[RunRecord]) -> tuple[ShardRecord, ...]:
    """Return the shards that ``runs`` are, or were merged from."""
    return tuple(part.shard for run in runs for part in parts_of(run) if part.shard is not None)


def losses(runs: Sequence[RunRecord]) -> Iterator[str]:
    """Yield which shards are not there, cut otherwise, or without some of their tests."""
    shards = shards_of(runs)
    if shards:
        yield from misfits(shards)
    for run in runs:
        shard = run.shard
        if shard is None:
            continue  # a JUnit file does not say how many there should be
        if not 1 <= shard.index <= len(shard.sizes):
            yield (
                f"shard {shard.index} is none of the {len(shard.sizes)} whose sizes its record has: "
                "write it again, or restore it"
            )
        elif len(run.cases) != shard.sizes[shard.index - 1]:
            yield (
                f"shard {shard.index} has {len(run.cases)} tests, and should have "
                f"{shard.sizes[shard.index - 1]}"
            )


def duplicates(runs: Sequence[RunRecord]) -> Iterator[str]:
    """Yield which tests are in several shards."""
    first: dict[str, int] = {}
    twice: dict[tuple[int, int], list[str]] = {}
    for run in runs:
        parts = parts_of(run)
        shard = parts[0].shard if len(parts) == 1 else None
        if shard is None:
            continue
        for case in run.cases:
            other = first.setdefault(case.spec.nodeid, shard.index)
            if other != shard.index:
                twice.setdefault((other, shard.index), []).append(case.spec.nodeid)
    for (one, other), nodeids in sorted(twice.items()):
        more = f" and {len(nodeids) - _NAMED} more" if len(nodeids) > _NAMED else ""
        yield f"in shard {one} and in shard {other}: {', '.join(nodeids[:_NAMED])}{more}"


def mark_losses(run: RunRecord, lost: Sequence[str]) -> RunRecord:
    """Return ``run`` such that it says what it lacks, in place of what it lacked before."""
    before = (run.stopped or "").partition(_INCOMPLETE)[0].removesuffix("; ")
    told = [_INCOMPLETE + "; ".join(lost)] if lost else []
    return replace(run, stopped="; ".join(filter(None, [before, *told])) or None)
