"""What gave no tests although it was to be collected, for the record of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pytest_orchestra.model.run import UncollectedRecord

#: The name of the plugin.
UNCOLLECTED: Final = "orchestra-uncollected"


class Uncollected:
    """Plugin that hears of it, from every worker that collected."""

    def __init__(self) -> None:
        self._found: dict[str, UncollectedRecord] = {}

    @property
    def records(self) -> tuple[UncollectedRecord, ...]:
        """What is known so far, each once."""
        return tuple(self._found.values())

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what was skipped as a whole, or could not be collected."""
        if not report.passed:
            text = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
            from pytest_orchestra.model.run import UncollectedRecord  # noqa: PLC0415 - if needed

            record = UncollectedRecord(report.nodeid, report.skipped, text)
            self._found.setdefault(report.nodeid, record)


def uncollected_of(config: pytest.Config) -> tuple[UncollectedRecord, ...]:
    """Return what is known so far."""
    plugin: Uncollected | None = config.pluginmanager.get_plugin(UNCOLLECTED)
    return plugin.records if plugin is not None else ()
