"""What a run in pytest's own process prints while a test runs."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from pytest_orchestra.running.alone import Alone
from pytest_orchestra.running.log_lines import LogLine


def test_a_line_that_nobody_reads_harms_no_test() -> None:
    """What a thread raises, pytest would hold against the test that runs."""
    reader, writer = os.pipe()
    os.close(reader)
    alone: Any = object.__new__(Alone)
    alone._stderr = writer
    alone._opening = SimpleNamespace(
        live=SimpleNamespace(make_room=lambda: None, look_aside=lambda: None)
    )
    asked = []

    def check() -> LogLine:
        asked.append(1)
        return LogLine("no test has finished for 30 s")

    try:
        alone._look(SimpleNamespace(check=check))
    finally:
        os.close(writer)
    assert asked
