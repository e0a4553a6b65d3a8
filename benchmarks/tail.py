"""Log-normal times and two giants: how close a run comes to what cannot be beaten.

The bound is the longest test or the sum over the workers, whichever is longer. What pytest
itself takes to start and to end is measured by a run of an empty suite in the same mode.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.comparison import Comparison
from benchmarks.machine import Machine
from benchmarks.made import warm_up
from benchmarks.measure import Command, in_turn
from benchmarks.modes import OURS, Kind, Mode, here, make_command
from benchmarks.options import Options
from benchmarks.predictions import SECOND, Predictions
from benchmarks.results import Bar, Report, Table, ratio, show
from benchmarks.suites_made import Timed, make_empty, make_tailed

#: Tests.
SIZE: Final = 300

#: pytest's exit status when no tests were collected.
NO_TESTS: Final = 5

EMPTY: Final = ", empty suite"


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the suite lies, and one without tests."""

    full: Path
    empty: Path


def run(options: Options) -> Report:
    """Compare all modes on ``size`` tests; the orchestra runs twice in a row each time."""
    machine = Machine.this()
    size = options.size or SIZE
    with tempfile.TemporaryDirectory() as temporary:
        folders = Folders(*(Path(temporary, name) for name in ("full", "empty")))
        suite = _make(folders, size, options.seed)
        predictions = Predictions()
        commands = list(_commands(folders, options, predictions))
        samples = in_turn(commands, options.runs, timeout=options.timeout)
    comparison = Comparison({n: each for n, each in samples.items() if not n.endswith(EMPTY)})
    start_up = Comparison({n: each for n, each in samples.items() if n.endswith(EMPTY)})
    placed = [_place(name, comparison, start_up, suite, options) for name in comparison.samples]
    longest = max(suite.seconds.values())
    return Report(
        "tail",
        f"{size} tests that sleep for {suite.total:.2f} s in all, the longest for {longest:.2f} s, "
        f"{options.workers} workers",
        machine,
        {
            "tests": size,
            "workers": options.workers,
            "runs": options.runs,
            "seed": options.seed,
            "sum_seconds": suite.total,
            "longest_seconds": longest,
            **comparison.figures(),
            "predictions": predictions.figures(),
            "bounds": {each.name: each.figures() for each in placed},
        },
        (comparison.table(f"medians of {options.runs} runs"), _table(placed), predictions.table()),
        (
            Bar(
                "the second run: (wall time - start-up) / bound",
                1.05,
                next((each.of_bound for each in placed if each.name == SECOND), None),
            ),
            predictions.bar(),
        ),
        tuple(comparison.notes()),
    )


@dataclass(frozen=True, slots=True)
class Placed:
    """How far a mode was from its bound; all but ``name`` in seconds."""

    name: str
    wall: float
    start_up: float
    bound: float

    @property
    def of_bound(self) -> float:
        """What was not start-up, in terms of the bound: the stricter reading of the bar."""
        return (self.wall - self.start_up) / self.bound

    @property
    def of_all(self) -> float | None:
        """The wall time in terms of the bound and the start-up."""
        return ratio(self.wall, self.bound + self.start_up)

    def figures(self) -> dict[str, float | None]:
        """Return everything for the JSON."""
        return {
            "bound_seconds": self.bound,
            "start_up_seconds": self.start_up,
            "wall_of_bound_and_start_up": self.of_all,
            "wall_less_start_up_of_bound": self.of_bound,
        }


def _make(folders: Folders, size: int, seed: int) -> Timed:
    suite = make_tailed(folders.full, size, seed)
    make_empty(folders.empty)
    for folder in (folders.full, folders.empty):
        warm_up(folder)
    return suite


def _commands(folders: Folders, options: Options, predictions: Predictions) -> Iterator[Command]:
    pytest = here()
    for mode in options.modes:
        name = "orchestrate, 1st run" if mode is OURS else mode.name
        yield make_command(mode, folders.full, pytest=pytest, workers=options.workers, name=name)
        if mode is OURS:
            yield predictions.second(mode, folders.full, pytest=pytest, workers=options.workers)
        yield make_command(
            mode,
            folders.empty,
            pytest=pytest,
            workers=options.workers,
            name=mode.name + EMPTY,
            expected=frozenset({NO_TESTS}),
        )


def _place(
    name: str, comparison: Comparison, start_up: Comparison, suite: Timed, options: Options
) -> Placed:
    mode = _mode_of(name, options)
    wall, start = comparison.wall(name), start_up.wall(mode.name + EMPTY)
    assert wall is not None, name
    assert start is not None, name
    workers = 1 if mode.kind is Kind.PLAIN else options.workers
    return Placed(name, wall, start, suite.bound(workers))


def _mode_of(name: str, options: Options) -> Mode:
    return next(mode for mode in options.modes if name.split(",", maxsplit=1)[0] == mode.name)


def _table(placed: list[Placed]) -> Table:
    return Table(
        "against the bound: the longest test, or the sum over the workers",
        (
            "mode",
            "wall s",
            "start-up s",
            "bound s",
            "wall / (bound + start-up)",
            "(wall - start-up) / bound",
        ),
        tuple(
            (
                each.name,
                show(each.wall),
                show(each.start_up),
                show(each.bound),
                show(each.of_all, 3),
                show(each.of_bound, 3),
            )
            for each in placed
        ),
    )
