"""``pytest-orchestra plan``: what a run would take with other numbers of workers and tokens."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from pytest_orchestra.cli import project
from pytest_orchestra.cli.console import progress, say
from pytest_orchestra.cli.flaky_report import write_data
from pytest_orchestra.cli.history_show import table
from pytest_orchestra.cli.project import CommandError, Project
from pytest_orchestra.errors import UsageProblems
from pytest_orchestra.history.estimates import expected_seconds
from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.forms import FORMS
from pytest_orchestra.reports.record_file import read_record
from pytest_orchestra.resource_settings import read_options
from pytest_orchestra.scheduling.capacity import settle_stock
from pytest_orchestra.scheduling.data import pair
from pytest_orchestra.scheduling.foresight import foresee
from pytest_orchestra.scheduling.graph import Graph, arrange, link
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import fill, score

EPILOG: Final = """\
examples:
  pytest-orchestra plan build/record.json.gz
  pytest-orchestra plan build/record.json.gz --workers 4,8,16 --resource db=3

What tests need is taken from the record of a run, what they take from the history, and from the record
where that has nothing. Setting up shared fixtures and starting workers are not counted. Of the tests as
they are now, fixtures included, pytest --orchestrate --orchestrate-plan tells.

exit codes: 0 predicted; 2 wrong use, or nothing to predict from
"""

#: What is tried unless the user says otherwise, with the number that the run had.
_USUAL: Final = (1, 2, 4, 8, 16)
_MOST: Final = 4096

#: The number of workers that is good enough comes so close to the best.
_CLOSE: Final = 1.05

#: Cases scheduled, and seconds spent, while looking for a better order, for each row.
_SCHEDULED: Final = 100_000
_PATIENCE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a run on so many ``workers`` takes: no less than ``bound`` seconds, because of ``reason``.

    ``utilisation`` is the share of its time in which a worker has a test, 0.0 to 1.0.
    """

    workers: int
    seconds: float
    utilisation: float
    bound: float
    reason: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be given on the command line."""
    project.add_options(parser)
    parser.add_argument(
        "record",
        nargs="?",
        type=Path,
        help="record.json.gz of a run (default: that in the project's directory of reports)",
    )
    parser.add_argument(
        "--workers",
        metavar="N,N",
        type=_numbers,
        help=f"so many (default: {','.join(map(str, _USUAL))} and what the run had)",
    )
    parser.add_argument(
        "--resource",
        metavar="NAME=N",
        action="append",
        default=[],
        help="so many tokens of it; may be given several times",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, and nothing else, on standard output"
    )


def act(options: argparse.Namespace) -> int:
    """Do what ``options`` say."""
    place = Project.find(options)
    run = read_record(_record_path(options, place))
    if not run.cases:
        raise CommandError("the run has no tests, so there is nothing to predict")
    capacities = _capacities(run, place, options.resource)
    known = _known_seconds(run, place, options)
    seconds = [known.get(case.spec.nodeid, case.seconds) for case in run.cases]
    counts = options.workers or sorted({*_USUAL, max(1, len(run.workers))})
    found = list(predict(run, capacities, seconds, counts))
    if options.json:
        write_data(
            {
                "tests": len(run.cases),
                "known_by_history": len(known),
                "run": {"workers": len(run.workers), "seconds": run.seconds},
                "predictions": [asdict(each) for each in found],
            }
        )
    else:
        say(_lines(run, len(known), found))
    return 0


def predict(
    run: RunRecord,
    capacities: Mapping[str, Capacity],
    seconds: Sequence[float | None],
    counts: Sequence[int],
) -> Iterator[Prediction]:
    """Yield what the tests of ``run`` take on each number of workers in ``counts``.

    ``seconds`` are expected durations of its cases. Raises UsageProblems if a test needs more than
    there is.
    """
    specs = [case.spec for case in run.cases]
    stock, problems = settle_stock(specs, capacities)
    if problems:
        raise UsageProblems(problems)
    graph: Graph = arrange(pair(specs).join(link(specs).prerequisites))
    pool = Pool(stock.overall())
    rounds = _SCHEDULED // (3 * len(specs))
    work = sum(fill(seconds))
    with progress("predicting", len(counts)) as shown:
        for workers in counts:
            end = time.monotonic() + _PATIENCE
            scores = score(specs, graph, seconds, workers)
            found = foresee(
                specs,
                graph,
                pool,
                scores,
                seconds,
                workers,
                rounds,
                lambda _, end=end: time.monotonic() < end,  # type: ignore[misc]
            )
            taken = found.makespan
            share = work / (workers * taken) if taken > 0 else 0.0
            bound = found.bound
            yield Prediction(workers, taken, min(1.0, share), bound.seconds, bound.reason)
            shown.step()


def _record_path(options: argparse.Namespace, place: Project) -> Path:
    if options.record is not None:
        path: Path = options.record
        return path
    folder = place.settings.report
    if folder is not None:
        usual = place.root / Path(folder).expanduser() / FORMS["json"].file
        if usual.is_file():
            return usual
    raise CommandError(
        "what tests need is not known: name the record of a run, which --orchestrate-json=PATH or "
        "--orchestrate-report=DIR writes (record.json.gz)"
    )


def _capacities(run: RunRecord, place: Project, texts: Sequence[str]) -> dict[str, Capacity]:
    """Return what there is: by the command line, else the configuration, else as the run had it."""
    shards = {part.shard.index for part in run.parts if part.shard is not None}
    had: dict[str, Capacity] = {}
    for each in run.resources:
        if each.capacity is None:
            continue
        name = each.name.partition(" on ")[0]  # what each host has is counted together
        # Of merged shards each had its own.
        tokens = max(1, each.capacity // max(1, len(shards)))
        before = had[name].tokens if name in had else 0
        had[name] = Capacity(before + tokens, is_quantity=each.is_quantity)
    problems: list[Problem] = []
    declared = {**had, **place.settings.resources}
    wanted = read_options(texts, declared, problems)
    problems += [
        Problem(f"--resource {name}: no test claims it", f"known are {', '.join(sorted(had))}")
        for name in wanted
        if name not in had
    ]
    if problems:
        raise UsageProblems(
            replace(each, what=each.what.replace("--orchestrate-resource", "--resource"))
            for each in problems
        )
    return {**declared, **wanted}


def _known_seconds(run: RunRecord, place: Project, options: argparse.Namespace) -> dict[str, float]:
    """Return what the history expects of the tests, by node id; nothing where there is none."""
    if options.history is None and not place.has_history:
        return {}
    nodeids = [case.spec.nodeid for case in run.cases]
    found: dict[str, float] = {}
    for known in place.history(options.history).ask(lambda store: store.known(nodeids, "", "")):
        for nodeid, past in known.tests.items():
            expected = expected_seconds(past.observed)
            if expected is not None and 0.0 <= expected < float("inf"):
                found.setdefault(nodeid, expected)
    return found


def _lines(run: RunRecord, known: int, found: Sequence[Prediction]) -> Iterator[str]:
    yield (
        f"{len(run.cases)} tests, {known} of them known to the history; the run took "
        f"{run.seconds:.1f} s on {max(1, len(run.workers))} workers"
    )
    yield ""
    rows = [("workers", "takes", "busy", "no less than", "because of")]
    rows += [
        (
            str(each.workers),
            f"{each.seconds:.1f} s",
            f"{each.utilisation:.0%}",
            f"{each.bound:.1f} s",
            each.reason,
        )
        for each in found
    ]
    yield from table(rows)
    best = min(each.seconds for each in found)
    enough = min(each.workers for each in found if each.seconds <= _CLOSE * best)
    yield ""
    yield f"{enough} workers come within 5 % of the best of these"


def _numbers(text: str) -> list[int]:
    """Return the numbers of workers in ``text``; raises argparse's error."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and 1 <= int(part) <= _MOST for part in parts):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not numbers of workers, from 1 to {_MOST}, such as 4,8,16"
        )
    return sorted(set(map(int, parts)))
