"""Expensive module fixtures in uneven files: what keeping tests together saves and costs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from benchmarks.machine import Machine
from benchmarks.made import compare
from benchmarks.modes import OURS
from benchmarks.options import Options
from benchmarks.predictions import Predictions
from benchmarks.results import Bar, Report
from benchmarks.suites_made import make_serviced

#: Files.
SIZE: Final = 24


def run(options: Options) -> Report:
    """Compare all modes on a suite of ``size`` files."""
    machine = Machine.this()
    size = options.size or SIZE
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        suite = make_serviced(folder, size, options.seed)
        predictions = Predictions()
        comparison = compare(folder, options, predictions)
    users = [len(users) for _, users in suite.files]
    bound = suite.total / options.workers
    what = (
        f"{suite.tests} tests in {size} files of {min(users)} to {max(users)}, each file with a "
        f"fixture that takes 0.2 to 0.5 s, {options.workers} workers"
    )
    return Report(
        "fixtures",
        what,
        machine,
        {
            "files": size,
            "tests": suite.tests,
            "workers": options.workers,
            "runs": options.runs,
            "seed": options.seed,
            "total_seconds": suite.total,
            **comparison.figures(),
            "predictions": predictions.figures(),
        },
        (comparison.table(f"medians of {options.runs} runs"), predictions.table()),
        (
            Bar("wall time / best xdist mode", 1.05, comparison.of_best_xdist(OURS.name)),
            predictions.bar(),
        ),
        (
            *comparison.notes(),
            f"tests, and every fixture once, take {suite.total:.2f} s: {bound:.2f} s a worker",
        ),
    )
