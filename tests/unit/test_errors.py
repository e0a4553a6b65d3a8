import io

import pytest

from pytest_orchestra.errors import OrchestraError, UsageProblems
from pytest_orchestra.model.problem import Problem


def test_problems_are_counted_placed_and_remedied() -> None:
    """The text counts the problems and gives each its place first and its remedy below."""
    error = UsageProblems(
        [
            Problem("there is no 'test_a'", "did you mean test_b?", where="tests/test_x.py:3"),
            Problem("priority(nan) is no number", "write one\nor none", nodeid="test_x.py::test_y"),
            Problem("two capacities", "give it once"),
        ]
    )
    assert isinstance(error, OrchestraError)
    assert str(error).splitlines() == [
        "pytest-orchestra found 3 problems",
        "tests/test_x.py:3: there is no 'test_a'",
        "    did you mean test_b?",
        "test_x.py::test_y: priority(nan) is no number",
        "    write one",
        "    or none",
        "two capacities",
        "    give it once",
    ]


def test_a_problem_that_many_cases_share_is_told_once() -> None:
    """A mistake in a class's marker is one problem, however many tests the class has."""
    shared = [Problem("w", "r", "a.py:1", nodeid=f"a.py::TestA::test_{i}") for i in range(3)]
    error = UsageProblems(shared)
    assert len(error.problems) == 1
    assert str(error).startswith("pytest-orchestra found 1 problem\n")


def test_the_text_reads_well_as_pytests_usage_error() -> None:
    """Pytest prefixes the counting line and leaves the places at the beginning of theirs."""
    from _pytest.config import print_usage_error  # noqa: PLC0415 - what prints it in the end

    out = io.StringIO()
    print_usage_error(pytest.UsageError(str(UsageProblems([Problem("w", "r", "a.py:1")]))), out)
    assert out.getvalue() == "ERROR: pytest-orchestra found 1 problem\na.py:1: w\n    r\n\n"
