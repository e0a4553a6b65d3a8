from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from histories import HERE, PYTHON, case, run

from pytest_orchestra.history.schema import STEPS, ForeignError, FutureError, migrate
from pytest_orchestra.history.store import Store

#: Histories as each version wrote them, as SQL.
OLD = sorted(Path(__file__).parent.glob("version_*.sql"))

MORE = (*STEPS, ("ALTER TABLE test ADD COLUMN owner TEXT", "CREATE TABLE owner (name TEXT)"))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Open a history that holds one run."""
    path = tmp_path / "history.sqlite3"
    with Store.open(path) as store:
        store.add(run(1, case("a.py::test_x")))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def read(connection: sqlite3.Connection, query: str) -> list[tuple[object, ...]]:
    """Return what a query gives."""
    return connection.execute(query).fetchall()


def test_every_version_is_kept() -> None:
    """There is a history of each version that was ever released."""
    assert [path.stem for path in OLD] == [f"version_{n}" for n in range(1, len(STEPS) + 1)]


@pytest.mark.parametrize("old", OLD, ids=lambda path: path.stem)
def test_an_old_history_is_read_and_written(tmp_path: Path, old: Path) -> None:
    """Whatever version wrote it: nothing of it is lost, and runs can be added."""
    path = tmp_path / "history.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(old.read_text(encoding="utf-8"))
    nodeids = ["tests/test_a.py::test_one", "tests/test_a.py::test_two[x]"]
    for _ in range(2):
        with Store.open_to_read(path) as store:
            known = store.known(nodeids, HERE, PYTHON)
            assert [each.seconds for each in known.tests[nodeids[0]].observed] == [0.5, 0.25]
            assert known.tests[nodeids[0]].body == f"{PYTHON}-b2"
            (failure,) = store.failures(nodeids[1])
            assert failure == ("run-1", "ValueError | N")
            assert known.costs["db", ""][0].seconds == 2.0
    with Store.open(path) as store:
        assert store.add(run(9, case(nodeids[0])))
        assert len(store.cases(nodeids)[nodeids[0]]) == 3


def test_what_a_version_is_never_changes(tmp_path: Path) -> None:
    """A history that is made now has the tables of the one that was kept."""
    made, kept = tmp_path / "made", tmp_path / "kept"
    Store.open(made).close()
    with closing(sqlite3.connect(kept)) as connection:
        connection.executescript(OLD[-1].read_text(encoding="utf-8"))
    tables = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    with closing(sqlite3.connect(made)) as one, closing(sqlite3.connect(kept)) as other:
        assert read(one, tables) == read(other, tables)


def test_a_step_is_added_to_what_is_there(connection: sqlite3.Connection) -> None:
    """A newer version changes tables and keeps what they hold."""
    migrate(connection, MORE)
    migrate(connection, MORE)
    assert read(connection, "SELECT nodeid, owner FROM test") == [("a.py::test_x", None)]
    assert read(connection, "PRAGMA user_version") == [(len(MORE),)]
    with pytest.raises(FutureError, match="newer pytest-orchestra"):
        migrate(connection)


def test_a_step_that_fails_changes_nothing(connection: sqlite3.Connection) -> None:
    """Half a migration would be neither version."""
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (*MORE, ("CREATE TABLE test (id)",)))
    assert read(connection, "PRAGMA user_version") == [(len(STEPS),)]
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("SELECT owner FROM test")
    migrate(connection)


def test_a_database_of_others_is_left_alone(tmp_path: Path) -> None:
    """No table is put into it."""
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE users (name); PRAGMA user_version = 1")
        before = path.read_bytes()
        with pytest.raises(ForeignError, match="not a history"):
            Store.open(path)
    assert path.read_bytes() == before
