"""``--orchestrate-diagnose``: what it says of tests whose trouble is known, and what it leaves behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import INTERRUPTED, PASSED, USAGE, Project, Result, clean_environment

from pytest_orchestra.diagnosis.experiment import ALONE, COPIES
from pytest_orchestra.diagnosis.experiment import Result as Outcome
from pytest_orchestra.running.laboratory import Call, Cast, Ending, Laboratory

POLLUTED = """
    import os
    import pytest

    @pytest.mark.parametrize("number", range(12))
    def test_other(number): pass

    def test_fails_too():
        assert False

    def test_pollutes():
        os.environ["CURRENCY"] = "USD"

    def test_more(): pass

    def test_price():
        assert os.environ.get("CURRENCY", "EUR") == "EUR"
"""


#: Without it there is no such setting as where it is, and a wrong one is an error here.
NO_CACHE = ("-p", "no:cacheprovider", "--strict-config")


def diagnose(project: Project, nodeid: str, *arguments: str, budget: str = "240s") -> Result:
    """Diagnose a test of ``project``."""
    own = ("--orchestrate-diagnose", nodeid, "--orchestrate-diagnose-budget", budget)
    return project.orchestrate(*own, *arguments)


def commit(project: Project, *files: str) -> None:
    """Put ``files`` under version control, and have nothing else looked at there."""
    project.write(".gitignore", "*")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (("init", "-q"), ("add", "-f", *files), (*author, "commit", "-qm", "all")):
        subprocess.run(["git", *command], cwd=project.path, check=True)  # noqa: S603, S607 - our own words


def conclusion(result: Result) -> str:
    """Return the line below the name of the test."""
    assert result.code == PASSED
    lines = result.output.splitlines()
    return lines[next(at for at, line in enumerate(lines) if "= diagnosis =" in line) + 2]


def test_a_polluter_is_found_whatever_the_user_adds(project: Project) -> None:
    """Neither workers nor ``-x`` or ``--pdb`` get in the way, nor does another test that fails."""
    project.write("test_a", POLLUTED)
    result = diagnose(project, "test_a.py::test_price", "-n", "2", "-x", "--pdb")
    said = conclusion(result)
    assert said.startswith("fails after test_a.py::test_pollutes (")
    assert said.endswith(": order-dependent, polluted by test_a.py::test_pollutes")
    assert "passes alone (" in said
    assert result.lines("^orchestra: -n is ignored")
    assert result.lines(r"^failed \d+ times: AssertionError: assert 'USD' == 'EUR'")
    assert result.lines("^to see it: pytest test_a.py::test_pollutes test_a.py::test_price$")


def test_the_command_that_is_shown_does_show_it(project: Project) -> None:
    """It needs nothing but pytest."""
    project.write("test_a", POLLUTED)
    result = project.run("test_a.py::test_pollutes", "test_a.py::test_price")
    assert result.counts == {"failed": 1, "passed": 1}


def test_what_the_history_suspects_is_tried_at_once(project: Project) -> None:
    """After some runs in changing orders the culprit need not be looked for among all."""
    others = "".join(f"def test_{name}(): pass\n" for name in "abcdefghijkl")
    project.write(
        "test_a",
        f"import os, pytest\n{others}"
        "@pytest.mark.priority(-5000 if 'LATE' in os.environ else 0)\n"
        "def test_pollutes(): os.environ['POLLUTED'] = '1'\n"
        "def test_victim(): assert 'POLLUTED' not in os.environ\n",
    )
    victim, polluter = "test_a.py::test_victim", "test_a.py::test_pollutes"
    commit(project, "test_a.py")
    for _ in range(6):
        project.orchestrate("-q")
        project.orchestrate("-q", LATE="yes")
    result = diagnose(project, victim)
    assert conclusion(result).endswith(f"polluted by {polluter}")
    assert not result.lines("^  after .* other tests")


def test_a_setter_is_found(project: Project) -> None:
    """A test that needs another to run first is brittle."""
    project.write(
        "test_a",
        """
        state = []
        def test_other(): pass
        def test_sets(): state.append(1)
        def test_more(): pass
        class TestUser:
            def test_needs(self): assert state
        """,
    )
    said = conclusion(diagnose(project, "test_a.py::TestUser::test_needs"))
    assert said.startswith("fails alone (")
    assert said.endswith("order-dependent, needs test_a.py::test_sets (brittle)")


def test_data_and_prerequisites_come_along(project: Project) -> None:
    """A test is never run without what it depends on, which is not to blame."""
    project.write(
        "test_a",
        """
        import os, pytest
        @pytest.mark.depends("test_use")
        def test_after(): pass
        @pytest.mark.depends(data="user")
        def test_use(inputs):
            assert inputs["user"] == 7
            assert "POLLUTED" not in os.environ
        def test_other(): pass
        def test_pollutes(): os.environ["POLLUTED"] = "1"
        """,
    )
    project.write(
        "test_b",
        """
        import pytest
        @pytest.mark.provides("user")
        def test_make(outputs): outputs["user"] = 7
        """,
    )
    result = diagnose(project, "test_a.py::test_use")
    assert conclusion(result).endswith("polluted by test_a.py::test_pollutes")
    assert not result.lines("^to see it")


def test_a_random_failure(project: Project) -> None:
    """Every third run fails, whatever else is the case."""
    project.write(
        "test_a",
        """
        import pathlib
        def test_other(): pass
        def test_flips():
            with pathlib.Path(__file__).with_name("runs").open("a") as runs:
                runs.write("x")
                runs.flush()
                assert runs.tell() % 3
        """,
    )
    said = conclusion(diagnose(project, "test_a.py::test_flips", budget="12s"))
    assert said.startswith("fails ")
    assert " alone, " in said
    assert said.endswith(": random, nothing that was tried makes a difference")


def test_a_test_that_fails_under_load(project: Project) -> None:
    """It fails where many processes of the diagnosis run at once, and is told to be a matter of time."""
    project.write(
        "test_a",
        """
        import os, pathlib
        def parent(stat):
            try:
                return int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                return 0
        def test_other(): pass
        def test_starves():
            parents = [parent(stat) for stat in pathlib.Path("/proc").glob("[0-9]*/stat")]
            assert parents.count(os.getppid()) < 3
        """,
    )
    said = conclusion(diagnose(project, "test_a.py::test_starves"))
    assert said.startswith("fails under load (")
    assert said.endswith(": timing")


def test_a_fixed_port(project: Project) -> None:
    """Two copies of the test cannot have it at the same time."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    project.write(
        "test_a",
        f"""
        import socket, time
        def test_other(): pass
        def test_serves():
            with socket.socket() as server:
                server.bind(("127.0.0.1", {port}))
                time.sleep(0.5)
        """,
    )
    said = conclusion(diagnose(project, "test_a.py::test_serves"))
    assert said.startswith("fails beside copies of itself ")
    assert ": contention" in said


