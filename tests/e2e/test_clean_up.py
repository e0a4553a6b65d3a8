"""A run that stops early cleans up first what has begun; one that is to end at once does not."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
from harness import FAILED, INTERRUPTED, PASSED, Project, Result

MAKE, USE, FAIL, CLEAN, NEVER, TIDY, TIDIER, USELESS = (
    f"test_a.py::test_{name}"
    for name in ("make", "use", "fail", "clean", "never_cleaned", "tidy", "tidier", "tidy_nothing")
)

#: ``test_fail`` fails once there is something to clean up, and before all users have begun.
SUITE = """
    import pytest
    from pytest import mark

    @mark.cleans("user")
    @mark.priority(-5)
    def test_clean(inputs): assert inputs["user"] == 7

    @mark.depends("test_make")
    @mark.priority(9)
    def test_fail(): {ending}

    @mark.provides("user")
    @mark.priority(10)
    def test_make(outputs): outputs["user"] = 7

    @mark.depends("test_fail", when="finished", data="user")
    @mark.parametrize("number", range(3))
    def test_use(number): pass

    @mark.depends("test_use", when="finished")
    @mark.provides("late")
    def test_never_made(outputs): outputs["late"] = 1
    @mark.cleans("late")
    def test_never_cleaned(): pass

    @mark.depends("test_tidy", when="finished")
    def test_tidier(): pass
    @mark.depends("test_fail", when="finished")
    def test_tidy(): pass
    @mark.depends("test_rest", "test_never_made", when="finished")
    def test_tidy_nothing(): pass

    @mark.order(after="test_fail")
    @mark.parametrize("number", range(50))
    def test_rest(number): pass
