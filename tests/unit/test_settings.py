from pathlib import Path

import pytest

from pytest_orchestra.errors import UsageProblems
from pytest_orchestra.history.retention import Retention
from pytest_orchestra.history_settings import HistorySettings
from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.missing import Missing
from pytest_orchestra.model.order import Order
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.settings import Settings, load_settings, read_table

SOURCE = "pyproject.toml"
CAPACITY_REMEDY = (
    "write NAME = 2, a quantity such as NAME = '16GB', names as NAME = ['a', 'b'], or a table such "
    "as NAME = { capacity = 2, scope = 'machine' }"
)


def problems_of(
    table: dict[str, object], resources: tuple[str, ...] = (), missing: str | None = None
) -> tuple[Problem, ...]:
    """Return what is wrong with a table and options."""
    return load_settings(table, source=SOURCE, resources=resources, missing=missing)[1]


def test_nothing_said_gives_the_defaults() -> None:
    """An empty table is sound: no capacities, and deselected prerequisites are pulled in."""
    assert load_settings({}, source=SOURCE) == (Settings(), ())


def test_a_table_is_read() -> None:
    """Capacities may be counts or quantities."""
    table = {"resources": {"db": 2, "memory": "16GB"}, "missing": "skip"}
    expected = Settings(
        {"db": Capacity(2), "memory": Capacity(16_000_000_000, is_quantity=True)},
        missing=Missing.SKIP,
    )
    assert load_settings(table, source=SOURCE) == (expected, ())


@pytest.mark.parametrize("path", ["none", "build/history.sqlite3"])
def test_the_history_is_a_path_or_none(path: str) -> None:
    """Either is taken as it stands."""
    assert load_settings({"history": path}, source=SOURCE) == (
        Settings(history=HistorySettings(path)),
        (),
    )


@pytest.mark.parametrize("value", [False, "", 3])
def test_the_history_is_nothing_else(value: object) -> None:
    """Whoever means to switch it off is told how."""
    (problem,) = problems_of({"history": value})
    assert problem.what == (
        f"tool.pytest_orchestra.history is {value!r}, not the path of a file or 'none'"
    )


def test_what_of_the_history_is_kept_may_be_settled() -> None:
    """A table may leave out anything, and what it leaves out is as without it."""
    assert load_settings({"history": {}}, source=SOURCE) == (Settings(), ())
    table = {"path": "h.db", "days": 0.5, "runs": 30}
    settings, problems = load_settings({"history": table}, source=SOURCE)
    assert settings.history == HistorySettings("h.db", 0.5, 30)
    assert not problems
    default = HistorySettings()
    assert (default.days, default.runs) == (Retention().days, Retention().runs)


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ({"days": 0}, "history.days is 0, not a number above zero"),
        ({"days": "30d"}, "history.days is '30d', not a number above zero"),
        ({"days": float("inf")}, "history.days is inf, not a number above zero"),
        ({"runs": 1.5}, "history.runs is 1.5, not a whole number above zero"),
        ({"runs": True}, "history.runs is True, not a whole number above zero"),
        ({"path": "a\0b"}, "history.path is 'a\\x00b', not the path of a file or 'none'"),
        ({"day": 3}, "unknown key tool.pytest_orchestra.history.day"),
    ],
)
def test_what_of_the_history_is_kept_is_checked(table: object, what: str) -> None:
    """The key is named, and the rest is as if it were not there."""
    (problem,) = problems_of({"history": table})
    assert what in problem.what
    assert problem.remedy


def test_options_override_the_table() -> None:
    """The command line wins over the file, name by name."""
    table = {"resources": {"db": 2, "gpu": 1}, "missing": "skip"}
    settings, problems = load_settings(
        table, source=SOURCE, resources=["db=4", "memory = 1GiB", "db=4"], missing="run"
    )
    assert settings == Settings(
        {"db": Capacity(4), "gpu": Capacity(1), "memory": Capacity(2**30, is_quantity=True)},
        missing=Missing.RUN,
    )
    assert problems == ()


