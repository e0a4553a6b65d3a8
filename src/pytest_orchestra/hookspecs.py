"""The plugin's own hooks: implement them in a conftest.py or a plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_orchestra.model.run import RunRecord
    from pytest_orchestra.model.stage import StageFigures


@pytest.hookspec()
def pytest_orchestra_requirements(
    item: pytest.Item,
) -> pytest.MarkDecorator | Iterable[pytest.MarkDecorator] | None:
    """Say in code what ``item`` depends on and needs, as marks that it does not carry.

    Return one mark or several, such as ``pytest.mark.resources("db")`` or
    ``pytest.mark.depends("test_login")``; they count as if they stood above the test. Called
    for every collected item of the directories below the conftest.py, in every worker:
    answer the same everywhere.
    """


@pytest.hookspec()
def pytest_orchestra_score(item: pytest.Item) -> float | None:
    """Return what to add to the priority of ``item``, or None.

    The answers of all implementations are added up. Called like
    ``pytest_orchestra_requirements``.
    """


@pytest.hookspec()
def pytest_orchestra_gate(stage: StageFigures) -> str | None:
    """Return why the gate of ``stage`` does not pass, or None if it may.

    Called once for each stage when its last test is over, in the process that the user started. What all
    implementations object to counts, besides what the configuration asks for; an error is an objection.
    """


@pytest.hookspec()
def pytest_orchestra_finished(run: RunRecord) -> None:
    """Take the record of the run, after the last test and before the summary is printed.

    Called once, in the process that the user started.
    """
