"""How workers agree, what is put on which of them, and what plugins see of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import pytest
from harness import FAILED, INTERRUPTED, PASSED, USAGE, Project, Result

#: Tests with everything that a report can carry. The first few have nothing to tell.
TALKATIVE = """
    import logging, sys, warnings
    import pytest

    @pytest.mark.parametrize("number", range(3))
    def test_silent(number): pass

    def test_prints():
        print("to stdout")
        print("to stderr", file=sys.stderr)
        logging.getLogger("shop").warning("a log line")

    def test_properties(record_property, record_testsuite_property):
        record_property("answer", 42)

    def test_warns():
        warnings.warn("old news", DeprecationWarning)

    def test_subtests(subtests):
        for number in range(3):
            with subtests.test(msg="each", number=number):
                assert number != 1

    def test_all_subtests_pass(subtests):
        with subtests.test(number=0):
            pass

    class TestMarked:
        @pytest.mark.filterwarnings("ignore")
        @pytest.mark.parametrize("text", ["zwölf Boxkämpfer", "a b"])
        def test_method(self, text): pass

    @pytest.mark.skip(reason="not today")
    def test_skip(): pass

    def test_skips(): pytest.skip("not now")

    @pytest.mark.xfail(reason="broken")
    def test_xfails(): assert 0

    @pytest.mark.xfail(reason="not broken")
    def test_xpasses(): pass

    def test_fails():
        print("so far so good")
        assert [1, 2] == [1, 3]

    @pytest.fixture
    def bad_setup(): raise ValueError("bad setup")

    @pytest.fixture
    def bad_teardown():
        yield
        raise ValueError("bad teardown")

    def test_bad_setup(bad_setup): pass
    def test_bad_teardown(bad_teardown): assert 0
"""

#: What differs from process to process.
VOLATILE = {"at", "duration", "start", "stop", "node", "worker_id", "item_index", "testrun_uid"}


def told(result: Result, *kinds: str) -> dict[str, list[Mapping[str, Any]]]:
    """Return what plugins were told of each test, without what differs from run to run."""
    seen: dict[str, list[Mapping[str, Any]]] = {}
    for entry in result.entries:
        if entry["what"] in kinds:
            kept = {key: value for key, value in entry.items() if key not in VOLATILE}
            if "text" in kept:
                text = re.sub("0x[0-9a-f]+", "0x", re.sub(r"(?m)^\[gw\d\].*", "", kept["text"]))
                kept["text"] = [line.strip() for line in text.splitlines() if line.strip()]
            seen.setdefault(entry["nodeid"], []).append(kept)
    return seen


def test_plugins_are_told_the_same(project: Project, driver: tuple[str, ...]) -> None:
    """Reports, output, properties, warnings and subtests reach plugins as without us, in order."""
    project.configure(ini='junit_family = "xunit1"')  # the other one warns of properties
    project.write("test_a", TALKATIVE)
    plain = project.run()
    result = project.orchestrate(*driver)
    assert "INTERNALERROR" not in result.output
    assert told(result, "warning") == told(plain, "warning")
    seen, expected = (told(run, "logstart", "report", "logfinish") for run in (result, plain))
    assert seen.keys() == expected.keys()
    for nodeid, entries in expected.items():
        assert seen[nodeid] == entries
    silent = seen["test_a.py::test_silent[0]"]
    order = [entry.get("when", entry["what"]) for entry in silent]
    assert order == ["logstart", "setup", "call", "teardown", "logfinish"]


def test_hook_calls_of_a_test_are_not_repeated(project: Project) -> None:
    """For every test the controller hears one start, its phases once, and one finish."""
    project.write(
        "test_a",
        """
        import pytest
        @pytest.fixture(scope="module")
        def wide(): yield
        @pytest.mark.parametrize("number", range(40))
        def test_tiny(number, wide):
            if number % 7 == 0:
                print("something")
        """,
    )
    project.write("test_b", "import pytest\n@pytest.mark.depends('test_a.py')\ndef test_b(): pass")
    result = project.orchestrate("-n", "2")
    assert result.counts == {"passed": 41}
    calls = sorted(
        (
            (entry["nodeid"], entry.get("when", entry["what"]))
            for entry in result.entries
            if entry["what"] in ("logstart", "report", "logfinish")
        ),
        key=lambda call: call[0],
    )
    for _, group in groupby(calls, key=lambda call: call[0]):
        order = [what for _, what in group]
        assert order == ["logstart", "setup", "call", "teardown", "logfinish"]


def test_attributes_of_reports(project: Project) -> None:
    """Each report says where and when its test ran, as xdist's do, whether compact or whole."""
    project.write(
        "test_a",
        """
        import os, pytest
        @pytest.mark.parametrize("number", range(4))
        def test_silent(number, worker_id, testrun_uid, meet):
            assert worker_id == os.environ["PYTEST_XDIST_WORKER"]
            assert testrun_uid == os.environ["PYTEST_XDIST_TESTRUNUID"] == "chosen"
            assert os.environ["PYTEST_XDIST_WORKER_COUNT"] == "2"
            meet("both")
        def test_prints(worker_id):
            print(worker_id)
        def test_fails():
            assert 0
        """,
    )
    result = project.orchestrate(
        "-n", "auto", "--testrunuid=chosen", PYTEST_XDIST_AUTO_NUM_WORKERS="2"
    )
    order = [*(f"test_silent[{number}]" for number in range(4)), "test_prints", "test_fails"]
    assert len(result.reports()) == 3 * len(order)
    for report in result.reports():
        span = result.span(report["nodeid"])
        assert report["worker_id"] == report["node"] == span.worker
        assert report["testrun_uid"] == "chosen"
        assert order[report["item_index"]] == report["nodeid"].removeprefix("test_a.py::")
        assert report["start"] <= report["stop"]
        assert report["duration"] >= 0
    assert {span.worker for span in result.spans} == {"gw0", "gw1"}
    printed = "test_a.py::test_prints"
    output = ["Captured stdout call", f"{result.span(printed).worker}\n"]
    last = next(each for each in result.reports(printed) if each["when"] == "teardown")
    assert last["sections"] == [output]


