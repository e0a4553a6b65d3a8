"""How a run ends early: nothing more starts, what runs is named, and the counts add up."""

from __future__ import annotations

import os
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from harness import FAILED, INTERRUPTED, Project, Result

LONG, FAIL = "test_a.py::test_long", "test_a.py::test_fail"

#: ``test_long`` runs while ``test_fail`` fails, and on until the controller has drawn its conclusion.
STOPPED = """
    from pytest import mark

    pytestmark = mark.priority(-1)

    @mark.parametrize("number", range(8))
    def test_rest(number): pass

    @mark.order(after="test_fail")
    def test_next(): pass

    @mark.priority(1)
    def test_long(meet, printed):
        meet("both")
        printed("still running")

    @mark.priority(1)
    def test_fail(meet):
        meet("both")
        assert 0
"""


def check_sum(result: Result) -> None:
    """Assert that every collected test has one verdict, and that the summary says how many."""
    __tracebackhide__ = True
    counts = Counter(result.verdicts.values())
    (line,) = result.lines(r"^\d+ tests? collected: ")
    total, _, parts = line.partition(" tests collected: ")
    assert sum(counts.values()) == int(total) == len(result.cases)
    told = (part.split(" ", 1) for part in parts.split(", "))
    assert {word: int(number) for number, word in told} == counts
    for word in ("passed", "failed"):
        assert result.counts.get(word, 0) == counts[word]


def test_nothing_starts_after_the_last_failure(project: Project) -> None:
    """Once there are enough failures nothing starts; what runs is named, may end, and counts."""
    project.write("test_a", STOPPED)
    result = project.orchestrate("-n", "2", "-x")
    assert result.code == FAILED
    assert set(result.begun) == {LONG, FAIL}
    assert result.counts == {"passed": 1, "failed": 1}
    assert Counter(result.verdicts.values()) == {"passed": 1, "failed": 1, "not run": 9}
    check_sum(result)
    assert result.lines("^not run: 9 tests .stopping after 1 failures.$")
    assert result.lines("^!+ stopping after 1 failures !+$")
    where = rf"{LONG} \({result.span(LONG).worker}\)"
    assert result.lines(rf"^orchestra: stopping after 1 failures; still running: {where}$")


def test_maxfail_counts_failures(project: Project, driver: tuple[str, ...]) -> None:
    """``--maxfail=2`` lets one failure pass; errors count, blocked tests do not."""
    project.write(
        "test_a",
        """
        import pytest
        from pytest import mark
        @pytest.fixture
        def broken(): raise ValueError
        @mark.priority(9)
        def test_one(): assert 0
        @mark.depends("test_one")
        @mark.parametrize("number", range(3))
        def test_blocked(number): pass
        @mark.depends("test_one", when="finished")
        @mark.priority(8)
        def test_two(): pass
        @mark.depends("test_two")
        @mark.priority(7)
        def test_three(broken): pass
        @mark.order(after="test_three")
        @mark.parametrize("number", range(3))
        def test_never(number): pass
        """,
    )
    plain = project.run("--maxfail=1")
    result = project.orchestrate(*driver, "--maxfail=2")
    assert result.code == plain.code == FAILED
    assert result.begun == [f"test_a.py::test_{each}" for each in ("one", "two", "three")]
    assert Counter(result.verdicts.values()) == {
        "failed": 1, "error": 1, "passed": 1, "blocked": 3, "not run": 3
    }  # fmt: skip
    check_sum(result)


def test_tests_sent_ahead_are_called_back(project: Project) -> None:
    """Of the many tiny tests that were sent ahead none runs once the worker has been told."""
    project.write(
        "test_a",
        """
        import time
        from pytest import mark
        @mark.parametrize("number", range(400))
        def test_tiny(number, printed):
            assert number != 100
            if number > 100:
                printed("stopping after 1 failures; still running")
                time.sleep(0.3)
        """,
    )
    result = project.orchestrate("-n", "2", "-x")
    assert result.code == FAILED
    # One on each worker, and some on a machine on which a message takes a second or two.
    late = [each for each in result.begun if int(each.partition("[")[2][:-1]) > 100]
    assert 1 <= len(late) <= 12
    assert len(result.begun) == len(set(result.begun))
    assert result.verdicts["test_a.py::test_tiny[399]"] == "not run"
    check_sum(result)


