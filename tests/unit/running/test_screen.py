from __future__ import annotations

import io
import os
import pty
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, TextIO

import pytest
from _pytest.terminal import TerminalReporter

from pytest_orchestra.live.area import Area
from pytest_orchestra.live.status import Status
from pytest_orchestra.running.screen import Screen

ENVIRONMENT = {"TERM": "xterm"}


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """Return a file that is a terminal."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as file:
        yield file
    os.close(master)


def find(
    config: pytest.Config,
    file: TextIO,
    environment: Mapping[str, str] = ENVIRONMENT,
    verbosity: int = 0,
    reporter: object = None,
    **options: object,
) -> Screen | None:
    """Return the screen of a run that prints to ``file``."""
    plugin = reporter or TerminalReporter(config, file)
    usual = {"collectonly": False, "capture": "fd", "usepdb": False, "trace": False}
    stand_in: Any = SimpleNamespace(
        pluginmanager=SimpleNamespace(getplugin=lambda _: plugin),
        option=SimpleNamespace(**(usual | options)),
        get_verbosity=lambda: verbosity,
    )
    return Screen.find(stand_in, environment)


def test_pytest_prints_through_it_while_it_is_open(
    pytestconfig: pytest.Config, terminal: TextIO
) -> None:
    """And by itself before and after."""
    reporter = TerminalReporter(pytestconfig, terminal)
    screen = find(pytestconfig, terminal, reporter=reporter)
    assert screen is not None
    assert reporter._tw._file is terminal
    screen.open()
    assert isinstance(reporter._tw._file, Area)
    screen.show(Status(1.0, 7), is_aside=False)
    screen.close()
    screen.close()
    assert reporter._tw._file is terminal
    screen.show(Status(1.0, 7), is_aside=True)  # nothing, since it is closed


@pytest.mark.parametrize(
    "changed",
    [
        {"environment": {"TERM": "dumb"}},
        {"environment": {}},
        {"environment": {"TERM": "xterm", "CI": "true"}},
        {"environment": {"TERM": "xterm", "BUILD_NUMBER": "7"}},
        {"verbosity": -1},
        {"reporter": object()},
        {"collectonly": True},
        {"capture": "no"},
        {"capture": "tee-sys"},
        {"usepdb": True},
        {"trace": True},
    ],
    ids=str,
)
def test_where_it_is_not_wanted_there_is_none(
    pytestconfig: pytest.Config, terminal: TextIO, changed: dict[str, Any]
) -> None:
    """Where nobody looks, or cannot, or where tests and people use the terminal themselves."""
    screen = find(pytestconfig, terminal)
    assert screen is not None
    screen.close()
    assert find(pytestconfig, terminal, **changed) is None


def test_a_file_is_no_screen(pytestconfig: pytest.Config) -> None:
    """What is read later has no bottom."""
    assert find(pytestconfig, io.StringIO()) is None
