"""A plugin for the suites under test: it writes down what happens, and knows nothing of ours.

Each entry is a line of JSON in the file that ``WITNESS`` in the environment names, written at
once, so that it outlives the process. Every process stamps the tests that it runs (``began``,
``ended``, on the clock that all processes share); the one that the user started also writes
the calls of hooks that its plugins see.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Generator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import warnings

    from pytest_orchestra.model.run import RunRecord

#: Attributes of reports that are written down if they are there.
ATTRIBUTES = ("item_index", "worker_id", "testrun_uid", "start", "stop", "duration", "wasxfail")

#: A test that waits for something else to happen fails after so many seconds.
PATIENCE = 120.0


def write(what: str, **details: Any) -> None:
    """Add an entry."""
    line = json.dumps({"what": what, "at": time.monotonic(), **details}, default=str) + "\n"
    file = os.open(os.environ["WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def pytest_configure(config: pytest.Config) -> None:
    """Watch the hooks of the process that the user started."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(HookWatch(), "witness-of-hooks")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    """Stamp the test, its setup and its teardown included."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    host = platform.node()
    write("began", nodeid=item.nodeid, worker=worker, pid=os.getpid(), host=host)
    try:
        return (yield)
    finally:
        write("ended", nodeid=item.nodeid, worker=worker, pid=os.getpid())


@pytest.fixture
def meet() -> Callable[[str, int], None]:
    """Return a function that waits until so many tests are at the meeting of that name."""

    def wait_for_others(name: str, count: int = 2) -> None:
        place = Path("meetings", name)
        place.mkdir(parents=True, exist_ok=True)
        (place / str(os.getpid())).touch()
        wait_until(lambda: len(list(place.iterdir())) >= count, f"{count} to come to {name}")

    return wait_for_others


@pytest.fixture
def witnessed() -> Callable[[str], None]:
    """Return a function that waits until an entry of the witness has this text in it."""

    def wait_for_entry(text: str) -> None:
        entries = Path(os.environ["WITNESS"])
        wait_until(lambda: text in entries.read_text(), f"somebody to witness {text}")

    return wait_for_entry


@pytest.fixture
def printed() -> Callable[[str], None]:
    """Return a function that waits until the process that the user started has printed this text."""

    def wait_for_text(text: str) -> None:
        output = Path(os.environ["WITNESS"]).with_name("output.txt")
        wait_until(lambda: text in output.read_text(errors="replace"), f"{text} to be printed")

    return wait_for_text


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something has happened, whoever it is that lets it happen."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


class HookWatch:
    """Writes down the calls of hooks."""

    @pytest.hookimpl
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write ``logstart``."""
        write("logstart", nodeid=nodeid)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write ``report`` and what is in it."""
        node = getattr(report, "node", None)
        write(
            "report",
            nodeid=report.nodeid,
            when=report.when,
            outcome=report.outcome,
            kind=type(report).__name__,
            text=report.longreprtext or str(report.longrepr or ""),
            sections=report.sections,
            properties=report.user_properties,
            keywords=sorted(report.keywords),
            location=report.location,
            node=None if node is None else node.gateway.id,
            **{name: getattr(report, name) for name in ATTRIBUTES if hasattr(report, name)},
        )

    @pytest.hookimpl
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write ``logfinish``."""
        write("logfinish", nodeid=nodeid)

    @pytest.hookimpl
    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str
    ) -> None:
        """Write ``warning``."""
        write("warning", nodeid=nodeid, when=when, text=str(warning_message.message))

    @pytest.hookimpl(optionalhook=True)
    def pytest_orchestra_finished(self, run: RunRecord) -> None:
        """Write ``finished`` with the record of the run."""
        cases = [
            {
                "nodeid": case.spec.nodeid,
                "verdict": str(case.verdict),
                "worker": case.worker,
                "waited": case.waited,
                "waited_for": case.waited_for,
                "cause": case.cause.reason if case.cause else None,
                "cpu_seconds": case.cpu_seconds,
                "memory_peak": case.memory_peak,
                "memory_used": case.memory_used,
            }
            for case in run.cases
        ]
        shard = asdict(run.shard) if run.shard is not None else None
        write("finished", cases=cases, stopped=run.stopped, edges=run.edges, shard=shard)
