"""The tables of a history, and how older ones become what they are now.

Numbers stand for texts wherever there are many: a result is some 70 bytes. A result is found by
its run, those that did not pass also by their test. What every run needs stands in the rows of
``test`` and ``fixture``, so that nobody has to look at all results: how often a test ran and failed,
its most recent outcomes (see :mod:`.recent`), and how flaky it was judged. They are changed in the transaction that adds
results.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from pytest_orchestra.errors import HistoryError

#: Says that a database is a history of this plugin: "ORCH".
APPLICATION: Final = 0x4F524348

_VERSION_1: Final = (
    "CREATE TABLE environment (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE)",
    "CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        uuid TEXT NOT NULL UNIQUE,
        started REAL NOT NULL,          -- seconds since the epoch
        seconds REAL NOT NULL,
        revision TEXT,                  -- the commit
        is_clean INTEGER NOT NULL,
        environment INTEGER NOT NULL REFERENCES environment,
        workers INTEGER NOT NULL,
        hosts TEXT NOT NULL,            -- a JSON array of names
        stopped TEXT,
        tests INTEGER NOT NULL,
        failed INTEGER NOT NULL,        -- in the first attempt
        flaky INTEGER NOT NULL          -- passed after a failure, or failed where that code had passed
    )
    """,
    """
    CREATE TABLE test (
        id INTEGER PRIMARY KEY,
        nodeid TEXT NOT NULL UNIQUE,
        line INTEGER NOT NULL DEFAULT 0,
        seen REAL NOT NULL DEFAULT 0,   -- the start of the last run in which it ran
        runs INTEGER NOT NULL DEFAULT 0,
        failures INTEGER NOT NULL DEFAULT 0,
        kept INTEGER NOT NULL DEFAULT 0, -- runs of which there are results
        recent BLOB NOT NULL DEFAULT x'',
        claims INTEGER REFERENCES word, -- a JSON array of names of resources
        flaking REAL,                   -- how often it fails by chance, if it was judged flaky
        judged REAL NOT NULL DEFAULT 0  -- the start of the run after which it was judged
    )
    """,
    "CREATE INDEX test_flaking ON test (judged) WHERE flaking IS NOT NULL",
    """
    CREATE TABLE body (
        test INTEGER NOT NULL REFERENCES test,
        python TEXT NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (test, python)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX body_digest ON body (digest)",
    """
    CREATE TABLE result (
        run INTEGER NOT NULL REFERENCES run,
        test INTEGER NOT NULL REFERENCES test,
        attempt INTEGER NOT NULL,       -- from 0
        outcome INTEGER NOT NULL,       -- 0: passed
        started REAL,
        setup REAL,
        call REAL,
        teardown REAL,
        worker INTEGER REFERENCES word,
        signature INTEGER REFERENCES word,
        seconds REAL,                   -- of all attempts, with the last
        cpu REAL,
        memory INTEGER,
        PRIMARY KEY (run, test, attempt)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX result_not_passed ON result (test, run) WHERE outcome <> 0",
    """
    CREATE TABLE day (
        test INTEGER NOT NULL REFERENCES test,
        day INTEGER NOT NULL,           -- since the epoch, in UTC
        runs INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        seconds REAL NOT NULL,
        PRIMARY KEY (test, day)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE fixture (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        scope TEXT NOT NULL,
        seen REAL NOT NULL DEFAULT 0,
        recent BLOB NOT NULL DEFAULT x'',
        UNIQUE (name, scope)
    )
    """,
    """
    CREATE TABLE cost (
        run INTEGER NOT NULL REFERENCES run,
        fixture INTEGER NOT NULL REFERENCES fixture,
        seconds REAL NOT NULL,
        PRIMARY KEY (run, fixture)
    ) WITHOUT ROWID
    """,
)

#: Statements that make each version from the one before; the first begins with nothing. A
#: version that was released is never changed: add another.
STEPS: Final[tuple[tuple[str, ...], ...]] = (_VERSION_1,)


class FutureError(HistoryError):
    """A newer version of the plugin has written the history."""


class ForeignError(HistoryError):
    """The file is a database, but no history."""


def migrate(connection: sqlite3.Connection, steps: Sequence[Sequence[str]] = STEPS) -> None:
    """Bring a history to the newest version, all at once or not at all.

    Raises FutureError or ForeignError, and changes nothing, if that is not for us to do, and
    sqlite3.Error.
    """
    # What says which version it is stands in several places: others must not change it meanwhile.
    connection.execute("BEGIN")
    try:
        version = _version(connection, len(steps))
    finally:
        connection.execute("ROLLBACK")
    if version == len(steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[_version(connection, len(steps)) :]:  # others may have done it by now
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, newest: int) -> int:
    """Return the version of a history, 0 for an empty file."""
    application = _pragma(connection, "application_id")
    version = _pragma(connection, "user_version")
    is_empty = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    if is_empty and application == version == 0:
        return 0
    if application != APPLICATION:
        raise ForeignError("is a database, but not a history of pytest-orchestra")
    if version > newest:
        raise FutureError(
            f"was written by a newer pytest-orchestra (version {version} of the tables, this one "
            f"knows {newest})"
        )
    return version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
