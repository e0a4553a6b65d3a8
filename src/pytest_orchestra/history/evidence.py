"""Runs as they were added, read back from what is kept of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Final

from pytest_orchestra.history.recent import OUTCOMES
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.evidence import CaseEvidence, FixtureEvidence, RunEvidence

_RESULTS: Final = (
    "SELECT r.test, r.outcome, r.started, r.setup, r.call, r.teardown, w.text, s.text, "
    "r.seconds, r.cpu, r.memory FROM result r "
    "LEFT JOIN word w ON w.id = r.worker LEFT JOIN word s ON s.id = r.signature "
    "WHERE r.run = ? ORDER BY r.test, r.attempt"
)


def kept_runs(connection: sqlite3.Connection) -> tuple[int, ...]:
    """Return the numbers of the runs that have results, oldest first."""
    rows = connection.execute(
        "SELECT u.id FROM run u WHERE EXISTS (SELECT 1 FROM result r WHERE r.run = u.id) "
        "ORDER BY u.started, u.uuid"
    ).fetchall()
    return tuple([number for (number,) in rows])


class EvidenceReader:
    """Reads runs; what stands with tests, and not with results, is the same for all of them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._tests = _tests(connection)

    def read(self, number: int) -> RunEvidence:
        """Return the run of that number."""
        uuid, started, seconds, commit, is_clean, environment, workers, hosts, stopped, flaky = (
            self._connection.execute(
                "SELECT u.uuid, u.started, u.seconds, u.revision, u.is_clean, e.fingerprint, "
                "u.workers, u.hosts, u.stopped, u.flaky "
                "FROM run u JOIN environment e ON e.id = u.environment WHERE u.id = ?",
                (number,),
            ).fetchone()
        )
        fixtures = self._connection.execute(
            "SELECT f.name, f.scope, c.seconds FROM cost c JOIN fixture f ON f.id = c.fixture "
            "WHERE c.run = ? ORDER BY f.name, f.scope",
            (number,),
        ).fetchall()
        return RunEvidence(
            uuid=uuid,
            started=started,
            seconds=seconds,
            cases=self._cases(number),
            fixtures=tuple(FixtureEvidence(*row) for row in fixtures),
            commit=commit,
            is_clean=bool(is_clean),
            environment=environment,
            workers=workers,
            hosts=tuple(json.loads(hosts)),
            stopped=stopped,
            flaky=flaky,
        )

    def _cases(self, number: int) -> tuple[CaseEvidence, ...]:
        attempts: dict[int, list[Attempt]] = {}
        totals: dict[int, tuple[float | None, float | None, int | None]] = {}
        rows = self._connection.execute(_RESULTS, (number,)).fetchall()
        for test, outcome, started, setup, call, teardown, worker, signature, *total in rows:
            attempts.setdefault(test, []).append(
                Attempt(
                    OUTCOMES[outcome], started, setup, call, teardown, worker or "", signature or ""
                )
            )
            seconds, cpu, memory = total
            totals[test] = seconds, cpu, memory
        cases = []
        for test, each in attempts.items():
            nodeid, line, claims, body = self._tests[test]
            cases.append(CaseEvidence(nodeid, tuple(each), line, body, *totals[test], claims))
        return tuple(sorted(cases, key=lambda case: case.nodeid))


def _tests(
    connection: sqlite3.Connection,
) -> Mapping[int, tuple[str, int, tuple[str, ...], str]]:
    """Return node id, line, claims and the digest of the code of every test, by its number."""
    rows = connection.execute(
        "SELECT t.id, t.nodeid, t.line, w.text, max(b.digest) FROM test t "
        "LEFT JOIN word w ON w.id = t.claims LEFT JOIN body b ON b.test = t.id GROUP BY t.id"
    ).fetchall()
    return {
        number: (nodeid, line, tuple(json.loads(claims)) if claims else (), body or "")
        for number, nodeid, line, claims, body in rows
    }
