"""A worker that dies costs the one test that it was busy with, and nothing else."""

from __future__ import annotations

from collections import Counter

import pytest
from harness import FAILED, PASSED, Project, Result

#: Ways to die, each with what comes to depend on it.
SUITE = """
    import ctypes, os, signal
    from pytest import mark

    DEATHS = {
        "exit": lambda: os._exit(0),
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "segfault": lambda: ctypes.string_at(0),
    }

    @mark.priority(5)
    @mark.resources("db")
    @mark.parametrize("death", DEATHS)
    def test_crash(death): DEATHS[death]()

    @mark.depends("test_crash", match_params=True)
    @mark.parametrize("death", DEATHS)
    def test_needs_crash(death): pass

    @mark.depends("test_needs_crash", match_params=True)
    @mark.parametrize("death", DEATHS)
    def test_needs_that(death): pass

    @mark.resources("db")
    @mark.parametrize("number", range(2))
    def test_db(number): pass

    @mark.depends("test_crash", when="finished")
    @mark.parametrize("number", range(2))
    def test_later(number, meet): meet("later")

    @mark.parametrize("number", range(20))
    def test_tiny(number): pass
"""


def check_once(result: Result, *more: str) -> None:
    """Assert that every test that was not blocked ran once; those in ``more`` once more."""
    __tracebackhide__ = True
    expected = Counter(
        case["nodeid"] for case in result.cases if case["verdict"] not in ("blocked", "not run")
    )
    assert Counter(result.begun) == expected + Counter(more)
    assert sum(Counter(result.verdicts.values()).values()) == len(result.cases)


def test_a_crash_costs_one_test(project: Project) -> None:
    """The test fails by name, its dependants are blocked, tokens and a new worker come."""
    project.write("test_a", SUITE)
    result = project.orchestrate("-n", "2")
    assert result.code == FAILED
    blocked = {}
    for death in ("exit", "kill", "segfault"):
        nodeid = f"test_a.py::test_crash[{death}]"
        worker = result.span(nodeid).worker
        (report,) = result.reports(nodeid)
        assert report["outcome"] == "failed"
        text = f"worker {worker!r} crashed while running {nodeid!r}"
        assert report["text"].splitlines()[-1] == text
        for dependant in ("needs_crash", "needs_that"):
            blocked[f"test_a.py::test_{dependant}[{death}]"] = (
                f"blocked: {nodeid} failed ({worker})"
            )
        assert result.lines(f"^replacing crashed worker {worker}$")
        assert result.lines(rf"^FAILED test_a.py::test_crash\[{death}\] - worker '{worker}' cra")
        assert result.junit_names[f"test_a::test_crash[{death}]"] == 1
    assert result.blocked == blocked
    assert result.counts == {"failed": 3, "passed": 24, "blocked": 6}
    check_once(result)
    assert {span.worker for span in result.spans} == {f"gw{number}" for number in range(5)}


#: A worker on another machine cannot have one.
NO_JOURNAL = """
    from pytest_orchestra.running import hiring
    hiring.create = lambda: None
"""


#: A worker that cannot map it, though the controller can.
LOST_JOURNAL = """
    import os
    from pytest_orchestra.running.journal import Journal
    if "PYTEST_XDIST_WORKER" in os.environ:
        Journal.find = lambda address: None
"""


