"""Reports of tests that never ran because something they depend on went wrong."""

from __future__ import annotations

from typing import Any

import pytest

Location = tuple[str, int | None, str]


def blocked_reports(
    nodeid: str, location: Location, text: str, **extra: Any
) -> tuple[pytest.TestReport, pytest.TestReport]:
    """Return the reports of a skip in setup, as pytest makes them, with ``text`` as reason.

    ``extra`` become attributes of both.
    """
    path, line, _ = location
    skipped = pytest.TestReport(
        nodeid,
        location,
        {},
        "skipped",
        (path, (line or 0) + 1, f"Skipped: {text}"),
        "setup",
        orchestra_blocked=True,
        **extra,
    )
    torn_down = pytest.TestReport(nodeid, location, {}, "passed", None, "teardown", **extra)
    return skipped, torn_down


def remember_blocked(config: pytest.Config, report: pytest.TestReport) -> None:
    """Let ``--lf`` run a blocked test next time, with what blocked it: it proved nothing yet."""
    plugin = config.pluginmanager.getplugin("lfplugin")
    if plugin is not None:
        plugin.lastfailed[getattr(report, "id", report.nodeid)] = True
