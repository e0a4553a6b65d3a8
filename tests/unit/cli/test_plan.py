from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from histories import attempt, case, run
from runs import became, run_of, shards_of
from shell import Shell

from pytest_orchestra.history.store import Store
from pytest_orchestra.merging.combine import combine
from pytest_orchestra.model.case import Claim, Need
from pytest_orchestra.model.run import ResourceRecord, RunRecord
from pytest_orchestra.reports.record_file import write_record


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Make a shell in a project without settings."""
    (tmp_path / "pyproject.toml").write_text("")
    return Shell(tmp_path, capsys)


def claiming(count: int, capacity: int = 1) -> RunRecord:
    """Return a run of ``count`` tests of half a second, each of which takes a token of db."""
    cases = []
    for number in range(count):
        each = became(f"test_{number}")
        cases.append(replace(each, spec=replace(each.spec, claims=frozenset({Claim("db")}))))
    return replace(run_of(*cases), resources=(ResourceRecord("db", capacity, 1, 0.0),))


def put(shell: Shell, record: RunRecord) -> Path:
    """Write a record, and return its path."""
    path = shell.root / "record.json.gz"
    write_record(record, path)
    return path


def taken(shell: Shell, record: RunRecord, *arguments: str) -> dict[int, float]:
    """Return the predicted seconds by number of workers."""
    data = shell.data("plan", put(shell, record), "--rootdir", shell.root, *arguments)
    return {each["workers"]: each["seconds"] for each in data["predictions"]}


def test_workers_share_what_is_free(shell: Shell) -> None:
    """Eight tests of half a second."""
    record = run_of(*(became(f"test_{n}") for n in range(8)))
    assert taken(shell, record, "--workers", "1,2,4,8") == {1: 4.0, 2: 2.0, 4: 1.0, 8: 0.5}


def test_tokens_bound_the_run(shell: Shell) -> None:
    """More of them let more workers work; the command line overrides the file, and that the record."""
    assert taken(shell, claiming(8), "--workers", "4") == {4: 4.0}
    assert taken(shell, claiming(8, 2), "--workers", "4") == {4: 2.0}
    (shell.root / "pyproject.toml").write_text("[tool.pytest_orchestra.resources]\ndb = 4\n")
    assert taken(shell, claiming(8), "--workers", "4") == {4: 1.0}
    assert taken(shell, claiming(8), "--workers", "4", "--resource", "db=2") == {4: 2.0}
    assert (
        shell("plan", put(shell, claiming(8)), "--rootdir", shell.root, "--resource", "db=1") == 0
    )
    assert "because of" in shell.out
    assert "db" in shell.out


def test_dependencies_bound_the_run(shell: Shell) -> None:
    """A chain of four takes as long on any number of workers."""
    cases = [became(f"test_{n}") for n in range(4)]
    chain = [
        replace(each, spec=replace(each.spec, needs=(Need(f"test_{n - 1}"),) if n else ()))
        for n, each in enumerate(cases)
    ]
    assert taken(shell, run_of(*chain), "--workers", "1,4") == {1: 2.0, 4: 2.0}


def test_the_history_knows_better(shell: Shell) -> None:
    """What tests usually take counts, not what they took in the one run."""
    path = shell.root / ".pytest_orchestra" / "history.sqlite3"
    path.parent.mkdir()
    with Store.open(path) as store:
        store.add(run(1, case("a.py::test_0", attempt(seconds=3.0))))
    record = run_of(became("test_0"), became("test_1"))
    assert taken(shell, record, "--workers", "1") == {1: 3.5}


def test_merged_shards_are_planned_as_one_run(shell: Shell) -> None:
    """Each had tokens of its own, and a run has as many as one of them."""
    runs = [
        replace(
            each,
            resources=(ResourceRecord("db", 1, 1, 0.0),),
            cases=tuple(
                replace(c, spec=replace(c.spec, claims=frozenset({Claim("db")})), requirements=())
                for c in each.cases
            ),
        )
        for each in shards_of(2, 2, 2)
    ]
    assert taken(shell, combine(runs), "--workers", "3") == {3: 3.0}


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--workers", "0"), "not numbers of workers"),
        (("--workers", "4,x"), "not numbers of workers"),
        (("--resource", "db"), "write NAME=CAPACITY"),
        (("--resource", "dc=2"), "no test claims it"),
        (("--resource", "db=0"), "\n--resource db=0: '0' is not more than zero"),
    ],
)
def test_wrong_use_is_said(shell: Shell, arguments: tuple[str, ...], what: str) -> None:
    """With what to write instead."""
    assert shell("plan", put(shell, claiming(2)), "--rootdir", shell.root, *arguments) == 2
    assert what in shell.err


def test_without_a_record_it_is_said_how_to_get_one(shell: Shell) -> None:
    """The project's own is found where its settings have it."""
    assert shell("plan", "--rootdir", shell.root) == 2
    assert "--orchestrate-json=PATH" in shell.err
    (shell.root / "pyproject.toml").write_text("[tool.pytest_orchestra]\nreport = 'build'\n")
    write_record(run_of(became("test")), shell.root / "build" / "record.json.gz")
    assert shell("plan", "--rootdir", shell.root) == 0
    write_record(run_of(), shell.root / "build" / "record.json.gz")
    assert shell("plan", "--rootdir", shell.root) == 2
    assert "no tests" in shell.err