def test_exit_from_a_test(project: Project, driver: tuple[str, ...]) -> None:
    """``pytest.exit`` in a test ends the run with its reason; the test does not run again."""
    project.write(
        "test_a",
        """
        import pytest
        def test_exits(): pytest.exit("that is enough", returncode=7)
        @pytest.mark.depends("test_exits", when="finished")
        def test_later(): pass
        """,
    )
    result = project.orchestrate(*driver)
    assert "INTERNALERROR" not in result.output
    assert result.begun == ["test_a.py::test_exits"]
    assert result.code in ((7, INTERRUPTED) if driver else (7,))
    assert result.lines("that is enough")
    assert set(result.verdicts.values()) == {"not run"}


def test_who_ends_the_run_is_not_still_running(project: Project) -> None:
    """Only others are named that ``pytest.exit`` in a test leaves to run on."""
    project.write(
        "test_a",
        """
        import pytest

        def test_exits(meet):
            meet("both")
            pytest.exit("that is enough")

        def test_long(meet, printed):
            meet("both")
            printed("still running")
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.code == INTERRUPTED
    (line,) = result.lines("^orchestra: that is enough; still running: ")
    assert "test_long" in line
    assert "test_exits" not in line


@pytest.mark.parametrize(
    ("options", "in_worker"),
    [((), False), (("-n", "2"), False), (("-n", "2"), True)],
    ids=["alone", "controller", "worker"],
)
def test_shouldstop(project: Project, options: tuple[str, ...], in_worker: bool) -> None:  # noqa: FBT001
    """A plugin may set ``session.shouldstop`` in any process: nothing starts after that."""
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
            if report.nodeid.endswith("first") and report.when == "call":
                if is_worker == {in_worker}:
                    SESSIONS[0].shouldstop = "seen enough"
        """,
    )
    project.write(
        "test_a",
        """
        from pytest import mark
        def test_first(): pass
        @mark.depends("test_first")
        @mark.parametrize("number", range(3))
        def test_later(number): pass
        """,
    )
    result = project.orchestrate(*options)
    assert result.code == INTERRUPTED
    assert result.begun == ["test_a.py::test_first"]
    assert result.lines("Interrupted: seen enough !")
    assert result.lines("^not run: 3 tests .seen enough.$")
    check_sum(result)


def test_ctrl_c(project: Project, driver: tuple[str, ...]) -> None:
    """Ctrl-C ends all processes soon, with exit code 2 and a summary that names what ran."""
    project.write(
        "test_a",
        """
        import time
        from pytest import mark
        def test_quick(): pass
        @mark.depends("test_quick")
        @mark.parametrize("number", range(2))
        def test_long(number): time.sleep(3000)
        @mark.depends("test_long")
        def test_never(): pass
        """,
    )
    process = project.start("--orchestrate", *driver)
    running = 2 if driver else 1
    project.wait_until(lambda: len(project.seen("began")) > running)
    os.killpg(process.pid, signal.SIGINT)
    result = project.finish(process)
    assert result.code == INTERRUPTED
    assert Counter(result.verdicts.values()) == {"passed": 1, "not run": 3}
    check_sum(result)
    named = result.lines(r"^  test_a.py::test_long\[[01]\]  was running on (main|gw[01])$")
    assert len(named) == running
    assert result.lines("^!+ KeyboardInterrupt !+$")
    project.wait_until(lambda: not is_alive(process.pid))


def is_alive(group: int) -> bool:
    """Whether any process of the group runs; who has ended may stay until somebody asks how."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                return True
    return False


def test_keyboard_interrupt_in_a_worker(project: Project) -> None:
    """A worker's own KeyboardInterrupt ends the run as without us, and its test is named."""
    project.write(
        "test_a",
        """
        from pytest import mark
        def test_interrupts(): raise KeyboardInterrupt
        @mark.depends("test_interrupts", when="finished")
        def test_later(): pass
        """,
    )
    result = project.orchestrate("-n", "1")
    assert result.code == INTERRUPTED
    assert result.begun == ["test_a.py::test_interrupts"]
    assert result.lines("received keyboard-interrupt")
    assert result.lines("^  test_a.py::test_interrupts  was running on gw0$")
    check_sum(result)
