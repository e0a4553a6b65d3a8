"""Every run makes the next one better, and nothing that is wrong with the history changes a run."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from harness import FAILED, PASSED, USAGE, Project

from pytest_orchestra.reports.record_file import read_record

HERE = Path(__file__).parent
DEFAULT = Path(".pytest_orchestra", "history.sqlite3")

#: Tests whose lengths are not as their order suggests. Where they are known, the others wait for the
#: long one to begin: it is to be the first that is sent, however long its worker takes to get to it.
UNEVEN = """
    import os, time, pytest

    @pytest.mark.parametrize("n", range(6))
    def test_short(n, witnessed):
        time.sleep(0.02)
        if "KNOWN" in os.environ: witnessed('"nodeid": "test_a.py::test_long"')

    def test_long(): time.sleep(0.6)
"""


def read(project: Project, query: str, path: Path = DEFAULT) -> list[tuple[Any, ...]]:
    """Return what a query of the history gives."""
    with closing(sqlite3.connect(project.path / path)) as connection:
        return connection.execute(query).fetchall()


def test_the_second_run_knows(project: Project) -> None:
    """It begins with the longest test, and predicts what the run takes, also on the record."""
    project.write("test_a", UNEVEN)
    first = project.orchestrate("-n", "2")
    assert first.code == PASSED
    assert not first.lines("predicted to take")
    second = project.orchestrate("-n", "2", "--orchestrate-json=record.json.gz", KNOWN="yes")
    assert second.lines(r"^orchestra: predicted to take \d+\.\d s on 2 workers")
    record = read_record(project.path / "record.json.gz")
    assert record.predicted is not None
    assert record.predicted >= 0.6
    assert second.begun.index("test_a.py::test_long") < 2
    assert first.begun.index("test_a.py::test_long") > 2
    assert read(project, "SELECT count(*) FROM run") == [(2,)]


def test_what_runs_alone_is_remembered_for_workers(project: Project) -> None:
    """Whichever way a run goes, the next one knows of it."""
    project.write("test_a", UNEVEN)
    assert project.orchestrate().code == PASSED
    second = project.orchestrate("-n", "2", KNOWN="yes")
    assert second.begun.index("test_a.py::test_long") < 2


def test_what_is_left_behind(project: Project, driver: tuple[str, ...]) -> None:
    """Each attempt with its verdict, its times, its worker and how it failed; costs of fixtures."""
    project.write(
        "test_a",
        """
        import time, pytest

        @pytest.fixture(scope="module")
        def service():
            time.sleep(0.1)
            yield
            time.sleep(0.1)

        def test_passes(service): time.sleep(0.05)
        def test_prints(service): print("something to tell")
        def test_fails(): assert [1, 2] == [1, 3]
        @pytest.fixture
        def broken(): raise OSError("no /tmp/some/file")
        def test_error(broken): pass
        @pytest.mark.skip
        def test_skipped(): pass
        @pytest.mark.depends("test_fails")
        def test_blocked(): pass
        """,
    )
    assert project.orchestrate(*driver).code == FAILED
    rows = read(
        project,
        "SELECT t.nodeid, r.outcome, r.setup, r.call, r.teardown, w.text, s.text, r.seconds, r.cpu "
        "FROM result r JOIN test t ON t.id = r.test JOIN word w ON w.id = r.worker "
        "LEFT JOIN word s ON s.id = r.signature",
    )
    found = {row[0].partition("::test_")[2]: row[1:] for row in rows}
    assert {name: row[0] for name, row in found.items()} == {
        "passes": 0,
        "prints": 0,
        "fails": 1,
        "error": 2,
        "skipped": 3,
    }
    _, setup, call, teardown, worker, signature, seconds, cpu = found["passes"]
    assert 0.05 <= call < seconds < 60.0
    assert setup >= 0.0 <= teardown
    assert worker in {"main", "gw0", "gw1"}
    assert signature is None
    assert cpu < seconds
    assert found["fails"][5].startswith("AssertionError | assert [N, N] == [N, N] | test_a.py: ")
    assert found["error"][5].startswith("OSError | no PATH | test_a.py: ")
    assert found["error"][2] is None
    (fixture, scope, cost), *others = read(
        project, "SELECT name, scope, seconds FROM cost JOIN fixture ON fixture.id = fixture"
    )
    assert (fixture, scope) == ("service", "test_a.py")
    assert 0.1 <= cost < 30.0
    assert not others


def test_signatures_are_the_same_in_all_styles(project: Project) -> None:
    """However tracebacks are shown and wherever a test runs, the same failure has one signature."""
    project.write(
        "test_a",
        """
        import json, os, pytest, unittest

        class error(Exception): pass

        def helper(): return json.loads(f"{os.getpid()} x")
        def test_below(): helper()

        def check(number):
            __tracebackhide__ = True
            assert number == 0
        def test_hidden(): check(os.getpid())

        class Thing:
            def number(self): return os.getpid()
        def test_address(): assert Thing().number() == 0

        def test_small(): raise error("late")
        def test_untraced(): pytest.fail("late", pytrace=False)

        @pytest.fixture
        def broken(): raise OSError("no port")
        def test_set_up(broken): pass

        class TestCase(unittest.TestCase):
            def test_case(self): self.assertEqual(1, 2)
        """,
    )
    found = set()
    for style in ("auto", "long", "short", "line", "native", "no"):
        for options in ((), ("-n", "2"))[: 2 if style in {"auto", "native"} else 1]:
            name = f"{style}{len(options)}"
            project.orchestrate(f"--tb={style}", *options, f"--orchestrate-history={name}")
            rows = read(
                project,
                "SELECT DISTINCT text FROM result JOIN word ON word.id = signature",
                Path(name),
            )
            found |= {text for (text,) in rows}
    below, *others = sorted(found, key=lambda text: "JSON" not in text)
    assert below.startswith("JSONDecodeError | Extra data: line N")
    assert below.endswith(' | test_a.py: def helper(): return json.loads(f"{os.getpid()} x")')
    assert sorted(others) == [
        "AssertionError | N != N | test_a.py: def test_case(self): self.assertEqual(1, 2)",
        "AssertionError | assert N == N | test_a.py: def test_address(): assert Thing().number() == 0",
        "AssertionError | assert N == N | test_a.py: def test_hidden(): check(os.getpid())",
        'Failed | late | test_a.py: def test_untraced(): pytest.fail("late", pytrace=False)',
        'OSError | no port | test_a.py: def broken(): raise OSError("no port")',
        'error | test_a.error: late | test_a.py: def test_small(): raise error("late")',
    ]


def test_attempts_are_told_apart(project: Project, driver: tuple[str, ...]) -> None:
    """Also those of a plugin that repeats tests."""
    project.plugins = (*project.plugins, "rerunfailures")
    project.write(
        "test_a",
        """
        from pathlib import Path
        def test_flaky():
            with Path("tries").open("a+") as file:
                file.write("x")
                file.seek(0)
                assert len(file.read()) == 3
        """,
    )
    assert project.orchestrate(*driver, "--reruns", "5").code == PASSED
    assert read(project, "SELECT attempt, outcome FROM result") == [(0, 1), (1, 1), (2, 0)]
    assert read(project, "SELECT runs, failures FROM test") == [(1, 0)]


def test_a_crash_is_remembered(project: Project) -> None:
    """The test that took its worker along has failed, and its signature says how."""
    project.write("test_a", "import os\ndef test_x(): os.kill(os.getpid(), 9)\ndef test_y(): pass")
    assert project.orchestrate("-n", "2").code == FAILED
    rows = read(
        project,
        "SELECT t.nodeid, r.outcome, w.text FROM result r JOIN test t ON t.id = r.test "
        "LEFT JOIN word w ON w.id = r.signature ORDER BY t.nodeid",
    )
    assert [row[:2] for row in rows] == [("test_a.py::test_x", 1), ("test_a.py::test_y", 0)]
    assert "crashed" in rows[0][2]


def test_a_run_that_was_stopped_leaves_what_it_did(
    project: Project, driver: tuple[str, ...]
) -> None:
    """What ran is remembered, what did not is not."""
    project.write(
        "test_a",
        """
        import time, pytest
        def test_x(): assert 0
        @pytest.mark.parametrize("n", range(40))
        def test_slow(n): time.sleep(0.1)
        """,
    )
    project.orchestrate(*driver, "-x")
    ((tests, stopped),) = read(project, "SELECT tests, stopped FROM run")
    assert 1 <= tests < 41
    assert "1 failures" in stopped


def test_the_commit_is_known(project: Project) -> None:
    """And whether the files are those of it; the history itself does not make them others."""
    project.write("test_a", "def test_x(): pass")
    project.write(".gitignore", "__pycache__\n*.xml\n*.jsonl\n*.txt\n")
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "a")):
        subprocess.run((*git, *command), cwd=project.path, check=True)  # noqa: S603 - ours
    head = (*git, "rev-parse", "HEAD")
    commit = subprocess.check_output(head, cwd=project.path, text=True).strip()  # noqa: S603 - ours
    options = "-p", "no:cacheprovider", "-n", "2"
    for _ in range(2):
        project.orchestrate(*options)
    project.write("test_a", "def test_x(): assert 1")
    project.orchestrate(*options)
    rows = read(project, "SELECT revision, is_clean FROM run ORDER BY started")
    assert rows == [(commit, 1), (commit, 1), (commit, 0)]


def test_a_moved_test_keeps_its_history(project: Project, driver: tuple[str, ...]) -> None:
    """And one that has another name in the same place; a selection proves nothing gone."""
    project.write("test_a", "def test_moves(): assert 'm'\ndef test_stays(): assert 's'")
    project.write("test_b", "def test_old(): assert 'r'\ndef test_more(): pass")
    project.orchestrate(*driver)
    project.write("test_a", "def test_stays(): assert 's'")
    project.write("test_b", "def test_new(): assert 'r'\ndef test_more(): pass")
    project.write("test_c", "def test_moves(): assert 'm'")
    project.orchestrate(*driver, "-k", "stays or more")
    assert read(project, "SELECT count(*) FROM test WHERE nodeid LIKE '%new'") == [(0,)]
    project.orchestrate(*driver)
    assert dict(read(project, "SELECT nodeid, runs FROM test")) == {
        "test_a.py::test_stays": 3,
        "test_b.py::test_more": 3,
        "test_b.py::test_new": 2,
        "test_c.py::test_moves": 2,
    }


def test_what_fixtures_cost_is_known_from_the_start(project: Project) -> None:
    """The second run keeps the users of an expensive fixture together from the first test on."""
    suite = """
        import time, pytest

        @pytest.fixture(scope="module")
        def service():
            time.sleep(0.5)

        @pytest.mark.parametrize("n", range(4))
        def test_user(service, n): time.sleep(0.01)
    """
    project.write("test_a", suite)
    project.write("test_b", suite)
    project.orchestrate("-n", "2")
    result = project.orchestrate("-n", "2")
    for file in ("test_a", "test_b"):
        workers = {span.worker for span in result.spans if span.nodeid.startswith(file)}
        assert len(workers) == 1, file


@pytest.mark.parametrize("place", ["option", "setting"])
def test_there_may_be_none(project: Project, driver: tuple[str, ...], place: str) -> None:
    """Then nothing is written, and SQLite is not loaded."""
    project.write(
        "conftest",
        """
        import json, pathlib, sys
        def pytest_unconfigure(config):
            if not hasattr(config, "workerinput"):
                pathlib.Path("modules.json").write_text(json.dumps(sorted(sys.modules)))
        """,
    )
    project.write("test_a", "def test_x(): pass")
    options = ("--orchestrate-history=none",) if place == "option" else ()
    if place == "setting":
        project.configure("[tool.pytest_orchestra]\nhistory = 'none'")
    assert project.orchestrate(*driver, *options).code == PASSED
    assert not (project.path / DEFAULT.parent).exists()
    modules = set(json.loads((project.path / "modules.json").read_text()))
    assert not modules & {"sqlite3", "pytest_orchestra.history.store"}


def test_workers_know_nothing_of_it(project: Project) -> None:
    """It is the controller's: no worker loads SQLite or anything of the history."""
    project.write(
        "test_a",
        """
        import sys
        def test_x():
            assert "sqlite3" not in sys.modules
            assert not [name for name in sys.modules if "pytest_orchestra.history" in name]
        """,
    )
    assert project.orchestrate("-n", "1").code == PASSED
    assert read(project, "SELECT count(*) FROM run") == [(1,)]


