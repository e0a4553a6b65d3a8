"""Several runs as one: shards of a suite, runs that were repeated, files of other tools.

What comes out hangs on the runs and on nothing else: neither on their order, nor on how often one is
given, nor on whether some of them have been merged before.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_orchestra.merging.cases import Several, place_of
from pytest_orchestra.merging.numbering import label, number_anew
from pytest_orchestra.merging.resources import join_resources, join_workers
from pytest_orchestra.merging.stages import join_stages
from pytest_orchestra.model.flakes import QuarantineRecord
from pytest_orchestra.model.requirement import Kind
from pytest_orchestra.model.run import CaseRecord, PartRecord, RunRecord

#: Requirements that are edges.
_EDGES = frozenset({Kind.DATA, Kind.DEPENDENCY, Kind.ORDER})


def parts_of(run: RunRecord) -> tuple[PartRecord, ...]:
    """Return the runs that ``run`` is made of: itself, if it was not merged."""
    return run.parts or (PartRecord(run.uuid, run.shard),)


def distinct(runs: Iterable[RunRecord]) -> tuple[RunRecord, ...]:
    """Return ``runs``, oldest first, without those that others of them hold entirely."""
    kept: list[RunRecord] = []
    seen: set[str] = set()
    largest_first = sorted(runs, key=lambda run: (-len(parts_of(run)), run.started, run.uuid))
    for run in largest_first:
        parts = {part.uuid for part in parts_of(run)}
        if not parts <= seen:
            kept.append(run)
            seen |= parts
    return tuple(sorted(kept, key=lambda run: (run.started, run.uuid)))


def combine(runs: Iterable[RunRecord]) -> RunRecord:
    """Return one record of ``runs``, of which there is at least one; a single one stays as it is.

    A test that is in several of them has all its attempts, by time, and ends as it did the last time
    that it ran: if that was well, and it had failed before, it is flaky. Cases are in the order of their
    places in the source.
    """
    kept = distinct(runs)
    if len(kept) == 1:
        return kept[0]
    places = {case.spec.nodeid: place_of(case.spec) for run in kept for case in run.cases}
    nodeids = sorted(places, key=places.__getitem__)
    numbers = {nodeid: number for number, nodeid in enumerate(nodeids)}
    started = min((run.started for run in kept if run.started), default=0.0)
    stages = {stage.spec.name: number for number, stage in enumerate(join_stages(kept))}
    moved = [number_anew(label(run), numbers, stages, started) for run in kept]
    found: dict[str, Several] = defaultdict(Several)
    for number, run in enumerate(moved):
        for case in run.cases:
            found[case.spec.nodeid].add(number, run.started, case)
    several = [found[nodeid] for nodeid in nodeids]
    return _whole(moved, several, started)


def _whole(runs: Sequence[RunRecord], several: Sequence[Several], started: float) -> RunRecord:
    """Return the record of ``runs``, which count from ``started`` and by the places in ``several``."""
    cases = tuple([each.join() for each in several])
    parts = {part.uuid: part for run in runs for part in parts_of(run)}
    flakes = {each.case: each for run in runs for each in run.flakes}
    counted = [run for number, run in enumerate(runs) if not _is_made_good(run, runs[number + 1 :])]
    ends = [run.started + run.seconds for run in runs if run.started]
    return RunRecord(
        cases=cases,
        resources=join_resources(runs, cases),
        workers=join_workers(runs),
        edges=len(set(_edges(cases))),
        seconds=max(ends) - started if ends else sum(run.seconds for run in runs),
        stopped="; ".join(dict.fromkeys(run.stopped for run in counted if run.stopped)) or None,
        unclaimed=tuple(sorted(_first({}, runs).items())),
        started=started,
        warnings=tuple(dict.fromkeys(each for run in runs for each in run.warnings)),
        has_given_up_retrying=any(run.has_given_up_retrying for run in runs),
        pressure=tuple(
            sorted(
                dict.fromkeys(each for run in runs for each in run.pressure),
                key=lambda each: (each.began, each.scarce, each.seconds, each.fewest),
            )
        ),
        fails_on_flaky=any(run.fails_on_flaky for run in runs),
        uncollected=tuple(dict.fromkeys(each for run in counted for each in run.uncollected)),
        surroundings=runs[0].surroundings,
        flakes=tuple(flakes[case] for case in sorted(flakes)),
        suite_flakes=next((r.suite_flakes for r in reversed(runs) if r.suite_flakes), None),
        quarantine=tuple(_quarantine(runs, several)),
        uuid=hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:32],
        parts=tuple(parts[uuid] for uuid in sorted(parts)),
        # What was predicted and dispatched, a score, coverage and what other tools wrote are each of one run, and no
        # sum of them.
        recommendations=tuple(
            sorted(
                dict.fromkeys(each for run in runs for each in run.recommendations),
                key=lambda each: (-(each.gain or 0.0), each.topic, each.text, each.cases),
            )
        ),
        stages=join_stages(runs),
        unadvised="; ".join(dict.fromkeys(run.unadvised for run in runs if run.unadvised)),
    )


def _is_made_good(run: RunRecord, later: Iterable[RunRecord]) -> bool:
    """Whether all that ``run``, which got no further than its collection, could not collect has run ``later``."""
    if run.cases or not run.uncollected:
        return False
    missing = {each.nodeid.partition("::")[0] for each in run.uncollected if not each.is_skipped}
    ran = {case.spec.nodeid.partition("::")[0] for each in later for case in each.cases}
    return missing <= ran


def _first(found: dict[str, int], runs: Iterable[RunRecord]) -> Mapping[str, int]:
    """Return the first case that asked for each fixture which was not known of."""
    for run in runs:
        for fixture, case in run.unclaimed:
            found[fixture] = min(case, found.get(fixture, case))
    return found


def _edges(cases: Sequence[CaseRecord]) -> Iterator[tuple[int, int]]:
    for number, case in enumerate(cases):
        for requirement in case.requirements:
            if requirement.kind in _EDGES:
                yield from ((number, each) for each in requirement.cases)


def _quarantine(
    runs: Sequence[RunRecord], several: Sequence[Several]
) -> Iterator[QuarantineRecord]:
    """Yield what was said where each test ran last: who has passed since does not fail the run."""
    found = {
        (number, each.case): each for number, run in enumerate(runs) for each in run.quarantine
    }
    for case in sorted({case for _, case in found}):
        said = found.get((several[case].deciding, case))
        if said is not None:
            yield said
