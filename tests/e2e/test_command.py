"""The command ``pytest-orchestra`` as a shell runs it, on what real runs have left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from harness import FAILED, PASSED, PATIENCE, Project, clean_environment

MOODY = "test_a.py::test_moody"

#: A test that passes when it is tried again, and one that does not know how it will end.
SUITE = """
    import os, pytest

    TRIED = []

    @pytest.mark.parametrize("n", range(8))
    def test_good(n): pass

    def test_moody():
        TRIED.append(1)
        assert len(TRIED) > int(os.environ.get("FAILURES", "0"))
"""


def command(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command that was installed with the plugin, in the project."""
    return subprocess.run(  # noqa: S603 - ours
        [Path(sys.executable).with_name("pytest-orchestra"), *arguments],
        cwd=project.path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_from_a_flake_to_quarantine(project: Project) -> None:
    """Runs show it, the command names it and puts it away, and the next run lets it through."""
    project.plugins = (*project.plugins, "rerunfailures")
    project.write("test_a", SUITE)
    for failures in ("0", "1", "0", "1"):
        assert project.orchestrate("--reruns", "1", FAILURES=failures).code == PASSED
    listed = command(project, "flaky", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    (test,) = json.loads(listed.stdout)["tests"]
    assert (test["nodeid"], test["class"], test["is_candidate"]) == (MOODY, "flaky", True)
    added = command(project, "flaky", "--add", MOODY, "--owner", "ana", "--reason", "ticket 5")
    assert added.returncode == 0, added.stderr
    result = project.orchestrate("--reruns", "1", FAILURES="1")
    assert result.code == PASSED
    assert result.lines(f"^  {MOODY}  in quarantine until .* \\(ana: ticket 5\\)$")
    result = project.orchestrate("--reruns", "1", FAILURES="2")
    assert result.code == FAILED
    assert result.lines(f"^  {MOODY}  in quarantine, but fails the run: all 2 attempts failed")


def test_where_nothing_ran_there_is_nothing_to_tell(project: Project) -> None:
    """The user hears what to do, and scripts see it by the exit code."""
    done = command(project, "flaky")
    assert (done.returncode, done.stdout) == (2, "")
    assert "run pytest --orchestrate first" in done.stderr
    assert command(project, "--version").stdout.startswith("pytest-orchestra 0.")
    assert command(project).returncode == 2


def test_who_reads_may_stop(project: Project) -> None:
    """As ``head`` does."""
    project.write("test_a", SUITE)
    project.orchestrate()
    script = f"{Path(sys.executable).with_name('pytest-orchestra')} flaky | true"
    done = subprocess.run(  # noqa: S602 - a pipe of ours
        script, cwd=project.path, shell=True, capture_output=True, text=True, check=False
    )
    assert not done.stderr
