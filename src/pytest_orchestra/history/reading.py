"""What a run needs to know of its tests, and all that is known of some.

All rows are fetched before any is looked at: what turns out to be damaged must not keep the file open.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_orchestra.history.estimates import Observed
from pytest_orchestra.history.observing import PastCase, PastRun
from pytest_orchestra.history.pace import gap_of
from pytest_orchestra.history.recent import FAILURES, KEPT, OUTCOMES, unpack
from pytest_orchestra.history.renames import Trace
from pytest_orchestra.history.surroundings import Span
from pytest_orchestra.history.text import originals, storable
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.verdict import Verdict

#: So many runs are looked at for what a test did: which runs there were is remembered for good.
MOST_RUNS: Final = 1_000

_HEAD: Final = (
    "u.id, u.uuid, u.started, u.revision, u.is_clean, e.fingerprint, u.tests, u.failed "
    "FROM run u JOIN environment e ON e.id = u.environment"
)


@dataclass(frozen=True, slots=True)
class Past:
    """One test as it was: recent outcomes, oldest first, and the digest of its code, if known.

    ``flaking`` is how often it fails by chance, None if it was not judged flaky, and ``judged`` the
    start of the run after which it was judged.
    """

    observed: tuple[Observed, ...]
    body: str = ""
    flaking: float | None = None
    judged: float = 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """What a history knows: tests by node id, and costs of fixtures by name and scope."""

    tests: Mapping[str, Past] = field(default_factory=dict)
    costs: Mapping[tuple[str, str], tuple[Observed, ...]] = field(default_factory=dict)


def read_known(
    connection: sqlite3.Connection, nodeids: Iterable[str], environment: str, python: str
) -> Known:
    """Return what is known of these tests, and of all fixtures.

    ``environment`` is that of the coming run, ``python`` the name that digests of code begin with.
    """
    here = _number_of(connection, environment)
    names = originals(nodeids)
    rows = connection.execute(
        "SELECT t.nodeid, t.recent, b.digest, t.flaking, t.judged "
        "FROM json_each(?) w JOIN test t ON t.nodeid = w.value "
        "LEFT JOIN body b ON b.test = t.id AND b.python = ?",
        (json.dumps(list(names)), python),
    ).fetchall()
    tests = {
        names[nodeid]: Past(
            _observed(recent, here),
            digest or "",
            None if flaking is None else float(flaking),
            float(judged),
        )
        for nodeid, recent, digest, flaking, judged in rows
    }
    fixtures = connection.execute("SELECT name, scope, recent FROM fixture").fetchall()
    costs = {(name, scope): _observed(recent, here) for name, scope, recent in fixtures}
    return Known(tests, costs)


def read_gap(connection: sqlite3.Connection, environment: str) -> float:
    """Return the seconds that a worker took from one test to the next in the last run that was not stopped.

    0.0 if there was none in this ``environment``.
    """
    rows = connection.execute(
        "SELECT worker, started, max(coalesce(seconds, 0.0), coalesce(setup, 0.0) + "
        "coalesce(call, 0.0) + coalesce(teardown, 0.0)) FROM result WHERE started IS NOT NULL "
        "AND run = (SELECT id FROM run WHERE environment = ? AND stopped IS NULL "
        "ORDER BY started DESC LIMIT 1) ORDER BY worker, started",
        (_number_of(connection, environment),),
    )
    return gap_of(rows)


def read_traces(connection: sqlite3.Connection, bodies: Iterable[str]) -> tuple[Trace, ...]:
    """Return the tests whose code has one of these digests."""
    rows = connection.execute(
        "SELECT t.nodeid, t.line, b.digest FROM body b JOIN test t ON t.id = b.test "
        "WHERE b.digest IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(set(bodies))),),
    )
    return tuple(Trace(*row) for row in rows)


def read_cases(
    connection: sqlite3.Connection, nodeids: Iterable[str]
) -> Mapping[str, tuple[PastCase, ...]]:
    """Return what these tests did in the last :data:`MOST_RUNS` runs, by node id, oldest run first.

    A result is looked up in its run, so this takes some microseconds for each run and test: meant
    for a hundred tests or so.
    """
    names = originals(nodeids)
    runs = _read_runs(connection)
    # CROSS JOIN keeps SQLite from reading all results of a run.
    rows = connection.execute(
        "SELECT t.nodeid, r.run, r.outcome, r.started, r.setup, r.call, r.teardown, w.text, s.text "
        "FROM json_each(:names) n CROSS JOIN test t ON t.nodeid = n.value "
        "CROSS JOIN run u ON u.id >= :first CROSS JOIN result r ON r.run = u.id AND r.test = t.id "
        "LEFT JOIN word w ON w.id = r.worker LEFT JOIN word s ON s.id = r.signature",
        {"names": json.dumps(list(names)), "first": min(runs, default=0)},
    ).fetchall()
    attempts: dict[tuple[str, int], list[Attempt]] = defaultdict(list)
    for nodeid, run, outcome, started, setup, call, teardown, worker, signature in rows:
        attempt = Attempt(
            OUTCOMES[outcome], started, setup, call, teardown, worker or "", signature or ""
        )
        attempts[names[nodeid], run].append(attempt)
    cases: dict[str, list[PastCase]] = defaultdict(list)
    for (nodeid, run), each in attempts.items():
        cases[nodeid].append(PastCase(runs[run], tuple(each)))
    return {
        nodeid: tuple(sorted(each, key=lambda past: (past.run.started, past.run.uuid)))
        for nodeid, each in cases.items()
    }


def read_spans(connection: sqlite3.Connection, uuids: Iterable[str]) -> Mapping[str, list[Span]]:
    """Return when and where all tests of these runs ran, by run; reads all of their results."""
    rows = connection.execute(
        "SELECT u.uuid, t.nodeid, w.text, r.started, r.started + coalesce(r.setup, 0.0) + "
        "coalesce(r.call, 0.0) + coalesce(r.teardown, 0.0), c.text "
        "FROM json_each(?) n CROSS JOIN run u ON u.uuid = n.value "
        "CROSS JOIN result r ON r.run = u.id CROSS JOIN test t ON t.id = r.test "
        "LEFT JOIN word w ON w.id = r.worker LEFT JOIN word c ON c.id = t.claims "
        "WHERE r.started IS NOT NULL",
        (json.dumps(sorted(uuids)),),
    ).fetchall()
    claims: dict[str | None, tuple[str, ...]] = {None: ()}
    spans: dict[str, list[Span]] = defaultdict(list)
    for uuid, nodeid, worker, began, ended, text in rows:
        if text not in claims:
            claims[text] = tuple(json.loads(text))
        spans[uuid].append(Span(nodeid, worker or "", began, ended, claims[text]))
    return spans


def read_failing(connection: sqlite3.Connection) -> Mapping[str, int]:
    """Return how often each test did not pass, in all attempts that are kept; without a scan."""
    rows = connection.execute(
        "SELECT t.nodeid, count(*) FROM result r JOIN test t ON t.id = r.test "
        "WHERE r.outcome <> 0 GROUP BY r.test"
    )
    return dict(rows.fetchall())


def read_flaking(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the tests that were judged flaky, or failed in one of the latest runs.

    Those come first on which nobody has looked for longest.
    """
    rows = connection.execute(
        "SELECT nodeid FROM test WHERE flaking IS NOT NULL OR failures > 0 AND EXISTS ("
        "SELECT 1 FROM result r WHERE r.test = test.id AND r.outcome <> 0 AND r.outcome IN (?, ?) "
        "AND r.run > (SELECT max(id) FROM run) - ?) ORDER BY judged",
        (*sorted(FAILURES), KEPT),
    )
    return tuple([nodeid for (nodeid,) in rows])


