"""What a run says of itself: at the start, with ``-v``, when it stalls, and at the end."""

from __future__ import annotations

import re

import pytest
from harness import FAILED, NOTHING_COLLECTED, PASSED, Project, Result

EVERY_VERDICT = """
    import pytest
    from pytest import mark

    @pytest.fixture
    def broken(): raise ValueError

    @mark.resources("db", "*", gpu=1, schema="read")
    def test_passes(): pass
    def test_passes_too(): pass
    @mark.skip
    def test_skipped(): pass
    @mark.xfail
    def test_xfails(): assert 0
    @mark.xfail
    def test_xpasses(): pass
    @mark.depends("test_skipped")
    def test_blocked(): pass
    @mark.depends("test_blocked")
    def test_blocked_too(): pass

    @mark.depends("test_[psxb]*", when="finished")
    def test_fails(): assert 0
    @mark.depends("test_fails", when="finished")
    def test_errs(broken): pass
    @mark.order(after="test_errs")
    @mark.parametrize("number", range(3))
    def test_never(number): pass
"""


def section(result: Result) -> list[str]:
    """Return the lines of our part of the summary."""
    lines = result.output.splitlines()
    start = next(place for place, line in enumerate(lines) if re.fullmatch("=+ orchestra =+", line))
    rest = [line for line in lines[start + 1 :] if line]
    end = next(place for place, line in enumerate(rest) if line.startswith("==="))
    return rest[:end]


def test_counts_add_up(project: Project, driver: tuple[str, ...]) -> None:
    """A line says what is to be done; in the end each verdict is counted, and all tests are there."""
    project.configure("[tool.pytest_orchestra.resources]\ndb = 2\nunused = 1")
    project.write("test_a", EVERY_VERDICT)
    result = project.orchestrate(*driver, "--maxfail=2")
    assert result.code == FAILED
    workers = "2 workers" if driver else "1 worker"
    first_line = f"orchestra: 12 tests, 13 dependencies, 4 resources, {workers}"
    assert result.lines("^orchestra: ")[0] == first_line
    first, *rest = section(result)
    assert first == (
        "12 tests collected: 2 passed, 1 failed, 1 error, 1 skipped, 1 xfailed, 1 xpassed, "
        "2 blocked, 3 not run"
    )
    words = ("passed", "failed", "error", "skipped", "xfailed", "xpassed", "blocked")
    assert result.counts == dict(zip(words, (2, 1, 1, 1, 1, 1, 2), strict=True))
    assert "not run: 3 tests (stopping after 2 failures)" in rest
    worker = result.span("test_a.py::test_skipped").worker
    for test in ("test_blocked", "test_blocked_too"):
        cause = f"blocked: test_a.py::test_skipped was skipped ({worker})"
        assert f"  test_a.py::{test}  {cause}" in rest
    busy = next(line for line in rest if line.startswith("workers busy for "))
    assert sum(int(number) for number in re.findall(r"\((\d+) tests?\)", busy)) == 7


def test_many_blocked_tests(project: Project) -> None:
    """Of many blocked tests a few are listed; ``-v`` lists all of them, and what was not run."""
    project.write(
        "test_a",
        """
        from pytest import mark
        def test_fails(): assert 0
        @mark.depends("test_fails")
        @mark.parametrize("number", range(30))
        def test_blocked(number): pass
        @mark.depends("test_fails", when="finished")
        def test_fails_too(): assert 0
        @mark.order(after="test_fails_too")
        def test_never(): pass
        """,
    )
    short = section(project.orchestrate())
    assert len([line for line in short if "  blocked: " in line]) == 20
    assert "  and 10 more (-v shows all)" in short
    long = section(project.orchestrate("-v", "--maxfail=2"))
    assert len([line for line in long if "  blocked: " in line]) == 30
    assert "  test_a.py::test_never" in long


