"""Resources that all runs on a machine share: never too many at a time, fairly, whoever is killed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Final

import pytest
from harness import FAILED, PASSED, USAGE, Project, Result

IS_STRESS: Final = os.environ.get("ORCHESTRA_STRESS") == "1"
RUNS: Final = 4
TESTS: Final = 60 if IS_STRESS else 15
TOKENS: Final = 2

CONFTEST: Final = """
    import json, os, time
    import pytest

    def note(**entry):
        who = {"pid": os.getpid(), "run": os.environ["RUN"]}
        line = json.dumps({"at": time.monotonic(), **who, **entry}) + "\\n"
        handle = os.open(os.environ["STAMPS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, line.encode())
        os.close(handle)

    @pytest.fixture
    def stamped(request, leases):
        note(what="began", test=request.node.name, names=leases["license"].names)
        yield
        note(what="ended", test=request.node.name)

    def pytest_orchestra_finished(run):
        waits = [case.waited for case in run.cases if case.spec.claims]
        note(what="waited", waits=waits)
"""

SUITE: Final = f"""
    import time
    import pytest

    @pytest.mark.resources("license")
    @pytest.mark.parametrize("number", range({TESTS}))
    def test_it(number, stamped):
        time.sleep(0.05)
"""


def make(tmp_path: Path, name: str, table: str = "", suite: str = SUITE) -> Project:
    """Return a project that shares the machine's licenses with the others."""
    path = tmp_path / name
    path.mkdir()
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    project = Project(
        path,
        {
            "WITNESS": str(path / "witness.jsonl"),
            "XDG_RUNTIME_DIR": str(runtime),
            "STAMPS": str(tmp_path / "stamps"),
            "RUN": name,
        },
    )
    project.configure(f"""
        [tool.pytest_orchestra.resources]
        license = {{ capacity = {TOKENS}, scope = "machine"{table} }}
    """)
    project.write("conftest", CONFTEST)
    project.write("test_a", suite)
    return project


class Stamps:
    """What tests of all runs wrote down.

    ``kills`` are the moments just before runs were killed, by name: their tests used nothing after.
    """

    def __init__(self, tmp_path: Path, kills: dict[str, float] | None = None) -> None:
        path = tmp_path / "stamps"
        entries = [json.loads(line) for line in path.read_text().splitlines()]
        self.waits = {each["run"]: each["waits"] for each in entries if each["what"] == "waited"}
        self.spans: list[tuple[float, float, tuple[str, ...]]] = []
        began: dict[tuple[int, str], tuple[float, tuple[str, ...], str]] = {}
        for each in sorted(entries, key=lambda each: each["at"]):
            if each["what"] == "began":
                began[each["pid"], each["test"]] = each["at"], tuple(each["names"]), each["run"]
            elif each["what"] == "ended":
                at, names, _ = began.pop((each["pid"], each["test"]))
                self.spans.append((at, each["at"], names))
        for at, names, run in began.values():
            self.spans.append((at, max(at, (kills or {}).get(run, float("inf"))), names))

    @property
    def most_at_once(self) -> int:
        """How many tests had a license at the busiest moment."""
        return max(
            sum(began <= at < ended for began, ended, _ in self.spans) for at, _, _ in self.spans
        )

    @property
    def is_each_name_used_once_at_a_time(self) -> bool:
        """Whether no two tests had the same license at one moment."""
        return not any(
            set(names) & set(others)
            for place, (began, ended, names) in enumerate(self.spans)
            for other_began, other_ended, others in self.spans[place + 1 :]
            if began < other_ended and other_began < ended
        )


def test_four_runs_never_have_more_than_there_is_and_wait_alike(tmp_path: Path) -> None:
    """By the tests' own stamps, and the waits of the four are within a factor of two."""
    projects = [make(tmp_path, f"run{number}") for number in range(RUNS)]
    started = [project.start("--orchestrate", "-n", "2") for project in projects]
    results = [project.finish(process) for project, process in zip(projects, started, strict=True)]
    assert [result.counts for result in results] == [{"passed": TESTS}] * RUNS
    stamps = Stamps(tmp_path)
    assert len(stamps.spans) == RUNS * TESTS
    assert stamps.most_at_once == TOKENS
    assert stamps.is_each_name_used_once_at_a_time
    means = sorted(fmean(waits) for waits in stamps.waits.values())
    if IS_STRESS:  # with few tests, who started first had an easy time
        assert means[-1] <= 2 * means[0], means


def test_a_run_that_is_killed_frees_what_it_had_and_nobody_has_too_much(tmp_path: Path) -> None:
    """Also while one run at a time is killed with -9 and started again."""
    projects = [make(tmp_path, f"run{number}") for number in range(RUNS)]
    running = [project.start("--orchestrate", "-n", "2") for project in projects]
    kills: dict[str, float] = {}
    for number, project in enumerate(projects):
        project.wait_until(lambda each=project: each.seen("began"))  # type: ignore[misc]
        if running[number].poll() is None:
            kills[f"run{number}"] = time.monotonic()
            end(running[number])
            running[number] = project.start("--orchestrate", "-n", "2")
    results = [project.finish(process) for project, process in zip(projects, running, strict=True)]
    assert kills, "nobody was killed, so this proves nothing"
    assert [result.counts for result in results] == [{"passed": TESTS}] * RUNS
    stamps = Stamps(tmp_path, kills)
    assert stamps.most_at_once <= TOKENS
    assert stamps.is_each_name_used_once_at_a_time


def test_what_a_test_has_is_free_only_when_it_has_ended(tmp_path: Path) -> None:
    """A controller that is killed leaves its worker's test running, which keeps its license."""
    slow = make(
        tmp_path,
        "slow",
        suite="""
        import time, pytest
        @pytest.mark.resources(license=2)
        def test_slow(stamped): time.sleep(2)
        """,
    )
    quick = make(tmp_path, "quick")
    process = slow.start("--orchestrate", "-n", "1")
    slow.wait_until((tmp_path / "stamps").exists)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    result = quick.orchestrate("-n", "2")
    assert result.counts == {"passed": TESTS}
    assert Stamps(tmp_path).most_at_once <= TOKENS


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a run of this test's, with its workers."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that has all licenses, until it is killed."""
    project = make(
        tmp_path,
        "holder",
        suite="""
        import time, pytest
        @pytest.mark.resources(license=2)
        def test_endless(stamped): time.sleep(600)
        """,
    )
    process = project.start("--orchestrate")
    project.wait_until((tmp_path / "stamps").exists)
    yield process
    end(process)


OTHERS: Final = """
    import pytest

    @pytest.mark.resources("license")
    @pytest.mark.parametrize("number", range(2))
    def test_licensed(number): pass

    @pytest.mark.depends("test_licensed")
    def test_after(): pass

    def test_free(): pass
"""


def test_a_wait_that_is_too_long_blocks_the_test(
    tmp_path: Path, holder: subprocess.Popen[bytes], driver: tuple[str, ...]
) -> None:
    """After ``max_wait``, with a cause that names who has it; other tests run."""
    project = make(tmp_path, "waiter", ', max_wait = "1.5s"', OTHERS)
    result = project.orchestrate(*driver)
    assert result.verdicts == {
        "test_a.py::test_licensed[0]": "blocked",
        "test_a.py::test_licensed[1]": "blocked",
        "test_a.py::test_after": "blocked",
        "test_a.py::test_free": "passed",
    }
    assert result.code == FAILED
    assert result.lines(r"^3 tests could not be given what they claim, so the run has failed")
    cause = f"waited 1.5 s for 'license', held by pid {holder.pid} ("
    assert all(cause in reason for reason in result.blocked.values()), result.blocked
    assert "test_a.py::test_endless" in result.blocked["test_a.py::test_licensed[0]"]


def test_who_waits_says_for_what_and_goes_on_when_it_is_free(
    tmp_path: Path, holder: subprocess.Popen[bytes], driver: tuple[str, ...]
) -> None:
    """Its other tests run meanwhile; a line names the process that has the license."""
    project = make(tmp_path, "waiter", suite=OTHERS)
    process = project.start("--orchestrate", *driver)
    line = rf"waiting for 'license' for \d+ s, held by pid {holder.pid} \("
    project.wait_until(lambda: re.search(line, project.output) is not None)
    assert project.seen("ended") == ["test_a.py::test_free"]
    end(holder)
    result = project.finish(process)
    assert result.counts == {"passed": 4}


def test_a_test_that_stops_waiting_makes_room_for_others(
    tmp_path: Path, holder: subprocess.Popen[bytes]
) -> None:
    """Ctrl-C in a run that waits leaves no ticket behind."""
    project = make(tmp_path, "waiter", suite=OTHERS)
    process = project.start("--orchestrate", "-n", "2")
    project.wait_until(lambda: project.seen("ended") == ["test_a.py::test_free"])
    os.kill(process.pid, signal.SIGINT)
    interrupted = project.finish(process)
    end(holder)
    assert "KeyboardInterrupt" in interrupted.output
    assert make(tmp_path, "next").orchestrate("-n", "2").counts == {"passed": TESTS}


KEEPS: Final = """
    import time, pytest

    @pytest.fixture(scope="session")
    def server(leases):
        assert {mine!r} in leases
        yield

    @pytest.mark.priority(2)
    @pytest.mark.depends(name="first")
    def test_first(server): time.sleep(0.5)

    @pytest.mark.depends("first")
    @pytest.mark.resources({other!r})
    def test_other(leases): assert leases[{other!r}].amount == 1

    @pytest.mark.depends("test_other")
    def test_again(server, leases): assert {mine!r} in leases
"""


def test_runs_that_keep_what_the_other_wants_do_not_wait_for_each_other_for_ever(
    tmp_path: Path, driver: tuple[str, ...]
) -> None:
    """A session fixture gives a machine's resource up when another run waits for it."""
    started = []
    for mine, other in (("left", "right"), ("right", "left")):
        project = make(tmp_path, mine, suite=KEEPS.format(mine=mine, other=other))
        project.configure(f"""
            [tool.pytest_orchestra.resources]
            left = {{ capacity = 1, scope = "machine" }}
            right = {{ capacity = 1, scope = "machine" }}
            [tool.pytest_orchestra.fixtures]
            server = ["{mine}"]
        """)
        started.append((project, project.start("--orchestrate", *driver)))
    results = [project.finish(process) for project, process in started]
    assert [result.counts for result in results] == [{"passed": 3}] * 2


@pytest.mark.parametrize("directory", ["~nosuchuser/x", "a\\u0000b"])
def test_a_path_that_leads_nowhere_is_told_before_the_run(tmp_path: Path, directory: str) -> None:
    """With the key that it stands under."""
    project = make(tmp_path, "run")
    project.configure(f"""
        [tool.pytest_orchestra]
        runtime_dir = "{directory}"
        [tool.pytest_orchestra.resources]
        license = {{ capacity = 1, scope = "machine" }}
    """)
    result = project.orchestrate()
    assert result.code == USAGE
    assert result.lines("^tool.pytest_orchestra.runtime_dir: ")


def test_a_directory_that_cannot_be_used_is_told_before_the_run(tmp_path: Path) -> None:
    """With what is wrong and what to do about it."""
    project = make(tmp_path, "run")
    project.configure("""
        [tool.pytest_orchestra]
        runtime_dir = "taken"
        [tool.pytest_orchestra.resources]
        license = { capacity = 1, scope = "machine" }
    """)
    project.write("taken.txt", "")
    (project.path / "taken.txt").rename(project.path / "taken")
    result: Result = project.orchestrate("-n", "2")
    assert result.code not in (PASSED, FAILED)
    assert result.lines("pytest-orchestra found 1 problem")
    assert result.lines("taken: .*directory")
    assert not result.lines("Traceback")
