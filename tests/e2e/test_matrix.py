"""Matrix stages: each test once for each value of an axis, as parameters that pytest itself knows."""

from __future__ import annotations

from collections import Counter

from harness import FAILED, PASSED, Project

from pytest_orchestra.reports.record_file import read_record

STAGES = """
    [[tool.pytest_orchestra.stages]]
    name = "smoke"
    match = "smoke"

    [[tool.pytest_orchestra.stages]]
    name = "databases"
    strategy = "matrix"
    axes = { db = ["sqlite", "postgres"] }
"""

INI = 'markers = ["smoke: first of all"]'

#: A fixture of the session that costs enough for workers to care, and one that tests have without asking.
CONFTEST = """
    import os, time
    from pathlib import Path
    import pytest

    def note(*words):
        with Path(__file__).with_name("notes").open("a") as file:
            file.write(" ".join(words) + "\\n")

    @pytest.fixture(scope="session")
    def database(matrix):
        note("up", str(os.getpid()), matrix["db"])
        time.sleep(0.4)
        yield matrix["db"]
        note("down", str(os.getpid()), matrix["db"])

    @pytest.fixture(autouse=True)
    def environment(request, monkeypatch):
        if "smoke" not in request.keywords:
            monkeypatch.setenv("DB", request.getfixturevalue("matrix").db)
"""

SUITE = """
    import os
    import pytest

    @pytest.mark.smoke
    def test_up(): pass

    def test_create(database, matrix):
        assert matrix["db"] == database == os.environ["DB"]
        assert database != "postgres"

    @pytest.mark.depends("test_create")
    def test_use(database): pass

    @pytest.mark.parametrize("number", [7, 8])
    def test_own(number, database): pass

    class TestAsked:
        def test_later(self, request):
            assert request.getfixturevalue("database") == os.environ["DB"]

        def test_never(self):
            assert os.environ["DB"] in ("sqlite", "postgres")
"""


def make(project: Project, suite: str = SUITE) -> None:
    """Write a suite with a matrix stage."""
    project.configure(STAGES, ini=INI)
    project.write("conftest", CONFTEST)
    project.write("test_it", suite)


def test_each_test_runs_once_for_each_value(project: Project) -> None:
    """On real workers; what fails for one value blocks what depends on it there, and nothing for the other."""
    make(project)
    result = project.orchestrate("-n", "2", "--orchestrate-json=run.json.gz")
    assert result.code == FAILED
    tests = ["test_create", "test_use", "test_own[7]", "test_own[8]"]
    tests += ["TestAsked::test_later", "TestAsked::test_never"]
    verdicts = {
        f"test_it.py::{test}[db={db}]".replace("][", "-"): "passed"
        for test in tests
        for db in ("sqlite", "postgres")
    }
    verdicts |= {
        "test_it.py::test_up": "passed",
        "test_it.py::test_create[db=postgres]": "failed",
        "test_it.py::test_use[db=postgres]": "blocked",
    }
    assert result.verdicts == verdicts
    assert "test_create[db=postgres] failed" in result.blocked["test_it.py::test_use[db=postgres]"]
    table = result.output.partition("matrix of stage 'databases' by db: ")[2].splitlines()
    assert table[0] == "sqlite: 6 passed; postgres: 4 passed, 1 failed, 1 blocked"
    assert [line.split() for line in table[1:4]] == [
        ["sqlite", "postgres"],
        ["passed", "failed", "test_it.py::test_create"],
        ["passed", "blocked", "test_it.py::test_use"],
    ]
    assert result.testcases
    record = read_record(project.path / "run.json.gz")
    columns = Counter(case.spec.cell.column for case in record.cases if case.spec.cell is not None)
    assert columns == {(("db", "sqlite"),): 6, (("db", "postgres"),): 6}


def test_a_fixture_of_the_session_comes_up_once_for_each_value(project: Project) -> None:
    """On each worker, also when the history has an opinion on which test is the most urgent."""
    tests = [f"def test_{number}(database): pass" for number in range(12)]
    make(project, "\n".join(tests))
    for _ in range(2):
        (project.path / "notes").unlink(missing_ok=True)
        result = project.orchestrate("-n", "2")
        assert result.code == PASSED
        assert (
            "matrix of stage 'databases' by db: sqlite, postgres: 12 passed each" in result.output
        )
        notes = (project.path / "notes").read_text().split("\n")[:-1]
        ups = Counter(note for note in notes if note.startswith("up"))
        assert {note.split()[2] for note in ups} == {"sqlite", "postgres"}
        assert set(ups.values()) == {1}, notes
        assert len(notes) == 2 * len(ups)


