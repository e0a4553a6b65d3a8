from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from histories import EPOCH, HOUR, attempt, case, run
from shell import Shell

from pytest_orchestra.cli.history_show import sparkline
from pytest_orchestra.history.store import Store
from pytest_orchestra.model.evidence import RunEvidence
from pytest_orchestra.model.verdict import Verdict

FAILED = attempt(Verdict.FAILED)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Make a shell in a project without a history."""
    (tmp_path / "pyproject.toml").write_text("")
    return Shell(tmp_path, capsys)


def history(shell: Shell) -> Path:
    """Return where the project's history is."""
    return shell.root / ".pytest_orchestra" / "history.sqlite3"


def add(path: Path, *runs: RunEvidence) -> Path:
    """Add runs to the history at ``path``, and return that."""
    path.parent.mkdir(exist_ok=True)
    with Store.open(path) as store:
        for each in runs:
            assert store.add(each)
    return path


def some_runs() -> list[RunEvidence]:
    """Return runs that have all that a run can have."""
    return [
        run(1, case("a.py::test_x", body="b1", line=3), case("b.py::test_y[é]")),
        replace(
            run(
                2,
                replace(
                    case("a.py::test_x", FAILED, attempt(seconds=1.5), body="b1", line=3),
                    claims=("db", "gpu"),
                    seconds=2.0,
                    cpu_seconds=1.0,
                    memory_peak=5_000,
                ),
                fixtures={("pg", "a.py"): 1.25},
            ),
            stopped="-x",
            flaky=1,
            commit=None,
        ),
    ]


def test_the_history_is_shown(shell: Shell) -> None:
    """How much there is, from when to when, and the latest runs."""
    add(history(shell), *some_runs())
    data = shell.data("history", "show", "--rootdir", shell.root, "--most", "1")
    assert (data["runs"], data["tests"], data["results"]) == (2, 2, 4)
    assert (data["first"], data["last"]) == (EPOCH + HOUR, EPOCH + 2 * HOUR)
    assert [each["uuid"] for each in data["latest"]] == ["run-2"]
    assert data["bytes"] > 0
    assert shell("history", "show", "--rootdir", shell.root) == 0
    assert "2 runs (2 with results), 2 tests, 4 results" in shell.out
    assert "stopped: -x" in shell.out


def test_one_test_is_shown(shell: Shell) -> None:
    """What it did in the latest runs, newest first."""
    add(history(shell), *some_runs())
    arguments = ("history", "show", "--rootdir", shell.root, "--test", "a.py::test_x")
    data = shell.data(*arguments)
    assert [[a["verdict"] for a in each["attempts"]] for each in data["results"]] == [
        ["passed"],
        ["failed", "passed"],
    ]
    assert shell(*arguments) == 0
    assert "failed, passed" in shell.out
    assert "ValueError | N" in shell.out
    assert shell("history", "show", "--rootdir", shell.root, "--test", "a.py::test_z") == 2
    assert "did you mean a.py::test_x?" in shell.err


def test_durations_are_drawn() -> None:
    """From nothing to the greatest; of nothing there is nothing to draw."""
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert sparkline([0.0]) == "▁"
    assert not sparkline([])


def test_old_results_are_pruned(shell: Shell) -> None:
    """By the number of runs, and by days."""
    path = add(history(shell), *(run(n, case("a.py::test_x")) for n in range(30)))
    data = shell.data("history", "prune", "--rootdir", shell.root, "--days", "9999", "--runs", "5")
    assert data["results"] == 25
    with Store.open_to_read(path) as store:
        assert store.overview(0).results == 5
    data = shell.data("history", "prune", "--rootdir", shell.root, "--days", "1")
    assert data["results"] == 5


def test_tests_of_files_that_are_gone_are_forgotten(shell: Shell) -> None:
    """If the user says so; the others stay."""
    path = add(history(shell), *some_runs())
    (shell.root / "a.py").write_text("")
    arguments = ("history", "prune", "--rootdir", shell.root, "--days", "9999")
    assert shell.data(*arguments)["gone"] == []
    assert shell.data(*arguments, "--gone")["gone"] == ["b.py::test_y[é]"]
    with Store.open_to_read(path) as store:
        assert store.nodeids() == ("a.py::test_x",)
        assert store.overview(0).results == 3