def test_a_sound_test_leaves_no_traces(project: Project) -> None:
    """Nothing is said but a bound, and neither files nor a history are left behind."""
    project.write("test_a", "def test_sound(tmp_path): pass")
    before = set(project.path.rglob("*"))
    result = diagnose(project, "test_a.py::test_sound", *NO_CACHE, budget="5s")
    assert conclusion(result).startswith("never failed in ")
    assert conclusion(result).endswith(" % of runs at 95 %")
    assert result.lines("^orchestra: not all was tried within 5 s; --orchestrate-diagnose-budget")
    left = {path.name for path in set(project.path.rglob("*")) - before}
    assert {name for name in left if "pyc" not in name} <= {
        "output.txt",
        "junit.xml",
        "witness.jsonl",
    }


def test_a_skipped_test(project: Project) -> None:
    """Why it does not run is told."""
    project.write(
        "test_a",
        """
        import pytest
        def test_skips(): pytest.skip("no such thing here")
        """,
    )
    result = diagnose(project, "test_a.py::test_skips")
    assert conclusion(result).startswith("did not run in any experiment")
    assert result.lines("^did not run 3 times: Skipped: no such thing here$")


def test_interrupting_leaves_no_processes(project: Project) -> None:
    """After Ctrl-C the process of the test is gone, and what it has started."""
    project.write(
        "test_a",
        """
        import pathlib, subprocess, time
        def test_slow():
            child = subprocess.Popen(["sleep", "1000"])
            path = pathlib.Path(__file__).with_name("child")
            path.with_suffix(".new").write_text(str(child.pid))
            path.with_suffix(".new").rename(path)
            time.sleep(1000)
        """,
    )
    process = project.start("--orchestrate", "--orchestrate-diagnose", "test_a.py::test_slow")
    path = project.path / "child"
    project.wait_until(path.exists)
    os.kill(process.pid, signal.SIGINT)
    assert project.finish(process).code == INTERRUPTED
    child = path.read_text()
    project.wait_until(lambda: not command_line(child))


