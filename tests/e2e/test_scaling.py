"""How many workers there are with ``-n auto``, when they come and go, and who is held back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from textwrap import dedent

import pytest
from harness import PASSED, Project, Result

#: What a machine of sixteen cores is like to xdist.
SIXTEEN = {"PYTEST_XDIST_AUTO_NUM_WORKERS": "16"}

#: Each worker says that it has started and that it goes home, in an entry of the witness.
SESSIONS = """
    import os, pytest, witness

    def pytest_sessionstart(session):
        if hasattr(session.config, "workerinput"):
            witness.write("started", worker=os.environ["PYTEST_XDIST_WORKER"])

    @pytest.fixture(scope="session", autouse=True)
    def whole():
        yield
        witness.write("down", worker=os.environ["PYTEST_XDIST_WORKER"])
"""

CHAIN = """
    import pytest
    def test_0(): pass
    @pytest.mark.depends("test_0")
    def test_1(): pass
    @pytest.mark.depends("test_1")
    def test_2(): pass
"""


CHAIN_TEXT = dedent(CHAIN)


def started(result: Result) -> list[str]:
    """Return the workers that were started, in order."""
    return [entry["worker"] for entry in result.of("started")]


def auto(project: Project, *arguments: str, **environment: str) -> Result:
    """Run with ``-n auto`` on a machine with sixteen cores."""
    return project.orchestrate("-n", "auto", *arguments, **(SIXTEEN | environment))


@pytest.mark.parametrize(
    ("tests", "why"),
    [
        ("def test_a(): pass", "there is no other test"),
        (CHAIN, r"no more than 1 test can run at a time \(dependencies\)"),
    ],
    ids=["one", "chain"],
)
def test_one_worker_is_enough(project: Project, tests: str, why: str) -> None:
    """For one test, or one chain of tests, one worker is started, and a line says why."""
    project.write("conftest", SESSIONS)
    project.write("test_a", tests)
    result = auto(project)
    assert result.code == PASSED
    assert started(result) == ["gw0"]
    assert result.lines(f"^orchestra: 1 worker of 16 that -n auto allows: {why}$")


def test_as_many_as_can_run_side_by_side(project: Project) -> None:
    """Tests that can all run at once get a worker each, also those that no source tells of."""
    project.write("conftest", SESSIONS)
    project.write(
        "test_a",
        """
        import os, pytest
        @pytest.mark.parametrize("number", range(4))
        def test_met(number, meet):
            assert os.environ["PYTEST_XDIST_WORKER_COUNT"] == "16"
            meet("all", 4)
        """,
    )
    first = auto(project)
    assert first.counts == {"passed": 4}
    assert sorted(started(first)) == ["gw0", "gw1", "gw2", "gw3"]
    assert first.lines("^2 workers ")
    assert first.lines("^orchestra: 4 workers of 16 that -n auto allows: there are no other tests$")
    # What it was worth hangs on how long they had to wait for one another; let it be all four.
    memory = project.path / ".pytest_orchestra/history.workers.json"
    memory.write_text(json.dumps({key: [4, 16] for key in json.loads(memory.read_text())}))
    shutil.rmtree(project.path / "meetings")
    again = auto(project)
    assert again.counts == {"passed": 4}
    assert again.lines("^4 workers ")


@pytest.mark.parametrize(
    ("options", "environment", "workers"),
    [
        (["-n", "3"], {}, 3),
        (["-n", "auto", "--maxprocesses", "2"], SIXTEEN, 2),
        (["-n", "logical"], {"PYTEST_XDIST_AUTO_NUM_WORKERS": "3"}, 3),
    ],
    ids=["number", "maxprocesses", "logical"],
)
def test_what_the_user_says_holds(
    project: Project, options: list[str], environment: dict[str, str], workers: int
) -> None:
    """A number and ``logical`` mean that many workers, to the end; ``auto`` keeps to a maximum."""
    project.write("conftest", SESSIONS)
    tests = "@pytest.mark.parametrize('number', range(9))\ndef test_a(number): pass"
    project.write("test_a", f"import pytest\n{tests if 'auto' in options else CHAIN_TEXT}")
    result = project.orchestrate(*options, **environment)
    assert result.code == PASSED
    assert len(started(result)) == workers


def test_workers_are_started_as_work_appears(project: Project) -> None:
    """A second worker is started when the test is over for which all others wait, and not before."""
    project.write("conftest", SESSIONS)
    project.write(
        "test_a",
        """
        import pytest
        def test_first(): pass
        @pytest.mark.depends("test_first")
        def test_left(meet): meet("both")
        @pytest.mark.depends("test_first")
        def test_right(meet): meet("both")
        """,
    )
    result = auto(project, "--maxprocesses", "2", "-v")
    assert result.counts == {"passed": 3}
    first, second = result.of("started")
    assert first["at"] < result.span("test_a.py::test_first").ended < second["at"]
    assert result.lines("^orchestra: 1 worker of 2 that -n auto allows, more as work appears")
    assert result.lines("^orchestra: gw1 started: there is work for it$")


def test_who_finds_nothing_to_do_goes_home_early(project: Project) -> None:
    """A session fixture goes down on an idle worker while the last test runs, and its failure counts."""
    project.write(
        "conftest",
        SESSIONS
        + '        assert os.environ["PYTEST_XDIST_WORKER"] == "gw0" or not Path("broken").exists()\n',
    )
    conftest = project.path / "conftest.py"
    conftest.write_text("from pathlib import Path\n" + conftest.read_text())
    (project.path / "broken").touch()
    project.write(
        "test_a",
        """
        import os, pytest
        @pytest.mark.parametrize("number", range(2))
        def test_met(number, meet, witnessed):
            meet("both")
            if os.environ["PYTEST_XDIST_WORKER"] == "gw0":
                witnessed('"what": "down"')
        """,
    )
    result = auto(project, "-v")
    assert result.counts == {"passed": 2, "error": 1}
    (early, late) = result.of("down")
    assert (early["worker"], late["worker"]) == ("gw1", "gw0")
    assert result.lines("^orchestra: gw1 found nothing more to do, and goes home$")
    assert sorted(result.verdicts.values()) == ["error", "passed"]
    assert len(result.testcases) == 2


def test_a_worker_that_left_can_be_replaced(project: Project) -> None:
    """Who idles for long goes home, and another is started when there is work again."""
    project.write("conftest", SESSIONS)
    project.write(
        "test_a",
        """
        import pytest
        def test_short(meet): meet("early")
        def test_long(meet, witnessed):
            meet("early")
            witnessed('"what": "down"')
        @pytest.mark.depends("test_long")
        @pytest.mark.parametrize("number", range(2))
        def test_met(number, meet): meet("late")
        """,
    )
    result = auto(project, "--maxprocesses", "2")
    assert result.counts == {"passed": 4}
    assert sorted(started(result)) == ["gw0", "gw1", "gw2"]


def test_a_worker_that_dies_is_replaced(project: Project) -> None:
    """A crash costs the test that ran, also where there was one worker only."""
    project.write("conftest", SESSIONS)
    project.write(
        "test_a",
        """
        import os, pytest
        def test_dies(): os._exit(1)
        @pytest.mark.depends("test_dies", when="finished")
        def test_after(): pass
        """,
    )
    result = auto(project)
    assert result.counts == {"failed": 1, "passed": 1}
    assert started(result) == ["gw0", "gw16"]


def machine(root: Path, available: int) -> None:
    """Write down what the kernel of a machine says whose memory is short, or is not."""
    stall = 34 if available < 1_000 else 0
    files = {
        "proc/pressure/memory": f"some avg10={stall}.00 avg60=0.00 avg300=0.00 total=1\n",
        "proc/meminfo": f"MemTotal: 16000000 kB\nMemAvailable: {available}000 kB\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(path)


def test_pressure_holds_workers_back(project: Project, tmp_path: Path) -> None:
    """While memory is short one of two workers gets no test, and then it does again; lines say so."""
    root = tmp_path / "machine"
    machine(root, available=310)
    project.write(
        "test_a",
        """
        from pathlib import Path
        import time, pytest
        def said(text):
            end = time.monotonic() + 60
            while text not in Path("output.txt").read_text():
                assert time.monotonic() < end, text
                time.sleep(0.02)
        @pytest.mark.parametrize("number", range(2))
        def test_busy(number): said("memory pressure")
        @pytest.mark.parametrize("number", range(2))
        @pytest.mark.depends("test_busy")
        def test_held_back(number): pass
        @pytest.mark.depends("test_held_back")
        def test_calm(): Path("calm").touch(); said("pressure is over")
        @pytest.mark.depends("test_calm")
        @pytest.mark.parametrize("number", range(2))
        def test_met(number, meet): meet("both")
        """,
    )
    process = project.start("--orchestrate", "-n", "2", PYTEST_ORCHESTRA_PRESSURE=str(root))
    project.wait_until((project.path / "calm").exists)
    machine(root, available=9_000)
    result = project.finish(process)
    assert result.counts == {"passed": 7}
    held_back = [f"test_a.py::test_held_back[{number}]" for number in range(2)]
    assert result.most_at_once(held_back) == 1
    assert result.lines(
        r"^orchestra: memory pressure 34 % \(\S+ ?MB of \S+ ?GB available\): 1 of 2 workers get no new test for now$"
    )
    assert result.lines("^orchestra: memory pressure is over: all 2 workers get tests again$")
    assert result.lines("^held back by memory pressure for [0-9.]+ s from [0-9.]+ s on")
