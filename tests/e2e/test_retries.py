"""Failed tests are tried again: later, alone, elsewhere, and not for ever."""

from __future__ import annotations

import shutil
from itertools import pairwise

import pytest
from harness import FAILED, INTERRUPTED, PASSED, USAGE, WITHOUT_DELAY, Project, Result

#: What the tests below fail by: how often the test of that name has run, in whatever process.
COUNTING = """
    import pathlib, pytest

    @pytest.fixture(scope="session")
    def attempt():
        def count(name):
            place = pathlib.Path("attempts", name)
            place.mkdir(parents=True, exist_ok=True)
            number = len(list(place.iterdir())) + 1
            (place / str(number)).touch()
            return number
        return count
"""

#: In two of three ways a test fails at first.
SUITE = """
    import os, signal, pytest

    def test_flaky(attempt):
        assert attempt("flaky") == 2, "not yet"

    def test_broken(attempt):
        assert attempt("broken") == 0, "never"

    @pytest.mark.depends("test_flaky")
    def test_after(): pass

    @pytest.mark.depends("test_broken")
    def test_blocked(): pass

    @pytest.mark.parametrize("number", range(20))
    def test_tiny(number): pass
"""


@pytest.fixture(autouse=True)
def counting(project: Project) -> None:
    """Let the tests of each project count how often they run, and be tried again at once."""
    project.write("conftest", COUNTING + WITHOUT_DELAY)


@pytest.fixture
def delay(project: Project) -> None:
    """Let no test be tried again for long."""
    project.write("conftest", COUNTING + WITHOUT_DELAY.replace("0.01", "600.0"))


def check_alone(result: Result, *nodeids: str) -> None:
    """Assert that each further time that a test ran, nothing ran beside it."""
    __tracebackhide__ = True
    for nodeid in nodeids:
        _, *later = [span for span in result.spans if span.nodeid == nodeid]
        assert later, f"{nodeid} ran once"
        for span in later:
            beside = [
                other.nodeid
                for other in result.spans
                if other != span and other.began < span.ended and span.began < other.ended
            ]
            assert not beside, f"{nodeid} ran beside {beside}"


def workers_of(result: Result, nodeid: str) -> list[str]:
    """Return where a test ran, each time that it did."""
    return [span.worker for span in result.spans if span.nodeid == nodeid]


def test_what_passes_later_is_flaky_and_what_never_does_has_failed(
    project: Project, driver: tuple[str, ...]
) -> None:
    """Dependants wait for the last attempt, and the failures of all are told."""
    project.write("test_a", SUITE)
    result = project.orchestrate("--orchestrate-retries", "2", *driver)
    assert result.code == FAILED
    expected = {"failed": 1, "flaky": 1, "passed": 21, "blocked": 1, "rerun": 3}
    assert result.counts == expected
    assert result.verdicts["test_a.py::test_flaky"] == "flaky"
    assert result.verdicts["test_a.py::test_after"] == "passed"
    assert result.verdicts["test_a.py::test_blocked"] == "blocked"
    assert len(workers_of(result, "test_a.py::test_broken")) == 3
    check_alone(result, "test_a.py::test_flaky", "test_a.py::test_broken")
    assert result.lines(r"^24 tests collected: 21 passed, 1 flaky, 1 failed, 1 blocked$")
    assert result.lines(r"^  test_a.py::test_flaky  failed on \w+, passed on \w+$")
    assert result.lines(r"^    attempt 1, call: AssertionError: not yet$")
    assert result.lines(r"^  test_a.py::test_broken  failed on \w+, failed on \w+, failed on \w+$")
    outcomes = [each["outcome"] for each in result.reports("test_a.py::test_broken")]
    assert [each for each in outcomes if each != "passed"] == ["rerun", "rerun", "failed"]
    assert result.junit_names["test_a::test_blocked"] == 1
    failures = [each for each in result.testcases if each.find("failure") is not None]
    assert [each.get("name") for each in failures] == ["test_broken"]