def test_it_may_be_elsewhere(project: Project) -> None:
    """An option counts from where pytest is started, and overrides the file."""
    project.configure("[tool.pytest_orchestra]\nhistory = 'build/h.db'")
    project.write("tests/test_a", "def test_x(): pass")
    assert project.orchestrate("-n", "1").code == PASSED
    assert read(project, "SELECT count(*) FROM run", Path("build/h.db")) == [(1,)]
    assert project.orchestrate("-n", "1", "--orchestrate-history=other.db").code == PASSED
    assert read(project, "SELECT count(*) FROM run", Path("other.db")) == [(1,)]
    assert not (project.path / DEFAULT).exists()


def test_nothing_is_left_by_what_does_not_run(project: Project) -> None:
    """Neither by a collection alone nor by a usage error."""
    project.write("test_a", "import pytest\n@pytest.mark.depends('nope')\ndef test_x(): pass")
    assert project.orchestrate("-n", "2").code == USAGE
    project.write("test_a", "def test_x(): pass")
    assert project.orchestrate("--collect-only").code == PASSED
    assert not (project.path / DEFAULT).exists()


@pytest.mark.parametrize("broken", ["usage error", "collection alone"])
def test_what_does_not_run_leaves_a_history_as_it_is(project: Project, broken: str) -> None:
    """Not a byte of it changes, and nothing comes to lie beside it."""
    project.write("test_a", "def test_x(): pass")
    assert project.orchestrate().code == PASSED
    folder = project.path / DEFAULT.parent
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    if broken == "usage error":
        project.write("test_a", "import pytest\n@pytest.mark.depends('nope')\ndef test_x(): pass")
        assert project.orchestrate().code == USAGE
        assert project.orchestrate("-n", "2").code == USAGE
    else:
        assert project.orchestrate("--collect-only").code == PASSED
    assert project.run("-p", "no:cacheprovider").code == PASSED
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "--orchestrate-history is '': name a file, or 'none' for none"),
        ("~no-such-user/h", "no such home directory: name another"),
    ],
)
def test_a_path_that_is_none_is_a_usage_error(
    project: Project, driver: tuple[str, ...], value: str, words: str
) -> None:
    """It says what to do, before anything runs."""
    project.write("test_a", "def test_x(): pass")
    result = project.orchestrate(*driver, f"--orchestrate-history={value}")
    assert result.code == USAGE
    assert result.lines(f"^ERROR: .*{re.escape(words)}")
    assert not result.begun


