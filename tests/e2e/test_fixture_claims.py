"""Fixtures that take resources: their tests claim them, and while they are up they keep them."""

from __future__ import annotations

import os
from typing import Final

import pytest
from harness import PASSED, Project

#: How often what may depend on luck is tried.
TIMES: Final = 20 if os.environ.get("ORCHESTRA_STRESS") == "1" else 2

CONFTEST = """
    import time
    from pathlib import Path
    import pytest

    def note(what):
        with Path(__file__).with_name("events").open("a") as file:
            file.write(f"{time.monotonic()} {what}\\n")

    @pytest.fixture(scope="session")
    def pg():
        note("up pg")
        yield "pg"
        note("down pg")

    @pytest.fixture
    def connection(pg):
        return pg

    @pytest.fixture(scope="module")
    def schema(pg):
        note("up schema")
        yield
        note("down schema")

    @pytest.fixture
    def during(request):
        note(f"begin {request.node.name}")
        yield
        note(f"end {request.node.name}")
"""

TABLE = """
    [tool.pytest_orchestra.resources]
    db = 1
    [tool.pytest_orchestra.fixtures]
    pg = ["db"]
"""


def events(project: Project) -> list[str]:
    """Return what happened, in order, in all processes."""
    lines = (project.path / "events").read_text().splitlines()
    return [
        line.partition(" ")[2] for line in sorted(lines, key=lambda each: float(each.split()[0]))
    ]


def up_meanwhile(found: list[str], test: str, fixture: str = "pg") -> int:
    """Return how many of a fixture were up while ``test`` ran."""
    before = found[: found.index(f"begin {test}")]
    return before.count(f"up {fixture}") - before.count(f"down {fixture}")


@pytest.mark.parametrize("attempt", range(TIMES))
def test_a_session_fixture_makes_way_for_whoever_needs_its_resource_alone(
    project: Project, attempt: int
) -> None:
    """It goes down between tests, the other runs, and it comes up again for the rest."""
    project.configure(TABLE)
    project.write("conftest", CONFTEST)
    project.write(
        "test_a",
        """
        import time, pytest
        @pytest.mark.parametrize("number", range(6))
        def test_user(number, connection, during): time.sleep(0.05)
        """,
    )
    project.write(
        "test_b",
        """
        import time, pytest
        @pytest.mark.resources(db="write")
        @pytest.mark.parametrize("number", range(2))
        def test_alone(number, during): time.sleep(0.05)
        def test_other(during): time.sleep(0.1)
        """,
    )
    result = project.orchestrate("-n", str(2 + attempt % 2))
    assert result.counts == {"passed": 9}
    found = events(project)
    for number in range(2):
        assert up_meanwhile(found, f"test_alone[{number}]") == 0, found
    for number in range(6):
        assert up_meanwhile(found, f"test_user[{number}]") == 1, found
    assert found.count("up pg") == found.count("down pg")


