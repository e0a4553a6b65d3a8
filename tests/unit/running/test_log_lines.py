from __future__ import annotations

from collections.abc import Callable

import pytest
from engines import spec
from watched import Watched

from pytest_orchestra.live.status import Status
from pytest_orchestra.running.log_lines import LogLines
from pytest_orchestra.running.lookout import Lookout


class Clock:
    """Lets time pass without waiting for it."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self._now

    def pass_by(self, seconds: float) -> None:
        """Let it be so many ``seconds`` later."""
        self._now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which runs go."""
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


def begin(*, wants_minutes: bool = True) -> tuple[Watched, LogLines]:
    """Return a run of three tests that has begun."""
    watched = Watched([spec()] * 3)
    look: Callable[[], Status] = Lookout(watched.run, 1, hears=False).look
    watched.begin("gw0")
    return watched, LogLines(watched.run, look if wants_minutes else None)


def test_there_is_a_line_a_minute(clock: Clock) -> None:
    """For as long as something happens."""
    watched, lines = begin()
    assert lines.check() is None
    clock.pass_by(61)
    watched.passes(0)
    line = lines.check()
    assert line is not None
    assert line.text.startswith("1 min 1 s: 1 of 3 done, 1 running")
    assert not line.is_stalled
    assert lines.check() is None
    clock.pass_by(30)
    watched.passes(1)
    assert lines.check() is None
    clock.pass_by(29)
    assert lines.check() is None
    watched.passes(2)
    clock.pass_by(2)
    line = lines.check()
    assert line is not None
    assert line.text.startswith("2 min 2 s: 3 of 3 done")


def test_a_run_that_stands_still_has_lines_of_its_own(clock: Clock) -> None:
    """In place of those of a minute, which would say less."""
    watched, lines = begin()
    clock.pass_by(31)
    line = lines.check()
    assert line is not None
    assert line.is_stalled
    assert line.text.startswith("no test has finished for 31 s; running: a.py::test_0 (gw0")
    clock.pass_by(30)
    line = lines.check()
    assert line is not None
    assert line.is_stalled
    clock.pass_by(30)
    assert lines.check() is None
    watched.passes(0)
    assert lines.check() is None  # the line before is not a minute old
    clock.pass_by(28)
    watched.passes(1)
    clock.pass_by(3)
    line = lines.check()
    assert line is not None
    assert not line.is_stalled


def test_who_wants_no_line_a_minute_still_hears_of_a_stall(clock: Clock) -> None:
    """That is what is worth interrupting people for."""
    watched, lines = begin(wants_minutes=False)
    clock.pass_by(100)
    watched.passes(0)
    assert lines.check() is None
    clock.pass_by(31)
    line = lines.check()
    assert line is not None
    assert line.is_stalled
