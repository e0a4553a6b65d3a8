"""What ``resources`` promises: never more at once than there is, never less than could be."""

from __future__ import annotations

import pytest
from harness import PASSED, Project, Result


def claims_at_once(result: Result, claims: dict[str, int]) -> int:
    """Return the most tokens that were taken at any moment; ``claims`` says how many by test."""
    spans = [span for span in result.spans if span.nodeid in claims]
    assert len(spans) == len(claims), result.output
    return max(
        sum(claims[other.nodeid] for other in spans if other.began <= span.began < other.ended)
        for span in spans
    )


def test_counts(project: Project) -> None:
    """The tokens taken at once never exceed the capacity in pyproject.toml, and reach it."""
    project.configure("""
        [tool.pytest_orchestra.resources]
        db = 3
        memory = "16GB"
    """)
    project.write(
        "test_a",
        """
        import time
        from pytest import mark

        def work(): time.sleep(0.05)

        @mark.resources(db=2)
        @mark.parametrize("number", range(3))
        def test_two(number): work()

        @mark.resources("db", memory="4GB")
        @mark.parametrize("number", range(3))
        def test_one(number): work()

        @mark.resources(memory="12.5GB")
        @mark.parametrize("number", range(2))
        def test_much(number): work()

        @mark.resources("undeclared")
        @mark.parametrize("number", range(2))
        def test_undeclared(number): work()

        @mark.resources(db=1)
        @mark.parametrize("number", range(3))
        @mark.priority(1)
        def test_met(number, meet): meet("db", 3)
        """,
    )
    result = project.orchestrate("-n", "3")
    assert result.counts == {"passed": 13}
    db = {
        **{f"test_a.py::test_two[{number}]": 2 for number in range(3)},
        **{f"test_a.py::test_one[{number}]": 1 for number in range(3)},
        **{f"test_a.py::test_met[{number}]": 1 for number in range(3)},
    }
    memory = {
        **{f"test_a.py::test_one[{number}]": 4_000 for number in range(3)},
        **{f"test_a.py::test_much[{number}]": 12_500 for number in range(2)},
    }
    assert claims_at_once(result, db) == 3
    assert claims_at_once(result, memory) <= 16_000
    assert result.most_at_once(f"test_a.py::test_undeclared[{number}]" for number in (0, 1)) == 1


