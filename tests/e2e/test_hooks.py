"""The plugin's own hooks, implemented in a conftest.py."""

from __future__ import annotations

import json

import pytest
from harness import FAILED, PASSED, USAGE, Project


def test_requirements(project: Project, driver: tuple[str, ...]) -> None:
    """Marks that the hook returns count as if they stood above the test, also of a directory."""
    project.write(
        "conftest",
        """
        import pytest
        def pytest_orchestra_requirements(item):
            if "browser" in item.fixturenames:
                return pytest.mark.resources("browser")
            if item.name == "test_user":
                return [pytest.mark.depends("test_login"), pytest.mark.resources(gpu=1)]

        @pytest.fixture
        def browser(): pass
        """,
    )
    project.write(
        "sub/conftest",
        """
        import pytest
        def pytest_orchestra_requirements(item):
            yield pytest.mark.depends("test_a.py::test_login")
        """,
    )
    project.write(
        "test_a",
        """
        def test_user(): pass
        def test_page(browser): pass
        def test_login(): assert 0
        """,
    )
    project.write("sub/test_b", "def test_b(): pass")
    result = project.orchestrate(*driver)
    assert result.code == FAILED
    assert set(result.blocked) == {"test_a.py::test_user", "sub/test_b.py::test_b"}
    assert result.verdicts["test_a.py::test_page"] == "passed"
    assert result.lines("^orchestra: 4 tests, 2 dependencies, 2 resources, ")
    assert result.lines(r"^browser +1 +1 ")


def test_answers_are_checked(project: Project, driver: tuple[str, ...]) -> None:
    """What is no mark or no number, and marks that make no sense, are mistakes of the user's."""
    project.write(
        "conftest",
        """
        import pytest
        def pytest_orchestra_requirements(item):
            return {
                "test_text": "db",
                "test_list": [pytest.mark.resources("db"), 5],
                "test_claim": pytest.mark.resources(db=0),
                "test_name": pytest.mark.depends("test_txt"),
            }.get(item.name)
        def pytest_orchestra_score(item):
            return {"test_a": "high", "test_b": float("nan"), "test_c": True}.get(item.name)
        """,
    )
    tests = ("text", "list", "claim", "name", "a", "b", "c", "sound")
    project.write("test_a", "".join(f"def test_{test}(): pass\n" for test in tests))
    result = project.orchestrate(*driver)
    assert result.code == USAGE
    assert not result.spans
    assert "Traceback" not in result.output
    assert result.lines("^ERROR: pytest-orchestra found 7 problems$")
    for line, text in enumerate(
        (
            "pytest_orchestra_requirements returned 'db' for test_a.py::test_text",
            "pytest_orchestra_requirements returned 5 for test_a.py::test_list",
            "resources: db: 0 is not an amount",
            "test_a.py::test_name depends on 'test_txt', but nothing of that name was collected",
            "pytest_orchestra_score returned 'high' for test_a.py::test_a",
            "pytest_orchestra_score returned nan for test_a.py::test_b",
            "pytest_orchestra_score returned True for test_a.py::test_c",
        ),
        start=1,
    ):
        assert result.lines(f"^test_a.py:{line}: {text}"), text
    assert result.lines("^    return marks, such as ")
    assert result.lines("^    return a number, or None ")


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "worker"])
def test_scores(project: Project, options: tuple[str, ...]) -> None:
    """What all implementations answer is added to the priority, and prerequisites inherit it."""
    project.write(
        "conftest",
        """
        def pytest_orchestra_score(item):
            return {"test_c": 5, "test_e": 7.5}.get(item.name)
        """,
    )
    project.write("sub/conftest", "def pytest_orchestra_score(item): return -10")
    project.write(
        "sub/test_a",
        """
        from pytest import mark
        def test_a(): pass
        def test_b(): pass
        @mark.depends("test_b")
        @mark.priority(20)
        def test_c(): pass
        """,
    )
    project.write("test_d", "def test_d(): pass\ndef test_e(): pass")
    result = project.orchestrate(*options)
    order = [nodeid.rpartition("_")[2] for nodeid in result.begun]
    assert order == ["b", "c", "e", "d", "a"]


def test_finished(project: Project, driver: tuple[str, ...]) -> None:
    """The record of the run is handed over once, in the first process, before the summary."""
    project.write(
        "conftest",
        """
        import json, pathlib
        def pytest_orchestra_finished(run):
            print("here is the record")
            cases = {
                case.spec.nodeid: [case.verdict, case.worker, case.cause and case.cause.reason]
                for case in run.cases
            }
            assert sum(run.counts.values()) == len(run.cases)
            assert all(case.waited >= 0 for case in run.cases)
            resources = {each.name: [each.capacity, each.peak] for each in run.resources}
            workers = {each.name: each.cases for each in run.workers}
            record = [cases, resources, workers, run.edges, run.seconds, run.stopped]
            with pathlib.Path("record.json").open("a") as file:
                file.write(json.dumps(record))
        """,
    )
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.resources("db")
        def test_a(): assert 0
        @mark.depends("test_a")
        def test_b(): pass
        @mark.depends("test_a", when="finished")
        def test_c(): pass
        """,
    )
    result = project.orchestrate(*driver)
    record = json.loads((project.path / "record.json").read_text())
    cases, resources, workers, edges, seconds, stopped = record
    first, last = (result.span(f"test_a.py::test_{each}").worker for each in "ac")
    assert cases == {
        "test_a.py::test_a": ["failed", first, None],
        "test_a.py::test_b": ["blocked", None, "failed"],
        "test_a.py::test_c": ["passed", last, None],
    }
    assert resources == {"db": [1, 1]}
    assert sum(workers.values()) == 2
    assert edges == 2
    assert 0 < seconds < 60
    assert stopped is None
    assert result.output.index("here is the record") < result.output.index("= orchestra =")


def test_finished_is_not_called_without_a_run(project: Project) -> None:
    """Where nothing ran there is no record to hand over."""
    project.write(
        "conftest",
        """
        def pytest_orchestra_finished(run): print("here is the record")
        """,
    )
    project.write("test_a", "def test_a(): pass")
    result = project.orchestrate("--collect-only")
    assert result.code == PASSED
    assert not result.lines("here is the record")
