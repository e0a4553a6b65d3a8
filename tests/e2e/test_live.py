"""What is to be seen of a run while it goes on: on a terminal, and in the file of events."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from glass import Glass
from harness import FAILED, PASSED, PATIENCE, USAGE, Project, clean_environment

from pytest_orchestra.live.events_file import read_events

#: Tests that wait until the outside has seen enough.
SUITE = """
    import pathlib, time, pytest

    def wait_for(name):
        end = time.monotonic() + 120
        while not pathlib.Path(name).exists():
            assert time.monotonic() < end
            time.sleep(0.01)

    @pytest.mark.priority(2)
    def test_fails(): assert 0, "as it should"

    @pytest.mark.depends("test_fails")
    def test_blocked(): pass

    @pytest.mark.priority(1)
    @pytest.mark.resources("db")
    @pytest.mark.parametrize("number", range(3))
    def test_db(number, capfd):
        wait_for("go")
        assert capfd.readouterr() == ("", "")

    def test_quick(): pass
"""


class Terminal:
    """A run whose output is a terminal."""

    def __init__(self, project: Project, *arguments: str, **environment: str) -> None:
        self.glass = Glass()
        self.raw = ""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        options = [f"-p{name}" for name in project.plugins]
        kept = {name: value for name, value in clean_environment().items() if name != "CI"}
        self.process = subprocess.Popen(  # noqa: S603 - the interpreter that runs this test
            [sys.executable, "-m", "pytest", "--orchestrate", *options, *arguments],
            cwd=project.path,
            env=kept | project.environment | {"TERM": "xterm"} | environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def wait_until(self, condition: Callable[[str], object]) -> None:
        """Look at the glass until what is to be seen meets the ``condition``."""
        end = time.monotonic() + PATIENCE
        while not condition("\n".join(self.glass.lines)):
            assert time.monotonic() < end, "\n".join(self.glass.lines)
            assert self._read(), f"the run is over:\n{self.raw}"

    def finish(self) -> int:
        """Look until the run is over; return its exit code."""
        while self._read():
            pass
        os.close(self._master)
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], PATIENCE)
        assert ready, self.raw
        data = b""
        with suppress(OSError):  # nobody writes any more
            data = os.read(self._master, 4096)
        text = data.decode(errors="replace")
        self.raw += text
        self.glass.feed(text.replace("\r\n", "\n"))
        return bool(data)


@pytest.fixture
def events(project: Project) -> Path:
    """Return where the file of events is to be."""
    return project.path / "out" / "events.jsonl"


def test_a_terminal_shows_where_the_run_is(project: Project, driver: tuple[str, ...]) -> None:
    """Below the dots: how far it is, who waits for what, who runs what and for how long; nothing stays of it."""
    project.write("test_it", SUITE)
    worker = "gw[01]" if driver else "main"
    terminal = Terminal(project, *driver)
    pattern = rf"^{worker} +[1-9]\d* s +test_it.py::test_db\[0\]$"
    terminal.wait_until(lambda text: re.search(pattern, text, re.MULTILINE) and "1 blocked" in text)
    lines = terminal.glass.lines
    place = next(place for place, line in enumerate(lines) if "of 6 done" in line)
    assert re.match(r"\d of 6 done \(1 failed, 1 blocked\), \d ready; \d+ s", lines[place])
    assert set(lines[place - 1].removeprefix("test_it.py ")) <= set("Fb.")
    if driver:
        waiting = r"2 wait for 'db' \(\d+ s, held by test_it.py::test_db\[0\]\)"
        assert re.fullmatch(waiting, lines[place + 1])
    (project.path / "go").touch()
    assert terminal.finish() == FAILED
    text = "\n".join(terminal.glass.lines)
    assert "1 failed, 4 passed, 1 blocked" in text
    assert not re.search(rf"^{worker} +\d", text, re.MULTILINE)
    assert "done" not in text


def test_where_it_is_not_wanted_nothing_is_drawn(project: Project) -> None:
    """For a log that is kept, say."""
    project.write("test_it", "def test_it(): pass")
    terminal = Terminal(project, "-n1", CI="true")
    assert terminal.finish() == PASSED
    assert "\x1b7" not in terminal.raw
    assert "done" not in terminal.raw


def test_a_worker_that_dies_spoils_no_line(project: Project) -> None:
    """What xdist and pytest say of it, with ``-v``, stands there as it would without lines below it."""
    project.write(
        "test_it",
        """
        import os
        def test_first(): pass
        def test_dies(): os._exit(1)
        def test_last(): pass
        """,
    )
    terminal = Terminal(project, "-n1", "-v")
    assert terminal.finish() == FAILED
    text = re.sub(r"\x1b(?:\[[?\d;]*[A-Za-z]|[78D])", "", terminal.raw).replace("\r\n", "\n")
    assert "[gw0] node down: Not properly terminated\n" in text
    assert "\x1b7" in terminal.raw
    seen = terminal.glass.lines
    assert not [line for line in seen if "done" in line]
    assert any("1 failed, 2 passed" in line for line in seen)


def told(path: Path) -> list[tuple[Any, ...]]:
    """Return what the events of tests say, without times."""
    kept = ("event", "test", "verdict", "message", "reason")
    return [
        tuple(event[key] for key in kept if key in event)
        for event in read_events(path)
        if "test" in event and event["event"] != "test_started"
    ]


def test_events_are_written_as_they_happen(
    project: Project, driver: tuple[str, ...], events: Path
) -> None:
    """Each test ends once; numbers in the first and the last line agree with them."""
    project.write("test_it", SUITE)
    (project.path / "go").touch()
    result = project.orchestrate(*driver, "--orchestrate-events=out/events.jsonl")
    assert result.code == FAILED
    assert "\x1b" not in result.output
    lines = list(read_events(events))
    first, *_, last = lines
    workers = len(driver) or 1
    assert (first["event"], first["tests"], first["workers"]) == ("run_started", 6, workers)
    assert first["version"] == 1
    assert last["event"] == "run_ended"
    assert last["counts"] == {"failed": 1, "blocked": 1, "passed": 4}
    assert {line["run"] for line in lines} == {first["run"]}
    assert [line["event"] for line in lines].count("worker_joined") == workers
    failed = ("test_finished", "test_it.py::test_fails", "failed")
    reason = result.blocked["test_it.py::test_blocked"]
    assert (*failed, "AssertionError: as it should") in told(events)
    assert ("test_not_run", "test_it.py::test_blocked", "blocked", reason) in told(events)
    assert sorted(name for _, name, *_ in told(events)) == sorted(result.verdicts)
    started = {line["test"] for line in lines if line["event"] == "test_started"}
    assert started <= set(result.verdicts)


def test_what_is_written_outlives_the_run_that_wrote_it(project: Project, events: Path) -> None:
    """A run that is killed leaves whole lines, up to the last; the next one adds its own."""
    project.write("test_it", SUITE)
    process = project.start("--orchestrate", "-n2", "--orchestrate-events=out/events.jsonl")

    def has_seen(event: str, test: str) -> bool:
        seen = read_events(events) if events.exists() else ()
        return any(each["event"] == event and test in each.get("test", "") for each in seen)

    project.wait_until(lambda: has_seen("test_started", "test_db"))
    project.wait_until(lambda: has_seen("test_finished", "test_quick"))
    process.kill()
    (project.path / "go").touch()  # its workers end
    project.finish(process)
    left = events.read_bytes()
    assert left.endswith(b"\n")
    assert next(each["event"] for each in read_events(events)) == "run_started"
    assert not any(each["event"] == "run_ended" for each in read_events(events))
    with events.open("ab") as file:
        file.write(b'{"event": "cut o')
    assert (
        project.orchestrate("-n2", "--orchestrate-events=out/events.jsonl", "-kquick").code
        == PASSED
    )
    now = events.read_bytes()
    assert now.startswith(left)
    fresh = now[len(left) :].splitlines()[1:]
    assert b"run_started" in fresh[0]
    assert b"run_ended" in fresh[-1]


def test_events_that_cannot_be_written_cost_a_line(project: Project) -> None:
    """The run goes on."""
    project.write("test_it", "def test_it(): pass")
    result = project.orchestrate("--orchestrate-events=.")
    assert result.code == PASSED
    (line,) = result.lines("events cannot be written")
    assert line.endswith("so there are none: Is a directory")


def test_wrong_use_is_refused(project: Project) -> None:
    """Where nothing would come of it; a port may be none, or taken."""
    project.write("test_it", "def test_it(): pass")
    lone = project.run("--orchestrate-live=0")
    assert lone.code == USAGE
    assert lone.lines("--orchestrate-live needs --orchestrate: give both")
    many = project.orchestrate("--orchestrate-live=0", "--orchestrate-diagnose=test_it.py::test_it")
    assert many.code == USAGE
    assert many.lines("--orchestrate-live follows one run, --orchestrate-diagnose makes many")
    odd = project.orchestrate("--orchestrate-live=70000")
    assert odd.code == USAGE
    assert odd.lines("'70000' is no port: a number from 0 to 65535")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        busy = project.orchestrate(f"--orchestrate-live={port}")
    assert busy.code == USAGE
    assert busy.lines(f"port {port} of 127.0.0.1 cannot be had: .* in use; name another one, or 0")
