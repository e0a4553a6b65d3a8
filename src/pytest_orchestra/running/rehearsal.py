"""Plugin of the processes that a diagnosis starts: runs given tests in order, and notes how one ended.

Loaded with ``-p``; what to do stands in a file, whose path is in the environment. The command line is
otherwise that of the user, so what would write over the user's files, or leave tests out that
are needed, is switched off here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pytest

#: The environment variable with the path of the script.
SCRIPT: Final = "PYTEST_ORCHESTRA_SCRIPT"

#: The name of the plugin in the processes that a diagnosis starts.
REHEARSAL: Final = "orchestra-rehearsal"

#: What the target waits for before it begins, in seconds between two looks.
_GATE_INTERVAL: Final = 0.001

#: So many characters of a message are kept.
_MOST: Final = 200

#: Options that a rehearsal sets, where there are such.
_OPTIONS: Final[dict[str, object]] = {
    "collectonly": False,
    "failedfirst": False,
    "htmlpath": None,
    "lf": False,
    "maxfail": 0,
    "newfirst": False,
    "orchestrate_diagnose": None,
    "orchestrate_diagnose_budget": None,
    "orchestrate_events": None,
    "orchestrate_explain": None,
    "orchestrate_history": "none",
    "orchestrate_live": None,
    "orchestrate_plan": False,
    "orchestrate_record": None,
    "orchestrate_replay": None,
    "orchestrate_retries": "0",
    "orchestrate_shard": None,
    "orchestrate_shard_durations": None,
    "report_log": None,
    "stepwise": False,
    "stepwise_skip": False,
    "trace": False,
    "usepdb": False,
    "xmlpath": None,
}

#: Plugins that a rehearsal does without: what is reported is the diagnosis.
_BLOCKED: Final = ("orchestra-reporting", "orchestra-last-run")


@dataclass(frozen=True, slots=True)
class Script:
    """What one process runs.

    ``tests`` are node ids in the order in which they run, and ``paths`` their files; ``target`` is the
    one to note, empty for none. ``record`` is the file to note it in. The target does not begin
    before there is a file ``gate``, if that is given. Nothing more begins when the process
    ``parent`` is gone.
    """

    tests: tuple[str, ...]
    paths: tuple[str, ...]
    target: str
    record: str
    basetemp: str
    parent: int
    gate: str = ""

    def write(self, path: Path) -> None:
        """Write it to a file."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Script:
        """Read it from a file."""
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**fields, "tests": tuple(fields["tests"]), "paths": tuple(fields["paths"])})


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Take the place of this module with a plugin that knows the script."""
    path = os.environ.pop(SCRIPT)  # tests that start pytest themselves do not see it
    pluginmanager.register(Rehearsal(Script.read(Path(path))), REHEARSAL)


class Rehearsal:
    """Plugin that runs what a script says."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._places = {nodeid: place for place, nodeid in enumerate(script.tests)}
        self._outcome = ""
        self._message = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> None:
        """Collect only what is needed, and leave no traces but our own."""
        config.args[:] = self._script.paths
        for name, value in _OPTIONS.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)
        config.option.basetemp = self._script.basetemp
        for name in _BLOCKED:
            config.pluginmanager.set_blocked(name)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the tests of the script."""
        known = {item.nodeid: item for item in items}
        items[:] = [known[nodeid] for nodeid in self._script.tests if nodeid in known]

    def pytest_orchestra_requirements(self, item: pytest.Item) -> pytest.MarkDecorator | None:
        """Let each test wait for the one before it, whatever that comes to."""
        place = self._places.get(item.nodeid, 0)
        if not place:
            return None
        return pytest.mark.depends(self._script.tests[place - 1], when="finished")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note when the target begins and how it ends."""
        if os.getppid() != self._script.parent:
            pytest.exit("the diagnosis is over")
        is_target = item.nodeid == self._script.target
        if is_target:
            self._note(what="began")
            self._wait_at_the_gate()
        result = yield
        if is_target:
            self._note(what="ended", outcome=self._outcome, message=self._message)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in the reports of the target; one that is run again has failed."""
        if report.nodeid != self._script.target:
            return
        if report.outcome == "skipped" and not hasattr(report, "wasxfail"):
            self._outcome = self._outcome or "skipped"
            self._message = self._message or _reason(report)
        elif report.outcome in {"passed", "skipped"}:
            self._outcome = self._outcome or ("passed" if report.when == "call" else "")
        elif self._outcome != "failed":
            self._outcome = "failed"
            self._message = _crash(report)

    def _wait_at_the_gate(self) -> None:
        gate = self._script.gate
        while gate and not Path(gate).exists() and os.getppid() == self._script.parent:
            time.sleep(_GATE_INTERVAL)

    def _note(self, **words: str) -> None:
        with Path(self._script.record).open("a", encoding="utf-8") as record:
            record.write(json.dumps(words) + "\n")


def _reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


def _crash(report: pytest.TestReport) -> str:
    """Return the first line of what went wrong, shortened."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message) if crash is not None else report.longreprtext
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= _MOST else f"{line[: _MOST - 3]}..."
