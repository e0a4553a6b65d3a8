"""The zoo run for real, and judged by the product: tests that race, pollute and share a port.

It is a project in a git repository, with a history where a project has its own. Each run is of a
commit, in an order of its own. Halfway all tests that the history calls flaky go into quarantine, and all
that some commit breaks.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.flakes import LIMITS
from benchmarks.machine import Machine
from benchmarks.measure import MeasuringError, tell
from benchmarks.options import Options
from benchmarks.results import Bar, Report, Table, ratio, show
from benchmarks.zoo_place import Place
from benchmarks.zoo_plan import FEWEST, visits
from benchmarks.zoo_score import Found, Ran, Share
from pytest_orchestra.history.judgement.sentence import describe
from pytest_orchestra.model.flakes import Standing

#: Runs with each number of retries.
SIZE: Final = 30

RETRIES: Final = (2, 0)


def run(options: Options) -> Report:
    """Run the zoo ``size`` times with and without retries, and compare what is said of its tests."""
    machine = Machine.this()
    size = options.size or SIZE
    if size < FEWEST:
        raise MeasuringError(f"the zoo needs {FEWEST} runs for all that happens there: --size")
    all_found = [live(retries, size, options) for retries in RETRIES]
    return Report(
        "flakes-real",
        f"{size} runs of {len(all_found[0].tests)} tests with and without retries, on "
        f"{options.workers} workers, seed {options.seed}",
        machine,
        {f"retries_{found.retries}": _figures(found) for found in all_found},
        tuple(table for found in all_found for table in _tables(found)),
        tuple(bar for found in all_found for bar in _bars(found)),
    )


def live(retries: int, size: int, options: Options) -> Found:
    """Run the zoo so many times with so many ``retries``, and ask the history in the end."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder).resolve(), retries, options)
        place.found()
        runs: list[Ran] = []
        for visit in visits(options.seed, size):
            if visit.number == size // 2:
                place.put_into_quarantine()
            ran = place.run(visit)
            runs.append(ran)
            tell(
                f"{retries} retries, run {visit.number}: {ran.seconds:.1f} s, "
                f"{len(ran.failed_first)} failed at first, {len(ran.failed)} in the end"
            )
        return Found(retries, tuple(runs), place.judge())


def _bars(found: Found) -> tuple[Bar, ...]:
    wrong, missed = LIMITS[found.retries]
    name = f"{found.retries} retries"
    counts = found.counts
    return (
        Bar(f"{name}: 1 - precision of flaky", wrong, found.precision("flaky").missing),
        Bar(f"{name}: 1 - recall of flaky", missed, found.recall("flaky").missing),
        *(
            Bar(f"{name}: {what}", 0, counts[what])
            for what in (
                "runs with a regression that ended green",
                "regressions of tests in quarantine, let through",
            )
        ),
    )


def _associated(found: Found) -> list[str]:
    return sorted({each.label.associated for each in found.tests.values()} - {""})


def _figures(found: Found) -> dict[str, object]:
    return {
        "classes": {
            each.value: _shares(found.precision(each), found.recall(each)) for each in Standing
        },
        "associations": {kind: _shares(*found.association(kind)) for kind in _associated(found)},
        "coverage": asdict(found.coverage()),
        "coverage_by_rate": {f"{rate:g}": asdict(found.coverage(rate)) for rate in found.rates},
        "counts": found.counts,
        "statuses": [ran.status for ran in found.runs],
        "tests": {nodeid: describe(each.judgement) for nodeid, each in found.tests.items()},
    }


def _shares(precision: Share, recall: Share) -> dict[str, object]:
    return {"precision": asdict(precision), "recall": asdict(recall)}


def _tables(found: Found) -> tuple[Table, ...]:
    name = f"{found.retries} retries"
    classes = [
        (each.value, str(found.precision(each)), str(found.recall(each)))
        for each in Standing
        if each is not Standing.SUSPECT
    ]
    associations = [(kind, *map(str, found.association(kind))) for kind in _associated(found)]
    kinds = sorted({each.label.kind for each in found.tests.values()})
    return (
        Table(f"{name}: classes", ("class", "precision", "recall"), (*classes, *associations)),
        Table(
            f"{name}: what was seen and judged",
            ("tests", "failed first", "recovered", "judged", "associated with"),
            tuple(_row(found, kind) for kind in kinds),
        ),
        Table(
            f"{name}: how often the 90 % interval holds the rate",
            ("rate", "holds"),
            tuple(
                (f"{rate:.0%}" if rate else "all", str(found.coverage(rate)))
                for rate in (*found.rates, None)
            ),
        ),
        Table(
            f"{name}: runs and failures",
            ("what", "how many"),
            tuple((what, str(number)) for what, number in found.counts.items()),
        ),
    )


def _row(found: Found, kind: str) -> tuple[str, ...]:
    tests = found.of_kind(kind)
    ran, failed, recovered = found.failed(list(tests))
    return (
        kind,
        show(ratio(failed, ran)),
        show(ratio(recovered, failed)),
        _tally(each.judgement.standing for each in tests.values()),
        _tally(name for each in tests.values() for name in each.kinds),
    )


def _tally(words: Iterable[str]) -> str:
    counts = Counter(words)
    return ", ".join(f"{number} {word}" for word, number in sorted(counts.items())) or "-"
