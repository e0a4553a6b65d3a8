"""After a run a command says why a test started when it did, though nobody had asked before."""

from __future__ import annotations

import json
import subprocess
import sys

from harness import PASSED, Project

MAIN = "from pytest_orchestra.cli.main import main; raise SystemExit(main())"


def test_why_did_it_start_so_late(project: Project, driver: tuple[str, ...]) -> None:
    """The last run is kept; what the test waited for is told with those who had it."""
    project.write(
        "test_a",
        """
        import time, pytest

        @pytest.mark.depends(name="base")
        def test_base(): time.sleep(0.3)

        @pytest.mark.depends("base")
        @pytest.mark.resources("db")
        @pytest.mark.parametrize("n", range(3))
        def test_n(n): time.sleep(0.3)
        """,
    )
    assert project.orchestrate(*driver).code == PASSED
    command = [sys.executable, "-c", MAIN, "explain", "test_n[2]", "--json"]
    answer = subprocess.run(  # noqa: S603 - the interpreter that runs this test
        command, cwd=project.path, capture_output=True, text=True, check=True
    )
    found = json.loads(answer.stdout)
    assert [stay["test"] for stay in found["chain"]] == ["test_a.py::test_base"]
    remedies = [remedy["what"] for remedy in found["remedies"]]
    assert "not to wait for test_a.py::test_base" in remedies
    if driver:
        assert found["waited_for"] == "db"
        holders = {stay["test"] for stay in found["holders"]}
        assert holders == {"test_a.py::test_n[0]", "test_a.py::test_n[1]"}
        assert "one more token of 'db'" in remedies