def test_an_urgent_test_does_not_wait_for_a_session_to_end(project: Project) -> None:
    """What is more urgent than what runs instead gets what a fixture keeps, after that test."""
    project.configure(TABLE)
    project.write("conftest", CONFTEST)
    project.write(
        "test_a",
        """
        import time, pytest
        @pytest.mark.depends(name="first")
        @pytest.mark.priority(9)
        def test_first(pg, during): time.sleep(0.05)
        @pytest.mark.parametrize("number", range(20))
        def test_user(number, pg, during): time.sleep(0.05)
        @pytest.mark.priority(5)
        @pytest.mark.depends("first")
        @pytest.mark.resources("db")
        def test_urgent(during): pass
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.counts == {"passed": 22}
    begun = [name for name in events(project) if name.startswith("begin")]
    assert begun.index("begin test_urgent") <= 3
    assert up_meanwhile(events(project), "test_urgent") == 0


def test_a_fixture_keeps_its_resource_until_it_is_down(project: Project) -> None:
    """A test elsewhere never runs while a module's fixture has what it claims."""
    project.configure("""
        [tool.pytest_orchestra.resources]
        db = 1
        [tool.pytest_orchestra.fixtures]
        schema = { db = "write" }
    """)
    project.write("conftest", CONFTEST)
    for name in ("test_a", "test_c"):
        project.write(
            name,
            f"""
            import time
            def {name}_one(schema, during): time.sleep(0.05)
            def {name}_free(during): time.sleep(0.1)
            def {name}_two(schema, during): time.sleep(0.05)
            """,
        )
    project.write(
        "test_b",
        """
        import time, pytest
        @pytest.mark.resources("db")
        @pytest.mark.parametrize("number", range(5))
        def test_b(number, during): time.sleep(0.02)
        """,
    )
    result = project.orchestrate("-n", "3")
    assert result.counts == {"passed": 11}
    found = events(project)
    for number in range(5):
        assert up_meanwhile(found, f"test_b[{number}]", "schema") == 0, found
    ups = [
        found[: place + 1].count("up schema") - found[:place].count("down schema")
        for place, each in enumerate(found)
        if each == "up schema"
    ]
    assert ups == [1] * len(ups), "two modules had their fixtures up at once"


def test_alone_a_fixture_makes_way_too(project: Project) -> None:
    """In one process the fixture goes down before a test that claims what it keeps."""
    project.configure(TABLE)
    project.write("conftest", CONFTEST)
    project.write(
        "test_a",
        """
        import pytest
        def test_one(connection, during): pass
        @pytest.mark.resources("db")
        def test_alone(during): pass
        def test_two(connection, during): pass
        """,
    )
    result = project.orchestrate()
    assert result.counts == {"passed": 3}
    found = events(project)
    assert up_meanwhile(found, "test_alone") == 0
    assert up_meanwhile(found, "test_two") == 1


def test_a_function_fixture_takes_its_resource_for_its_tests(project: Project) -> None:
    """Those that others use and those that are used by themselves included."""
    project.configure("""
        [tool.pytest_orchestra.fixtures]
        low = ["disk"]
        always = "net"
    """)
    project.write(
        "conftest",
        """
        import pytest
        @pytest.fixture
        def low(): pass
        @pytest.fixture
        def high(low): pass
        """,
    )
    project.write(
        "test_a",
        """
        import time, pytest
        @pytest.fixture(autouse=True)
        def always(leases): assert "net" in leases

        @pytest.mark.parametrize("number", range(3))
        def test_high(number, high, leases):
            assert sorted(leases) == ["disk", "net"]
            time.sleep(0.03)
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.counts == {"passed": 3}
    assert result.most_at_once() == 1


def test_one_parameter_of_a_fixture_may_take_something(project: Project) -> None:
    """``name[id]`` says what the fixture takes with that parameter only."""
    project.configure("""
        [tool.pytest_orchestra.resources]
        postgres = 1
        [tool.pytest_orchestra.fixtures]
        "database[postgres]" = ["postgres"]
    """)
    project.write(
        "test_a",
        """
        import time, pytest
        @pytest.fixture(params=["sqlite", "postgres"])
        def database(request): return request.param

        @pytest.mark.parametrize("number", range(2))
        def test_it(number, database, leases):
            assert list(leases) == (["postgres"] if database == "postgres" else [])
            time.sleep(0.05)
        """,
    )
    result = project.orchestrate("-n", "3")
    assert result.counts == {"passed": 4}
    assert result.most_at_once([each for each in result.verdicts if "postgres" in each]) == 1


def test_what_is_asked_for_by_name_while_a_test_runs_counts_where_it_can_be_known(
    project: Project, driver: tuple[str, ...]
) -> None:
    """A name that stands in the code is found; one that is made up then is told of afterwards."""
    project.configure(TABLE)
    project.write("conftest", CONFTEST)
    project.write(
        "test_a",
        """
        def test_known(request, leases):
            request.getfixturevalue("connection")
            assert "db" in leases

        def test_unknown(request, leases):
            request.getfixturevalue("p" + "".join("g"))
            assert "db" not in leases
        """,
    )
    result = project.orchestrate(*driver, "-k", "unknown or known")
    assert result.counts == {"passed": 2}
    result = project.orchestrate(*driver, "-k", "unknown")
    assert result.counts["passed"] == 1
    assert result.lines(
        r"fixture 'pg' was asked for by test_a.py::test_unknown while it ran, so nobody took its "
        r"resources: use @pytest.mark.usefixtures\('pg'\)"
    )


def test_who_used_a_fixture_last_answers_for_its_teardown(
    project: Project, driver: tuple[str, ...]
) -> None:
    """A fixture that fails when it makes way is an error of the test that used it last."""
    project.configure(TABLE)
    project.write(
        "test_a",
        """
        import pytest
        @pytest.fixture(scope="session")
        def pg():
            yield
            raise RuntimeError("pg is stuck")

        @pytest.mark.priority(2)
        def test_user(pg): pass
        @pytest.mark.priority(1)
        @pytest.mark.depends("test_user", when="finished")
        def test_free(): pass
        @pytest.mark.depends("test_free")
        @pytest.mark.resources("db")
        def test_alone(): pass
        """,
    )
    result = project.orchestrate(*driver)
    assert result.counts == {"passed": 3, "error": 1}
    assert result.verdicts["test_a.py::test_user"] == "error"
    assert result.lines("pg is stuck")


def test_fixtures_that_take_more_than_there_is_are_told_of(project: Project) -> None:
    """Alone or together, before any test runs."""
    project.configure("""
        [tool.pytest_orchestra.resources]
        db = 2
        [tool.pytest_orchestra.fixtures]
        big = { db = 3 }
        one = ["db"]
        two = { db = 2 }
    """)
    project.write(
        "test_a",
        """
        import pytest
        @pytest.fixture
        def big(): pass
        def test_big(big): pass
        """,
    )
    result = project.orchestrate()
    assert result.lines("fixture 'big' of test_a.py::test_big takes 3 of 'db', but it has 2")
    project.write(
        "test_a",
        """
        import pytest
        @pytest.fixture
        def one(): pass
        @pytest.fixture
        def two(): pass
        def test_both(one, two): pass
        """,
    )
    result = project.orchestrate()
    assert result.lines("uses the fixtures one, two, which together take 3 of 'db'")


def test_a_worker_that_dies_takes_what_its_fixtures_keep_with_it(project: Project) -> None:
    """Its tokens are free again."""
    project.configure(TABLE)
    project.write("conftest", CONFTEST)
    project.write(
        "test_a",
        """
        import os, pytest
        @pytest.mark.priority(2)
        def test_user(pg): pass
        @pytest.mark.priority(1)
        @pytest.mark.depends("test_user")
        def test_dies(pg): os._exit(3)
        @pytest.mark.depends("test_dies", when="finished")
        @pytest.mark.resources(db="write")
        def test_alone(): pass
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.verdicts == {
        "test_a.py::test_user": "passed",
        "test_a.py::test_dies": "failed",
        "test_a.py::test_alone": "passed",
    }
    assert result.code != PASSED


def test_a_fixture_has_what_it_keeps_until_it_is_down(
    project: Project, driver: tuple[str, ...]
) -> None:
    """When it goes down between two tests as well, and for what is built on it."""
    project.configure("""
        [tool.pytest_orchestra.resources]
        db = ["blue"]
        [tool.pytest_orchestra.fixtures]
        pg = ["db"]
    """)
    project.write(
        "test_a",
        """
        import os, pytest

        @pytest.fixture(scope="module")
        def pg(leases):
            assert leases["db"].names == ("blue",)
            yield
            assert leases["db"].names == ("blue",)
            assert os.environ["PYTEST_ORCHESTRA_DB"] == "blue"

        @pytest.fixture(scope="module")
        def tables(pg, leases):
            yield
            assert leases["db"].names == ("blue",)

        @pytest.mark.priority(3)
        def test_user(tables): pass
        @pytest.mark.priority(2)
        @pytest.mark.depends("test_user")
        @pytest.mark.resources("db")
        def test_alone(leases): assert leases["db"].names == ("blue",)
        @pytest.mark.depends("test_alone")
        @pytest.mark.priority(1)
        def test_again(tables): pass
        @pytest.mark.depends("test_again")
        def test_free(leases): assert "db" not in leases
        """,
    )
    project.write("test_b", "def test_b(): pass")
    result = project.orchestrate(*driver)
    assert result.counts == {"passed": 5}


def test_a_parameter_that_is_no_text_is_known_by_its_id(project: Project) -> None:
    """Its fixture keeps what it takes for as long as it is up, as any other does."""
    project.configure("""
        [tool.pytest_orchestra.resources]
        db = 1
        [tool.pytest_orchestra.fixtures]
        "database[postgres]" = ["db"]
    """)
    project.write("conftest", CONFTEST)
    project.write(
        "test_a",
        """
        import pytest, time
        from conftest import note

        @pytest.fixture(scope="module", params=[object()], ids=["postgres"])
        def database(request):
            note("up database")
            yield
            note("down database")

        @pytest.mark.priority(3)
        def test_user(database, during): pass
        @pytest.mark.priority(2)
        @pytest.mark.depends("test_user")
        def test_slow(during): time.sleep(0.5)
        """,
    )
    project.write(
        "test_b",
        """
        import pytest
        @pytest.mark.depends("test_a.py::test_user")
        @pytest.mark.resources("db")
        def test_other(during): pass
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.counts == {"passed": 3}
    assert up_meanwhile(events(project), "test_other", "database") == 0
