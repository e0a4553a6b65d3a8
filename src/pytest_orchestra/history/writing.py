"""Adds runs to a history, in a transaction of somebody else's."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from pytest_orchestra.history.recent import FAILURES, NUMBERS, Entry, extend
from pytest_orchestra.history.text import storable
from pytest_orchestra.model.evidence import CaseEvidence, RunEvidence
from pytest_orchestra.model.verdict import FAILURE

#: Numbers of things by their texts.
_Ids: TypeAlias = Mapping[str, int]


def add_run(
    connection: sqlite3.Connection,
    run: RunEvidence,
    renamed: Mapping[str, str],
    rates: Mapping[str, float | None],
) -> bool:
    """Add ``run``, unless it is there; return whether it was added.

    ``renamed`` maps node ids to those that the tests had before: what is known goes along. ``rates``
    are those of tests that were judged after the run, None for those that are not flaky.
    """
    if connection.execute("SELECT 1 FROM run WHERE uuid = ?", (run.uuid,)).fetchone():
        return False
    connection.executemany(
        "UPDATE OR IGNORE test SET nodeid = ? WHERE nodeid = ?",
        ((storable(new), storable(old)) for new, old in renamed.items()),
    )
    cases = {storable(case.nodeid): case for case in reversed(run.cases) if case.attempts}
    number = _add_head(connection, run, cases.values())
    words = _add_words(connection, cases.values())
    tests = _add_tests(connection, cases, words)
    _add_bodies(connection, tests, cases)
    connection.executemany(
        "INSERT INTO result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row
            for nodeid, case in sorted(cases.items(), key=lambda item: tests[item[0]])
            for row in _results(number, tests[nodeid], case, words)
        ),
    )
    _add_costs(connection, number, run)
    roll_up(connection, [number])
    connection.executemany(
        "UPDATE test SET flaking = ?, judged = ? WHERE nodeid = ?",
        ((rate, run.started, storable(nodeid)) for nodeid, rate in rates.items()),
    )
    return True


def roll_up(connection: sqlite3.Connection, runs: Sequence[int]) -> None:
    """Take ``runs``, whose results have just been added, into what stands with each test."""
    entries: dict[int, list[Entry]] = defaultdict(list)
    wanted = json.dumps(runs)
    for test, entry in _last_attempts(connection, wanted):
        entries[test].append(entry)
    known = connection.execute(
        "SELECT id, recent FROM test WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(entries)),),
    )
    changes = []
    for test, recent in known.fetchall():
        new = entries[test]
        failures = sum(outcome in FAILURES for _, _, outcome, _ in new)
        seen = max(started for started, _, _, _ in new)
        changes.append((seen, len(new), failures, len(new), extend(recent, new), test))
    connection.executemany(
        "UPDATE test SET seen = max(seen, ?), runs = runs + ?, failures = failures + ?, "
        "kept = kept + ?, recent = ? WHERE id = ?",
        changes,
    )
    connection.executemany(
        "INSERT INTO day VALUES (?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET runs = runs + 1, "
        "failures = failures + excluded.failures, seconds = seconds + excluded.seconds",
        (
            (test, day_of(started), outcome in FAILURES, seconds)
            for test, new in entries.items()
            for started, seconds, outcome, _ in new
        ),
    )
    _roll_up_costs(connection, wanted)


def day_of(started: float) -> int:
    """Return the number of the day, since the epoch and in UTC."""
    return int(started // 86_400)


def intern(connection: sqlite3.Connection, texts: Iterable[str]) -> _Ids:
    """Return the numbers of ``texts`` in the table of words, where they are put if need be."""
    names = {text: storable(text) for text in texts if text}
    wanted = sorted(set(names.values()))
    connection.executemany(
        "INSERT OR IGNORE INTO word (text) VALUES (?)", ((text,) for text in wanted)
    )
    rows = connection.execute(
        "SELECT text, id FROM word WHERE text IN (SELECT value FROM json_each(?))",
        (json.dumps(wanted),),
    )
    numbers = dict(rows.fetchall())
    return {text: numbers[name] for text, name in names.items()}


def _add_head(
    connection: sqlite3.Connection, run: RunEvidence, cases: Iterable[CaseEvidence]
) -> int:
    environment = storable(run.environment)
    connection.execute("INSERT OR IGNORE INTO environment (fingerprint) VALUES (?)", (environment,))
    firsts = [case.attempts[0].verdict for case in cases]
    cursor = connection.execute(
        "INSERT INTO run (uuid, started, seconds, revision, is_clean, environment, workers, hosts,"
        " stopped, tests, failed, flaky) SELECT ?, ?, ?, ?, ?, id, ?, ?, ?, ?, ?, ? FROM environment "
        "WHERE fingerprint = ?",
        (
            run.uuid,
            run.started,
            run.seconds,
            run.commit,
            run.is_clean,
            run.workers,
            json.dumps(run.hosts),
            None if run.stopped is None else storable(run.stopped),
            len(firsts),
            sum(verdict in FAILURE for verdict in firsts),
            run.flaky,
            environment,
        ),
    )
    number = cursor.lastrowid
    assert number is not None  # noqa: S101 - a row was inserted
    return number


def _add_tests(
    connection: sqlite3.Connection, cases: Mapping[str, CaseEvidence], words: _Ids
) -> _Ids:
    wanted = (json.dumps(list(cases)),)
    query = (
        "SELECT nodeid, id, line, claims FROM test WHERE nodeid IN (SELECT value FROM json_each(?))"
    )
    known = {nodeid: tuple(rest) for nodeid, *rest in connection.execute(query, wanted)}
    about = {
        nodeid: (case.line, words.get(_claims_text(case)) if case.claims else None)
        for nodeid, case in cases.items()
    }
    changed = [
        (*about[nodeid], number)
        for nodeid, (number, *rest) in known.items()
        if (*rest,) != about[nodeid]
    ]
    connection.executemany("UPDATE test SET line = ?, claims = ? WHERE id = ?", changed)
    numbers = {nodeid: number for nodeid, (number, *_) in known.items()}
    fresh = [nodeid for nodeid in about if nodeid not in known]
    # Nobody else adds any in this transaction, so the numbers need not be asked for afterwards.
    (highest,) = connection.execute("SELECT coalesce(max(id), 0) FROM test").fetchone()
    numbers |= {nodeid: number for number, nodeid in enumerate(fresh, highest + 1)}
    connection.executemany(
        "INSERT INTO test (id, nodeid, line, claims) VALUES (?, ?, ?, ?)",
        ((numbers[nodeid], nodeid, *about[nodeid]) for nodeid in fresh),
    )
    return numbers


def _claims_text(case: CaseEvidence) -> str:
    return json.dumps(list(case.claims))


def _add_bodies(
    connection: sqlite3.Connection, tests: _Ids, cases: Mapping[str, CaseEvidence]
) -> None:
    """Remember the code of tests, by the Python that compiled it."""
    bodies = {nodeid: case.body for nodeid, case in cases.items() if case.body}
    known = {
        (test, digest)
        for test, digest in connection.execute(
            "SELECT test, digest FROM body WHERE test IN (SELECT value FROM json_each(?))",
            (json.dumps([tests[nodeid] for nodeid in bodies]),),
        )
    }
    connection.executemany(
        "INSERT OR REPLACE INTO body VALUES (?, ?, ?)",
        (
            (tests[nodeid], python_of(digest), digest)
            for nodeid, digest in bodies.items()
            if (tests[nodeid], digest) not in known
        ),
    )


def python_of(digest: str) -> str:
    """Return which Python compiled what has this digest."""
    return digest.rpartition("-")[0]


def _add_words(connection: sqlite3.Connection, cases: Iterable[CaseEvidence]) -> _Ids:
    texts: set[str] = set()
    for case in cases:
        if case.claims:
            texts.add(_claims_text(case))
        for attempt in case.attempts:
            texts.update((attempt.worker, attempt.signature))
    return intern(connection, texts)


def _results(
    run: int, test: int, case: CaseEvidence, words: _Ids
) -> Iterator[tuple[float | int | None, ...]]:
    last = len(case.attempts) - 1
    for number, attempt in enumerate(case.attempts):
        totals = (case.seconds, case.cpu_seconds, case.memory_peak)
        yield (
            run,
            test,
            number,
            NUMBERS[attempt.verdict],
            attempt.started,
            attempt.setup,
            attempt.call,
            attempt.teardown,
            words.get(attempt.worker),
            words.get(attempt.signature),
            *(totals if number == last else (None, None, None)),
        )


def _add_costs(connection: sqlite3.Connection, number: int, run: RunEvidence) -> None:
    costs = [(storable(each.name), storable(each.scope), each.seconds) for each in run.fixtures]
    connection.executemany(
        "INSERT OR IGNORE INTO fixture (name, scope) VALUES (?, ?)",
        ((name, scope) for name, scope, _ in costs),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO cost SELECT ?, id, ? FROM fixture WHERE name = ? AND scope = ?",
        ((number, seconds, name, scope) for name, scope, seconds in costs),
    )


def _last_attempts(connection: sqlite3.Connection, runs: str) -> Iterator[tuple[int, Entry]]:
    """Yield the test and the last attempt of each in each of ``runs``."""
    rows = connection.execute(
        "SELECT r.run, r.test, u.started, coalesce(r.seconds, "
        "coalesce(r.setup, 0.0) + coalesce(r.call, 0.0) + coalesce(r.teardown, 0.0)), r.outcome, "
        "u.environment FROM result r JOIN run u ON u.id = r.run "
        "WHERE r.run IN (SELECT value FROM json_each(?)) ORDER BY r.run, r.test, r.attempt",
        (runs,),
    )
    last: dict[tuple[int, int], Entry] = {
        (run, test): (started, seconds, outcome, environment)
        for run, test, started, seconds, outcome, environment in rows
    }
    for (_, test), entry in last.items():
        yield test, entry


def _roll_up_costs(connection: sqlite3.Connection, runs: str) -> None:
    rows = connection.execute(
        "SELECT c.fixture, f.recent, u.started, c.seconds, u.environment FROM cost c "
        "JOIN run u ON u.id = c.run JOIN fixture f ON f.id = c.fixture "
        "WHERE c.run IN (SELECT value FROM json_each(?))",
        (runs,),
    )
    entries: dict[tuple[int, bytes], list[Entry]] = defaultdict(list)
    for fixture, recent, started, seconds, environment in rows:
        entries[fixture, recent].append((started, seconds, 0, environment))
    connection.executemany(
        "UPDATE fixture SET seen = max(seen, ?), recent = ? WHERE id = ?",
        [
            (max(entry[0] for entry in new), extend(recent, new), fixture)
            for (fixture, recent), new in entries.items()
        ],
    )
