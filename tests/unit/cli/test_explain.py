"""``pytest-orchestra explain``: words about one test, by its name or a part of it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from little_runs import after, ran, run_of

from pytest_orchestra.cli.main import main
from pytest_orchestra.model.capacity import Scope
from pytest_orchestra.model.case import CaseSpec, Claim, Hold
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.run import CaseRecord, ResourceRecord, RunRecord
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.reports.last_run import is_worth_keeping, last_run_path
from pytest_orchestra.reports.record_file import write_record

DB = (Lease("db", 1, ("0",)),)

RUN = run_of(
    [
        ran("test_login", "gw0", 0.0, 1.0, ready_at=0.0),
        ran("test_holds", "gw1", 0.0, 3.0, ready_at=0.0, leases=DB),
        ran(
            "test_total",
            "gw0",
            3.0,
            0.5,
            ready_at=1.0,
            refused_at=1.0,
            waited_for="db",
            leases=DB,
            requirements=after(0),
        ),
        CaseRecord(CaseSpec("a.py::test_late"), Verdict.BLOCKED, cause=Cause("failed", 1, "gw1")),
        CaseRecord(CaseSpec("a.py::test_rest"), Verdict.NOT_RUN, cause=Cause("-x")),
    ],
    workers=("gw0", "gw1"),
    resources=(ResourceRecord("db", 1, 1, 2.0),),
)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the record of a run as the last one of a project, and go there."""
    monkeypatch.chdir(tmp_path)
    path = last_run_path(tmp_path)
    write_record(RUN, path)
    return path


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Return the lines of an explanation, without the date."""
    assert main(["explain", *arguments]) == 0
    first, _, *rest = capsys.readouterr().out.splitlines()
    return [first, *filter(None, rest)]


@pytest.mark.usefixtures("record")
def test_the_whole_story(capsys: pytest.CaptureFixture[str]) -> None:
    """When it was ready and since whom, what it waited for and who had it, and what would have helped."""
    assert explained(capsys, "a.py::test_total") == [
        "a.py::test_total: passed on gw0, where it began after 3.00 s and took 0.50 s",
        "    1.00 s  ready: a.py::test_login was over (gw0)",
        "    1.00 s  waited 2.00 s for 'db', which these had:",
        "              a.py::test_holds on gw1, 0.00 to 3.00 s",
        "    3.00 s  given to gw0",
        "    3.50 s  passed",
        "it would have started earlier, by so much at most, with",
        "    2.00 s  one more token of 'db'",
        "    1.00 s  not to wait for a.py::test_login",
        "    1.00 s  a.py::test_login taking no time",
    ]


@pytest.mark.usefixtures("record")
def test_who_never_began(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is told."""
    assert explained(capsys, "test_late") == [
        "a.py::test_late: blocked",
        "it never began: blocked: a.py::test_holds failed (gw1)",
    ]
    assert explained(capsys, "test_rest")[1] == "it never began: -x"


@pytest.mark.usefixtures("record")
def test_json_is_all_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """With times in seconds since the run began."""
    assert main(["explain", "test_total", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["ready"], data["given"], data["waited_for"]) == (1.0, 3.0, "db")
    assert data["holders"] == [
        {"test": "a.py::test_holds", "worker": "gw1", "start": 0.0, "end": 3.0, "amount": 1}
    ]
    assert data["remedies"][0] == {"what": "one more token of 'db'", "seconds": 2.0}


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("test_l", "'test_l' may be any of 2 tests: a.py::test_login, a.py::test_late"),
        (
            "test_totel",
            "has no test 'test_totel'; did you mean a.py::test_total or a.py::test_late or a.py::test_holds?",
        ),
        ("xyz", "has no test 'xyz'; it has 5 others"),
    ],
)
def test_a_name_that_is_none(capsys: pytest.CaptureFixture[str], wanted: str, said: str) -> None:
    """What is near is named."""
    assert main(["explain", wanted]) == 2
    assert said in capsys.readouterr().err


def test_where_there_is_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said where one would be, and how it comes there."""
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "x"]) == 2
    assert "last-run.json.gz: run pytest --orchestrate first" in capsys.readouterr().err


def test_the_latest_record_counts(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That of the reports, where it is newer than the one that was kept."""
    root = record.parent.parent
    (root / "pyproject.toml").write_text('[tool.pytest_orchestra]\nreport = "out"')
    newer = root / "out" / "record.json.gz"
    write_record(run_of([ran("test_new", "gw0", 0.0, 1.0, ready_at=0.0)]), newer)
    os.utime(record, (1, 1))
    assert explained(capsys, "test_new")[-1] == "nothing would have made it start earlier"
    os.utime(newer, (0, 0))
    assert explained(capsys, "test_login")
    assert explained(capsys, "test_new", str(newer))


def held(run: RunRecord, capsys: pytest.CaptureFixture[str], path: Path) -> str:
    """Return the line that tells who had what test_total waited for."""
    write_record(run, path)
    lines = explained(capsys, "test_total", str(path))
    return next(line for line in lines if "waited 2.00 s" in line).partition("'db'")[2]


def test_what_no_test_had(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fixtures that were still up had it, or other runs on the machine, or nobody knows."""
    path = tmp_path / "record.json.gz"
    login, holds, total, *_ = RUN.cases
    nobody = replace(RUN, cases=(login, replace(holds, leases=()), total))
    assert held(nobody, capsys, path) == ""
    spec = replace(holds.spec, holds=(Hold("pg", "a.py", (Claim("db"),)),))
    kept = replace(RUN, cases=(login, replace(holds, leases=(), spec=spec), total))
    assert held(kept, capsys, path) == ": fixtures kept it that were still up"
    shared = (ResourceRecord("db", 1, 1, 2.0, scope=Scope.MACHINE),)
    assert held(replace(nobody, resources=shared), capsys, path) == (
        ": other runs on the machine had it"
    )
    until_two = replace(holds, spec=spec, seconds=2.0)
    write_record(replace(RUN, cases=(login, until_two, total)), path)
    lines = explained(capsys, "test_total", str(path))
    assert "              from 2.00 s on fixtures kept it that were still up" in lines


def test_only_runs_that_took_a_while_are_kept() -> None:
    """To write down a run of very many tests a second would take too much of it."""
    assert is_worth_keeping(replace(RUN, seconds=0.1))
    assert not is_worth_keeping(replace(RUN, seconds=0.001))
