"""What the command line says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.modes import Mode


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a benchmark; ``size`` is None for the size that its bars are about.

    ``timeout`` and ``budget`` are seconds, for one run and for improving one plan. ``cache`` is
    a folder that keeps what was fetched.
    """

    runs: int
    size: int | None
    workers: int
    seed: int
    modes: tuple[Mode, ...]
    projects: tuple[str, ...]
    budget: float
    timeout: float
    cache: Path