@pytest.mark.parametrize(
    ("table", "what", "remedy"),
    [
        (
            {"resource": {}},
            "unknown key tool.pytest_orchestra.resource",
            "did you mean resources?",
        ),
        (
            {"xyz": 1},
            "unknown key tool.pytest_orchestra.xyz",
            "known are resources, fixtures, hosts, priority, order, missing, max_wait, runtime_dir, history, quarantine, retries, report, artifacts, stages",
        ),
        (
            {"resources": ["db"]},
            "tool.pytest_orchestra.resources is ['db'], not a table",
            "write [tool.pytest_orchestra.resources] and below it NAME = CAPACITY for each resource",
        ),
        (
            {"resources": {"db": True}},
            "tool.pytest_orchestra.resources.db: True is not a capacity",
            CAPACITY_REMEDY,
        ),
        (
            {"resources": {"db": 0}},
            "tool.pytest_orchestra.resources.db: 0 is not a capacity",
            CAPACITY_REMEDY,
        ),
        (
            {"resources": {"db": 1.5}},
            "tool.pytest_orchestra.resources.db: 1.5 is not a capacity",
            CAPACITY_REMEDY,
        ),
        (
            {"resources": {"db": "-1"}},
            "tool.pytest_orchestra.resources.db: '-1' is not more than zero",
            CAPACITY_REMEDY,
        ),
        (
            {"resources": {"*": 1}},
            "tool.pytest_orchestra.resources.*: '*' is not the name of a resource",
            CAPACITY_REMEDY,
        ),
        (
            {"missing": "pul"},
            "tool.pytest_orchestra.missing does not know 'pul'",
            "write one of pull, run, skip",
        ),
        (
            {"order": "fast"},
            "tool.pytest_orchestra.order does not know 'fast'",
            "write one of balanced, makespan, feedback",
        ),
        (
            {"priority": 3},
            "tool.pytest_orchestra.priority is 3, not a table",
            "write [tool.pytest_orchestra.priority] and below it MARK = WEIGHT",
        ),
        *(
            (
                {"priority": {"slow": value}},
                f"tool.pytest_orchestra.priority.slow: {value!r} is not a finite number",
                "write slow = 1000, or 0 for no weight",
            )
            for value in ("high", True, float("inf"), 10**400)
        ),
        (
            {"missing": ["pull"]},
            "tool.pytest_orchestra.missing does not know ['pull']",
            "write one of pull, run, skip",
        ),
        (
            {"artifacts": ["always"]},
            "tool.pytest_orchestra.artifacts does not know ['always']",
            "write one of failed, always",
        ),
    ],
)
def test_a_mistake_in_the_table_names_its_key(
    table: dict[str, object], what: str, remedy: str
) -> None:
    """Every unknown key and wrong type is a problem that says where it stands."""
    assert problems_of(table) == (Problem(what, remedy, SOURCE),)


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ("db", "--orchestrate-resource db: '' is not a quantity such as 2, '512MB' or '1.5GiB'"),
        ("=2", "--orchestrate-resource =2: '' is not the name of a resource"),
        ("db=two", "--orchestrate-resource db=two: 'two' is not a quantity"),
        ("db=0", "--orchestrate-resource db=0: '0' is not more than zero"),
    ],
)
def test_a_mistake_in_an_option_names_it(option: str, what: str) -> None:
    """A malformed capacity on the command line is quoted."""
    (problem,) = problems_of({}, (option,))
    assert problem.what.startswith(what)
    assert problem.remedy == "write NAME=CAPACITY, such as gpu=2 or memory=16GB"


def test_a_resource_cannot_have_two_capacities() -> None:
    """The command line must not contradict itself."""
    (problem,) = problems_of({}, ("db=1", "db=2"))
    assert problem.what == (
        "two different capacities for one resource: --orchestrate-resource db=1 and db=2"
    )


