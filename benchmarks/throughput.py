"""Many tiny tests: what running a test costs that is not the test."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from benchmarks.machine import Machine
from benchmarks.made import compare
from benchmarks.modes import OURS
from benchmarks.options import Options
from benchmarks.results import Bar, Report
from benchmarks.suites_made import TESTS_PER_FILE, make_tiny

SIZE: Final = 10_000


def run(options: Options) -> Report:
    """Compare all modes on ``size`` tests; the bars are about the usual size."""
    machine = Machine.this()
    size = options.size or SIZE
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_tiny(folder, size)
        comparison = compare(folder, options)
    what = f"{size} tiny tests, {TESTS_PER_FILE} to a file, {options.workers} workers"
    return Report(
        "throughput",
        what,
        machine,
        {"tests": size, "workers": options.workers, "runs": options.runs, **comparison.figures()},
        (comparison.table(f"medians of {options.runs} runs"),),
        (
            Bar("wall time / best xdist mode", 0.65, comparison.of_best_xdist(OURS.name)),
            Bar("wall time / plain pytest", 0.95, comparison.of_plain(OURS.name)),
            Bar(
                "controller's peak memory / least of xdist's modes",
                1.1,
                comparison.peak_of_least_xdist(OURS.name),
            ),
        ),
        tuple(comparison.notes()),
    )