def command_line(pid: str) -> bytes:
    """Return the command of a process; nothing of one that has ended."""
    try:
        return Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return b""


MISTAKES = [
    (("test_a.py",), "test_a.py: names 16 tests, .*:", "and 11 more"),
    (("test_a.py::test_other",), "test_other: names 12 tests", r"test_a.py::test_other\[0\]"),
    (
        ("test_a.py::test_prise",),
        "no such test was collected",
        "did you mean test_a.py::test_price",
    ),
    (
        ("test_b.py::test_price",),
        "no such test was collected",
        "did you mean test_a.py::test_price",
    ),
    (("nothing like it",), "no such test was collected", "name one test by its node id"),
    (
        ("test_a.py::test_price", "--orchestrate-diagnose-budget", "soon"),
        "--orchestrate-diagnose-budget: 'soon' is not a time",
        "",
    ),
    (("test_a.py::test_price", "-k", "other"), "no such test was collected", ""),
    (("test_a.py::test_price", "--orchestrate-shard", "1/2"), "looks at all tests", "use one"),
]


@pytest.mark.parametrize(("arguments", "what", "remedy"), MISTAKES)
def test_a_mistake(project: Project, arguments: tuple[str, ...], what: str, remedy: str) -> None:
    """Exactly one test is demanded, and names like the wrong one are offered."""
    project.write("test_a", POLLUTED)
    result = project.orchestrate("--orchestrate-diagnose", *arguments)
    assert result.code == USAGE
    assert result.lines(f"^ERROR: .*{what}")
    assert result.lines(remedy)
    assert "Traceback" not in result.output


def test_nowhere_to_print_to(project: Project) -> None:
    """Without a terminal the conclusion would be lost."""
    project.write("test_a", POLLUTED)
    plugins = ("-pno:terminal", "-pxdist", "-porchestra")
    options = ("--orchestrate", "--orchestrate-diagnose", "test_a.py::test_price")
    result = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "pytest", *plugins, *options],
        cwd=project.path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == USAGE
    assert "--orchestrate-diagnose has nowhere to print to: leave out -p no:term" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (("--orchestrate-diagnose", "x"), "--orchestrate"),
        (("--orchestrate-diagnose-budget", "3s"), "--orchestrate"),
        (("--orchestrate", "--orchestrate-diagnose-budget", "3s"), "--orchestrate-diagnose"),
    ],
)
def test_half_a_wish(project: Project, arguments: tuple[str, ...], needed: str) -> None:
    """An option that would do nothing is an error that names what is missing."""
    result = project.run(*arguments)
    assert result.code == USAGE
    assert result.lines(f"^ERROR: {arguments[-2]} needs {needed}[ :]")


def laboratory(project: Project, source: str) -> Laboratory:
    """Return a laboratory for the test ``test_a.py::test_it``."""
    project.write("test_a", source)
    plugins = tuple(f"-p{name}" for name in project.plugins)
    command = (sys.executable, "-m", "pytest")
    environment = clean_environment() | project.environment
    call = Call(command, ("--orchestrate", *plugins), project.path, environment)
    target = "test_a.py::test_it"
    paths = {target: str(project.path / "test_a.py")}
    return Laboratory(call, Cast(target, lambda *_: (target,), paths), cores=1)


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("import time; time.sleep(1000)", r"ran for \d+\.?\d* s$"),
        ("import os; os._exit(0)", "ended its process$"),
    ],
)
def test_a_test_that_never_ends(project: Project, body: str, how: str) -> None:
    """Hanging and crashing are failures."""
    found = laboratory(project, f"def test_it(): {body}")
    began = time.monotonic()
    project.run("--collect-only")
    # A process has to begin within half of it.
    limit = 3.0 + 6.0 * (time.monotonic() - began)
    assert found.perform(ALONE, limit).failed == 1
    assert [trial.ending for trial in found.trials] == [Ending.FAILED]
    assert re.match(how, found.trials[0].message)
    found.close()


def test_a_process_that_ends_before_the_test(project: Project) -> None:
    """That says nothing of the test, and what pytest said last is kept."""
    found = laboratory(project, "import nothing_of_that_name")
    outcome = found.perform(COPIES, limit=240)
    assert (outcome.passed, outcome.failed) == (0, 0)
    assert isinstance(outcome, Outcome)
    assert {trial.ending for trial in found.trials} == {Ending.NONE}
    assert "pytest ended before it with 2: 1 error in " in found.trials[0].message
    found.close()
