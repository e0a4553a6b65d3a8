"""What a run knows of earlier ones, and what it leaves to later ones."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra.history.places import DEFAULT, is_there
from pytest_orchestra.history_settings import NO_HISTORY, HistorySettings, is_path
from pytest_orchestra.model.evidence import CaseEvidence, FixtureEvidence, RunEvidence
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.checkout import Checkout
from pytest_orchestra.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Collection as Names

    from pytest_orchestra.history.archive import Archive, Recollection
    from pytest_orchestra.history.assessing import Assessment
    from pytest_orchestra.model.case import CaseSpec
    from pytest_orchestra.model.host import Host
    from pytest_orchestra.model.run import RunRecord
    from pytest_orchestra.running.collect import Collection
    from pytest_orchestra.running.run import Run
    from pytest_orchestra.running.terminal import TerminalReport

#: Verdicts of tests that never ran, or not to their end.
_UNTRIED: Final = frozenset({Verdict.BLOCKED, Verdict.NOT_RUN})


class Memory:
    """The history, for the process that the user started; begins to ask git when it is made."""

    def __init__(
        self,
        config: pytest.Config,
        path: Path,
        terminal: TerminalReport,
        settings: HistorySettings | None = None,
    ) -> None:
        self._config = config
        #: Where the history is.
        self.path: Final = path
        self._settings = settings or HistorySettings()
        self._terminal = terminal
        self._checkout = Checkout(config.rootpath)
        self._archive: Archive | None = None
        self._recollection: Recollection | None = None
        self._bodies: Sequence[str] = ()
        self._hosts: tuple[str, ...] = ()
        self._evidence: RunEvidence | None = None
        self._rates: Mapping[str, float | None] = {}
        config.add_cleanup(self._checkout.close)

    @classmethod
    def open(
        cls, config: pytest.Config, settings: Settings, terminal: TerminalReport
    ) -> Memory | None:
        """Return the memory that the user wants, None for none or where nothing will run."""
        path = history_path(config, settings)
        # What a shard would run hangs on what is known.
        is_needless = config.option.collectonly and settings.shard is None
        if path is None or is_needless:
            return None
        return cls(config, path, terminal, settings.history)

    def recall(
        self, collection: Collection, bodies: Sequence[str], hosts: Sequence[Host]
    ) -> Recollection | None:
        """Return what is known of the tests of a ``collection``; ``bodies`` are digests of them.

        None where nothing can be known.
        """
        if not _can_remember():
            self._warn("this Python has no sqlite3: nothing is remembered")
            return None
        from pytest_orchestra.history.archive import Archive  # noqa: PLC0415 - it loads SQLite
        from pytest_orchestra.history.renames import Trace  # noqa: PLC0415 - as above
        from pytest_orchestra.history.retention import Retention  # noqa: PLC0415 - as above

        self._bodies = bodies
        self._hosts = tuple(host.name for host in hosts)
        retention = Retention(self._settings.days, self._settings.runs)
        self._archive = Archive(self.path, self._shown, self._warn, retention)
        tests = [
            Trace(spec.nodeid, spec.line, body)
            for spec, body in zip(collection.specs, bodies, strict=True)
        ]
        is_gone = gone_from(collection, self._config.rootpath)
        found = self._archive.recall(tests, self._environment, is_gone)
        self._recollection = found
        return found

    def gap(self) -> float:
        """Return the seconds that a worker takes from one test to the next; 0.0 if that is not known."""
        archive, here = self._archive, self._environment
        gaps = archive.ask(lambda store: store.gap(here)) if archive is not None else []
        return max(gaps, default=0.0)

    def narrow(self, cases: Sequence[int]) -> None:
        """Only these ``cases`` of the collection are this run's; they are numbered anew."""
        self._bodies = [self._bodies[case] for case in cases]

    def load(self) -> None:
        """Import and read what will be needed, while there is time."""
        if _can_remember():
            import pytest_orchestra.history.archive  # noqa: PLC0415 - it loads SQLite
            import pytest_orchestra.history.assessing  # noqa: F401, PLC0415 - as above
        _ = self._environment

    def prepare(self) -> None:
        """Make the directory of the history if there is none; raises OSError."""
        from pytest_orchestra.history.places import prepare  # noqa: PLC0415 - rarely needed

        prepare(self.path)

    @cached_property
    def _environment(self) -> str:
        return fingerprint(self._config)

    @property
    def commit(self) -> str | None:
        """The commit that the tests are of, as far as git knows."""
        return self._checkout.read()[0]

    def assess(self, run: Run, record: RunRecord, quarantined: Names[str]) -> Assessment | None:
        """Return what the history says of the tests of ``record`` that failed, None if nothing.

        Those that are ``quarantined`` are judged by earlier runs, too.
        """
        if self._archive is None or self._recollection is None:
            return None
        from pytest_orchestra.history.assessing import assess  # noqa: PLC0415 - it loads SQLite

        evidence = self._evidence = self._make_evidence(run, record)
        if evidence is None:
            return None
        try:
            found = assess(self._archive, evidence, self._recollection.renamed, quarantined)
        except (ArithmeticError, TypeError, ValueError) as error:
            # A byte that was changed may make anything of a number, and SQLite need not notice.
            self._warn(
                f"history {self._shown} makes no sense ({error}): nothing is concluded by it"
            )
            return None
        self._evidence = replace(evidence, flaky=found.flaky)
        self._rates = found.rates
        return found

    def keep(self) -> None:
        """Leave what was assessed to later runs."""
        if self._archive is None or self._recollection is None or self._evidence is None:
            return
        self._archive.keep(self._evidence, self._recollection.renamed, self._rates)

    def _make_evidence(self, run: Run, record: RunRecord) -> RunEvidence | None:
        commit, is_clean = self._checkout.read()
        cases = tuple(self._cases(run, record))
        if not cases:
            return None
        return RunEvidence(
            uuid=record.uuid,
            started=record.started,
            seconds=record.seconds,
            cases=cases,
            fixtures=tuple(
                FixtureEvidence(name, scope, seconds)
                for (name, scope), seconds in run.costs.items()
            ),
            commit=commit,
            is_clean=is_clean,
            environment=self._environment,
            workers=len(record.workers),
            hosts=self._hosts,
            stopped=record.stopped,
        )

    def _cases(self, run: Run, record: RunRecord) -> Iterator[CaseEvidence]:
        for case, each in enumerate(record.cases):
            if each.verdict not in _UNTRIED:
                yield CaseEvidence(
                    nodeid=each.spec.nodeid,
                    attempts=each.attempts,
                    line=each.spec.line,
                    body=self._bodies[case],
                    seconds=run.own_seconds(case),
                    cpu_seconds=each.cpu_seconds,
                    memory_peak=each.memory_peak,
                    claims=_claims(each.spec),
                )

    @property
    def _shown(self) -> str:
        root = self._config.rootpath
        path = self.path
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

    def _warn(self, text: str) -> None:
        self._terminal.alarm(text, yellow=True)


