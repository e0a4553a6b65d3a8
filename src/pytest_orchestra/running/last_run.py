"""Keeps the record of the last run, for those who ask afterwards."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pytest_orchestra.model.run import RunRecord


class LastRun:
    """Plugin for the process that the user started."""

    def __init__(self, root: Path) -> None:
        self._root: Final = root

    @pytest.hookimpl(trylast=True)
    def pytest_orchestra_finished(self, run: RunRecord) -> None:
        """Write ``run`` if that takes next to no time; the record of an earlier run is gone in any case.

        But for a run of no test, by a slip in ``-k``: nobody will ask for that one. Nobody has asked for it, so
        nothing is said where it cannot be written.
        """
        if not run.cases:
            return
        from pytest_orchestra.history.places import prepare  # noqa: PLC0415 - at the end
        from pytest_orchestra.reports.last_run import is_worth_keeping, last_run_path  # noqa: PLC0415
        from pytest_orchestra.reports.record_file import write_record  # noqa: PLC0415

        path = last_run_path(self._root)
        with suppress(OSError):
            if is_worth_keeping(run):
                prepare(path)
                write_record(run, path)
            else:
                path.unlink(missing_ok=True)