def test_different_tests_on_the_workers(project: Project) -> None:
    """Workers that collected different tests stop the run, and the first of them are named."""
    project.write(
        "test_a",
        """
        import os, pytest
        worker = os.environ.get("PYTEST_XDIST_WORKER")
        def test_same(): pass
        @pytest.mark.parametrize("number", range(5 if worker == "gw0" else 1))
        def test_more(number): pass
        @pytest.mark.parametrize("name", [worker])
        def test_named(name): pass
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.code == INTERRUPTED
    assert not result.spans
    assert "INTERNALERROR" not in result.output
    assert result.lines(r"^workers collected different tests: gw[01] [37], gw[01] [37]$")
    surplus = ", ".join(f"test_a.py::test_more[{number}]" for number in (1, 2, 3))
    assert result.lines(rf"^only in gw0: {surplus} and 2 more$".replace("[", r"\["))
    assert result.lines(r"^only in gw1: test_a.py::test_named\[gw1\]$")
    assert result.lines("look for sets, random values, times or worker names in parametrize")


def test_another_order_on_a_worker(project: Project) -> None:
    """The same tests in another order are accepted, and each result goes to the right test."""
    project.write(
        "conftest",
        """
        import os
        def pytest_collection_modifyitems(items):
            if os.environ.get("PYTEST_XDIST_WORKER") == "gw1":
                items.reverse()
        """,
    )
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.parametrize("number", range(2))
        def test_met(number, meet): meet("both")
        @pytest.mark.parametrize("number", range(20))
        @pytest.mark.depends("test_met")
        def test_odd_fails(number):
            print("number", number)
            assert number % 2 == 0
        @pytest.mark.parametrize("number", range(20))
        @pytest.mark.depends("test_odd_fails", match_params=True)
        def test_after(number): pass
        """,
    )
    result = project.orchestrate("-n", "2")
    assert {span.worker for span in result.spans} == {"gw0", "gw1"}
    for number in range(20):
        even = number % 2 == 0
        first, after = (f"test_a.py::test_{each}[{number}]" for each in ("odd_fails", "after"))
        assert result.verdicts[first] == ("passed" if even else "failed")
        assert result.verdicts[after] == ("passed" if even else "blocked")
        call = next(each for each in result.reports(first) if each["when"] == "call")
        assert ["Captured stdout call", f"number {number}\n"] in call["sections"]


