from types import SimpleNamespace
from typing import Any

import pytest

from pytest_orchestra.model.stage import AxisValue, StageSpec, Strategy
from pytest_orchestra.running.combination import Combination
from pytest_orchestra.running.stage_choice import (
    StageChoice,
    broken_expressions,
    pack_stages,
    unpack_stages,
)

SMOKE = StageSpec("smoke", match="smoke and not slow")
API = StageSpec("api", paths=("tests/api", "tests/test_rest.py"))
GLOB = StageSpec("glob", globs=("tests/*::TestUser", "tests/test_one.py::test_exact"))


def item(nodeid: str, *marks: str) -> Any:
    """Return what stands for a test, or for a function before it has parameters."""
    made = [pytest.Mark(mark, (), {}, _ispytest=True) for mark in marks]
    return SimpleNamespace(nodeid=nodeid, iter_markers=lambda: iter(made))


def test_the_first_stage_that_takes_a_test_gets_it() -> None:
    """The language of -m, places and globs, each by what it means elsewhere."""
    choice = StageChoice((SMOKE, API, GLOB))
    assert choice.taking(item("tests/api/test_x.py::test_y", "smoke")) == 0
    assert choice.taking(item("tests/api/test_x.py::test_y", "smoke", "slow")) == 1
    assert choice.taking(item("tests/test_rest.py::test_y")) == 1
    assert choice.taking(item("tests/api_more/test_x.py::TestUser::test_y")) == 2
    assert choice.taking(item("tests/test_one.py::test_exact")) == 2
    assert choice.taking(item("tests/test_one.py::test_exactly")) is None


def test_a_test_must_meet_every_condition_of_a_stage() -> None:
    """A place and a glob and a mark together mean what all of them mean."""
    stage = StageSpec("all", match="smoke", paths=("tests",), globs=("*::test_a*",))
    choice = StageChoice((stage,))
    assert choice.taking(item("tests/test_x.py::test_abc", "smoke")) == 0
    assert choice.taking(item("tests/test_x.py::test_abc")) is None
    assert choice.taking(item("tests/test_x.py::test_xyz", "smoke")) is None
    assert choice.taking(item("more/test_x.py::test_abc", "smoke")) is None


def test_parameters_make_no_difference() -> None:
    """A function that is about to be parametrized gets the stage that its tests will get."""
    choice = StageChoice((StageSpec("one", globs=("*::test_a",)), StageSpec("two")))
    for nodeid in ("t.py::test_a", "t.py::test_a[1]", "t.py::test_a[x::test_b[y]]"):
        assert choice.of(item(nodeid)) == 0
    assert choice.of(item("t.py::test_b[::test_a]")) == 1


def test_what_no_stage_takes_belongs_to_the_last() -> None:
    """Without stages there is none that it could belong to."""
    assert StageChoice((SMOKE, API)).of(item("tests/test_x.py::test_y")) == 1
    assert StageChoice(()).of(item("tests/test_x.py::test_y")) is None


def test_what_a_matrix_has_multiplied_stays_there() -> None:
    """Its column is of that stage, even if a mark of one parameter set says something else."""
    multiplied = item("tests/test_x.py::test_y[db=sqlite]", "smoke")
    combination = Combination({"db": "sqlite"}, stage=1)
    multiplied.callspec = SimpleNamespace(params={"matrix": combination})
    assert StageChoice((SMOKE, API)).of(multiplied) == 1


@pytest.mark.parametrize("match", ["smoke and", "not", "a(b", "smoke or (slow", "(("])
def test_an_expression_that_pytest_does_not_understand_is_named_by_its_key(match: str) -> None:
    """The user reads where it stands; until then it takes nothing."""
    stages = (SMOKE, StageSpec("odd", match=match))
    (problem,) = broken_expressions(stages, "tool.pytest_orchestra.stages", "pyproject.toml")
    assert problem.what.startswith(f"tool.pytest_orchestra.stages[2].match is {match!r}, which")
    assert "not slow" in problem.remedy
    assert StageChoice(stages).taking(item("t.py::test_a", "a", "b")) is None
    assert broken_expressions((SMOKE, API), "tool.pytest_orchestra.stages", "pyproject.toml") == []


def test_a_worker_gets_all_that_it_has_to_know_of_stages() -> None:
    """Who belongs to them and how often that runs; gates are judged elsewhere."""
    axes: dict[str, tuple[AxisValue, ...]] = {
        "db": ("sqlite", "postgres"),
        "size": (1, 2.5),
        "tls": (True, False),
    }
    matrix = StageSpec("matrix", strategy=Strategy.MATRIX, axes=axes)
    assert unpack_stages(pack_stages((SMOKE, API, GLOB, matrix))) == (SMOKE, API, GLOB, matrix)