def test_a_skip_does_not_hide_the_failure_before_it(
    project: Project, driver: tuple[str, ...]
) -> None:
    """The run passes, says what had failed, and fails if flaky tests are to make it fail."""
    project.write(
        "test_a",
        """
        import pytest

        def test_skips(attempt):
            assert attempt("skips") == 2, "no database"
            pytest.skip("no database")

        def test_expects(attempt):
            assert attempt("expects") == 2, "no server"
            pytest.xfail("no server")
        """,
    )
    for options, code in (((), PASSED), (("--orchestrate-fail-on-flaky",), FAILED)):
        shutil.rmtree(project.path / "attempts", ignore_errors=True)
        result = project.orchestrate("--orchestrate-retries", "1", *options, *driver)
        assert result.code == code
        assert result.lines("^failed, then skipped or xfailed when tried again:$")
        assert result.lines(r"^  test_a.py::test_skips  failed on \w+, skipped on \w+$")
        assert result.lines(r"^  test_a.py::test_expects  failed on \w+, xfailed on \w+$")
        assert result.lines("attempt 1, call: AssertionError: no database$")
        told = result.lines("2 tests failed and then skipped or xfailed, so the run has failed")
        assert len(told) == (code == FAILED)


def test_patterns_that_match_nothing_are_told(project: Project, driver: tuple[str, ...]) -> None:
    """In one line, with marks of nearly that name; not where only some tests are asked for."""
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.network
        @pytest.mark.retries(1)
        def test_one(): pass
        @pytest.mark.network
        def test_two(): pass
        def test_b(): pass
        """,
    )
    project.configure(
        """
        [tool.pytest_orchestra.retries]
        "test_a.py" = 2
        "mark:network" = 2
        "mark:netwrok" = 2
        "tests/e2e/**" = 3
        """
    )
    told = "match no test: 'mark:netwrok' (did you mean mark:network?), 'tests/e2e/**'"
    result = project.orchestrate(*driver)
    (line,) = result.lines("match no test")
    assert line.startswith("orchestra: patterns in [tool.pytest_orchestra.retries] ")
    assert line.endswith(told)
    for options in (("-k", "one"), ("test_a.py",), ("--orchestrate-retries=0",)):
        assert not project.orchestrate(*options).lines("match no test")


def test_workers_take_turns(project: Project) -> None:
    """With three workers a test is tried on each, and never twice on one."""
    project.write("test_a", SUITE)
    result = project.orchestrate("--orchestrate-retries", "2", "-n", "3")
    assert len(set(workers_of(result, "test_a.py::test_broken"))) == 3
    assert len(set(workers_of(result, "test_a.py::test_flaky"))) == 2


def test_a_group_is_tried_again_where_it_is(project: Project) -> None:
    """Tests of an xdist_group stay on their worker."""
    project.write(
        "test_a",
        """
        import pytest
        pytestmark = pytest.mark.xdist_group("g")
        def test_flaky(attempt): assert attempt("flaky") == 2
        def test_other(): pass
        """,
    )
    result = project.orchestrate("--orchestrate-retries", "1", "-n", "2")
    assert result.code == PASSED
    assert len({span.worker for span in result.spans}) == 1


@pytest.mark.parametrize("death", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_test_that_took_its_worker_down_is_tried_elsewhere(project: Project, death: str) -> None:
    """It counts as failed, and may pass then; each attempt is in the record by itself."""
    project.write(
        "test_a",
        f"""
        import os, signal, pytest
        def test_crash(attempt):
            if attempt("crash") < 3:
                {death}
        @pytest.mark.parametrize("number", range(20))
        def test_tiny(number): pass
        """,
    )
    result = project.orchestrate("--orchestrate-retries", "2", "-n", "2")
    assert result.code == PASSED
    assert result.counts == {"passed": 20, "flaky": 1, "rerun": 2}
    first, second, third = workers_of(result, "test_a.py::test_crash")
    assert result.lines(
        rf"^  test_a.py::test_crash  failed on {first}, failed on {second}, passed on {third}$"
    )
    assert first != second != third
    assert len(result.lines(r"^    attempt \d, \w+: .*crashed while running")) == 2


def test_a_worker_alone_is_replaced_before_its_test_is_tried_again(project: Project) -> None:
    """Nobody else is there to try it."""
    project.write(
        "test_a", 'def test_crash(attempt): attempt("crash") > 1 or __import__("os")._exit(3)'
    )
    result = project.orchestrate("--orchestrate-retries", "1", "-n", "1")
    assert (result.code, result.counts) == (PASSED, {"flaky": 1, "rerun": 1})
    assert workers_of(result, "test_a.py::test_crash") == ["gw0", "gw1"]


def test_the_exit_code_says_it_if_asked(project: Project, driver: tuple[str, ...]) -> None:
    """A flaky test alone makes no run fail, but with --orchestrate-fail-on-flaky."""
    project.write("test_a", 'def test_flaky(attempt): assert attempt("flaky") % 2 == 0')
    options = ("--orchestrate-retries", "1", *driver)
    assert project.orchestrate(*options).code == PASSED
    result = project.orchestrate(*options, "--orchestrate-fail-on-flaky")
    assert result.code == FAILED
    assert result.counts == {"flaky": 1, "rerun": 1}
    assert result.lines("^1 test is flaky, so the run has failed .--orchestrate-fail-on-flaky.$")
    result = project.orchestrate(*options, "--orchestrate-fail-on-flaky", "-q")
    assert result.lines("^orchestra: 1 test is flaky, so the run has failed ")


def test_verbose_tells_of_attempts_and_shows_what_failed(
    project: Project, driver: tuple[str, ...]
) -> None:
    """Which attempt begins where, and the whole text of those that failed."""
    project.write("test_a", SUITE)
    result = project.orchestrate("--orchestrate-retries", "1", "-v", *driver)
    assert result.lines(r"^orchestra: retrying test_a.py::test_flaky on \w+, attempt 2 of 2$")
    assert result.lines(r"^      E +AssertionError: not yet$")
    assert result.lines(r"RERUN.*test_a.py::test_flaky|test_a.py::test_flaky.*RERUN")
    assert result.lines(r"FLAKY.*test_a.py::test_flaky|test_a.py::test_flaky.*FLAKY")


def test_only_final_failures_count_for_maxfail(project: Project, driver: tuple[str, ...]) -> None:
    """Flaky tests stop nothing; the first that has failed for good does."""
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.retries(1)
        @pytest.mark.parametrize("name", "ab")
        def test_flaky(name, attempt): assert attempt(name) == 2
        @pytest.mark.parametrize("number", range(10))
        def test_tiny(number): pass
        @pytest.mark.retries(1)
        @pytest.mark.depends("test_flaky")
        def test_broken(): assert 0
        @pytest.mark.order(after="test_broken")
        def test_late(): pass
        """,
    )
    result = project.orchestrate("-x", *driver)
    assert result.code == FAILED
    assert result.counts == {"failed": 1, "passed": 10, "flaky": 2, "rerun": 3}
    assert result.verdicts["test_a.py::test_late"] == "not run"