GROUPS = """
    import time
    from pytest import mark

    def work(): time.sleep(0.03)

    @mark.parametrize("number", range(4))
    def test_plain(number): work()

    class TestFirst:
        @mark.parametrize("number", range(4))
        def test_method(self, number): work()

    @mark.xdist_group("net")
    @mark.parametrize("number", range(4))
    def test_net(number): work()

    @mark.xdist_group(name="net")
    class Test_net:
        def test_method(self): work()
"""


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        (["--dist", "loadfile"], [r"test_a.py", r"test_b.py"]),
        (
            ["--dist", "loadscope"],
            [
                "test_a.py::test_",
                "test_a.py::TestFirst",
                "test_b.py::test_",
                "test_b.py::TestFirst",
            ],
        ),
        (["--dist", "loadgroup"], ["_net"]),
        ([], ["_net"]),
    ],
    ids=["loadfile", "loadscope", "loadgroup", "load"],
)
def test_same_worker(project: Project, options: list[str], groups: list[str]) -> None:
    """What ``--dist`` or ``xdist_group`` puts together runs on one worker, under its own name."""
    project.write("test_a", GROUPS)
    project.write("test_b", GROUPS)
    result = project.orchestrate("-n", "2", *options)
    assert result.counts == {"passed": 26}
    assert {span.worker for span in result.spans} == {"gw0", "gw1"}
    for group in groups:
        workers = {span.worker for span in result.spans if group in span.nodeid}
        assert len(workers) == 1, group
    assert {report["nodeid"] for report in result.reports()} == set(result.verdicts)
    assert "@" not in "".join(result.verdicts)


def test_without_groups_tests_spread(project: Project) -> None:
    """Only what asks for it is kept together, also with ``--tx``; ``-s`` costs no report."""
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.parametrize("number", range(2))
        def test_a(number, meet):
            print("said aloud")
            meet("both")
        """,
    )
    result = project.orchestrate("--tx", "2*popen", "--dist", "load", "-s")
    assert result.counts == {"passed": 2}
    assert {span.worker for span in result.spans} == {"gw0", "gw1"}


def test_no_workers(project: Project) -> None:
    """``-n 0`` runs the tests in this process: ``-s`` shows what they print, fixtures say so."""
    project.write(
        "test_a",
        """
        def test_a(worker_id, testrun_uid):
            print("said aloud by", worker_id)
            assert testrun_uid
        """,
    )
    result = project.orchestrate("-n", "0", "-s")
    assert result.counts == {"passed": 1}
    assert result.span("test_a.py::test_a").worker == "main"
    assert result.lines("^test_a.py said aloud by master$")


def test_without_xdist(project: Project) -> None:
    """Where xdist is not loaded the tests run in this process."""
    project.plugins = ("orchestra", "witness")
    project.write("test_a", "def test_a(): pass")
    result = project.orchestrate()
    assert result.code == PASSED
    assert result.counts == {"passed": 1}


def test_debugger(project: Project) -> None:
    """``--pdb`` stops in the failed test, and the rest runs when it goes on."""
    project.write(
        "test_a",
        """
        import pytest
        def test_fails():
            number = 41
            assert number == 42
        @pytest.mark.depends("test_fails", when="finished")
        def test_after(): pass
        @pytest.mark.depends("test_fails")
        def test_blocked(): pass
        """,
    )
    process = project.start("--orchestrate", "--pdb")
    assert process.stdin is not None
    process.stdin.write(b"p 'number is', number\nc\n")
    result = project.finish(process)
    assert result.code == FAILED
    assert result.lines("entering PDB")
    assert result.lines(r"\('number is', 41\)")
    assert result.counts == {"failed": 1, "passed": 1, "blocked": 1}


def test_debugger_with_workers(project: Project) -> None:
    """``--pdb`` with workers is refused, since nobody could talk to it."""
    project.write("test_a", "def test_a(): assert 0")
    result = project.orchestrate("-n", "2", "--pdb")
    assert result.code == USAGE
    assert not result.spans
    assert result.lines("^ERROR: --pdb is incompatible with distributing tests")