def test_all_mistakes_are_told_at_once() -> None:
    """One run of pytest shows everything that is to be mended; what is sound is kept."""
    settings, problems = load_settings(
        {"resources": {"a": 0, "b": 2}, "missing": "x", "y": 1},
        source=SOURCE,
        resources=["c=0"],
        missing="z",
    )
    assert len(problems) == 5
    assert settings == Settings({"b": Capacity(2)})


def test_the_option_for_missing_is_named() -> None:
    """A wrong value on the command line is not blamed on the file."""
    (problem,) = problems_of({}, missing="x")
    assert problem.what == "--orchestrate-missing does not know 'x'"
    assert problem.where == ""


@pytest.mark.parametrize(
    ("name", "text", "table"),
    [
        ("pyproject.toml", "[tool.pytest_orchestra]\nmissing = 'run'", {"missing": "run"}),
        ("pyproject.toml", "[tool.other]\nmissing = 'run'", {}),
        ("pyproject.toml", "missing = 'run'", {}),
        ("pyproject.toml", "tool = 3", {}),
        ("nightly.toml", "[tool.pytest_orchestra]\nmissing = 'run'", {"missing": "run"}),
        ("nightly.toml", "missing = 'run'", {"missing": "run"}),
    ],
)
def test_a_file_gives_its_table(
    tmp_path: Path, name: str, text: str, table: dict[str, object]
) -> None:
    """A pyproject.toml is shared with others; a file of its own may leave the header out."""
    path = tmp_path / name
    path.write_text(text)
    assert read_table(path) == table


def test_a_mistake_in_toml_is_placed(tmp_path: Path) -> None:
    """The error names the file and the line."""
    path = tmp_path / "nightly.toml"
    path.write_text("missing = 'run'\nresources = =\n")
    with pytest.raises(UsageProblems, match="is not valid TOML") as caught:
        read_table(path)
    assert caught.value.problems[0].where == f"{path}:2"


@pytest.mark.parametrize("content", [b"missing = '\xff'", b"missing ="])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    """Neither a wrong encoding nor an end too soon gives a traceback."""
    path = tmp_path / "nightly.toml"
    path.write_bytes(content)
    with pytest.raises(UsageProblems, match=r"nightly\.toml.*is not valid TOML"):
        read_table(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The error says which file could not be read."""
    with pytest.raises(UsageProblems, match=r"none\.toml: cannot be read: No such file"):
        read_table(tmp_path / "none.toml")


def test_a_table_must_be_a_table(tmp_path: Path) -> None:
    """A value in the place of the table is a mistake, not an empty table."""
    path = tmp_path / "pyproject.toml"
    path.write_text("[tool]\npytest_orchestra = 3")
    with pytest.raises(UsageProblems, match=r"tool\.pytest_orchestra is not a table"):
        read_table(path)


@pytest.mark.parametrize("scope", [["machine"], {"machine": 1}])
def test_a_scope_that_is_no_text_is_a_problem(scope: object) -> None:
    """A list or a table in its place is reported with its key, and is no failure of ours."""
    (problem,) = problems_of({"resources": {"db": {"capacity": 1, "scope": scope}}})
    assert problem.what.startswith("tool.pytest_orchestra.resources.db: there is no scope")
    assert problem.remedy == CAPACITY_REMEDY


def test_marks_have_weights() -> None:
    """The table adds to the usual ones and overrides them; 0 turns one off."""
    assert dict(Settings().priority) == {"smoke": 10_000.0, "critical": 5_000.0}
    table = {"priority": {"slow": -5, "smoke": 1, "critical": 0}}
    settings, problems = load_settings(table, source=SOURCE)
    assert problems == ()
    assert settings.priority == {"slow": -5.0, "smoke": 1.0}


def test_the_order_of_the_command_line_wins() -> None:
    """The file's is the next, and balanced the last."""
    assert load_settings({}, source=SOURCE)[0].order is Order.BALANCED
    table = {"order": "makespan"}
    assert load_settings(table, source=SOURCE)[0].order is Order.MAKESPAN
    assert load_settings(table, source=SOURCE, order="feedback")[0].order is Order.FEEDBACK
