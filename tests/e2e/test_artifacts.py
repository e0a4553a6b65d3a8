"""What tests leave behind in real runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import FAILED, PASSED, USAGE, WITHOUT_DELAY, Project
from junitparser import JUnitXml
from reported import check_junit

from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.record_file import read_record

RECORD = ("--orchestrate-json", "run.json.gz")

SUITE = """
    import os, pytest

    def test_passes(artifacts):
        (artifacts / "a.txt").write_text("x")

    def test_fails(artifacts):
        (artifacts / "deep").mkdir()
        (artifacts / "deep" / "shot.png").write_text("x")
        assert 0

    @pytest.fixture
    def broken(artifacts):
        yield
        (artifacts / "late.txt").write_text("x")
        raise KeyError("gone")

    def test_spoils(broken): pass

    def test_leaves_nothing(artifacts): assert 0

    @pytest.mark.xfail
    def test_xfails(artifacts):
        (artifacts / "a.txt").write_text("x")
        assert 0

    def test_removes_it(artifacts):
        artifacts.rmdir()
        assert 0
"""


def left(project: Project, where: str = "run.json.gz") -> dict[str, tuple[str, ...]]:
    """Return the files of each test that left any, without the folder of the run."""
    run: RunRecord = read_record(project.path / where)
    return {
        case.spec.nodeid.partition("::")[2]: tuple(
            path.split("/artifacts/")[1].partition("/")[2] for path in case.artifacts
        )
        for case in run.cases
        if case.artifacts
    }


def runs(project: Project) -> list[Path]:
    """Return the folders of runs, oldest first."""
    return sorted((project.path / ".pytest_orchestra/artifacts").iterdir())


def test_only_what_failed_is_kept(project: Project, driver: tuple[str, ...]) -> None:
    """In whichever phase; empty folders go, and the failure says where the others are."""
    project.write("test_a", SUITE)
    result = project.orchestrate(*driver, *RECORD)
    assert result.code == FAILED
    found = left(project)
    assert set(found) == {"test_fails", "test_spoils"}
    (shot,) = found["test_fails"]
    assert shot.startswith("test-fails-")
    assert shot.endswith("/deep/shot.png")
    (run,) = runs(project)
    assert len(list(run.iterdir())) == 2
    assert result.lines(r"^-+ Artifacts -+$")
    assert result.lines(rf"{run}/test-fails-\w+$")
    assert (project.path / ".pytest_orchestra/.gitignore").exists()


def test_all_can_be_kept(project: Project, driver: tuple[str, ...]) -> None:
    """With artifacts = "always" those of tests that passed stay, too."""
    project.configure('[tool.pytest_orchestra]\nartifacts = "always"\n')
    project.write("test_a", SUITE)
    project.orchestrate(*driver, *RECORD)
    assert set(left(project)) == {"test_passes", "test_fails", "test_spoils", "test_xfails"}


def test_a_wrong_wish_is_a_usage_error(project: Project) -> None:
    """The key and what may stand there are named."""
    project.configure('[tool.pytest_orchestra]\nartifacts = "sometimes"\n')
    project.write("test_a", "def test_a(): pass")
    result = project.orchestrate()
    assert result.code == USAGE
    assert "tool.pytest_orchestra.artifacts does not know 'sometimes'" in result.output
    assert "write one of failed, always" in result.output


def test_a_test_that_takes_its_worker_down_keeps_its_folder(project: Project) -> None:
    """The worker had no time to say so, but the files are there."""
    project.write(
        "test_a",
        """
        import os

        def test_dies(artifacts):
            (artifacts / "core.txt").write_text("x")
            os.kill(os.getpid(), 9)

        def test_lives(artifacts): pass
        """,
    )
    project.orchestrate("-n", "2", *RECORD)
    assert set(left(project)) == {"test_dies"}


def test_what_was_left_behind_is_not_collected(project: Project, driver: tuple[str, ...]) -> None:
    """A test may leave tests behind; the next run finds none but the project's own."""
    project.write(
        "test_a",
        """
        def test_leaves_a_test(artifacts):
            (artifacts / "test_left.py").write_text("def test_left(): pass")
            assert 0
        """,
    )
    (project.path / "out" / "artifacts").mkdir(parents=True)
    project.write("out/artifacts/test_own", "def test_own(): pass")
    for _ in range(2):
        result = project.orchestrate("--orchestrate-report=out", *driver)
        assert "1 failed, 1 passed" in result.output