@pytest.mark.parametrize("value", ["none", "None"])
def test_none_is_none_in_any_case(project: Project, value: str) -> None:
    """There is no file of that name afterwards."""
    project.write("test_a", "def test_x(): pass")
    assert project.orchestrate(f"--orchestrate-history={value}").code == PASSED
    assert not (project.path / value).exists()
    assert not (project.path / DEFAULT.parent).exists()


def test_how_much_is_kept_may_be_settled(project: Project) -> None:
    """Of each test as many runs as the table says."""
    project.configure("[tool.pytest_orchestra]\nhistory = { runs = 2 }")
    project.write("test_a", "def test_x(): pass")
    for _ in range(4):
        assert project.orchestrate().code == PASSED
    assert read(project, "SELECT count(*) FROM result") == [(2,)]


def test_a_root_directory_of_any_name_will_do(
    tmp_path: Path, project: Project, driver: tuple[str, ...]
) -> None:
    """Blanks, quotes, other scripts, and what has a meaning in addresses of files."""
    path = tmp_path / "d\u00e9j\u00e0 vu \u6771\u4eac 'x' %20?mode=memory#&"
    path.mkdir()
    odd = Project(path, project.environment | {"WITNESS": str(path / "witness.jsonl")})
    odd.configure()
    odd.write("test_a", UNEVEN)
    for _ in range(2):
        result = odd.orchestrate(*driver)
        assert result.code == PASSED
        assert not result.lines("^orchestra: history")
    assert read(odd, "SELECT count(*) FROM run") == [(2,)]