"""


def check_cleaned(result: Result, fate: str = "failed") -> None:
    """Assert that nothing but the clean-up ran after the failure, and all is accounted for.

    What waits for the end of others cleans up after them; what only has a place in the order does not.
    """
    __tracebackhide__ = True
    assert result.begun[:2] == [MAKE, FAIL]
    assert sorted(result.begun[2:]) == sorted([CLEAN, TIDY, TIDIER])
    assert result.span(TIDIER).began > result.span(TIDY).ended
    assert (result.verdicts[FAIL], result.verdicts[CLEAN]) == (fate, "passed")
    assert (result.verdicts[NEVER], result.verdicts[USELESS]) == ("not run", "not run")
    assert Counter(result.verdicts.values())["not run"] == 56
    assert len(result.cases) == 61


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_after_enough_failures(project: Project, driver: tuple[str, ...], option: str) -> None:
    """Exit code, last lines and counts are those of a run without anything to clean up."""
    project.write("test_a", SUITE.format(ending="assert 0"))
    result = project.orchestrate(*driver, option)
    assert result.code == FAILED
    check_cleaned(result)
    assert result.counts == {"failed": 1, "passed": 4}
    assert result.lines("^not run: 56 tests .stopping after 1 failures.$")
    assert result.lines("^!+ stopping after 1 failures !+$")


def test_one_worker_that_failed_can_clean_up(project: Project) -> None:
    """Its own session wants to stop, and yet it runs what it is told to."""
    project.write("test_a", SUITE.format(ending="assert 0"))
    result = project.orchestrate("-n", "1", "-x")
    check_cleaned(result)
    assert {span.worker for span in result.spans} == {"gw0"}


@pytest.mark.parametrize(
    ("options", "in_worker"),
    [((), False), (("-n", "2"), False), (("-n", "2"), True)],
    ids=["alone", "controller", "worker"],
)
def test_when_a_plugin_wants_to_stop(
    project: Project,
    options: tuple[str, ...],
    in_worker: bool,  # noqa: FBT001 - a parameter
) -> None:
    """``session.shouldstop``, in whatever process, ends the run as before."""
    project.write(
        "conftest",
        f"""
        import pytest
        SESSIONS = []
        def pytest_sessionstart(session):
            SESSIONS.append(session)
        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logreport(report):
            is_worker = hasattr(SESSIONS[0].config, "workerinput")
            if report.nodeid.endswith("test_fail") and report.when == "call":
                if is_worker == {in_worker}:
                    SESSIONS[0].shouldstop = "seen enough"
        """,
    )
    project.write("test_a", SUITE.format(ending="pass"))
    result = project.orchestrate(*options)
    assert result.code == INTERRUPTED
    check_cleaned(result, "passed")
    assert result.lines("Interrupted: seen enough !")
    assert result.lines("^not run: 56 tests .seen enough.$")


def test_when_the_worker_dies(project: Project) -> None:
    """The one that takes its place cleans up."""
    ending = "import os; os.kill(os.getpid(), 9)"
    project.write("test_a", SUITE.format(ending=ending))
    result = project.orchestrate("-n", "1", "-x")
    assert result.code == FAILED
    check_cleaned(result)
    assert result.span(CLEAN).worker == "gw1"


def test_when_no_worker_is_left(project: Project) -> None:
    """Nothing can be cleaned up, and the run ends as it would have without."""
    ending = "import os; os.kill(os.getpid(), 9)"
    project.write("test_a", SUITE.format(ending=ending))
    result = project.orchestrate("-n", "1", "-x", "--max-worker-restart=0")
    assert result.code == FAILED
    assert result.begun == [MAKE, FAIL]
    assert result.verdicts[CLEAN] == "not run"
    assert result.lines("^!+ stopping after 1 failures !+$")


def test_users_that_run_are_waited_for(project: Project) -> None:
    """The clean-up does not pull the ground from under them."""
    project.write(
        "test_a",
        """
        import time
        from pytest import mark
        @mark.provides("user")
        def test_make(outputs): outputs["user"] = 7
        @mark.depends(data="user")
        def test_use(meet, printed):
            meet("both")
            printed("still running")
            time.sleep(0.3)  # in which nothing may begin
        @mark.depends("test_make")
        def test_fail(meet):
            meet("both")
            assert 0
        @mark.cleans("user")
        def test_clean(): pass
        """,
    )
    result = project.orchestrate("-n", "2", "-x")
    assert result.code == FAILED
    assert result.counts == {"failed": 1, "passed": 3}
    assert result.span(CLEAN).began > result.span(USE).ended
    where = rf"{USE} \({result.span(USE).worker}\)"
    assert result.lines(rf"^orchestra: stopping after 1 failures; still running: {where}$")


def test_clean_up_that_fails_too(project: Project, driver: tuple[str, ...]) -> None:
    """It counts as a failure, and keeps nothing else from being cleaned up."""
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.priority(9)
        @mark.parametrize("number", range(3))
        @mark.provides("user")
        def test_make(number, outputs): outputs["user"] = number
        @mark.depends("test_make")
        def test_fail(): assert 0
        @mark.depends("test_fail", when="finished", data="user")
        @mark.parametrize("number", range(3))
        def test_rest(number): pass
        @mark.cleans("user")
        @mark.parametrize("number", range(3))
        def test_clean(number, inputs):
            assert inputs["user"] == number and number != 0
        """,
    )
    result = project.orchestrate(*driver, "-x")
    assert result.code == FAILED
    assert result.counts == {"failed": 2, "passed": 5}
    assert {result.verdicts[f"test_a.py::test_rest[{number}]"] for number in range(3)} == {
        "not run"
    }


