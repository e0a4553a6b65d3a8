"""Holds workers back while the machine is short of memory or cores, and says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pytest_orchestra.model.pressure import Scarce
from pytest_orchestra.running.gauge import Gauge
from pytest_orchestra.running.run import Run
from pytest_orchestra.scheduling.pressure import Governor, Strain
from pytest_orchestra.scheduling.quantity import round_bytes

#: ``none`` holds nobody back; a directory is read in place of the root directory.
VARIABLE: Final = "PYTEST_ORCHESTRA_PRESSURE"


class PressureWatch:
    """Looks at the machine once in a while; ``limit`` says how many workers may be busy, None for all."""

    def __init__(
        self, run: Run, gauge: Gauge, governor: Governor, limit: Callable[[int | None], None]
    ) -> None:
        self._run: Final = run
        self._gauge: Final = gauge
        self._governor: Final = governor
        self._limit: Final = limit

    @classmethod
    def open(
        cls,
        run: Run,
        limit: Callable[[int | None], None],
        *,
        governs_cpu: bool,
        environ: Mapping[str, str] = os.environ,
    ) -> PressureWatch | None:
        """Return one for ``run``, None if the user wants none."""
        root = environ.get(VARIABLE, "/")
        if root.lower() == "none":
            return None
        return cls(run, Gauge(Path(root)), Governor(governs_cpu=governs_cpu), limit)

    def check(self) -> str | None:
        """Let as many workers be busy as is good; return a line if there is anything to tell."""
        run, governor = self._run, self._governor
        before, scarce = governor.most, governor.scarce
        strain = self._gauge.read()
        workers = len(run.engine.workers)
        if run.engine.done or not governor.look(strain, run.engine.busy, workers, run.now):
            return None
        run.pressure = governor.records(run.now)
        self._limit(governor.most)
        if governor.most is None:
            assert scarce is not None  # noqa: S101 - something was, or nobody had been held back
            return f"{scarce.label} pressure is over: all {workers} workers get tests again"
        if before is not None and governor.most > before:
            return None
        idle = workers - governor.most
        what = _describe(governor.scarce, strain)
        return f"{what}: {idle} of {workers} workers get no new test for now"

    def close(self) -> None:
        """Note what goes on at the end of the run."""
        self._run.pressure = self._governor.records(self._run.now)


def _describe(scarce: Scarce | None, strain: Strain) -> str:
    stall = strain.cpu_stall if scarce is Scarce.CPU else strain.memory_stall
    share = "" if stall is None else f" {stall:.0f} %"
    if scarce is Scarce.CPU:
        return f"CPU pressure{share} ({strain.load or 0.0:.1f} tasks for each core)"
    left, total = round_bytes(strain.available or 0), round_bytes(strain.total or 0)
    return f"memory pressure{share} ({left} of {total} available)"
