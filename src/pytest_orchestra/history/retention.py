"""Lets go of what is too old to say anything, a little with every run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.history.places import LATEST
from pytest_orchestra.history.text import storable
from pytest_orchestra.history.writing import day_of

#: Seconds in a day.
DAY: Final = 86_400.0

#: So many old runs are let go of at a time, so that no run has to wait for a great clean-up.
RUNS_AT_A_TIME: Final = 4

#: So few tests are looked up in one run after the other, and more are met soon by reading all results.
_FEW: Final = 20


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days results are kept, and of how many runs of each test.

    What is known of a test goes with it once it has not run for so many days. Which runs there were
    is remembered for good, so that merging does not bring back what is gone.
    """

    days: float = 180.0
    runs: int = 200


def settled_time(connection: sqlite3.Connection, started: float) -> float:
    """Return when it is now by most of the latest runs, ``started`` at the latest.

    The clock of one run may be wrong, and must not let go of anything. In seconds since the epoch.
    """
    rows = connection.execute("SELECT started FROM run ORDER BY id DESC LIMIT ?", (LATEST,))
    starts = sorted(start for (start,) in rows)
    return min(started, starts[len(starts) // 2]) if starts else started


def let_go(connection: sqlite3.Connection, retention: Retention, now: float) -> None:
    """Delete what need not be kept at ``now``, seconds since the epoch; needs a transaction."""
    limit = now - retention.days * DAY
    old = connection.execute(
        "SELECT u.id FROM run u WHERE u.started < ? "
        "AND EXISTS (SELECT 1 FROM result r WHERE r.run = u.id) ORDER BY u.started LIMIT ?",
        (limit, RUNS_AT_A_TIME),
    )
    for (run,) in old.fetchall():
        _delete_results(connection, run, 0)
        connection.execute("DELETE FROM cost WHERE run = ?", (run,))
    for _ in range(RUNS_AT_A_TIME):
        oldest = _oldest_surplus(connection, retention.runs)
        if oldest is None:
            break
        _delete_results(connection, oldest, retention.runs)
    _forget_tests(connection, limit)


def forget(connection: sqlite3.Connection, nodeids: Iterable[str]) -> None:
    """Delete all that is known of these tests; needs a transaction, and looks at all results."""
    names = json.dumps([storable(nodeid) for nodeid in nodeids])
    chosen = "SELECT id FROM test WHERE nodeid IN (SELECT value FROM json_each(?))"
    for table in ("result", "day", "body"):
        connection.execute(f"DELETE FROM {table} WHERE test IN ({chosen})", (names,))  # noqa: S608 - names of ours
    connection.execute(f"DELETE FROM test WHERE id IN ({chosen})", (names,))  # noqa: S608 - as above


def _oldest_surplus(connection: sqlite3.Connection, most: int) -> int | None:
    """Return the first run with a result of a test of which more than ``most`` runs are kept."""
    rows = connection.execute("SELECT id FROM test WHERE kept > ? LIMIT ?", (most, _FEW + 1))
    tests = [test for (test,) in rows.fetchall()]
    if not tests:
        return None
    if len(tests) <= _FEW:
        row = connection.execute(
            "SELECT u.id FROM run u WHERE EXISTS (SELECT 1 FROM result r WHERE r.run = u.id) "
            "AND EXISTS (SELECT 1 FROM json_each(?) t "
            "CROSS JOIN result r ON r.run = u.id AND r.test = t.value) ORDER BY u.id LIMIT 1",
            (json.dumps(tests),),
        ).fetchone()
    else:
        row = connection.execute(
            "SELECT run FROM result WHERE test IN (SELECT id FROM test WHERE kept > ?) "
            "ORDER BY run LIMIT 1",
            (most,),
        ).fetchone()
    return None if row is None else int(row[0])


def _delete_results(connection: sqlite3.Connection, run: int, most: int) -> None:
    """Delete from ``run`` the results of tests of which more than ``most`` runs are kept."""
    rows = connection.execute(
        "SELECT DISTINCT r.test FROM result r JOIN test t ON t.id = r.test "
        "WHERE r.run = ? AND t.kept > ?",
        (run, most),
    )
    tests = rows.fetchall()
    connection.executemany(f"DELETE FROM result WHERE run = {run} AND test = ?", tests)  # noqa: S608 - a number of ours
    connection.executemany("UPDATE test SET kept = kept - 1 WHERE id = ?", tests)


def _forget_tests(connection: sqlite3.Connection, limit: float) -> None:
    """Forget tests and fixtures that were last seen before ``limit``, and have no results left."""
    gone = connection.execute(
        "SELECT id FROM test WHERE seen < ? AND kept = 0", (limit,)
    ).fetchall()
    connection.execute("DELETE FROM fixture WHERE seen < ?", (limit,))
    if not gone:
        return
    connection.execute("DELETE FROM day WHERE day < ?", (day_of(limit),))
    connection.executemany("DELETE FROM day WHERE test = ?", gone)
    connection.executemany("DELETE FROM body WHERE test = ?", gone)
    connection.executemany("DELETE FROM test WHERE id = ?", gone)
