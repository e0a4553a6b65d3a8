"""Tests that other plugins repeat on their own: they are theirs to repeat."""

from __future__ import annotations

from typing import Any, Final

import pytest

#: The names in pytest's plugin manager of those that repeat tests, by entry point and by module.
_RERUNFAILURES: Final = ("rerunfailures", "pytest_rerunfailures")
_RETRY: Final = ("pytest-retry", "pytest_retry.retry_plugin")
_FLAKY: Final = ("flaky", "flaky.flaky_pytest_plugin")

#: Where the plugin flaky notes on a function how often it may run.
_MAX_RUNS: Final = "_flaky_max_runs"


def repeater_of(item: pytest.Item) -> str | None:
    """Return the distribution of the plugin that repeats ``item`` when it fails, None for none."""
    manager = item.config.pluginmanager
    plugin = _find(manager, _RERUNFAILURES)
    if plugin is not None and _reruns(plugin, item):
        return "pytest-rerunfailures"
    marked = item.get_closest_marker("flaky") is not None
    if marked and _find(manager, _RETRY) is not None:  # that marks all tests if it is told to
        return "pytest-retry"
    if _find(manager, _FLAKY) is not None:
        function = getattr(item, "function", None)
        if (
            marked
            or hasattr(function, _MAX_RUNS)
            or item.config.getoption("force_flaky", default=False)
        ):
            return "flaky"
    return None


def _find(manager: pytest.PytestPluginManager, names: tuple[str, ...]) -> Any:
    return next((found for name in names if (found := manager.get_plugin(name))), None)


def _reruns(plugin: Any, item: pytest.Item) -> bool:
    """Ask pytest-rerunfailures, which also knows its options and settings, or else the marker."""
    count = getattr(plugin, "get_reruns_count", None)
    if count is None:
        return item.get_closest_marker("flaky") is not None
    try:
        return bool(count(item))
    except Exception:  # noqa: BLE001 - it will say itself what is wrong with its marker
        return True
