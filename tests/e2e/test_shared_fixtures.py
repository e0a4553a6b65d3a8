"""Tests run where their expensive fixtures are up, and are split where that pays."""

from __future__ import annotations

from harness import PASSED, Project

CONFTEST = """
    import time
    from pathlib import Path
    import pytest

    def came_up(name):
        with Path(__file__).with_name("setups").open("a") as file:
            file.write(name + "\\n")

    @pytest.fixture(scope="session")
    def browser():
        came_up("browser")
        time.sleep(1.0)

    @pytest.fixture(scope="module", params=["pg", "sqlite"])
    def server(request):
        came_up(request.param)
        time.sleep(0.15)
        yield
        time.sleep(0.15)
"""


def setups(project: Project) -> list[str]:
    """Return which fixtures came up, in order."""
    return (project.path / "setups").read_text().split()


def test_an_expensive_fixture_comes_up_once_where_that_is_best(project: Project) -> None:
    """An idle worker leaves its last few users to the one that has it up, though that is busy."""
    project.write("conftest", CONFTEST)
    project.write(
        "test_a",
        """
        import time
        def test_one(browser): pass
        def test_long(browser): time.sleep(0.6)
        """,
    )
    project.write(
        "test_b",
        """
        import pytest, time
        @pytest.mark.parametrize("number", range(8))
        def test_b(number, witnessed):
            time.sleep(0.1)
            if number == 7:  # whose worker is free only when the other one is busy with this
                witnessed('"nodeid": "test_a.py::test_long"')
        """,
    )
    for name in ("test_c", "test_d"):
        project.write(name, "def test_it(browser): pass")
    result = project.orchestrate("-n", "2")
    assert result.code == PASSED
    assert setups(project) == ["browser"]
    assert len({span.worker for span in result.spans}) == 2


def test_a_file_is_split_where_another_set_up_pays(project: Project) -> None:
    """Both parameter sets come up on both workers, rather than one of them being idle."""
    project.write("conftest", CONFTEST)
    project.write(
        "test_a",
        """
        import pytest, time
        @pytest.mark.parametrize("number", range(12))
        def test_a(number, server): time.sleep(0.1)
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.code == PASSED
    assert len({span.worker for span in result.spans}) == 2
    assert 2 <= len(setups(project)) <= 4
