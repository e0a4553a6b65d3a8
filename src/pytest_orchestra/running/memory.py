"""What a run knows of earlier ones, and what it leaves to later ones."""

from __future__ import annotations

import platform
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra.history.places import DEFAULT
from pytest_orchestra.model.evidence import CaseEvidence, FixtureEvidence, RunEvidence
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.checkout import Checkout
from pytest_orchestra.settings import NO_HISTORY, Settings

if TYPE_CHECKING:
    from pytest_orchestra.history.archive import Archive, Recollection
    from pytest_orchestra.model.host import Host
    from pytest_orchestra.model.run import RunRecord
    from pytest_orchestra.running.collect import Collection
    from pytest_orchestra.running.run import Run
    from pytest_orchestra.running.terminal import TerminalReport

#: Verdicts of tests that never ran, or not to their end.
_UNTRIED: Final = frozenset({Verdict.BLOCKED, Verdict.NOT_RUN})


class Memory:
    """The history, for the process that the user started; begins to ask git when it is made."""

    def __init__(self, config: pytest.Config, path: Path, terminal: TerminalReport) -> None:
        self._config = config
        self._path = path
        self._terminal = terminal
        self._checkout = Checkout(config.rootpath)
        self._archive: Archive | None = None
        self._recollection: Recollection | None = None
        self._bodies: Sequence[str] = ()
        self._hosts: tuple[str, ...] = ()
        config.add_cleanup(self._checkout.close)

    @classmethod
    def open(
        cls, config: pytest.Config, settings: Settings, terminal: TerminalReport
    ) -> Memory | None:
        """Return the memory that the user wants, None for none or where nothing will run."""
        path = history_path(config, settings)
        return None if path is None or config.option.collectonly else cls(config, path, terminal)

    def recall(
        self, collection: Collection, bodies: Sequence[str], hosts: Sequence[Host]
    ) -> Recollection:
        """Return what is known of the tests of a ``collection``; ``bodies`` are digests of them."""
        from pytest_orchestra.history.archive import Archive  # noqa: PLC0415 - it loads SQLite
        from pytest_orchestra.history.renames import Trace  # noqa: PLC0415 - as above

        self._bodies = bodies
        self._hosts = tuple(host.name for host in hosts)
        self._archive = Archive(self._path, self._shown, self._warn)
        tests = [
            Trace(spec.nodeid, spec.line, body)
            for spec, body in zip(collection.specs, bodies, strict=True)
        ]
        files = (
            {spec.nodeid.partition("::")[0] for spec in collection.specs}
            if collection.is_whole
            else set()
        )
        root = self._config.rootpath

        def is_gone(nodeid: str) -> bool:
            file = nodeid.partition("::")[0]
            return file in files or not (root / file).exists()

        found = self._archive.recall(tests, fingerprint(self._config), is_gone)
        self._recollection = found
        return found

    @property
    def commit(self) -> str | None:
        """What the files were checked out from, None where there is no repository; waits for git."""
        return self._checkout.read()[0]

    def keep(self, run: Run, record: RunRecord) -> None:
        """Leave what ``record`` of the ``run`` says to later ones."""
        if self._archive is None or self._recollection is None:
            return
        commit, is_clean = self._checkout.read()
        cases = tuple(self._cases(record))
        if not cases:
            return
        evidence = RunEvidence(
            uuid=uuid.uuid4().hex,
            started=record.started,
            seconds=record.seconds,
            cases=cases,
            fixtures=tuple(
                FixtureEvidence(name, scope, seconds)
                for (name, scope), seconds in run.costs.items()
            ),
            commit=commit,
            is_clean=is_clean,
            environment=fingerprint(self._config),
            workers=len(record.workers),
            hosts=self._hosts,
            stopped=record.stopped,
        )
        self._archive.keep(evidence, self._recollection.renamed)

    def _cases(self, record: RunRecord) -> Iterator[CaseEvidence]:
        for case, each in enumerate(record.cases):
            if each.verdict not in _UNTRIED:
                yield CaseEvidence(
                    nodeid=each.spec.nodeid,
                    attempts=each.attempts,
                    line=each.spec.line,
                    body=self._bodies[case],
                    seconds=each.seconds,
                    cpu_seconds=each.cpu_seconds,
                    memory_peak=each.memory_peak,
                )

    @property
    def _shown(self) -> str:
        root = self._config.rootpath
        path = self._path
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

    def _warn(self, text: str) -> None:
        self._terminal.alarm(text, yellow=True)


def history_path(config: pytest.Config, settings: Settings) -> Path | None:
    """Return where the history is; None if there is to be none.

    A path on the command line counts from where pytest was started, one in the file from the
    root directory.
    """
    option: str | None = config.getoption("orchestrate_history")
    wish = option or settings.history or DEFAULT
    if wish == NO_HISTORY:
        return None
    base = config.invocation_params.dir if option else config.rootpath
    return base / Path(wish).expanduser()


def fingerprint(config: pytest.Config) -> str:
    """Return what should decide outcomes beside the code: Python, platform, pytest and plugins."""
    plugins = {
        f"{dist.project_name}-{dist.version}"
        for _, dist in config.pluginmanager.list_plugin_distinfo()
    }
    implementation = sys.implementation.name
    return " ".join(
        (
            f"{implementation}-{platform.python_version()}",
            f"{sys.platform}-{platform.machine()}",
            *sorted({*plugins, f"pytest-{pytest.__version__}"}),
        )
    )
