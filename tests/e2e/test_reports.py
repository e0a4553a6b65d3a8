"""Reports of real runs, as others read them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from harness import FAILED, PASSED, USAGE, Project
from junitparser import JUnitXml
from reported import check_ctrf, check_junit

from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.record_file import read_record

FILES = ["ctrf.json", "junit.xml", "record.json.gz", "report.html", "summary.md", "trace.json"]

SUITE = r"""
    import sys, pytest

    def test_passes(record_property):
        record_property("seed", "\x1b[31m 7")
        record_property("path", object)
        print("fine")

    def test_fails():
        print("]]> \x00 \x1b[0m </script>")
        print("x" * 1_000_000, file=sys.stderr)
        assert 0, "no \ud800 luck"

    @pytest.fixture
    def broken():
        raise KeyError("gone")

    def test_errs(broken): pass

    @pytest.fixture
    def spoilt():
        yield
        raise KeyError("gone")

    def test_spoils(spoilt): pass

    @pytest.mark.skip(reason="not now")
    def test_skipped(): pass

    @pytest.mark.xfail(reason="known")
    def test_xfails(): assert 0

    @pytest.mark.xfail
    def test_xpasses(): pass

    @pytest.mark.depends("test_fails")
    def test_blocked(): pass

    @pytest.mark.parametrize("path", ["a/b", "c::d", "[e]", "f.py", "<&>'\"|`", "\x07"])
    def test_with(path): pass

    class TestClass:
        class TestInner:
            def test_method(self): pass
