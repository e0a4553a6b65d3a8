"""Runs a suite that was made here in every mode that was asked for."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.comparison import Comparison
from benchmarks.measure import Command, environment, in_turn, tell
from benchmarks.modes import COMMON, OURS, PLAIN, here, make_command
from benchmarks.options import Options
from benchmarks.predictions import Predictions


def compare(folder: Path, options: Options, predictions: Predictions | None = None) -> Comparison:
    """Run the suite in ``folder`` in every mode in turn, so many times.

    With ``predictions`` the orchestra runs twice in a row, and they take in what the second run said.
    """
    warm_up(folder)
    pytest = here()
    workers = options.workers
    commands: list[Command] = []
    for mode in options.modes:
        commands.append(make_command(mode, folder, pytest=pytest, workers=workers))
        if mode is OURS and predictions is not None:
            commands.append(predictions.second(mode, folder, pytest=pytest, workers=workers))
    return Comparison(in_turn(commands, options.runs, timeout=options.timeout))


def warm_up(folder: Path) -> None:
    """Collect once, so that no mode is the one that has to compile all files."""
    tell(f"compiling {len(list(folder.glob('test_*.py')))} files")
    command = (*here(), *COMMON, *PLAIN.options(1), "--collect-only")
    subprocess.run(command, cwd=folder, env=environment(), stdout=subprocess.DEVNULL, check=False)
