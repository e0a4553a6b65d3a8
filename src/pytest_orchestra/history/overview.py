"""What there is in a history, as a whole."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunHead:
    """A run: ``tests`` ran, ``failed`` of them in their first attempt; times are in seconds."""

    uuid: str
    started: float
    seconds: float
    commit: str | None
    workers: int
    tests: int
    failed: int
    flaky: int
    stopped: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """How much there is; ``runs`` are all that are remembered, ``kept`` those with results.

    ``latest`` are some of the last runs, newest first.
    """

    runs: int
    kept: int
    tests: int
    results: int
    environments: int
    first: float | None
    last: float | None
    latest: tuple[RunHead, ...]


def read_overview(connection: sqlite3.Connection, most: int) -> Overview:
    """Return how much there is, and the latest runs, at ``most`` so many; counts all results."""
    runs, first, last = connection.execute(
        "SELECT count(*), min(started), max(started) FROM run"
    ).fetchone()
    (kept,) = connection.execute(
        "SELECT count(*) FROM run u WHERE EXISTS (SELECT 1 FROM result r WHERE r.run = u.id)"
    ).fetchone()
    (tests,) = connection.execute("SELECT count(*) FROM test").fetchone()
    (results,) = connection.execute("SELECT count(*) FROM result").fetchone()
    (environments,) = connection.execute("SELECT count(*) FROM environment").fetchone()
    rows = connection.execute(
        "SELECT uuid, started, seconds, revision, workers, tests, failed, flaky, stopped FROM run "
        "ORDER BY started DESC, uuid LIMIT ?",
        (most,),
    ).fetchall()
    latest = tuple(RunHead(*row) for row in rows)
    return Overview(runs, kept, tests, results, environments, first, last, latest)


def read_nodeids(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return all tests that are known of, sorted."""
    rows = connection.execute("SELECT nodeid FROM test ORDER BY nodeid").fetchall()
    return tuple([nodeid for (nodeid,) in rows])
