"""Runs a suite that was made here in every mode that was asked for."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.comparison import Comparison
from benchmarks.measure import in_turn, tell
from benchmarks.modes import COMMON, PLAIN, here, make_command
from benchmarks.options import Options


def compare(folder: Path, options: Options) -> Comparison:
    """Run the suite in ``folder`` in every mode in turn, so many times."""
    warm_up(folder)
    pytest = here()
    commands = [
        make_command(mode, folder, pytest=pytest, workers=options.workers) for mode in options.modes
    ]
    return Comparison(in_turn(commands, options.runs, timeout=options.timeout))


def warm_up(folder: Path) -> None:
    """Collect once, so that no mode is the one that has to compile all files."""
    tell(f"compiling {len(list(folder.glob('test_*.py')))} files")
    command = (*here(), *COMMON, *PLAIN.options(1), "--collect-only")
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)