def test_several_at_once(project: Project) -> None:
    """A test gets all of what it claims or waits; two that want the same two never deadlock."""
    project.write(
        "test_a",
        """
        import time
        from pytest import mark

        @mark.resources("left", "right")
        @mark.parametrize("number", range(3))
        def test_both(number): time.sleep(0.05)

        @mark.resources("right", "left")
        @mark.parametrize("number", range(3))
        def test_turned(number): time.sleep(0.05)

        @mark.resources("left")
        @mark.priority(1)
        def test_left(meet): meet("apart")

        @mark.resources("right")
        @mark.priority(1)
        def test_right(meet): meet("apart")
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.counts == {"passed": 8}
    for side in ("left", "right"):
        users = [nodeid for nodeid in result.begun if "both" in nodeid or "turned" in nodeid]
        assert result.most_at_once([*users, f"test_a.py::test_{side}"]) == 1


def test_readers_and_writers(project: Project) -> None:
    """Readers share what a writer has to itself, whether its capacity is declared or not."""
    project.configure("""
        [tool.pytest_orchestra.resources]
        declared = 2
    """)
    project.write(
        "test_a",
        """
        import time
        from pytest import mark

        @mark.resources(schema="write")
        @mark.parametrize("number", range(2))
        def test_write(number): time.sleep(0.05)

        @mark.resources(schema="read")
        @mark.priority(1)
        @mark.parametrize("number", range(3))
        def test_read(number, meet): meet("readers", 3)

        @mark.resources(declared="write")
        def test_write_declared(): time.sleep(0.05)

        @mark.resources(declared="read")
        @mark.parametrize("number", range(4))
        def test_read_declared(number): time.sleep(0.05)
        """,
    )
    result = project.orchestrate("-n", "3")
    assert result.counts == {"passed": 10}
    readers = [f"test_a.py::test_read[{number}]" for number in range(3)]
    writers = [f"test_a.py::test_write[{number}]" for number in range(2)]
    assert result.most_at_once(readers) == 3
    assert result.most_at_once(writers) == 1
    for writer in writers:
        assert all(result.most_at_once([writer, reader]) == 1 for reader in readers)
    declared = [f"test_a.py::test_read_declared[{number}]" for number in range(4)]
    assert result.most_at_once(declared) <= 2
    writer = "test_a.py::test_write_declared"
    assert all(result.most_at_once([writer, reader]) == 1 for reader in declared)


def test_alone(project: Project) -> None:
    """While a test that claims ``*`` runs, nothing else does; the others still share workers."""
    project.write(
        "test_a",
        """
        import time
        from pytest import mark

        @mark.parametrize("number", range(4))
        def test_before(number): time.sleep(0.05)

        @mark.resources("*")
        def test_alone(): time.sleep(0.05)

        @mark.resources("*", "db")
        @mark.depends("test_before")
        class TestAlone:
            def test_in_class(self): time.sleep(0.05)

        @mark.parametrize("number", range(2))
        def test_after(number, meet): meet("after")
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.counts == {"passed": 8}
    others = set(result.begun)
    for nodeid in ("test_a.py::test_alone", "test_a.py::TestAlone::test_in_class"):
        span = result.span(nodeid)
        meanwhile = [
            other.nodeid
            for other in result.spans
            if other.began < span.ended and span.began < other.ended
        ]
        assert meanwhile == [nodeid]
        others.remove(nodeid)
    assert result.most_at_once(others) == 2


@pytest.mark.parametrize(
    ("options", "capacity"),
    [
        ([], 1),
        (["--orchestrate-config", "two.toml"], 2),
        (["--orchestrate-config", "sub/table.toml"], 2),
        (["--orchestrate-config", "sub/table.toml", "--orchestrate-resource=db=3"], 3),
        (["--orchestrate-resource", "db=2", "--orchestrate-resource", "gpu=4GB"], 2),
    ],
    ids=["pyproject", "file", "file-without-table", "option-over-file", "options"],
)
def test_where_capacities_come_from(project: Project, options: list[str], capacity: int) -> None:
    """The command line wins over the file it names, and that over pyproject.toml."""
    project.configure("[tool.pytest_orchestra.resources]\ndb = 1")
    project.write("two.toml", "[tool.pytest_orchestra.resources]\ndb = 2")
    project.write("sub/table.toml", "resources = { db = 2 }")
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.resources("db")
        def test_db(): pass
        """,
    )
    result = project.orchestrate(*options)
    assert result.counts == {"passed": 1}
    (line,) = result.lines("^db ")
    assert line.split()[:3] == ["db", str(capacity), "1"]


def test_given_capacities_reach_the_workers(project: Project) -> None:
    """As many tests run at once as the file and the option allow, also where pyproject does not."""
    project.configure("[tool.pytest_orchestra.resources]\ndb = 1")
    project.write("two.toml", "[tool.pytest_orchestra.resources]\ndb = 2")
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.resources("db")
        @mark.parametrize("number", range(2))
        def test_db(number, meet): meet("db")
        @mark.resources(gpu="2MB")
        @mark.depends("test_db")
        @mark.parametrize("number", range(2))
        def test_gpu(number, meet): meet("gpu")
        """,
    )
    options = ("--orchestrate-config=two.toml", "--orchestrate-resource=gpu=4MB")
    assert project.orchestrate("-n", "2", *options).counts == {"passed": 4}


def test_tokens_in_one_process(project: Project) -> None:
    """Without workers every claim is met in turn, whatever it is."""
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.resources("*")
        def test_alone(): pass
        @mark.resources("db", schema="write")
        def test_write(): pass
        @mark.resources("db", schema="read")
        def test_read(): pass
        """,
    )
    result = project.orchestrate()
    assert result.code == PASSED
    assert result.counts == {"passed": 3}
    assert result.lines("^orchestra: 3 tests, 0 dependencies, 2 resources, 1 worker$")
