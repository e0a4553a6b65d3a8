"""Records of real runs, merged, planned and examined by the command as a shell runs it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from harness import PATIENCE, Project, clean_environment
from histories import case as past
from histories import run as remembered

from pytest_orchestra.history.store import Store
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.record_file import read_record

PROGRAM = Path(sys.executable).with_name("pytest-orchestra")

#: Tests that end in every way, and depend on one another across files.
SUITE = {
    "test_a": """
        import pytest

        def test_login(): pass

        @pytest.mark.depends("test_login")
        def test_user(): pass

        @pytest.mark.provides("id")
        def test_make(outputs): outputs["id"] = 7

        @pytest.mark.parametrize("n", range(12))
        def test_free(n): pass

        @pytest.fixture
        def bad(): raise ValueError("no")

        def test_error(bad): pass

        @pytest.mark.xfail(strict=False, reason="known")
        def test_xfailed(): assert False

        @pytest.mark.xfail(strict=False, reason="known")
        def test_xpassed(): pass
    """,
    "test_b": """
        import pytest

        def test_broken():
            print("said before")
            assert False

        @pytest.mark.depends("test_broken")
        def test_blocked(): pass

        @pytest.mark.depends(data="id")
        def test_use(inputs): assert inputs["id"] == 7

        @pytest.mark.resources("db")
        @pytest.mark.parametrize("n", range(8))
        class TestDb:
            def test_db(self, n): pass

        def test_skipped(): pytest.skip("not here")
    """,
}
SHARDS = 8

#: The line of a failure in which pytest says on which worker it was.
WORKER = re.compile(r"^\[gw\d+\].*\n\n?", re.MULTILINE)


def command(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command that was installed with the plugin, in the project."""
    return subprocess.run(  # noqa: S603 - ours
        [PROGRAM, *arguments],
        cwd=project.path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def run(project: Project, folder: str, *options: str) -> RunRecord:
    """Run the suite, and return its record."""
    project.orchestrate(f"--orchestrate-report={folder}", *options)
    return read_record(project.path / folder / "record.json.gz")


def compared(record: RunRecord) -> dict[str, object]:
    """Return all that is the same of each test however the suite is cut."""
    return {
        case.spec.nodeid: (
            case.spec,
            case.verdict,
            [
                (
                    requirement.kind,
                    requirement.what,
                    requirement.amount,
                    [record.cases[other].spec.nodeid for other in requirement.cases],
                )
                for requirement in case.requirements
            ],
            [(each.resource, each.amount) for each in case.leases],
            [
                (
                    each.verdict,
                    each.signature,
                    [replace(of, text=WORKER.sub("", of.text).strip()) for of in each.failures],
                    each.reason,
                    each.sections,
                )
                for each in case.attempts
            ],
            None
            if case.cause is None or case.cause.case is None
            else record.cases[case.cause.case].spec.nodeid,
        )
        for case in record.cases
    }


def test_eight_shards_merged_are_the_unsharded_run(project: Project) -> None:
    """Test for test; merging again, also with its own result, changes no byte of any report."""
    for name, text in SUITE.items():
        project.write(name, text)
    whole = run(project, "whole", "-n", "2")
    folders = [f"shard{index}" for index in range(1, SHARDS + 1)]
    for index, folder in enumerate(folders, 1):
        run(project, folder, "--orchestrate-shard", f"{index}/{SHARDS}")
    done = command(project, "merge", *folders, "--report", "all", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    merged = read_record(project.path / "all" / "record.json.gz")
    assert compared(merged) == compared(whole)
    assert merged.counts == whole.counts
    assert merged.edges == whole.edges
    assert json.loads(done.stdout)["counts"] == {str(v): n for v, n in whole.counts.items()}
    again = command(project, "merge", "shard*", "all", "--report", "again")
    assert again.returncode == 1, again.stderr
    for file in (project.path / "all").iterdir():
        assert file.read_bytes() == (project.path / "again" / file.name).read_bytes(), file.name
    lost = command(project, "merge", *folders[1:])
    assert lost.returncode == 2
    assert f"missing of {SHARDS} shards: 1" in lost.stderr


def test_pytests_own_junit_file_is_understood(project: Project) -> None:
    """Every test by its node id, with its verdict as far as the format has a word for it."""
    for name, text in SUITE.items():
        project.write(name, text)
    record = run(project, "out", "-n", "2")
    done = command(project, "merge", "junit.xml", "--json")
    words = {"xpassed": "passed", "blocked": "skipped"}
    assert {each["nodeid"]: each["verdict"] for each in json.loads(done.stdout)["tests"]} == {
        case.spec.nodeid: words.get(case.verdict, str(case.verdict)) for case in record.cases
    }


def test_the_histories_of_shards_are_merged(project: Project) -> None:
    """The next run knows all tests."""
    project.write(
        "test_a", "import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test(n): pass"
    )
    for index in (1, 2):
        path = f"--orchestrate-history=h{index}.sqlite3"
        shard = ("--orchestrate-shard", f"{index}/2", "--orchestrate-shard-durations=common.json")
        run(project, f"shard{index}", path, *shard)
    done = command(
        project, "merge", "h1.sqlite3", "h2.sqlite3", "shard1", "shard2", "--history", "h"
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(command(project, "history", "show", "--history", "h", "--json").stdout)
    assert (shown["runs"], shown["tests"]) == (2, 6)
    recorded = read_record(project.path / "shard1" / "record.json.gz").uuid
    assert recorded in [each["uuid"] for each in shown["latest"]]


def test_a_run_is_planned_from_its_record(project: Project) -> None:
    """With a second token the tests that take one need half the time."""
    project.write(
        "test_a",
        """
        import time, pytest

        @pytest.mark.resources("db")
        @pytest.mark.parametrize("n", range(4))
        def test(n): time.sleep(0.2)
        """,
    )
    run(project, "out", "-n", "2")
    one, two = (
        json.loads(command(project, "plan", "out/record.json.gz", "--json", *more).stdout)
        for more in (("--workers", "2"), ("--workers", "2", "--resource", "db=2"))
    )
    ((first,), (second,)) = one["predictions"], two["predictions"]
    assert first["reason"] == "db"
    assert second["seconds"] < 0.9 * first["seconds"]


def test_the_doctor_starts_a_worker(project: Project) -> None:
    """And finds that it works; nothing of the project is run."""
    project.write("test_a", "raise SystemExit('collected')")
    done = command(project, "doctor")
    assert done.returncode == 0, done.stdout
    assert "✓ worker: one was started, and ran a test" in done.stdout
    assert not (project.path / ".pytest_orchestra").exists()


def test_ctrl_c_ends_it_quietly(project: Project) -> None:
    """Without a traceback, and with what shells return."""
    process = subprocess.Popen(  # noqa: S603 - ours
        [PROGRAM, "history", "import", "--history", "new", "-"],
        cwd=project.path,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    project.wait_until((project.path / "new").exists)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "arguments",
    ["report out/record.json.gz --html /dev/stdout", "history export --history large -"],
)
def test_what_is_large_may_go_into_a_pipe(project: Project, arguments: str) -> None:
    """Whose reader may stop."""
    project.write("test_a", "def test(): pass")
    run(project, "out")
    with Store.open(project.path / "large") as store:
        store.add(remembered(1, *(past(f"a.py::test_{number}") for number in range(3_000))))
    script = f"{PROGRAM} {arguments} | head -c 10"
    done = subprocess.run(  # noqa: S602 - a pipe of ours
        script, cwd=project.path, shell=True, capture_output=True, text=True, check=False
    )
    assert not done.stderr
    assert len(done.stdout) == 10
