"""One file of history: opens it, reads from it, and writes to it in single transactions.

Any number of processes may do so at once. Errors of SQLite come through as they are.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from pytest_orchestra.errors import HistoryError
from pytest_orchestra.history.evidence import EvidenceReader, kept_runs
from pytest_orchestra.history.merging import merge_attached
from pytest_orchestra.history.observing import PastCase, PastRun
from pytest_orchestra.history.overview import Overview, read_nodeids, read_overview
from pytest_orchestra.history.reading import (
    Known,
    read_cases,
    read_failing,
    read_failures,
    read_flaking,
    read_gap,
    read_heads,
    read_known,
    read_last_seen,
    read_spans,
    read_traces,
)
from pytest_orchestra.history.renames import Trace
from pytest_orchestra.history.retention import Retention, forget, let_go, settled_time
from pytest_orchestra.history.schema import STEPS, migrate
from pytest_orchestra.history.surroundings import Span
from pytest_orchestra.history.writing import add_run
from pytest_orchestra.model.evidence import RunEvidence

#: For how many seconds to wait for others who write.
PATIENCE: Final = 60.0

#: For so long SQLite itself waits at a time, in seconds: meanwhile no Ctrl-C is heard.
_AT_A_TIME: Final = 0.5

#: Between two tries, in seconds.
_PAUSE: Final = 0.02

#: Errors of a file that is no database, or not a whole one.
CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

#: Pages of the log that are left to gather before they are moved: what 10,000 results take.
_LOG_PAGES: Final = 4_000


class NoLogError(HistoryError):
    """The file system, a network's mostly, cannot do what several writers need."""