@pytest.mark.parametrize("scope", ["function", "class", "module"])
def test_teardown_that_fails_stops_too(
    project: Project, driver: tuple[str, ...], scope: str
) -> None:
    """Whatever was to follow it: the clean-up in another file finds nothing left standing."""
    project.write(
        "low/test_a",
        f"""
        import pytest
        from pytest import mark
        @pytest.fixture(scope={scope!r})
        def broken():
            yield
            assert 0
        class TestMany:
            @mark.priority(9)
            @mark.provides("user")
            def test_make(self, outputs): outputs["user"] = 7
            @mark.priority(8)
            @mark.depends("test_make")
            def test_breaks(self, broken): pass
            def test_next(self): pass
        """,
    )
    project.write("low/__init__", "")
    project.write("high/__init__", "")
    project.write("high/test_b", "def test_far(): pass")
    project.write(
        "high/test_c",
        """
        from pytest import mark
        @mark.cleans("user")
        @mark.depends("low/test_a.py::TestMany::test_next", when="finished")
        def test_clean(inputs): assert inputs["user"] == 7
        """,
    )
    result = project.orchestrate(*driver, "-x")
    assert result.code == FAILED
    assert "INTERNALERROR" not in result.output
    assert list(result.verdicts.values()).count("error") == 1
    assert result.verdicts["high/test_c.py::test_clean"] == "passed"
    assert result.begun.count("high/test_c.py::test_clean") == 1


def test_tests_sent_ahead_do_not_run_before(project: Project) -> None:
    """Of many tiny tests that were sent ahead none runs between the failure and the clean-up."""
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.priority(1)
        @mark.provides("user")
        def test_make(outputs): outputs["user"] = 7
        @mark.parametrize("number", range(600))
        def test_tiny(number): assert number != 100
        @mark.cleans("user")
        @mark.depends("test_tiny", when="finished")
        def test_clean(inputs): assert inputs["user"] == 7
        """,
    )
    result = project.orchestrate("-n", "1", "-x")
    assert result.code == FAILED
    assert result.begun[-2:] == ["test_a.py::test_tiny[100]", CLEAN]
    assert len(result.begun) == len(set(result.begun))
    assert result.counts == {"failed": 1, "passed": len(result.begun) - 1}


def test_exit_does_not_wait(project: Project, driver: tuple[str, ...]) -> None:
    """``pytest.exit`` means at once, with its code."""
    project.write("test_a", SUITE.format(ending='pytest.exit("that is enough", returncode=7)'))
    result = project.orchestrate(*driver)
    assert result.code in ((7, INTERRUPTED) if driver else (7,))
    assert result.begun == [MAKE, FAIL]
    assert result.verdicts[CLEAN] == "not run"
    assert result.lines("that is enough")


@pytest.mark.parametrize("when", ["running", "cleaning"])
def test_ctrl_c_does_not_wait(project: Project, driver: tuple[str, ...], when: str) -> None:
    """Also while a run that stops is being cleaned up: whatever has not begun is not run."""
    project.write(
        "test_a",
        f"""
        import time
        from pytest import mark
        @mark.priority(9)
        @mark.provides("user")
        def test_make(outputs): outputs["user"] = 7
        @mark.depends(data="user")
        def test_use():
            if {when == "running"}: time.sleep(3000)
            assert 0
        @mark.cleans("user")
        def test_clean(): time.sleep(3000)
        """,
    )
    process = project.start("--orchestrate", "-x", *driver)
    last = USE if when == "running" else CLEAN
    project.wait_until(lambda: last in project.seen("began"))
    os.killpg(process.pid, signal.SIGINT)
    result = project.finish(process)
    assert result.begun[-1] == last
    assert result.code == INTERRUPTED
    assert result.verdicts[CLEAN] == "not run"
    assert result.lines("^!+ KeyboardInterrupt !+$")
    assert result.lines(rf"^  {last}  was running on (main|gw[01])$")


def test_without_a_stop_all_is_cleaned(project: Project, driver: tuple[str, ...]) -> None:
    """The same suite, left to itself."""
    project.write("test_a", SUITE.format(ending="pass"))
    result = project.orchestrate(*driver, "-x")
    assert result.code == PASSED
    assert set(result.verdicts.values()) == {"passed"}
    assert result.begun.index(CLEAN) > max(map(result.begun.index, (f"{USE}[0]", f"{USE}[2]")))
