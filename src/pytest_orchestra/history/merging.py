"""Takes the runs of another history into one; twice is the same as once."""

from __future__ import annotations

import sqlite3
from typing import Final

from pytest_orchestra.history.writing import roll_up

#: What runs and tests share, by text, then runs and what hangs on them. Runs whose results have
#: expired in the other history have nothing to give, and could not be taken twice.
_SHARED: Final = (
    "INSERT OR IGNORE INTO main.environment (fingerprint) SELECT fingerprint FROM other.environment",
    "INSERT OR IGNORE INTO main.word (text) SELECT text FROM other.word",
    "INSERT OR IGNORE INTO main.test (nodeid, line) SELECT nodeid, line FROM other.test",
    "INSERT OR IGNORE INTO main.fixture (name, scope) SELECT name, scope FROM other.fixture",
    """
    INSERT OR IGNORE INTO main.run (uuid, started, seconds, revision, is_clean, environment,
        workers, hosts, stopped, tests, failed, flaky)
    SELECT o.uuid, o.started, o.seconds, o.revision, o.is_clean, e.id, o.workers, o.hosts,
        o.stopped, o.tests, o.failed, o.flaky
    FROM other.run o
    JOIN other.environment oe ON oe.id = o.environment
    JOIN main.environment e ON e.fingerprint = oe.fingerprint
    WHERE EXISTS (SELECT 1 FROM other.result r WHERE r.run = o.id) OR o.tests = 0
    ORDER BY o.started, o.uuid
    """,
)

_RESULTS: Final = (
    """
    INSERT OR IGNORE INTO main.result
    SELECT n.id, t.id, r.attempt, r.outcome, r.started, r.setup, r.call, r.teardown,
        w.id, s.id, r.seconds, r.cpu, r.memory
    FROM other.run o
    JOIN main.run n ON n.uuid = o.uuid AND n.id > :newest
    JOIN other.result r ON r.run = o.id
    JOIN other.test ot ON ot.id = r.test
    JOIN main.test t ON t.nodeid = ot.nodeid
    LEFT JOIN other.word ow ON ow.id = r.worker LEFT JOIN main.word w ON w.text = ow.text
    LEFT JOIN other.word os ON os.id = r.signature LEFT JOIN main.word s ON s.text = os.text
    """,
    """
    INSERT OR IGNORE INTO main.cost
    SELECT n.id, f.id, c.seconds
    FROM other.run o
    JOIN main.run n ON n.uuid = o.uuid AND n.id > :newest
    JOIN other.cost c ON c.run = o.id
    JOIN other.fixture of ON of.id = c.fixture
    JOIN main.fixture f ON f.name = of.name AND f.scope = of.scope
    """,
    # Of the code of a test that counts which was seen last.
    """
    INSERT INTO main.body
    SELECT t.id, ob.python, ob.digest
    FROM other.body ob
    JOIN other.test ot ON ot.id = ob.test
    JOIN main.test t ON t.nodeid = ot.nodeid
    WHERE ot.seen > t.seen OR NOT EXISTS (
        SELECT 1 FROM main.body b WHERE b.test = t.id AND b.python = ob.python
    )
    ON CONFLICT DO UPDATE SET digest = excluded.digest
    """,
    """
    UPDATE main.test SET line = ot.line, claims = w.id
    FROM other.test ot LEFT JOIN other.word ow ON ow.id = ot.claims
    LEFT JOIN main.word w ON w.text = ow.text
    WHERE ot.nodeid = main.test.nodeid AND ot.seen > main.test.seen
    """,
    """
    UPDATE main.test SET flaking = ot.flaking, judged = ot.judged
    FROM other.test ot WHERE ot.nodeid = main.test.nodeid AND ot.judged > main.test.judged
    """,
)


def merge_attached(connection: sqlite3.Connection) -> int:
    """Take in the history that is attached as ``other``; return how many runs were new.

    Needs a transaction. Both histories must be of the newest version.
    """
    (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM main.run").fetchone()
    for statement in _SHARED:
        connection.execute(statement)
    new = [
        number
        for (number,) in connection.execute("SELECT id FROM main.run WHERE id > ?", (newest,))
    ]
    if new:
        for statement in _RESULTS:
            names = {"newest": newest} if ":newest" in statement else {}
            connection.execute(statement, names)
        roll_up(connection, new)
    return len(new)
