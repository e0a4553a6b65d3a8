"""``report.html``: a run as one page that can be looked at offline, with and without scripts."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.html.extras import Gate, ReportExtras
from pytest_orchestra.reports.html.page import render

__all__ = ["Gate", "ReportExtras", "render", "write_html"]


def write_html(run: RunRecord, path: Path, extras: ReportExtras | None = None) -> None:
    """Write the report of ``run`` to ``path``, whose directory exists, all or nothing.

    Raises OSError if that cannot be written.
    """
    page = render(run, extras)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(page, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