def test_resources_and_waits(project: Project) -> None:
    """The summary says how much of each resource was used, and who waited longest for what."""
    project.configure("[tool.pytest_orchestra.resources]\ndb = 2\nmemory = '16GB'")
    project.write(
        "test_a",
        """
        import time
        from pytest import mark
        @mark.resources("lock", memory="4GB")
        @mark.parametrize("number", range(2))
        def test_lock(number): time.sleep(0.6)
        @mark.resources("db", schema="read")
        @mark.parametrize("number", range(2))
        @mark.priority(1)
        def test_db(number, meet): meet("db")
        """,
    )
    result = project.orchestrate("-n", "2")
    lines = section(result)
    table = {line.split()[0]: re.split(" {2,}", line)[1:] for line in lines if line[0] in "rdlms"}
    assert table["resource"] == ["capacity", "peak use", "tests waited for it"]
    assert table["db"][:2] == ["2", "2"]
    assert table["lock"][:2] == ["1", "1"]
    assert table["memory"][:2] == ["16GB", "4GB"]
    assert table["schema"][:2] == ["unbounded", "2"]
    seconds, nodeid, what = re.split(" {2,}", lines[lines.index("longest waits:") + 1].strip())
    assert 0.2 < float(seconds.removesuffix(" s")) < 60
    assert nodeid in ("test_a.py::test_lock[0]", "test_a.py::test_lock[1]")
    assert what == "for 'lock'"
    assert float(table["lock"][2].removesuffix(" s")) > 0.2


def test_verbose_lines(project: Project, driver: tuple[str, ...]) -> None:
    """With ``-v`` each line says how long the test waited, and which worker ran it."""
    project.write(
        "test_a",
        """
        from pytest import mark
        def test_passes(): pass
        def test_fails(): assert 0
        @mark.depends("test_fails")
        def test_blocked(): pass
        """,
    )
    result = project.orchestrate(*driver, "-v")
    for word, test in (("PASSED", "passes"), ("FAILED", "fails")):
        worker = result.span(f"test_a.py::test_{test}").worker
        wait = rf"{word} \(waited \d+\.\d\ds\)"
        if driver:
            line = rf"^\[{worker}\] \[ *\d+%\] {wait} test_a.py::test_{test} ?$"
        else:
            line = rf"^test_a.py::test_{test} {wait} +\[ *\d+%\]$"
        assert len(result.lines(line)) == 1, line
    assert len(result.lines(r"^test_a.py::test_blocked BLOCKED \(blocked: test_a.py::test_f")) == 1


def test_quiet(project: Project, driver: tuple[str, ...]) -> None:
    """With ``-q`` nothing of ours is printed but the letters and the counts."""
    project.write("test_a", EVERY_VERDICT)
    result = project.orchestrate(*driver, "-q")
    assert result.code == FAILED
    assert not result.lines("(?i)orchestra")
    assert not result.lines("^workers busy|^blocked:|tests collected")
    assert result.counts["blocked"] == 2


def test_nothing_to_run(project: Project, driver: tuple[str, ...]) -> None:
    """A run without any test ends as pytest's own does, with exit code 5."""
    project.write("test_a", "")
    result = project.orchestrate(*driver)
    assert result.code == NOTHING_COLLECTED
    assert "Traceback" not in result.output


STALLED = """
    from pytest import mark

    @mark.resources("db")
    @mark.priority(1)
    def test_hangs(printed): printed("no test has finished")

    @mark.resources("db")
    def test_db(): pass

    @mark.depends("test_hangs")
    @mark.parametrize("number", range(2))
    def test_dependant(number): pass
"""


def test_stall(project: Project, driver: tuple[str, ...]) -> None:
    """After long without progress a line says who runs and who waits for what, while it goes on."""
    project.write(
        "conftest",
        """
        from pytest_orchestra.running import stall
        stall.PATIENCE = 0.5
        """,
    )
    project.write("test_a", STALLED)
    result = project.orchestrate(*driver)
    assert result.code == PASSED
    line = result.lines("no test has finished for ")[0]
    worker = result.span("test_a.py::test_hangs").worker
    assert re.search(rf"running: test_a\.py::test_hangs \({worker}, \d+ s\); waiting: ", line)
    assert "2 for tests they depend on" in line
    if driver:
        assert "1 for 'db' (held by test_a.py::test_hangs)" in line
    else:
        assert re.search("1 for ('db'|a free worker)", line)
    assert line.startswith("orchestra: ")


@pytest.mark.parametrize("option", ["-s", "--pdb"])
def test_no_stall_line_beside_a_debugger(project: Project, option: str) -> None:
    """Where somebody may be sitting in a debugger no line is written into it."""
    project.write(
        "conftest",
        """
        from pytest_orchestra.running import stall
        stall.PATIENCE = 0.1
        """,
    )
    project.write("test_a", "import time\ndef test_a(): time.sleep(1.5)")
    result = project.orchestrate(option)
    assert result.code == PASSED
    assert not result.lines("no test has finished")