def read_last_seen(connection: sqlite3.Connection, nodeid: str) -> tuple[float | None, float]:
    """Return when a test last ran, None if it never did, and when any test of its file did."""
    name = storable(nodeid)
    file = f"{name.partition('::')[0]}::"
    # from the first to the last text that begins with the name of the file
    (of_file,) = connection.execute(
        "SELECT coalesce(max(seen), 0.0) FROM test WHERE nodeid >= ? AND nodeid < ?",
        (file, f"{file[:-1]};"),
    ).fetchone()
    row = connection.execute("SELECT seen FROM test WHERE nodeid = ?", (name,)).fetchone()
    return row[0] if row else None, of_file


def read_heads(connection: sqlite3.Connection, most: int) -> tuple[tuple[PastRun, int], ...]:
    """Return the latest runs, oldest first, each with how many of its tests flaked."""
    rows = connection.execute(
        f"SELECT u.flaky, {_HEAD} ORDER BY u.started DESC, u.uuid LIMIT ?",
        (most,),
    )
    return tuple([(_past_run(*rest), flaky) for flaky, _, *rest in rows])[::-1]


def read_failures(connection: sqlite3.Connection, nodeid: str) -> tuple[tuple[str, str], ...]:
    """Return the run and the signature of every kept failure of one test, without a scan."""
    rows = connection.execute(
        "SELECT u.uuid, coalesce(s.text, '') FROM result r JOIN run u ON u.id = r.run "
        "LEFT JOIN word s ON s.id = r.signature "
        "WHERE r.test = (SELECT id FROM test WHERE nodeid = ?) AND r.outcome <> 0 "
        "AND r.outcome IN (?, ?) ORDER BY u.started, r.attempt",
        (
            storable(nodeid),
            OUTCOMES.index(Verdict.FAILED),
            OUTCOMES.index(Verdict.ERROR),
        ),
    )
    return tuple(rows)


def _read_runs(connection: sqlite3.Connection) -> Mapping[int, PastRun]:
    """Return the latest runs by their numbers."""
    rows = connection.execute(
        f"SELECT {_HEAD} ORDER BY u.id DESC LIMIT ?",
        (MOST_RUNS,),
    )
    return {number: _past_run(*rest) for number, *rest in rows}


def _past_run(uuid: str, started: float, commit: str | None, is_clean: int, *rest: Any) -> PastRun:
    return PastRun(uuid, started, commit, bool(is_clean), *rest)


def _number_of(connection: sqlite3.Connection, environment: str) -> int:
    row = connection.execute(
        "SELECT id FROM environment WHERE fingerprint = ?", (storable(environment),)
    ).fetchone()
    return row[0] if row else -1


def _observed(recent: bytes, here: int) -> tuple[Observed, ...]:
    return tuple(
        [
            Observed(started, seconds, OUTCOMES[outcome], environment == here)
            for started, seconds, outcome, environment in unpack(recent)
        ]
    )