def test_tests_are_chosen_by_value(project: Project) -> None:
    """With -k, by node id, and with --lf; what a chosen test depends on is pulled in for its value alone."""
    make(project)
    assert set(project.orchestrate("-k", "sqlite and use").verdicts) == {
        "test_it.py::test_create[db=sqlite]",
        "test_it.py::test_use[db=sqlite]",
    }
    bad, good = "test_it.py::test_create[db=postgres]", "test_it.py::test_own[7-db=postgres]"
    assert project.orchestrate(bad, good).verdicts == {bad: "failed", good: "passed"}
    assert project.orchestrate("--lf").verdicts == {bad: "failed"}


def test_who_has_no_values_is_told_why(project: Project) -> None:
    """Outside a matrix, in a unittest.TestCase, and without the plugin's option; such tests run once."""
    project.configure(STAGES, ini=INI)
    project.write(
        "test_it",
        """
        import unittest
        import pytest

        @pytest.mark.smoke
        def test_outside(matrix): pass

        @pytest.mark.usefixtures("matrix")
        class TestOld(unittest.TestCase):
            def test_asks(self): pass

        class TestOlder(unittest.TestCase):
            def test_fine(self): pass
        """,
    )
    result = project.orchestrate()
    assert result.verdicts == {
        "test_it.py::test_outside": "error",
        "test_it.py::TestOld::test_asks": "error",
        "test_it.py::TestOlder::test_fine": "passed",
    }
    assert len(result.lines(r"^E?\s*the fixture 'matrix' has the values of axes")) == 2
    assert result.lines(
        r"orchestra: 2 tests of stage databases, test_it.py::TestOld::test_asks among them, run once"
    )
    plain = project.run()
    assert plain.counts == {"errors": 2, "passed": 1}
    assert "it needs pytest --orchestrate and a stage" in plain.output


def test_a_parameter_of_that_name_is_refused(project: Project) -> None:
    """Nobody could tell which of the two a test gets; a fixture of that name is the user's own."""
    make(project, SUITE.replace('"number"', '"matrix"').replace("number", "matrix"))
    result = project.orchestrate()
    assert result.code != PASSED
    assert "test_it.py::test_own has a parameter 'matrix' of its own" in result.output
    project.write(
        "test_it",
        """
        import pytest

        @pytest.fixture
        def matrix():
            return [[1]]

        @pytest.fixture(autouse=True)
        def environment(): pass

        def test_one(matrix):
            assert matrix.append([2]) is None and len(matrix) == 2
        def test_two(matrix):
            assert matrix.append([2]) is None and len(matrix) == 2
        """,
    )
    assert set(project.orchestrate().verdicts.values()) == {"passed"}


def test_any_text_may_be_a_value(project: Project) -> None:
    """What would break out of a node id, a table or a page is shown, and does no harm."""
    axes = r"""axes = { db = ["a::b[c]", "| `x` </script>", "\u001b[31m\n", "ü"], n = [1, true] }"""
    project.configure(STAGES.replace('axes = { db = ["sqlite", "postgres"] }', axes), ini=INI)
    project.write(
        "test_it",
        """
        import pytest

        @pytest.mark.parametrize("own", ["x-y", "db=ü"])
        def test_it(matrix, own):
            assert not matrix.db.startswith("|") or matrix.n is not True

        def test_next(): pass

        def test_last(): pass
        """,
    )
    result = project.orchestrate("-n", "2", "--orchestrate-report=out")
    assert result.code == FAILED
    assert Counter(result.verdicts.values()) == {"passed": 30, "failed": 2}
    rows = {
        case.spec.cell.row
        for case in read_record(project.path / "out" / "record.json.gz").cases
        if case.spec.cell is not None
    }
    assert len(rows) == 4
    assert {f"test_it.py::test_{name}" for name in ("it[x-y]", "next", "last")} < rows
    assert (
        "\x1b" not in result.output.partition("orchestra =")[2].partition("short test summary")[0]
    )
    page = (project.path / "out" / "report.html").read_text()
    assert "| `x` </script>" not in page
    assert "| `x` &lt;/script&gt;/True" in page
