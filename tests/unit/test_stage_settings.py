from __future__ import annotations

import tomllib

import pytest

from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.stage import Gate, OnFail, StageSpec, Strategy
from pytest_orchestra.stage_settings import read_stages


def read(text: str) -> tuple[tuple[StageSpec, ...], list[Problem]]:
    """Return the stages that the TOML ``text`` states, and what is wrong with them."""
    problems: list[Problem] = []
    stages = tomllib.loads(text)["stages"]
    return read_stages(stages, "stages", "pyproject.toml", problems), problems


def test_all_that_can_be_said() -> None:
    """Each key is read; what is not said is the default, and needs are the stage before."""
    stages, problems = read("""
        [[stages]]
        name = "smoke"
        match = "smoke"
        gate = { pass_rate = 1.0, max_flaky_rate = 0.05, max_duration = "2min", max_failures = 0 }
        on_fail = "halt"
        [[stages]]
        name = "lint"
        glob = "tests/lint/*::test_*"
        needs = []
        strategy = "sequential"
        gate = { max_blocked = 3, max_slowest = 10, min_coverage = 80 }
        [[stages]]
        name = "integration"
        paths = ["./tests/integration/"]
        needs = ["smoke", "lint", "smoke"]
        strategy = "matrix"
        axes = { db = ["sqlite", "postgres"], level = [1, 2.5, true] }
        [[stages]]
        name = "rest"
    """)
    assert not problems
    assert stages == (
        StageSpec(
            "smoke",
            "smoke",
            gate=Gate(pass_rate=1.0, max_failures=0, max_flaky_rate=0.05, max_duration=120.0),
            on_fail=OnFail.HALT,
        ),
        StageSpec(
            "lint",
            globs=("tests/lint/*::test_*",),
            strategy=Strategy.SEQUENTIAL,
            gate=Gate(max_blocked=3, max_slowest=10.0, min_coverage=80.0),
        ),
        StageSpec(
            "integration",
            paths=("tests/integration",),
            strategy=Strategy.MATRIX,
            needs=("smoke", "lint"),
            axes={"db": ("sqlite", "postgres"), "level": (1, 2.5, True)},
        ),
        StageSpec("rest", needs=("integration",)),
    )
    assert [stage.takes_all for stage in stages] == [False, False, False, True]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("nmae = 'b'", "unknown key stages[2].nmae"),
        ("name = ''", "stages[2] has the name '', which is none"),
        ("match = 1", "stages[2].match is 1, not a mark expression"),
        ("paths = 1", "stages[2].paths is 1, not a list of texts"),
        ("paths = []", "stages[2].paths is [], not a list of texts"),
        ("glob = ['a', 1]", "stages[2].glob is ['a', 1], not a list of texts"),
        ("strategy = 'serial'", "stages[2].strategy does not know 'serial'"),
        ("on_fail = 'stop'", "stages[2].on_fail does not know 'stop'"),
        ("needs = ['a1']", "stage 'b' needs 'a1', which is no stage"),
        ("needs = ['b']", "stage 'b' needs 'b', which does not come before it"),
        ("needs = 7", "stages[2].needs is 7, not a list of texts"),
        ("strategy = 'matrix'", "stages[2]: strategy 'matrix' and axes belong together"),
        ("axes = { db = ['a'] }", "stages[2]: strategy 'matrix' and axes belong together"),
        ("axes = 1\nstrategy = 'matrix'", "stages[2].axes is 1, not a table of lists"),
        ("axes = {}\nstrategy = 'matrix'", "stages[2].axes is {}, not a table of lists"),
        ("axes = { a = [] }\nstrategy = 'matrix'", "stages[2].axes.a is [], not a list"),
        ("axes = { a = [nan] }\nstrategy = 'matrix'", "stages[2].axes.a is [nan], not a list"),
        ("axes = { a = [1, '1'] }\nstrategy = 'matrix'", "stages[2].axes.a has a value twice"),
        ("gate = 1", "stages[2].gate is 1, not a table"),
        ("gate = { pass = 1 }", "unknown key stages[2].gate.pass"),
        ("gate = { pass_rate = 95 }", "stages[2].gate.pass_rate: 95 is not a share from 0.0 to 1"),
        ("gate = { pass_rate = nan }", "stages[2].gate.pass_rate: nan is not a share"),
        ("gate = { max_failures = -1 }", "stages[2].gate.max_failures: -1 is not a whole number"),
        ("gate = { max_duration = '2x' }", "stages[2].gate.max_duration: '2x' is not a time"),
        ("gate = { min_coverage = 101 }", "stages[2].gate.min_coverage: 101 is not a percentage"),
    ],
)
def test_what_is_wrong(line: str, what: str) -> None:
    """A problem names the key and the value, says what to do, and leaves no stage."""
    name = "" if line.startswith("name") else 'name = "b"'
    stages, problems = read(f'[[stages]]\nname = "a"\nmatch = "a"\n[[stages]]\n{name}\n{line}')
    assert not stages
    assert len(problems) == 1
    assert what in problems[0].what
    assert problems[0].remedy
    assert problems[0].where == "pyproject.toml"


@pytest.mark.parametrize("value", ["smoke", 1, {"name": "smoke"}, ["smoke"]])
def test_what_is_no_list_of_tables(value: object) -> None:
    """Somebody who writes [stages] or a name is told how stages are written."""
    problems: list[Problem] = []
    assert not read_stages(value, "stages", "pyproject.toml", problems)
    assert problems[0].remedy == "write [[stages]] above each stage"


def test_a_stage_that_takes_all_is_the_last() -> None:
    """What follows it could never get a test; two stages of one name are no stages either."""
    _, problems = read('[[stages]]\nname = "a"\n[[stages]]\nname = "a"')
    assert [problem.what for problem in problems] == [
        "stages: stage 'a' takes every test, so none is left for those after it",
        "stages has two stages named 'a'",
    ]