def _claims(spec: CaseSpec) -> tuple[str, ...]:
    """Return the names of all that a test takes, itself and by its fixtures."""
    if not spec.claims and not spec.holds:
        return ()
    own = {claim.resource for claim in spec.claims}
    return tuple(sorted(own.union(*({c.resource for c in hold.claims} for hold in spec.holds))))


def gone_from(collection: Collection, root: Path) -> Callable[[str], bool]:
    """Return what says whether there is certainly no such test any more.

    It is asked only of node ids that are not in the ``collection``.
    """
    files = {spec.nodeid.partition("::")[0] for spec in collection.specs if collection.is_whole}

    def is_gone(nodeid: str) -> bool:
        file = nodeid.partition("::")[0]
        return file in files or not is_there(root / file)

    return is_gone


def _can_remember() -> bool:
    """Whether this Python was built with SQLite."""
    try:
        return find_spec("_sqlite3") is not None
    except (ImportError, ValueError):  # whoever hides a module may say it like this
        return False


def history_path(config: pytest.Config, settings: Settings) -> Path | None:
    """Return where the history is; None if there is to be none.

    A path on the command line counts from where pytest was started, one in the file from the
    root directory. Raises pytest.UsageError for what is no path.
    """
    option: str | None = config.getoption("orchestrate_history")
    if option is not None and not is_path(option):
        raise pytest.UsageError(
            f"--orchestrate-history is {option!r}: name a file, or {NO_HISTORY!r} for none"
        )
    wish = option or settings.history.path or DEFAULT
    if wish.strip().lower() == NO_HISTORY:
        return None
    base = config.invocation_params.dir if option else config.rootpath
    try:
        return base / Path(wish).expanduser()
    except RuntimeError:
        raise pytest.UsageError(
            f"the history is to be at {wish!r}, but there is no such home directory: name another"
        ) from None


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