"""

PLAIN = "def test_a(): pass\ndef test_b(): pass\n"


def test_all_forms_of_a_real_run(project: Project, driver: tuple[str, ...]) -> None:
    """Every file is valid, has every test once, and agrees with the others and with pytest's own."""
    project.write("sub/test_a", SUITE)
    result = project.orchestrate(*driver, "--orchestrate-report", "out/report")
    folder = project.path / "out" / "report"
    assert result.code == FAILED
    assert sorted(each.name for each in folder.iterdir()) == FILES
    assert result.lines(
        r"reports in .*/out/report: junit.xml, ctrf.json, report.html, summary.md, trace.json"
    )

    root = check_junit(folder / "junit.xml")
    names = Counter(
        f"{each.get('classname')}::{each.get('name')}" for each in root.iter("testcase")
    )
    assert names == result.junit_names
    (suite,) = JUnitXml.fromfile(str(folder / "junit.xml"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (15, 1, 2, 3)
    lines = {str(each.get("name")): each.get("line") for each in root.iter("testcase")}
    assert (lines["test_passes"], lines["test_fails"]) == ("3", "8")

    document = json.loads((folder / "ctrf.json").read_bytes())
    check_ctrf(document)
    record = read_record(folder / "record.json.gz")
    told = {each["rawStatus"] for each in document["results"]["tests"]}
    assert told == set(record.counts)
    assert {case.spec.nodeid: case.verdict for case in record.cases} == result.verdicts
    assert record.counts[Verdict.PASSED] == 8
    assert dict(record.surroundings.versions)["pytest"] == pytest.__version__

    events = json.loads((folder / "trace.json").read_bytes())["traceEvents"]
    assert sum(each.get("cat") == "test" for each in events) == 14
    assert "❌ 3 of 15 tests failed" in (folder / "summary.md").read_text()


def test_failures_say_the_same_as_in_pytests_file(
    project: Project, driver: tuple[str, ...]
) -> None:
    """Messages of failures, errors and skips are pytest's, but for the exception's module."""
    project.write("test_a", SUITE)
    result = project.orchestrate(*driver, "--orchestrate-junit", "ours.xml")
    kinds = {"failure", "error", "skipped"}
    theirs, ours = (
        {
            (each.get("name"), one.tag, one.get("message"))
            for each in cases
            for one in each
            if one.tag in kinds and each.get("name") != "test_fails"
        }
        for cases in (result.testcases, check_junit(project.path / "ours.xml").iter("testcase"))
    )
    assert ours == theirs


def test_each_form_alone(project: Project) -> None:
    """Each goes to the file that was named, directories are made, and nothing else is written."""
    project.write("test_a", PLAIN)
    result = project.orchestrate(
        *("--orchestrate-junit", "a/x.xml", "--orchestrate-ctrf", "b/c.json"),
        *("--orchestrate-summary", "s.md", "--orchestrate-trace", "t.json"),
        *("--orchestrate-html", "h/r.html"),
        *("--orchestrate-json", "r.json.gz", "--orchestrate-junit-dialect=surefire"),
        "--orchestrate-junit-max-tests=1",
    )
    assert result.code == PASSED
    for name in ("a/x.xml", "a/x-2.xml"):
        check_junit(project.path / name, "surefire")
    assert (project.path / "h" / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert (project.path / "s.md").read_text().startswith("## ✅ 2 tests, none failed")
    assert len(read_record(project.path / "r.json.gz").cases) == 2
    for name in ("b/c.json", "t.json"):
        json.loads((project.path / name).read_bytes())


def test_the_directory_can_stand_in_the_configuration(project: Project) -> None:
    """Then it counts from the root directory; the command line overrides it."""
    project.configure('[tool.pytest_orchestra]\nreport = "made/here"')
    project.write("sub/test_a", PLAIN)
    assert project.orchestrate("-q").code == PASSED
    assert sorted(each.name for each in (project.path / "made" / "here").iterdir()) == FILES
    assert project.orchestrate("--orchestrate-report", "there").code == PASSED
    assert (project.path / "there" / "junit.xml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--orchestrate-report", "file"), "--orchestrate-report: .*/file is a file; name a dir"),
        (("--orchestrate-junit", "."), "the report .* is a directory; name a file"),
        (("--orchestrate-ctrf", "file/a.json"), "file is not a directory; name another place"),
        (
            ("--orchestrate-ctrf", "here.xml", "--orchestrate-junit", "sub/../here.xml"),
            "--orchestrate-junit and --orchestrate-ctrf both write .*here.xml; name another",
        ),
        (
            ("--orchestrate-report", "out", "--junitxml", "out/junit.xml"),
            "--orchestrate-junit and --junitxml both write .*out/junit.xml; name another",
        ),
        (("--orchestrate-junit-max-tests", "0"), "'0' is not a whole number of at least 1"),
        (("--orchestrate-junit-dialect", "jest"), "invalid choice: 'jest'"),
    ],
)
def test_what_cannot_work_is_refused_before_any_test_runs(
    project: Project, arguments: tuple[str, ...], message: str
) -> None:
    """The place, or the value, is named."""
    project.write("test_a", PLAIN)
    project.write("file.txt", "")
    (project.path / "file").touch()
    result = project.orchestrate(*arguments)
    assert result.code == USAGE
    assert result.lines(message), result.output
    assert not result.begun


def test_a_wrong_type_in_the_configuration_is_an_error(project: Project) -> None:
    """The key is named."""
    project.configure("[tool.pytest_orchestra]\nreport = true")
    project.write("test_a", PLAIN)
    result = project.orchestrate()
    assert result.code == USAGE
    assert result.lines("tool.pytest_orchestra.report is True, not the path of a directory")


def test_a_report_that_cannot_be_written_fails_the_run(
    project: Project, driver: tuple[str, ...]
) -> None:
    """One line names it, the other reports are there, no verdict changes, and the exit code is 1."""
    project.write(
        "test_a",
        """
        import pathlib

        def test_in_the_way():
            pathlib.Path("out").mkdir()
            pathlib.Path("out/junit.xml").mkdir()
        """,
    )
    result = project.orchestrate(*driver, "--orchestrate-report", "out")
    assert result.code == FAILED
    assert result.counts == {"passed": 1}
    assert result.lines(
        "orchestra: the report .*/out/junit.xml could not be written, so the run has failed: Is a dir"
    )
    assert result.lines("reports in .*/out: ctrf.json, report.html, summary.md")
    assert "Traceback" not in result.output


