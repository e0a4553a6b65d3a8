"""Where the record of the last run is kept, and of which runs: who asks afterwards has asked for nothing before."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_orchestra.model.run import RunRecord

#: Where it is, below the root directory.
LAST_RUN: Final = ".pytest_orchestra/last-run.json.gz"

#: What writing takes for each test, in seconds, and the share of a run that it may take.
_COST: Final = 20e-6
_SHARE: Final = 0.01


def last_run_path(root: Path) -> Path:
    """Return where the record of the last run is, in the project at ``root``."""
    return root / LAST_RUN


def is_worth_keeping(run: RunRecord) -> bool:
    """Whether to write ``run`` takes next to nothing of what it took itself; not with 500 tests a second."""
    return len(run.cases) * _COST <= _SHARE * run.seconds
