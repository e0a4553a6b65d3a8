from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from histories import case as past
from histories import run as remembered
from runs import EPOCH, became, run_of, shards_of
from shell import Shell

from pytest_orchestra.history.store import Store
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.forms import FORMS
from pytest_orchestra.reports.junit_options import JunitOptions
from pytest_orchestra.reports.record_file import read_record, write_record

FOREIGN = "<testsuite><testcase classname='com.Cart' name='adds'/></testsuite>"


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Make a shell in an empty directory."""
    return Shell(tmp_path, capsys)


def put(folder: Path, run: RunRecord) -> Path:
    """Write all forms of report to ``folder``, and return that of the record."""
    for form in FORMS.values():
        form.write(run, folder / form.file, JunitOptions())
    return folder / "record.json.gz"


def put_shards(root: Path, runs: list[RunRecord]) -> list[Path]:
    """Write each shard to a directory of its own, and return these."""
    folders = [root / f"shard-{number}" for number, _ in enumerate(runs, 1)]
    for folder, run in zip(folders, runs, strict=True):
        put(folder, run)
    return folders


def test_shards_are_merged_into_all_forms(shell: Shell) -> None:
    """Directories are looked through, and what lies beside a record is not counted again."""
    put_shards(shell.root, shards_of(2, 3))
    data = shell.data("merge", shell.root, "--report", shell.root / "all")
    assert data["counts"] == {"passed": 5}
    assert {Path(path).name for path in data["written"]} == {f.file for f in FORMS.values()}
    assert [Path(path).name for path in data["inputs"]] == ["record.json.gz"] * 2
    assert len(data["skipped"]) == 2


def test_merging_twice_changes_nothing(shell: Shell) -> None:
    """Not one byte of any form: in another order, twice, or with what was merged before."""
    folders = put_shards(shell.root, shards_of(2, 3, 1))
    one, two = shell.root / "one", shell.root / "two"
    assert shell("merge", *folders, "--report", one) == 0
    assert shell("merge", one, *reversed(folders), folders[0], "--report", two) == 0
    for form in FORMS.values():
        assert (one / form.file).read_bytes() == (two / form.file).read_bytes(), form.file


def test_no_bound_is_said_of_runs_that_began_when_they_liked(shell: Shell) -> None:
    """It holds for one run, and its page says it."""
    put_shards(shell.root, shards_of(2, 3))
    bound = "Could not be less than"
    assert bound in (shell.root / "shard-1" / "report.html").read_text()
    page = shell.root / "all.html"
    assert shell("merge", shell.root, "--html", page) == 0
    assert bound not in page.read_text()


def test_single_forms_are_written_where_one_likes(shell: Shell) -> None:
    """And no others."""
    (folder,) = put_shards(shell.root, [run_of(became("test"))])
    target = shell.root / "new" / "r.json.gz"
    assert shell("merge", folder, "--record", target) == 0
    assert read_record(target) == run_of(became("test"))
    assert list(target.parent.iterdir()) == [target]


def test_lost_shards_are_an_error_that_names_them(shell: Shell) -> None:
    """Unless the user wants to go on; then the reports say it until they are there."""
    folders = put_shards(shell.root, shards_of(1, 1, 1))
    assert shell("merge", folders[0], folders[2]) == 2
    assert "missing of 3 shards: 2" in shell.err
    part = shell.root / "part.json.gz"
    assert shell("merge", *folders[1:], "--allow-missing", "--record", part) == 0
    assert read_record(part).stopped == "incomplete: missing of 3 shards: 1"
    whole = shell.root / "whole.json.gz"
    assert shell("merge", part, folders[0], "--record", whole) == 0
    assert read_record(whole).stopped is None


def test_shards_are_known_by_their_junit_too(shell: Shell) -> None:
    """Where there is nothing else of them."""
    paths = []
    for folder in put_shards(shell.root, shards_of(1, 1, 1)):
        (folder / "record.json.gz").unlink()
        paths.append(folder / "junit.xml")
    assert shell("merge", *paths[:2]) == 2
    assert "missing of 3 shards: 3" in shell.err
    assert shell("merge", *paths) == 0


def test_duplicated_tests_are_an_error_that_names_them(shell: Shell) -> None:
    """Somebody would count them twice."""
    one, two = shards_of(1, 1)
    put_shards(shell.root, [one, replace(two, cases=one.cases)])
    assert shell("merge", shell.root, "--allow-missing") == 2
    assert "in shard 1 and in shard 2: a.py::test_0" in shell.err


def test_failures_end_with_one(shell: Shell) -> None:
    """Which the user may not want; flaky tests are none."""
    bad = put(shell.root / "bad", run_of(became("test", Verdict.FAILED)))
    late = run_of(became("test", at=EPOCH + 60), uuid="late", started=EPOCH + 60)
    good = put(shell.root / "good", late)
    assert shell("merge", bad) == 1
    assert "failed a.py::test" in shell.out
    assert shell("merge", bad, "--exit-zero") == 0
    assert shell("merge", bad, good) == 0
    assert "flaky  a.py::test" in shell.out


def test_files_of_other_tools_are_merged(shell: Shell) -> None:
    """By directory, glob and name; what else lies there does no harm."""
    (shell.root / "cart.xml").write_text(FOREIGN)
    (shell.root / "coverage.xml").write_text("<coverage/>")
    put(shell.root / "ours", run_of(became("test")))
    for inputs in ([shell.root], [shell.root / "*.xml", shell.root / "ours"]):
        code = shell("merge", *inputs)
        if inputs == [shell.root]:
            assert code == 0
            assert "2 tests: 2 passed" in shell.out
            assert "coverage.xml is XML, but not JUnit's" in shell.err
        else:
            assert code == 2  # named by the user's own glob, it ought to be JUnit's
            assert "coverage.xml" in shell.err


def test_histories_are_merged_beside_records(shell: Shell) -> None:
    """Once each."""
    put_shards(shell.root, shards_of(1, 1))
    for number in (1, 2):
        with Store.open(shell.root / f"shard-{number}" / "history.sqlite3") as store:
            store.add(remembered(number, past("a.py::test")))
    target = shell.root / "new" / "history.sqlite3"
    arguments: tuple[str | Path, ...] = (
        "merge",
        *sorted(shell.root.glob("shard-*")),
        "--history",
        target,
    )
    assert shell.data(*arguments)["new_runs_in_history"] == 2
    assert shell.data(*arguments)["new_runs_in_history"] == 0
    only = sorted(shell.root.glob("shard-*/*.sqlite3"))
    assert shell.data("merge", *only, target, "--history", target)["new_runs_in_history"] == 0
    assert shell("merge", *only) == 2
    assert "--history PATH" in shell.err


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.txt", b"hello", "neither the record of a run"),
        ("a.xml", b"<testsuite>", "not sound XML"),
        ("a.xml", b"", "neither the record"),
        ("a.json.gz", b"\x1f\x8bnonsense", "cannot be read"),
        ("a.json.gz", b'{"format": 1}', "not the record of a run"),
        ("a.json", b'{"format": "pytest-orchestra run record", "version": 99}', "version 99"),
        ("a.sqlite3", b"SQLite format 3\0nonsense", "--history"),
    ],
)
def test_what_cannot_be_merged_is_said(shell: Shell, name: str, content: bytes, what: str) -> None:
    """With its path, and never with a traceback."""
    (shell.root / name).write_bytes(content)
    assert shell("merge", shell.root / name) == 2
    assert what in shell.err
    assert not shell.out


def test_what_is_broken_in_a_directory_is_not_passed_over(shell: Shell) -> None:
    """Its tests would be lost, and nobody would know."""
    put(shell.root / "one", run_of(became("test")))
    for name, content in (("b.xml", b"<testsuite>"), ("b.xml", b""), ("b.json.gz", b"\x1f\x8bx")):
        broken = shell.root / name
        broken.write_bytes(content)
        assert shell("merge", shell.root) == 2
        assert str(broken) in shell.err
        broken.unlink()


def test_a_damaged_history_is_said(shell: Shell) -> None:
    """And left where it is."""
    bad = shell.root / "bad.sqlite3"
    bad.write_bytes(b"SQLite format 3\0" + b"nonsense" * 1000)
    assert shell("merge", bad, "--history", shell.root / "new.sqlite3") == 2
    assert "bad.sqlite3 cannot be read" in shell.err
    assert bad.exists()


def test_nothing_to_merge_is_wrong_use(shell: Shell) -> None:
    """A pattern that matches nothing, and an empty directory."""
    assert shell("merge", shell.root / "*.xml") == 2
    assert "there is no" in shell.err
    assert shell("merge", shell.root) == 2
    assert "nothing to merge there" in shell.err


def test_records_of_older_versions_are_told_apart(shell: Shell) -> None:
    """They have no uuid, so they are known by what is in them."""
    paths = []
    for number in (1, 2):
        run = run_of(became(f"test_{number}"), uuid="")
        paths.append(shell.root / f"{number}.json.gz")
        write_record(run, paths[-1])
    assert shell.data("merge", *paths, paths[0])["counts"] == {"passed": 2}


def test_a_report_that_cannot_be_written_is_said(shell: Shell) -> None:
    """With where."""
    record = put(shell.root / "one", run_of(became("test")))
    (shell.root / "file").write_text("")
    assert shell("merge", record, "--report", shell.root / "file") == 2
    assert "cannot be written" in shell.err


def test_what_a_test_is_called_moves_no_cursor(shell: Shell) -> None:
    """Of a terminal."""
    record = put(shell.root, run_of(became("test[\x1b[2J\ud800]", Verdict.FAILED)))
    assert shell("merge", record) == 1
    assert "\x1b" not in shell.out


def test_a_record_is_made_into_any_form_again(shell: Shell) -> None:
    """The same as the run itself wrote."""
    record = put(shell.root / "one", run_of(became("test", Verdict.FAILED)))
    assert shell("report", record, "--report", shell.root / "two") == 0
    for form in FORMS.values():
        assert (shell.root / "two" / form.file).read_bytes() == (
            shell.root / "one" / form.file
        ).read_bytes()
    assert shell("report", record) == 2
    assert "--report DIR" in shell.err
    assert shell("report", shell.root / "none", "--html", shell.root / "x.html") == 2
    assert "No such file" in shell.err


def test_a_path_that_cannot_be_one_is_said(shell: Shell) -> None:
    """Too long a name, and what is no file."""
    assert shell("merge", "x" * 5000) == 2
    assert "too long" in shell.err
    assert shell("merge", "/dev/null") == 2
    assert "is no file" in shell.err


def test_a_record_that_makes_no_sense_is_said(shell: Shell) -> None:
    """It is read as it stands, and no report can be made of it."""
    odd = replace(run_of(became("test", at=float("inf"))), started=float("inf"))
    path = shell.root / "odd.json.gz"
    write_record(odd, path)
    assert shell("report", path, "--junit", shell.root / "x.xml") == 2
    assert "cannot be made of what was read: OverflowError" in shell.err
    path.write_text("[" * 100_000)
    assert shell("report", path, "--junit", shell.root / "x.xml") == 2
    assert "is not the record of a run" in shell.err
