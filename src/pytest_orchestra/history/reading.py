"""What a run needs to know of its tests, and all that is known of some."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_orchestra.history.estimates import Observed
from pytest_orchestra.history.recent import OUTCOMES, unpack
from pytest_orchestra.history.renames import Trace
from pytest_orchestra.history.text import originals, storable
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Past:
    """One test as it was: recent outcomes, oldest first, and the digest of its code, if known."""

    observed: tuple[Observed, ...]
    body: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a history knows: tests by node id, and costs of fixtures by name and scope."""

    tests: Mapping[str, Past] = field(default_factory=dict)
    costs: Mapping[tuple[str, str], tuple[Observed, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as it was; see :class:`~pytest_orchestra.model.evidence.RunEvidence`.

    ``tests`` ran, of which ``failed`` failed in their first attempt.
    """

    uuid: str
    started: float
    commit: str | None
    is_clean: bool
    environment: str
    tests: int
    failed: int


@dataclass(frozen=True, slots=True)
class Trial:
    """All attempts of one test in one run."""

    run: PastRun
    attempts: tuple[Attempt, ...]


def read_known(
    connection: sqlite3.Connection, nodeids: Iterable[str], environment: str, python: str
) -> Known:
    """Return what is known of these tests, and of all fixtures.

    ``environment`` is that of the coming run, ``python`` the name that digests of code begin with.
    """
    here = _number_of(connection, environment)
    names = originals(nodeids)
    rows = connection.execute(
        "SELECT t.nodeid, t.recent, b.digest FROM json_each(?) w JOIN test t ON t.nodeid = w.value "
        "LEFT JOIN body b ON b.test = t.id AND b.python = ?",
        (json.dumps(list(names)), python),
    )
    tests = {
        names[nodeid]: Past(_observed(recent, here), digest or "")
        for nodeid, recent, digest in rows
    }
    costs = {
        (name, scope): _observed(recent, here)
        for name, scope, recent in connection.execute("SELECT name, scope, recent FROM fixture")
    }
    return Known(tests, costs)


def read_traces(connection: sqlite3.Connection, bodies: Iterable[str]) -> tuple[Trace, ...]:
    """Return the tests whose code has one of these digests."""
    rows = connection.execute(
        "SELECT t.nodeid, t.line, b.digest FROM body b JOIN test t ON t.id = b.test "
        "WHERE b.digest IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(set(bodies))),),
    )
    return tuple(Trace(*row) for row in rows)


def read_trials(
    connection: sqlite3.Connection, nodeids: Iterable[str]
) -> Mapping[str, tuple[Trial, ...]]:
    """Return every kept result of these tests, by node id and oldest run first.

    Looks at all results: meant for few calls, not for every run.
    """
    names = originals(nodeids)
    runs = _read_runs(connection)
    rows = connection.execute(
        "SELECT t.nodeid, r.run, r.outcome, r.started, r.setup, r.call, r.teardown, "
        "w.text, s.text FROM result r JOIN test t ON t.id = r.test "
        "LEFT JOIN word w ON w.id = r.worker LEFT JOIN word s ON s.id = r.signature "
        "WHERE t.nodeid IN (SELECT value FROM json_each(?)) ORDER BY r.run, r.test, r.attempt",
        (json.dumps(list(names)),),
    )
    attempts: dict[tuple[str, int], list[Attempt]] = defaultdict(list)
    for nodeid, run, outcome, started, setup, call, teardown, worker, signature in rows:
        attempt = Attempt(
            OUTCOMES[outcome], started, setup, call, teardown, worker or "", signature or ""
        )
        attempts[names[nodeid], run].append(attempt)
    trials: dict[str, list[Trial]] = defaultdict(list)
    for (nodeid, run), each in attempts.items():
        trials[nodeid].append(Trial(runs[run], tuple(each)))
    return {
        nodeid: tuple(sorted(each, key=lambda trial: (trial.run.started, trial.run.uuid)))
        for nodeid, each in trials.items()
    }


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
    rows = connection.execute(
        "SELECT u.id, u.uuid, u.started, u.revision, u.is_clean, e.fingerprint, u.tests, u.failed "
        "FROM run u JOIN environment e ON e.id = u.environment"
    )
    return {
        number: PastRun(uuid, started, commit, bool(is_clean), *rest)
        for number, uuid, started, commit, is_clean, *rest in rows
    }


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