def test_what_was_exported_is_imported_again(shell: Shell) -> None:
    """All of it, once, and into a history that has some of it already."""
    add(history(shell), *some_runs())
    file = shell.root / "out.jsonl"
    assert shell("history", "export", "--rootdir", shell.root, file) == 0
    other = shell.root / "other.sqlite3"
    arguments = ("history", "import", "--history", other, "--rootdir", shell.root, file)
    assert shell.data(*arguments)["new_runs"] == 2
    assert shell.data(*arguments)["new_runs"] == 0
    again = shell.root / "again.jsonl"
    assert shell("history", "export", "--history", other, "--rootdir", shell.root, again) == 0
    assert again.read_bytes() == file.read_bytes()
    head, *lines = file.read_text().splitlines()
    assert json.loads(head) == {"format": "pytest-orchestra history", "version": 1}
    first = json.loads(lines[0])
    assert (first["uuid"], first["cases"][0]["nodeid"]) == ("run-1", "a.py::test_x")


def test_exports_go_through_pipes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash is standard output, and standard input."""
    add(history(shell), *some_runs())
    file = shell.root / "out.jsonl"
    shell("history", "export", "--rootdir", shell.root, file)
    stream = io.TextIOWrapper(io.BytesIO(file.read_bytes()))
    monkeypatch.setattr("sys.stdin", stream)
    other = shell.root / "other.sqlite3"
    assert shell.data("history", "import", "--history", other, "-")["new_runs"] == 2


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"hello\n", ":1 is not what history export writes"),
        (b"[]\n", ":1 is not what history export writes"),
        (b'{"format": "x"}\n', "is not what history export writes"),
        (b'{"format": "pytest-orchestra history", "version": 2}\n', "version 2"),
        (b'{"format": "pytest-orchestra history", "version": 1}\n{"uuid": "a"}\n', ":2 is damaged"),
        (b'{"format": "pytest-orchestra history", "version": 1}\n\xff\n', ":2 is damaged"),
        (
            (
                b'{"format": "pytest-orchestra history", "version": 1}\n{"uuid": "a", "started": 1e400, '
                b'"seconds": 1, "cases": [{"nodeid": "a", "attempts": [{"verdict": "passed", "started": 1}]}]}\n'
            ),
            "damaged",
        ),
        (
            (
                b'{"format": "pytest-orchestra history", "version": 1}\n{"uuid": "a", "started": 1, '
                b'"seconds": 1, "cases": [{"nodeid": 5, "attempts": [{"verdict": "passed", "started": 1}]}]}\n'
            ),
            "damaged",
        ),
        (
            b'{"format": "pytest-orchestra history", "version": 1}\n{"uuid": [1], "started": "x", "seconds": 1, "cases": []}\n',
            "damaged",
        ),
    ],
)
def test_what_cannot_be_imported_is_said(shell: Shell, content: bytes, what: str) -> None:
    """With the line."""
    file = shell.root / "in.jsonl"
    file.write_bytes(content)
    assert shell("history", "import", "--rootdir", shell.root, file) == 2
    assert what in shell.err
    assert str(file) in shell.err


def test_histories_are_merged(shell: Shell) -> None:
    """Into that of the project, which may not be there yet; it is no input of its own."""
    first, second = some_runs()
    one = add(shell.root / "one.sqlite3", first)
    two = add(shell.root / "two.sqlite3", first, second)
    arguments = ("history", "merge", "--rootdir", shell.root, one, two, history(shell))
    assert shell.data(*arguments)["new_runs"] == 2
    assert shell.data(*arguments)["new_runs"] == 0
    assert shell("history", "merge", "--rootdir", shell.root, shell.root / "none") == 2
    assert "there is no history at" in shell.err
    (shell.root / "text").write_text("no history" * 100)
    assert shell("history", "merge", "--rootdir", shell.root, shell.root / "text") == 2
    assert "cannot be read" in shell.err


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("prune",), ("export", "x"), ("import", "none"), ("show", "--most", "0"), ()],
)
def test_where_there_is_no_history_it_is_said(shell: Shell, arguments: tuple[str, ...]) -> None:
    """And none is begun."""
    root = ("--rootdir", str(shell.root)) if arguments else ()
    assert shell("history", *arguments, *root) == 2
    assert shell.err
    assert not history(shell).exists()


def test_a_directory_is_no_history(shell: Shell) -> None:
    """Nor is anything else that can be no file."""
    file = shell.root / "out.jsonl"
    add(history(shell), *some_runs())
    shell("history", "export", "--rootdir", shell.root, file)
    assert shell("history", "import", "--history", shell.root, file) == 2
    assert "is a directory" in shell.err