@pytest.mark.usefixtures("delay")
def test_a_stop_reports_what_was_to_be_tried_again(
    project: Project, driver: tuple[str, ...]
) -> None:
    """Its failure is the last word: in the counts, in JUnit's file and for --lf."""
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.retries(1)
        def test_first(): assert 0, "first"
        @pytest.mark.depends("test_second")
        def test_third(): pass
        def test_second(witnessed):
            witnessed('"outcome": "rerun"')
            assert 0, "second"
        """,
    )
    result = project.orchestrate("-x", *driver)
    assert result.code == FAILED
    assert result.verdicts["test_a.py::test_first"] == "failed"
    assert result.counts == {"failed": 2, "rerun": 1}
    assert result.lines("^FAILED test_a.py::test_first - AssertionError: first")
    failures = [each for each in result.testcases if each.find("failure") is not None]
    assert {each.get("name") for each in failures} == {"test_first", "test_second"}
    again = project.run("--lf", "--collect-only", "-q")
    assert again.lines("^test_a.py::test_first$")


def test_a_flaky_test_is_none_of_those_that_failed_last(
    project: Project, driver: tuple[str, ...]
) -> None:
    """--lf runs what has failed in the end, with what that needs."""
    project.write("test_a", SUITE)
    project.orchestrate("--orchestrate-retries", "1", *driver)
    again = project.run("--lf", "--collect-only", "-q")
    assert again.lines("^test_a.py::") == ["test_a.py::test_broken", "test_a.py::test_blocked"]


@pytest.mark.usefixtures("delay")
def test_nothing_is_tried_again_when_most_fail(project: Project, driver: tuple[str, ...]) -> None:
    """It is not the tests then; what was to be tried again has failed."""
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.parametrize("number", range(12))
        def test_down(number): assert number % 2
        """,
    )
    result = project.orchestrate("--orchestrate-retries", "3", *driver)
    assert result.code == FAILED
    assert (result.counts["failed"], result.counts["passed"]) == (6, 6)
    assert len(result.begun) == 12
    text = "more than 30 % of the tests failed at first"
    assert result.lines(f"^orchestra: {text}: nothing is tried again from now on$")
    assert result.lines(f"^{text}, so nothing was tried again from then on$")
    assert {*result.verdicts.values()} == {"failed", "passed"}


