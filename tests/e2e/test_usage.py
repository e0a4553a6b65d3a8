"""What each test costs, as the record of the run and the summary have it."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from harness import FAILED, PASSED, Project, Result

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it of each test")

MB = 1_000_000

#: One test after the other, on one worker.
HUNGRY = """
    import sys, subprocess
    from pytest import mark

    MB = 1_000_000

    @mark.resources(memory="50MB")
    def test_greedy(): bytearray(200 * MB)
    @mark.resources(memory="50MB")
    def test_modest(): bytearray(20 * MB)
    @mark.resources(memory="50MB")
    def test_greedy_and_loud():
        print("something to tell")
        bytearray(150 * MB)
    @mark.resources(memory="50MB")
    def test_modest_and_loud():
        print("something to tell")
    @mark.resources(memory="500MB")
    def test_child():
        subprocess.run([sys.executable, "-c", "bytearray(600_000_000)"], check=True)
    def test_claims_nothing(): bytearray(100 * MB)
"""


def case_of(result: Result, name: str) -> dict[str, Any]:
    """Return the record of the only test of that name."""
    (case,) = (each for each in result.cases if each["nodeid"].endswith(f"::{name}"))
    return case


@pytest.fixture(params=[(), ("-n", "1"), ("-n", "2")], ids=["alone", "worker", "workers"])
def drivers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options for pytest's own process, for one worker that runs all, and for two."""
    options: tuple[str, ...] = request.param
    return options


@linux
def test_who_used_more_than_claimed_is_named(project: Project, drivers: tuple[str, ...]) -> None:
    """Worst first, whoever ran before on the same worker; who kept to the claim is not named."""
    project.configure("[tool.pytest_orchestra.resources]\nmemory = '1GB'")
    project.write("test_a", HUNGRY)
    result = project.orchestrate(*drivers)
    assert result.code == PASSED
    first = result.output.splitlines().index("more memory than claimed:")
    named = [line.split() for line in result.output.splitlines()[first + 1 : first + 4]]
    assert [words[0].rpartition("::")[2] for words in named] == [
        "test_greedy",
        "test_child",
        "test_greedy_and_loud",
    ]
    assert [" ".join(words[3:]) for words in named] == [
        "claims 50MB",
        "claims 500MB",
        "claims 50MB",
    ]
    assert sum("claims" in line for line in result.output.splitlines()) == 3
    expected = {
        "test_greedy": 200,
        "test_modest": 20,
        "test_greedy_and_loud": 150,
        "test_modest_and_loud": 0,
        "test_child": 600,
        "test_claims_nothing": 100,
    }
    for name, megabytes in expected.items():
        case = case_of(result, name)
        assert abs(case["memory_used"] - megabytes * MB) < 15 * MB, case
        assert case["memory_peak"] > case["memory_used"]


def test_cpu_time(project: Project, driver: tuple[str, ...]) -> None:
    """It is what the test burns itself or in subprocesses; waiting, and blocked tests, have none."""
    project.write(
        "test_a",
        """
        import subprocess, sys, time
        from pytest import mark
        BURN = "import time\\nwhile time.process_time() < 0.4: pass"
        def test_child(): subprocess.run([sys.executable, "-c", BURN], check=True)
        def test_burns():
            end = time.process_time() + 0.4
            while time.process_time() < end: pass
            assert 0
        def test_waits(): time.sleep(0.4)
        @mark.depends("test_burns")
        def test_blocked(): pass
        """,
    )
    result = project.orchestrate(*driver)
    assert result.code == FAILED
    for name in ("test_child", "test_burns"):
        assert 0.35 < case_of(result, name)["cpu_seconds"] < 10
    assert 0 < case_of(result, "test_waits")["cpu_seconds"] < 0.3
    blocked = case_of(result, "test_blocked")
    assert blocked["cpu_seconds"] is blocked["memory_peak"] is blocked["memory_used"] is None
    assert "more memory than claimed:" not in result.output


def test_a_crash_leaves_no_figure(project: Project) -> None:
    """What passed before on the same worker has its own, though nobody had been told of it."""
    project.write(
        "test_a",
        """
        import os
        from pytest import mark
        @mark.parametrize("number", range(20))
        def test_tiny(number): pass
        @mark.depends("test_tiny")
        def test_crash(): os.kill(os.getpid(), 9)
        """,
    )
    result = project.orchestrate("-n", "1")
    assert result.code == FAILED
    crashed = case_of(result, "test_crash")
    assert crashed["verdict"] == "failed"
    assert crashed["cpu_seconds"] is crashed["memory_peak"] is crashed["memory_used"] is None
    for number in range(20):
        assert case_of(result, f"test_tiny[{number}]")["cpu_seconds"] > 0
