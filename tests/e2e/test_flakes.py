"""The summary says of what failed whether the history knows it to fail by chance."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from harness import FAILED, PASSED, Project

#: A test that fails when the environment says so, among others that do not.
SUITE = """
    import os, pytest

    @pytest.mark.parametrize("n", range(8))
    def test_good(n): pass

    def test_moody(): assert os.environ.get("MOOD") != "bad"
"""

#: A test that fails after another one in the same process, and hears from outside which is first: more
#: urgently than a flaky test loses priority.
ORDERED = """
    import os, pytest

    STATE = []
    FIRST = os.environ["FIRST"]

    @pytest.mark.xdist_group("one")
    @pytest.mark.priority(5000 if FIRST == "polluter" else 0)
    def test_polluter(): STATE.append(1)

    @pytest.mark.xdist_group("one")
    @pytest.mark.priority(5000 if FIRST == "victim" else 0)
    def test_victim(): assert not STATE

    @pytest.mark.xdist_group("two")
    def test_other(): pass
"""

MOODY = "test_a.py::test_moody"


def commit(project: Project) -> None:
    """Commit all that is there."""
    for name, line in ((".gitignore", "*.jsonl\n*.xml\n*.txt\n.pytest_cache\n__pycache__\n"),):
        Path(project.path, name).write_text(line)
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
    for command in (("init", "--quiet"), ("add", "."), (*identity, "commit", "-qm", "one")):
        subprocess.run(("git", *command), cwd=project.path, check=True)  # noqa: S603, S607 - git


def test_the_same_code_passes_and_fails(project: Project) -> None:
    """So the test is flaky, which the summary says in the run in which it fails, and no other."""
    project.write("test_a", SUITE)
    commit(project)
    for mood in ("good", "good", "bad", "good", "good"):
        result = project.orchestrate(MOOD=mood)
        assert result.code == (FAILED if mood == "bad" else PASSED)
        assert bool(result.lines(f"^  {MOODY}  flaky")) is (mood == "bad")
    result = project.orchestrate(MOOD="bad")
    (line,) = result.lines(f"^  {MOODY}  ")
    assert "flaky: fails by chance in" in line
    assert "passed and failed on the same code once, 2 red runs" in line
    assert "what failed, by the history:" in result.output
    (line,) = result.lines("^flaky: 11 % of the tests in this run, 3.7 % ")
    assert line.endswith("in the last 6 runs")


def test_a_new_test_that_fails_says_nothing(project: Project) -> None:
    """It may be wrong, or flaky: nobody knows yet."""
    project.write("test_a", SUITE)
    commit(project)
    for mood in ("bad", "bad"):
        result = project.orchestrate(MOOD=mood)
        assert "by the history" not in result.output
        assert "flaky" not in result.output


def test_a_regression_is_not_called_flaky(project: Project) -> None:
    """Where every run fails since a commit the code is to blame."""
    project.write("test_a", SUITE)
    commit(project)
    for _ in range(8):
        project.orchestrate(MOOD="good")
    project.write("more.py", "")
    commit(project)
    for _ in range(3):
        result = project.orchestrate(MOOD="bad")
    (line,) = result.lines(f"^  {MOODY}  ")
    assert "broken: the latest code fails it" in line


def test_a_victim_is_associated_with_its_polluter(project: Project) -> None:
    """Known from where and when the tests of earlier runs ran on real workers."""
    project.write("test_a", ORDERED)
    commit(project)
    for number in range(12):
        first = "victim" if number % 2 == 0 else "polluter"
        result = project.orchestrate("-n", "2", FIRST=first)
        assert result.code == (PASSED if first == "victim" else FAILED), number
    (line,) = result.lines("^  test_a.py::test_victim  flaky")
    assert "associated with order-dependent: failed 6 of 6 after test_a.py::test_polluter" in line
    assert "0 of 6 otherwise" in line


def test_attempts_of_others_count(project: Project) -> None:
    """What passed when pytest-rerunfailures tried it again has flaked, though the run passed."""
    project.plugins = (*project.plugins, "rerunfailures")
    project.write(
        "test_a",
        """
        import os, pytest

        TRIED = []

        @pytest.mark.parametrize("n", range(8))
        def test_good(n): pass

        def test_moody():
            TRIED.append(1)
            assert len(TRIED) > 1
        """,
    )
    for _ in range(4):
        result = project.orchestrate("--reruns", "1")
        assert result.code == PASSED
    (line,) = result.lines(f"^  {MOODY}  flaky: fails by chance")
    assert "red run" not in line


def test_others_get_it_with_the_record(project: Project) -> None:
    """As data, for whoever reports or gates."""
    project.write("test_a", SUITE)
    project.write(
        "conftest",
        """
        import json, os, pathlib

        def pytest_orchestra_finished(run):
            if os.environ["MOOD"] == "good":
                assert not run.flakes
                return
            (flake,) = run.flakes
            content = [run.cases[flake.case].spec.nodeid, flake.standing, flake.runs,
                       flake.rate.mean, run.suite_flakes.runs]
            pathlib.Path("told.txt").write_text(json.dumps(content))
        """,
    )
    commit(project)
    for mood in ("good", "bad", "good"):
        project.orchestrate(MOOD=mood)
    assert project.orchestrate(MOOD="bad").code == FAILED
    nodeid, standing, runs, rate, of_suite = json.loads((project.path / "told.txt").read_text())
    assert (nodeid, standing, runs, of_suite) == (MOODY, "flaky", 4, 4)
    assert 0.1 < rate < 0.8


@pytest.mark.parametrize("option", [("--orchestrate-history", "none"), ("-q",)])
def test_nothing_is_said_without_a_history_or_a_summary(
    project: Project, option: tuple[str, ...]
) -> None:
    """The run is what it would be otherwise."""
    project.write("test_a", SUITE)
    for mood in ("good", "bad", "good", "bad"):
        result = project.orchestrate(*option, MOOD=mood)
    assert result.code == FAILED
    assert "flaky:" not in result.output


def test_damage_that_nobody_noticed_costs_one_line(project: Project) -> None:
    """A history that can be read and makes no sense changes nothing of the run."""
    project.write("test_a", SUITE)
    commit(project)
    for mood in ("good", "bad"):
        project.orchestrate(MOOD=mood)
    path = project.path / ".pytest_orchestra" / "history.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE run SET started = 'never' WHERE id = 1")
    result = project.orchestrate(MOOD="bad")
    assert result.code == FAILED
    (line,) = result.lines("makes no sense")
    assert line.startswith("orchestra: history .pytest_orchestra/history.sqlite3 makes no sense (")
    assert "Traceback" not in result.output