def test_fixtures_that_failed_are_set_up_again_and_others_stay(
    project: Project, driver: tuple[str, ...]
) -> None:
    """Of a class and a module; a session's stays up where it is up, and an instance is a new one."""
    project.write(
        "test_a",
        """
        import pytest

        @pytest.fixture(scope="session")
        def server(attempt):
            return attempt("server-" + __import__("os").environ.get("PYTEST_XDIST_WORKER", ""))

        @pytest.fixture(scope="module")
        def module(server, attempt):
            assert attempt("module") >= 2
            return 5

        class TestClass:
            @pytest.fixture(scope="class")
            @classmethod
            def thing(cls, attempt):
                assert attempt("class") >= 2

            def test_method(self, attempt, thing, module, server):
                assert not hasattr(self, "touched")
                self.touched = True
                assert attempt("method") == 2
                assert module == 5
                assert server == 1
        """,
    )
    result = project.orchestrate("--orchestrate-retries", "5", *driver)
    assert (result.code, result.counts) == (PASSED, {"flaky": 1, "rerun": 3})


def test_a_failed_teardown_is_tried_again(project: Project, driver: tuple[str, ...]) -> None:
    """The attempt has failed, though the test itself passed."""
    project.write(
        "test_a",
        """
        import pytest
        @pytest.fixture
        def thing(attempt):
            yield
            assert attempt("thing") == 2
        def test_thing(thing): pass
        """,
    )
    result = project.orchestrate("--orchestrate-retries", "1", *driver)
    assert result.code == PASSED
    assert result.verdicts == {"test_a.py::test_thing": "flaky"}
    assert result.lines("^  test_a.py::test_thing  error on .*, passed on ")


def test_data_is_that_of_the_attempt_that_passed(project: Project, driver: tuple[str, ...]) -> None:
    """What a failed attempt provided is void, and cleaners wait for the last."""
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.provides("user")
        def test_user(outputs, attempt):
            number = attempt("user")
            outputs["user"] = number
            assert number == 3
        @pytest.mark.depends(data="user")
        def test_uses(inputs, attempt):
            assert inputs["user"] == 3
            assert attempt("uses") == 2
        @pytest.mark.cleans("user")
        def test_cleans(inputs):
            assert inputs["user"] == 3
        """,
    )
    result = project.orchestrate("--orchestrate-retries", "2", *driver)
    assert result.code == PASSED
    assert result.counts == {"passed": 1, "flaky": 2, "rerun": 3}
    assert result.begun[-1] == "test_a.py::test_cleans"


def test_resources_are_held_at_each_attempt(project: Project, driver: tuple[str, ...]) -> None:
    """An attempt gets its lease, whatever the earlier ones had."""
    project.configure('[tool.pytest_orchestra.resources]\nport = ["a", "b"]')
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.resources(port=2)
        def test_both(leases, attempt):
            assert set(leases["port"].names) == {"a", "b"}
            assert attempt("both") == 2
        @pytest.mark.resources("port")
        @pytest.mark.parametrize("number", range(4))
        def test_one(number, leases): assert len(leases["port"].names) == 1
        """,
    )
    result = project.orchestrate("--orchestrate-retries", "1", *driver)
    assert (result.code, result.counts) == (PASSED, {"passed": 4, "flaky": 1, "rerun": 1})


def test_subtests_of_an_earlier_attempt_do_not_count(
    project: Project, driver: tuple[str, ...]
) -> None:
    """They failed then, and pass now, in whatever process."""
    pytest.importorskip("_pytest.subtests", reason="since pytest 9")
    project.write(
        "test_a",
        """
        def test_parts(subtests, attempt):
            number = attempt("parts")
            with subtests.test("one"):
                assert number == 2
        """,
    )
    result = project.orchestrate("--orchestrate-retries", "1", *driver)
    assert result.verdicts == {"test_a.py::test_parts": "flaky"}
    assert result.code == PASSED


def test_a_flaky_test_counts_once_whatever_its_subtests_say(
    project: Project, driver: tuple[str, ...]
) -> None:
    """Neither the subtests of its last attempt are flaky ones more, nor has the first attempt failed."""
    pytest.importorskip("_pytest.subtests", reason="since pytest 9")
    project.write(
        "test_a",
        """
        import unittest
        from pathlib import Path
        def test_parts(subtests, attempt):
            number = attempt("parts")
            for part in range(3):
                with subtests.test(part=part):
                    assert number == 2 or part != 1
        class TestOld(unittest.TestCase):
            def test_old(self):
                been = Path("been")
                for part in range(3):
                    with self.subTest(part=part):
                        if part == 1 and not been.exists():
                            been.touch()
                            self.fail()
        """,
    )
    result = project.orchestrate("--orchestrate-retries", "1", *driver)
    assert (result.code, result.counts["flaky"]) == (PASSED, 2)
    assert "failed" not in result.counts