def test_a_summary_is_added_to_the_step_of_github(project: Project) -> None:
    """Without any option; what the step has said before stays, and a failure to add it is no failure."""
    project.write("test_a", PLAIN)
    step = project.path / "step.md"
    step.write_text("before\n")
    assert project.orchestrate(GITHUB_STEP_SUMMARY=str(step)).code == PASSED
    assert step.read_text().startswith("before\n\n## ✅ 2 tests, none failed\n")
    result = project.orchestrate(GITHUB_STEP_SUMMARY=str(project.path / "no" / "step.md"))
    assert result.code == PASSED
    assert result.lines("no/step.md could not be written: No such file or directory")


def test_nothing_is_written_unless_asked_for(project: Project, tmp_path: Path) -> None:
    """Neither without an option, nor where no test is to run, nor by workers."""
    project.write("test_a", PLAIN)
    project.orchestrate("-n2")
    project.orchestrate("--collect-only", "--orchestrate-report", str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
    assert not {each.name for each in project.path.iterdir()} & set(FILES) - {"junit.xml"}


@pytest.mark.parametrize("goes_on", [False, True])
def test_files_that_cannot_be_collected_are_in_the_reports(
    project: Project, driver: tuple[str, ...], *, goes_on: bool
) -> None:
    """Also where no test is run for it, so that nobody takes an earlier report for this run's."""
    project.write("test_a", PLAIN)
    project.write("sub/test_b", "import nothing_like_it")
    project.write("test_c", "import pytest\npytest.skip('no c', allow_module_level=True)")
    options = ("--continue-on-collection-errors",) if goes_on else ()
    result = project.orchestrate(*driver, *options, "--orchestrate-report", "out")
    root = check_junit(project.path / "out" / "junit.xml")
    names = Counter(
        f"{each.get('classname')}::{each.get('name')}" for each in root.iter("testcase")
    )
    assert names == result.junit_names
    assert len(names) == (4 if goes_on else 2)
    (error,) = root.iter("error")
    assert error.get("message") == "collection failure"
    assert "nothing_like_it" in str(error.text)
    record = read_record(project.path / "out" / "record.json.gz")
    assert [(each.nodeid, each.is_skipped) for each in record.uncollected] == [
        ("sub/test_b.py", False),
        ("test_c.py", True),
    ]
    assert (record.stopped is None) == goes_on


def test_a_usage_error_leaves_no_report_of_another_run(project: Project) -> None:
    """What is there says that no test was run; where tests are only listed nothing is written."""
    project.write(
        "test_a", PLAIN + "import pytest\n@pytest.mark.depends('b')\ndef test_c(): pass\n"
    )
    result = project.orchestrate("--orchestrate-summary", "s.md")
    assert result.code == USAGE
    assert "no test was run, exit code 4" in (project.path / "s.md").read_text()
    project.orchestrate("--fixtures", "--orchestrate-summary", "t.md")
    assert not (project.path / "t.md").exists()


def test_tests_that_a_stopped_run_did_not_reach_are_in_its_reports(project: Project) -> None:
    """They are skipped, with the reason."""
    project.write("test_a", "def test_a(): assert 0\ndef test_b(): pass\n")
    result = project.orchestrate("-x", "--orchestrate-junit", "ours.xml")
    assert result.code == FAILED
    (skip,) = check_junit(project.path / "ours.xml").iter("skipped")
    assert skip.get("type") == "orchestra.not_run"
    assert str(skip.get("message")).startswith("not run: stopping after 1 failures")


def test_reruns_of_another_plugin_are_one_testcase(
    project: Project, driver: tuple[str, ...]
) -> None:
    """pytest-rerunfailures' own file has a testcase for each attempt; ours has one, which is flaky."""
    project.plugins += ("rerunfailures",)
    project.write(
        "test_a",
        """
        import pathlib

        def test_second_time():
            path = pathlib.Path("tried")
            if not path.exists():
                path.touch()
                assert 0, "first time"
        """,
    )
    result = project.orchestrate(*driver, "--reruns=2", "--orchestrate-junit", "ours.xml")
    assert result.code == PASSED
    (found,) = check_junit(project.path / "ours.xml").iter("testcase")
    (flaky,) = found.iter("flakyFailure")
    assert str(flaky.get("message")).startswith("AssertionError: first time")
    assert not list(found.iter("failure"))