class Store:
    """An open history; a context manager that closes it."""

    def __init__(self, connection: sqlite3.Connection, patience: float = PATIENCE) -> None:
        """Take a connection to a history of the newest version; see the constructors below."""
        self._connection: Final = connection
        self._patience: Final = patience

    @classmethod
    def open(cls, path: Path, *, patience: float = PATIENCE, several: bool = True) -> Store:
        """Open the history at ``path`` for reading and writing; make it if there is none.

        ``patience`` is for how many seconds to wait for others. ``several`` writers at once need
        a file system on which processes share memory; raises NoLogError if this is none. Without,
        nobody else may know of the file, for no lock is asked for. Also raises FutureError,
        ForeignError and sqlite3.Error.
        """
        timeout = min(patience, _AT_A_TIME)
        uri = f"file:{quote(str(path))}{'' if several else '?nolock=1'}"
        connection = sqlite3.connect(uri, timeout=timeout, isolation_level=None, uri=True)
        try:
            _patiently(lambda: migrate(connection), patience)
            if several:
                _patiently(lambda: _share(connection), patience)
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return cls(connection, patience)

    @classmethod
    def open_to_read(
        cls, path: Path, *, patience: float = PATIENCE, is_final: bool = False
    ) -> Store:
        """Open the history at ``path``, which is there, even if nothing can be written.

        An older version is brought up to date. ``is_final``: nobody changes the file any more, so
        no lock is asked for unless it has to be brought up to date. Raises as :meth:`open`.
        """
        uri = f"file:{quote(str(path))}"
        # Beside what must not be written to no log can be made, and there is none to be read.
        ways = [f"{uri}?mode=rw", f"{uri}?mode=ro&immutable=1"]
        first, second = reversed(ways) if is_final else ways
        try:
            return cls._open_existing(first, patience)
        except sqlite3.OperationalError as error:
            if error_code(error) not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                raise
        return cls._open_existing(second, patience)

    @classmethod
    def _open_existing(cls, uri: str, patience: float) -> Store:
        connection = sqlite3.connect(uri, timeout=patience, isolation_level=None, uri=True)
        try:
            _patiently(lambda: migrate(connection), patience)
            connection.execute("SELECT 1 FROM test LIMIT 1").fetchone()
        except BaseException:
            connection.close()
            raise
        return cls(connection, patience)

    # reading

    def known(self, nodeids: Iterable[str], environment: str, python: str) -> Known:
        """Return what a run needs to know of these tests; see :func:`.read_known`."""
        return read_known(self._connection, nodeids, environment, python)

    def gap(self, environment: str) -> float:
        """Return the seconds between two tests on a worker; see :func:`.read_gap`."""
        return read_gap(self._connection, environment)

    def traces(self, bodies: Iterable[str]) -> tuple[Trace, ...]:
        """Return the tests whose code has one of these digests."""
        return read_traces(self._connection, bodies)

    def cases(self, nodeids: Iterable[str]) -> Mapping[str, tuple[PastCase, ...]]:
        """Return what these tests did; see :func:`.read_cases`."""
        return read_cases(self._connection, nodeids)

    def spans(self, uuids: Iterable[str]) -> Mapping[str, list[Span]]:
        """Return when and where all tests of these runs ran."""
        return read_spans(self._connection, uuids)

    def failing(self) -> Mapping[str, int]:
        """Return how often each test did not pass, if ever."""
        return read_failing(self._connection)

    def flaking(self) -> tuple[str, ...]:
        """Return the tests that may be flaky; see :func:`.read_flaking`."""
        return read_flaking(self._connection)

    def last_seen(self, nodeid: str) -> tuple[float | None, float]:
        """Return when a test last ran, and any of its file; see :func:`.read_last_seen`."""
        return read_last_seen(self._connection, nodeid)

    def heads(self, most: int) -> tuple[tuple[PastRun, int], ...]:
        """Return the latest runs, oldest first, each with how many of its tests flaked."""
        return read_heads(self._connection, most)

    def failures(self, nodeid: str) -> tuple[tuple[str, str], ...]:
        """Return the run and the signature of every kept failure of one test."""
        return read_failures(self._connection, nodeid)

    def overview(self, most: int) -> Overview:
        """Return how much there is, and the latest runs; see :func:`.read_overview`."""
        return read_overview(self._connection, most)

    def nodeids(self) -> tuple[str, ...]:
        """Return all tests that are known of, sorted."""
        return read_nodeids(self._connection)

    def evidence(self) -> Iterator[RunEvidence]:
        """Yield the runs that have results, oldest first, one at a time."""
        reader = EvidenceReader(self._connection)
        yield from map(reader.read, kept_runs(self._connection))

    # writing

    def add(
        self,
        run: RunEvidence,
        renamed: Mapping[str, str] | None = None,
        retention: Retention | None = None,
        rates: Mapping[str, float | None] | None = None,
    ) -> bool:
        """Add a run, unless it is there, and let go of what is too old; return if it was added.

        ``renamed`` maps node ids to former ones; ``rates`` are those of tests that have been judged.
        """
        with self._transaction():
            is_new = add_run(self._connection, run, renamed or {}, rates or {})
            if retention is not None:
                let_go(self._connection, retention, settled_time(self._connection, run.started))
        return is_new

    def let_go(self, retention: Retention, now: float) -> None:
        """Delete some of what need not be kept at ``now``, in seconds since the epoch."""
        with self._transaction():
            let_go(self._connection, retention, now)

    def prune(self, retention: Retention, now: float, tell: Callable[[], None]) -> None:
        """Delete all that need not be kept at ``now``; ``tell`` is called now and then."""
        before = -1
        while before != (before := self._connection.total_changes):
            self.let_go(retention, now)
            tell()

    def forget(self, nodeids: Iterable[str]) -> None:
        """Delete all that is known of these tests."""
        with self._transaction():
            forget(self._connection, nodeids)

    def shrink(self) -> None:
        """Give back the room of what was deleted; nobody else may use the file meanwhile."""
        _patiently(lambda: self._connection.execute("VACUUM"), self._patience)
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def merge(self, path: Path) -> int:
        """Take in the runs of the history at ``path``; return how many were new.

        The other history is brought up to date, if it is older. Raises as :meth:`open`.
        """
        with Store.open_to_read(path):
            self._connection.execute("ATTACH ? AS other", (str(path),))
            try:
                with self._transaction():
                    return merge_attached(self._connection)
            finally:
                self._connection.execute("DETACH other")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        _patiently(lambda: self._connection.execute("BEGIN IMMEDIATE"), self._patience)
        try:
            yield
            _patiently(lambda: self._connection.execute("COMMIT"), self._patience)
        except BaseException:
            if self._connection.in_transaction:  # SQLite may have rolled back by itself
                self._connection.execute("ROLLBACK")
            raise

    # the end

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


#: The version of the tables that this plugin writes.
VERSION: Final = len(STEPS)


def _share(connection: sqlite3.Connection) -> None:
    """Let others read and write at the same time."""
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError as error:
        if error_code(error) in (sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_IOERR):
            raise NoLogError(f"cannot be shared: {error}") from error
        raise
    if mode != "wal":
        raise NoLogError("cannot be shared: the file system has no shared memory")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")


def is_sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with the database at ``path``; looks at all of it."""
    uri = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, timeout=_AT_A_TIME, uri=True)) as connection:
            (answer,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except UnicodeDecodeError:  # what SQLite says of it holds pieces of it
        return False
    except sqlite3.Error as error:
        return error_code(error) not in CORRUPT
    return bool(answer == "ok")


def error_code(error: BaseException) -> int:
    """Return SQLite's primary code of an ``error``, 0 if it has none."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _patiently(action: Callable[[], object], patience: float) -> None:
    """Try again while others are in the way, and let a Ctrl-C through."""
    end = time.monotonic() + patience
    while True:
        try:
            action()
        except sqlite3.OperationalError as error:
            is_busy = error_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not is_busy or time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
        else:
            return