def test_a_folder_that_cannot_be_read_fails_no_other_test(
    project: Project, driver: tuple[str, ...]
) -> None:
    """A test may take away the rights to its folder: it ends as it would have, and the run goes on."""
    project.write(
        "test_a",
        """
        import pathlib

        def refuse(path):
            raise PermissionError(13, "Permission denied", str(path))

        def test_locks(artifacts, monkeypatch):
            # What an artifacts.chmod(0) comes to where the user is not root.
            monkeypatch.setattr(pathlib.Path, "iterdir", refuse)
            assert 0

        def test_passes(artifacts): pass
        """,
    )
    result = project.orchestrate(*driver)
    assert result.code == FAILED
    assert "1 failed, 1 passed" in result.output


@pytest.mark.parametrize("retries", ["--reruns=3", "--orchestrate-retries=3"])
def test_each_failed_attempt_keeps_its_own(
    project: Project, driver: tuple[str, ...], retries: str
) -> None:
    """Of a test that fails twice and then passes, two folders are left, whoever tries it again."""
    if "reruns" in retries:
        project.plugins = (*project.plugins, "rerunfailures")
    project.write("conftest", WITHOUT_DELAY)
    project.write(
        "test_a",
        """
        from pathlib import Path

        def test_flaky(artifacts):
            tries = Path("tries")
            number = len(tries.read_text()) if tries.exists() else 0
            tries.write_text("x" * (number + 1))
            (artifacts / f"{number}.txt").write_text("x")
            assert number == 2
        """,
    )
    project.orchestrate(*driver, *RECORD, retries)
    files = left(project)["test_flaky"]
    assert [path.rpartition("/")[2] for path in files] == ["0.txt", "1.txt"]
    assert len({path.partition("/")[0] for path in files}) == 2


def test_the_last_three_runs_are_kept(project: Project) -> None:
    """Older ones are removed, but for what is not a run's and what is of one that still runs."""
    project.write("test_a", SUITE)
    parent = project.path / ".pytest_orchestra/artifacts"
    for name in ("20200101-000000-aaaaaa", "20200102-000000-bbbbbb", "mine"):
        (parent / name).mkdir(parents=True)
    (parent / "20200102-000000-bbbbbb/.running").touch()
    for _ in range(4):
        project.orchestrate("-k", "fails")
    names = [each.name for each in runs(project)]
    assert names[0] == "20200102-000000-bbbbbb"
    assert names[-1] == "mine"
    assert len(names) == 5


def test_reports_link_what_was_left(project: Project) -> None:
    """It lies beside them then; names are made safe, and the page finds it where both are moved to."""
    project.write(
        "test_a",
        """
        import pytest

        @pytest.mark.parametrize("name", ["a/b", "CON", "A", "a", "x" * 300, "</script>]]>"])
        def test_fails(artifacts, name):
            (artifacts / "shot 1.png").write_text("x")
            assert 0
        """,
    )
    project.orchestrate("-n", "2", "--orchestrate-report", "out")
    folder = project.path / "out"
    files = sorted(folder.glob("artifacts/*/*/shot 1.png"))
    assert len({path.parent.name.lower() for path in files}) == 6
    assert all(len(path.parent.name) < 60 for path in files)
    page = (folder / "report.html").read_text()
    assert all(
        f'href="{path.relative_to(folder).as_posix().replace(" ", "%20")}"' in page
        for path in files
    )
    check_junit(folder / "junit.xml")
    (suite,) = JUnitXml.fromfile(str(folder / "junit.xml"))
    said = {case.system_out for case in suite}
    assert f"[[ATTACHMENT|{files[0].relative_to(project.path).as_posix()}]]\n" in said
    assert len(said) == 6
    assert "shot 1.png" in (folder / "summary.md").read_text()


def test_on_another_host_it_stays_and_that_is_said(project: Project) -> None:
    """Such a host may not see the directory of reports: it uses its own root directory."""
    project.write(
        "test_a", "def test_a(artifacts):\n    (artifacts / 'a').write_text('')\n    assert 0\n"
    )
    there = f"--tx=popen//chdir={project.path}//env:PYTEST_ORCHESTRA_HOST=moon"
    result = project.orchestrate("--dist=load", there, "--orchestrate-report", "out")
    assert result.code == FAILED
    assert result.lines("Artifacts on moon, and kept there")
    assert not (project.path / "out/artifacts").exists()
    (run,) = runs(project)
    ((attempt,),) = [
        each.attempts for each in read_record(project.path / "out/record.json.gz").cases
    ]
    ((title, path),) = attempt.sections
    assert title == "Artifacts on moon, and kept there"
    assert Path(path).parent == run


def test_without_orchestrate_it_is_pytests_own_folder(project: Project) -> None:
    """So a suite that uses the fixture can be run by pytest alone."""
    project.write("test_a", "def test_a(artifacts, tmp_path): assert artifacts == tmp_path\n")
    assert project.run().code == PASSED
    assert not (project.path / ".pytest_orchestra").exists()