@pytest.mark.parametrize(
    "conftest", ["", NO_JOURNAL, LOST_JOURNAL], ids=["journal", "none", "lost"]
)
def test_a_crash_among_tests_sent_ahead(project: Project, conftest: str) -> None:
    """What was sent ahead to the worker that died runs elsewhere, and is not blamed.

    What had passed before it and was held back is not run again.
    """
    project.write("conftest", conftest)
    project.write(
        "test_a",
        """
        import os, signal, pytest
        @pytest.mark.parametrize("number", range(300))
        def test_tiny(number):
            if number == 120:
                os._exit(1)
            if number == 200:
                os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.counts == {"failed": 2, "passed": 298}
    failed = {nodeid for nodeid, verdict in result.verdicts.items() if verdict == "failed"}
    assert failed == {f"test_a.py::test_tiny[{number}]" for number in (120, 200)}
    check_once(result)


def test_a_crash_in_a_late_teardown(project: Project) -> None:
    """A crash in the teardown of a module's fixture is an error of the last test that used it."""
    project.write(
        "test_a",
        """
        import os, pytest
        pytestmark = pytest.mark.xdist_group("a")
        @pytest.fixture(scope="module")
        def server():
            yield
            os._exit(1)
        def test_one(server): pass
        def test_two(server): pass
        """,
    )
    project.write(
        "test_b",
        """
        import pytest
        @pytest.mark.depends("test_a.py", when="finished")
        @pytest.mark.parametrize("number", range(5))
        def test_b(number): pass
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.code == FAILED
    last = [nodeid for nodeid in result.begun if nodeid.startswith("test_a")][-1]
    worker = result.span(last).worker
    errors = [each for each in result.reports() if each["outcome"] == "failed"]
    assert [(each["nodeid"], each["when"]) for each in errors] == [(last, "teardown")]
    text = f"worker {worker!r} crashed while tearing down after {last!r}"
    assert errors[0]["text"].splitlines()[-1] == text
    assert result.verdicts[last] == "error"
    assert result.counts == {"passed": 7, "error": 1}
    check_once(result)


def test_a_crash_in_setup_and_in_teardown_of_a_test(project: Project) -> None:
    """Wherever in a test the worker dies, it is that test which failed."""
    project.write(
        "test_a",
        """
        import os, pytest
        @pytest.fixture
        def before(): os._exit(1)
        @pytest.fixture
        def after():
            yield
            os._exit(1)
        def test_before(before): pass
        def test_after(after): print("said before it died")
        @pytest.mark.depends("test_after")
        def test_needs(): pass
        @pytest.mark.parametrize("number", range(4))
        def test_rest(number): pass
        """,
    )
    result = project.orchestrate("-n", "1")
    assert result.code == FAILED
    assert result.verdicts["test_a.py::test_before"] == "failed"
    assert result.verdicts["test_a.py::test_after"] in ("failed", "error")
    assert result.verdicts["test_a.py::test_needs"] == "blocked"
    assert Counter(result.verdicts.values())["passed"] == 4
    check_once(result)


def test_a_crash_while_idle(project: Project) -> None:
    """A worker that dies with nothing to do is replaced, and no test is blamed."""
    project.write(
        "conftest",
        """
        import pathlib
        def pytest_testnodedown(node, error):
            if error:
                pathlib.Path("down").touch()
        """,
    )
    project.write(
        "test_a",
        """
        import os, pathlib, threading, pytest
        from witness import wait_until
        def test_dies_later(meet, witnessed):
            def die():
                witnessed('"nodeid": "test_a.py::test_dies_later", "when": "call"')
                os._exit(1)
            meet("both")
            threading.Thread(target=die, daemon=True).start()
        def test_long(meet):
            meet("both")
            wait_until(pathlib.Path("down").exists, "the other worker to die")
        @pytest.mark.depends("test_long")
        @pytest.mark.parametrize("number", range(2))
        def test_later(number, meet): meet("later")
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.code == PASSED
    assert result.counts == {"passed": 4}
    check_once(result)


def test_a_crash_during_collection(project: Project) -> None:
    """A worker that dies while it collects is replaced, and every test runs once."""
    project.write(
        "test_a",
        """
        import os, pathlib, pytest
        if os.environ.get("PYTEST_XDIST_WORKER") == "gw0":
            os._exit(1)
        @pytest.mark.parametrize("number", range(2))
        def test_a(number, meet): meet("both")
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.code == PASSED
    assert result.counts == {"passed": 2}
    check_once(result)


def test_workers_that_never_collect(project: Project) -> None:
    """When every worker dies while it collects the run ends and says so, also with ``--tx`` alone."""
    project.write(
        "test_a",
        """
        import os
        if "PYTEST_XDIST_WORKER" in os.environ:
            os._exit(1)
        def test_a(): pass
        """,
    )
    result = project.orchestrate("--dist=load", "--tx=popen")
    assert result.code not in (PASSED, None)
    assert not result.spans
    assert "INTERNALERROR" not in result.output
    assert result.lines("maximum crashed workers reached: ")


@pytest.mark.parametrize(
    ("restarts", "reason", "crashes"),
    [
        (0, r"worker gw\d crashed and worker restarting disabled", 1),
        (1, "maximum crashed workers reached: 1", 2),
    ],
)
def test_no_more_restarts(project: Project, restarts: int, reason: str, crashes: int) -> None:
    """At the limit of ``--max-worker-restart`` the run ends; what did not run says why."""
    project.write(
        "test_a",
        """
        import os
        from pytest import mark
        def test_crash_0(): os._exit(1)
        @mark.depends("test_crash_0", when="finished")
        def test_crash_1(): os._exit(1)
        @mark.depends("test_crash_1", when="finished")
        @mark.parametrize("number", range(4))
        def test_rest(number): pass
        @mark.depends("test_crash_0")
        def test_blocked(): pass
        """,
    )
    result = project.orchestrate("-n", "1", f"--max-worker-restart={restarts}")
    assert result.code == FAILED
    assert "INTERNALERROR" not in result.output
    assert result.begun == [f"test_a.py::test_crash_{number}" for number in range(crashes)]
    assert Counter(result.verdicts.values()) == {
        "failed": crashes, "blocked": 1, "not run": 6 - crashes
    }  # fmt: skip
    assert result.counts == {"failed": crashes, "blocked": 1}
    assert result.lines(rf"^not run: {6 - crashes} tests .{reason}.$")
    check_once(result)


def test_no_more_restarts_with_a_worker_left(project: Project) -> None:
    """At the limit another worker may end its test; that counts, and nothing is lost."""
    project.write(
        "test_a",
        """
        import os, time
        from pytest import mark
        @mark.priority(1)
        def test_crash(meet):
            meet("both")
            os._exit(1)
        @mark.priority(1)
        def test_long(meet, witnessed):
            meet("both")
            witnessed('"nodeid": "test_a.py::test_crash", "when": "call"')
            time.sleep(0.3)
        @mark.depends("test_long")
        @mark.parametrize("number", range(4))
        def test_rest(number): pass
        """,
    )
    result = project.orchestrate("-n", "2", "--max-worker-restart=0")
    assert result.code == FAILED
    assert Counter(result.verdicts.values()) == {"failed": 1, "passed": 1, "not run": 4}
    assert result.counts == {"failed": 1, "passed": 1}
    check_once(result)


def test_a_plugin_may_run_a_crashed_test_again(project: Project) -> None:
    """``sched.mark_test_pending`` in ``pytest_handlecrashitem`` gives the test another chance."""
    project.write(
        "conftest",
        """
        def pytest_handlecrashitem(crashitem, report, sched):
            if crashitem.endswith("test_crash"):
                report.outcome = "rerun"
                sched.mark_test_pending(crashitem)
        """,
    )
    project.write(
        "test_a",
        """
        import os, pathlib
        from pytest import mark
        @mark.resources("db")
        def test_crash():
            crashed = pathlib.Path("crashed")
            if not crashed.exists():
                crashed.touch()
                os._exit(1)
        @mark.depends("test_crash")
        def test_needs_crash(): pass
        @mark.resources("db")
        def test_db(): pass
        """,
    )
    result = project.orchestrate("-n", "1")
    assert result.code == PASSED
    assert result.verdicts["test_a.py::test_crash"] == "flaky"
    assert result.counts == {"passed": 2, "flaky": 1, "rerun": 1}
    check_once(result, "test_a.py::test_crash")


def test_a_run_that_no_worker_is_left_for_is_not_green(project: Project) -> None:
    """Workers that die between tests, and are not replaced, leave tests that were not run."""
    project.write(
        "conftest",
        """
        import os
        def pytest_runtest_logfinish(nodeid):
            if "PYTEST_XDIST_WORKER" in os.environ and "first" in nodeid:
                os._exit(1)
        """,
    )
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.parametrize("number", range(2))
        def test_first(number): pass
        @pytest.mark.depends("test_first")
        @pytest.mark.parametrize("number", range(9))
        def test_later(number): pass
        """,
    )
    result = project.orchestrate("-n", "2", "--max-worker-restart", "0")
    assert result.code not in (PASSED, 5)
    assert len(result.verdicts) == 11