def test_who_says_how_often(project: Project, driver: tuple[str, ...]) -> None:
    """The marker that is nearest, else the first pattern that matches, else the default."""
    project.configure(
        """
        [tool.pytest_orchestra.retries]
        default = 1
        "test_b.py::test_*[[]x]" = 3
        "mark:network" = 2
        "sub/**" = 0
        """,
        ini='markers = ["network"]',
    )
    test = """
        import pytest
        pytestmark = pytest.mark.retries(4)
        @pytest.mark.retries(0)
        def test_none(attempt): assert attempt("none") == 0
        def test_module(attempt): assert attempt("module") == 5
    """
    project.write("test_a", test)
    project.write(
        "test_b",
        """
        import pytest
        @pytest.mark.network
        def test_network(attempt): assert attempt("network") == 3
        @pytest.mark.parametrize("name", "xy")
        def test_params(attempt, name): assert attempt(name) == 9
        @pytest.mark.parametrize("number", range(20))
        def test_tiny(number): pass
        """,
    )
    project.write("sub/test_c", 'def test_sub(attempt): assert attempt("sub") == 0')
    result = project.orchestrate("-o", "python_files=test_*.py", *driver)
    runs = {nodeid.partition("::")[2]: result.begun.count(nodeid) for nodeid in result.verdicts}
    expected = {
        "test_none": 1,
        "test_module": 5,
        "test_network": 3,
        "test_params[x]": 4,
        "test_params[y]": 2,
        "test_sub": 1,
    }
    assert {name: runs[name] for name in expected} == expected
    off = project.orchestrate("--orchestrate-retries", "0", *driver)
    assert len(off.begun) == len(off.verdicts)


@pytest.mark.parametrize(
    ("number", "table", "marker", "text"),
    [
        ("many", "", "1", "--orchestrate-retries is 'many', not a whole number from 0 to 1000"),
        ("-1", "", "1", "--orchestrate-retries is '-1', not a whole number"),
        ("1", "retries = true", "1", "pyproject.toml: tool.pytest_orchestra.retries is True, not"),
        ("1", 'retries = { "mark:" = 2 }', "1", "has a pattern without a name: 'mark:'"),
        ("1", 'retries = { "a*" = 1.5 }', "1", "tool.pytest_orchestra.retries.a[*] is 1.5, not"),
        ("1", "", "-2", "test_a.py:2: retries: -2 is not a whole number from 0 to 1000"),
        ("1", "", "", "test_a.py:2: retries: it takes one number"),
        ("1", "", "n=2", "test_a.py:2: retries: it takes one number"),
    ],
)
def test_mistakes_are_told_where_they_are(
    project: Project, number: str, table: str, marker: str, text: str
) -> None:
    """Before any test runs, with what to write instead."""
    project.configure(f"[tool.pytest_orchestra]\n{table}")
    project.write("test_a", f"import pytest\n@pytest.mark.retries({marker})\ndef test_a(): pass\n")
    result = project.orchestrate(f"--orchestrate-retries={number}")
    assert result.code == USAGE
    assert result.lines(text)
    assert not result.begun


@pytest.mark.usefixtures("delay")
def test_an_interrupted_run_tells_of_what_had_failed(project: Project) -> None:
    """What was to be tried again is among the failures that are printed."""
    project.write(
        "test_a",
        """
        import os, signal, pytest
        def test_broken(): assert 0, "broken"
        @pytest.mark.depends("test_broken", when="finished")
        def test_late(): pass
        def test_interrupts(): os.kill(os.getpid(), signal.SIGINT)
        """,
    )
    result = project.orchestrate("--orchestrate-retries", "1")
    assert result.code == INTERRUPTED
    assert result.verdicts["test_a.py::test_broken"] == "failed"
    assert result.lines("^E +AssertionError: broken")


def test_each_attempt_takes_longer_to_come(project: Project) -> None:
    """A second after the first failure, two after the next."""
    project.write("conftest", COUNTING)
    project.write("test_a", 'def test_flaky(attempt): assert attempt("flaky") == 3')
    result = project.orchestrate("--orchestrate-retries", "2")
    pauses = [later.began - earlier.ended for earlier, later in pairwise(result.spans)]
    assert pauses[0] >= 0.99
    assert pauses[1] >= 1.99