def test_without_sqlite_a_run_goes_without(project: Project, driver: tuple[str, ...]) -> None:
    """There are Pythons that were built without: one line, and the tests run."""
    project.write(
        "no_sqlite",
        """
        import importlib.machinery, sys

        class Nowhere:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name == "_sqlite3":
                    raise ModuleNotFoundError(name)

        sys.meta_path.insert(0, Nowhere)
        """,
    )
    project.write("test_a", "def test_x(): pass")
    project.plugins = ("no_sqlite", *project.plugins)
    result = project.orchestrate(*driver, PYTHONPATH=f"{project.path}:{HERE}")
    assert result.code == PASSED
    assert len(result.lines("this Python has no sqlite3: nothing is remembered")) == 1


def _corrupt(path: Path) -> None:
    path.write_bytes(b"rubbish" * 1000)


def _age(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def _replace(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("options", "damage", "words"),
    [
        (("-n", "2"), _corrupt, "is corrupt"),
        ((), _age, "was written by a newer pytest-orchestra"),
        ((), _replace, "is a directory"),
    ],
)
def test_a_broken_history_costs_one_line(
    project: Project, options: tuple[str, ...], damage: Any, words: str
) -> None:
    """The outcome is the same, and a line says what happened."""
    project.write("test_a", "def test_x(): pass\ndef test_y(): assert 0")
    whole = project.orchestrate(*options)
    damage(project.path / DEFAULT)
    result = project.orchestrate(*options)
    (line,) = result.lines("^orchestra: history")
    assert line.startswith(f"orchestra: history {DEFAULT} {words}")
    assert (result.code, result.counts) == (whole.code, whole.counts)


def test_split_durations_fill_in(project: Project) -> None:
    """What the history does not know is taken from .test_durations."""
    project.write("test_a", UNEVEN)
    assert project.orchestrate("-n", "2", "-k", "short").code == PASSED
    durations = {"test_a.py::test_long": 30.0, "test_a.py::test_short[0]": 500.0}
    project.write(".test_durations", json.dumps(durations))
    result = project.orchestrate("-n", "2", KNOWN="yes")
    assert result.lines(r"^orchestra: predicted to take [3-9]\d\.\d s")
    assert result.begun.index("test_a.py::test_long") < 2


def test_who_sets_up_a_fixture_is_not_taken_to_be_slow(
    project: Project, driver: tuple[str, ...]
) -> None:
    """What it and its tear-down take is the fixture's, whichever test came first or last."""
    project.write(
        "test_a",
        """
        import time, pytest

        @pytest.fixture(scope="session")
        def inner():
            time.sleep(0.5)
            yield
            time.sleep(0.5)

        @pytest.fixture(scope="module")
        def outer(request):
            request.getfixturevalue("inner")
            time.sleep(0.5)
            yield
            time.sleep(0.5)

        @pytest.fixture
        def own(): time.sleep(0.1)

        def test_one(outer): time.sleep(0.1)
        def test_two(own, outer): pass
        def test_three(own): assert 0
        """,
    )
    assert project.orchestrate(*driver).code == FAILED
    found = dict(
        read(
            project,
            "SELECT t.nodeid, r.seconds FROM result r JOIN test t ON t.id = r.test",
        )
    )
    assert len(found) == 3
    for nodeid, seconds in found.items():
        assert 0.09 < seconds < 0.55, nodeid
    costs = dict(
        read(project, "SELECT name, seconds FROM cost JOIN fixture ON fixture.id = fixture")
    )
    assert costs["inner"] >= 0.99
    assert costs["outer"] >= 0.99
