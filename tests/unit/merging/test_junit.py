from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from runs import became, run_of, verdicts

from pytest_orchestra.errors import ForeignFileError, ReportError
from pytest_orchestra.merging.junit import instant_of, read_junit
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.junit_files import write_junit
from pytest_orchestra.reports.junit_options import Dialect, JunitOptions

#: Kinds of files that each have another way to say the same.
PYTEST = """\
    <?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest"
     errors="0" failures="1" skipped="2" tests="4" time="1.2" timestamp="2026-11-25T10:00:00+00:00">
    <testcase classname="tests.test_a.TestX" name="test_y[1-a.b]" time="0.5"/>
    <testcase classname="tests.test_a" name="test_f" time="0.1"><failure
      message="AssertionError: no">trace</failure><system-out>said</system-out></testcase>
    <testcase classname="tests.test_a" name="test_s" time="0.0"><skipped type="pytest.skip"
      message="not here">a.py:1</skipped></testcase>
    <testcase classname="tests.test_a" name="test_x" time="0.0"><skipped type="pytest.xfail"
      message="known"/></testcase>
    </testsuite></testsuites>"""
SUREFIRE = """\
    <testsuite name="com.shop.CartTest" time="1,234.5" timestamp="2026-11-25T10:00:00">
    <properties><property name="java.version" value="21"/></properties>
    <testcase name="adds" classname="com.shop.CartTest" time="1,234.5"/>
    <testcase name="flaked" classname="com.shop.CartTest" time="0.2">
      <flakyFailure message="no" type="java.lang.AssertionError"><stackTrace>at x</stackTrace>
        <system-out>first try</system-out></flakyFailure></testcase>
    <testcase name="never" classname="com.shop.CartTest" time="0.2">
      <failure message="a" type="T">t1</failure>
      <rerunError message="b" type="T"><stackTrace>t2</stackTrace></rerunError></testcase>
    </testsuite>"""
JEST = """\
    <testsuites name="jest tests"><testsuite name="cart" timestamp="2026-11-25T10:00:00">
    <testcase classname="cart adds" name="cart adds" time="0.01" file="src/cart.test.js"/>
    <testcase classname="cart breaks" name="cart breaks" time="x"><failure>Error: no</failure></testcase>
    </testsuite></testsuites>"""
GO = """\
    <testsuites><testsuite tests="1" name="example.com/shop"><testcase
    classname="shop" name="TestCart/empty" time="0.000"><error/></testcase></testsuite></testsuites>"""


def read(
    folder: Path, text: str | bytes, known: dict[tuple[str, str], str] | None = None
) -> RunRecord:
    """Return what a file with this text says."""
    path = folder / "junit.xml"
    path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
    return read_junit(path, known or {}).run


@pytest.mark.parametrize("file", ["", ' file="tests/test_b.py"'])
def test_a_file_that_could_not_be_collected_is_called_as_it_is(tmp_path: Path, file: str) -> None:
    """Pytest gives it no class, and the suite's name is no module."""
    run = read(
        tmp_path,
        f"""<testsuite name="pytest"><testcase classname="" name="tests.test_b"{file}>
        <error message="collection failure">trace</error></testcase></testsuite>""",
    )
    assert [case.spec.nodeid for case in run.cases] == ["tests/test_b.py"]
    assert run.cases[0].verdict is Verdict.ERROR


def test_pytests_own_file_gives_node_ids(tmp_path: Path) -> None:
    """As far as they can be told from modules and classes."""
    run = read(tmp_path, PYTEST)
    assert {case.spec.nodeid: case.verdict for case in run.cases} == {
        "tests/test_a.py::TestX::test_y[1-a.b]": Verdict.PASSED,
        "tests/test_a.py::test_f": Verdict.FAILED,
        "tests/test_a.py::test_s": Verdict.SKIPPED,
        "tests/test_a.py::test_x": Verdict.XFAILED,
    }
    (attempt,) = run.cases[1].attempts
    assert attempt.failures[0].message == "AssertionError: no"
    assert attempt.sections == (("Captured stdout", "said"),)
    assert run.cases[2].attempts[0].reason == "not here"


def test_names_that_records_know_are_taken_from_them(tmp_path: Path) -> None:
    """A class need not begin with a capital."""
    known = {("tests.test_a.TestX", "test_y[1-a.b]"): "tests/test_a/TestX.py::test_y[1-a.b]"}
    assert read(tmp_path, PYTEST, known).cases[0].spec.nodeid == next(iter(known.values()))


def test_surefires_reruns_are_attempts(tmp_path: Path) -> None:
    """In the order in which they were."""
    run = read(tmp_path, SUREFIRE)
    assert {case.spec.nodeid: [str(a.verdict) for a in case.attempts] for case in run.cases} == {
        "com.shop.CartTest::adds": ["passed"],
        "com.shop.CartTest::flaked": ["failed", "passed"],
        "com.shop.CartTest::never": ["failed", "error"],
    }
    assert [str(case.verdict) for case in run.cases] == ["passed", "flaky", "failed"]
    assert run.cases[0].seconds == 1234.5
    assert run.cases[1].attempts[0].sections == (("Captured stdout", "first try"),)
    assert run.cases[1].attempts[0].failures[0].text == "at x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (JEST, {"cart adds::cart adds": "passed", "cart breaks::cart breaks": "failed"}),
        (GO, {"shop::TestCart/empty": "error"}),
        ("<testsuites/>", {}),
        ("<testsuite><testcase name='bare'/></testsuite>", {"bare": "passed"}),
        (
            "<testsuite><testcase name='t'><failure/></testcase><testcase name='t'/></testsuite>",
            {"t": "flaky"},
        ),
    ],
)
def test_other_tools_are_understood(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    """Whatever they leave out."""
    run = read(tmp_path, text)
    assert {case.spec.nodeid: str(case.verdict) for case in run.cases} == expected


@pytest.mark.parametrize("dialect", list(Dialect))
def test_what_we_write_is_read_again(tmp_path: Path, dialect: Dialect) -> None:
    """Every test with its verdict, and in our own dialect all attempts."""
    run = run_of(*(became(f"test_{n}", verdict) for n, verdict in enumerate(Verdict)))
    path = tmp_path / "junit.xml"
    write_junit(run, path, JunitOptions(dialect))
    found = read_junit(path, {})
    assert found.is_ours
    wanted = verdicts(run)
    if dialect is Dialect.SUREFIRE:
        # It has no words for kinds of skips, and none for a pass that was not expected.
        plain = dict.fromkeys(("xfailed", "blocked", "not run"), "skipped")
        plain |= dict.fromkeys(("xpassed", "flaky"), "passed")
        wanted = {name: plain.get(each, each) for name, each in wanted.items()}
    assert verdicts(found.run) == wanted


def test_the_same_file_is_the_same_run(tmp_path: Path) -> None:
    """Wherever it lies."""
    first = read(tmp_path, PYTEST)
    assert first.uuid
    assert first == read(tmp_path, PYTEST)
    assert first.uuid != read(tmp_path, SUREFIRE).uuid


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"", "not sound XML: no element found"),
        (b"<testsuite>", "not sound XML: no element found"),
        (b"<testsuite><testcase name='a'></testsuite>", "mismatched tag"),
        (b"<testsuite><testcase name='\xff'/></testsuite>", "invalid token"),
        (b"<testsuite><testcase name='a\x00'/></testsuite>", "not sound XML"),
        (b"<?xml version='1.0' encoding='klingon'?><testsuite/>", "not sound XML"),
        (b"<testsuite/><testsuite/>", "junk after document"),
    ],
)
def test_what_is_broken_is_said_where(tmp_path: Path, text: bytes, what: str) -> None:
    """With the file, and what is wrong with it."""
    with pytest.raises(ReportError, match=what) as error:
        read(tmp_path, text)
    assert str(tmp_path / "junit.xml") in str(error.value)


@pytest.mark.parametrize("root", ["coverage", "html", "TestRun"])
def test_other_xml_is_not_taken_for_junit(tmp_path: Path, root: str) -> None:
    """It may lie in the same directory."""
    with pytest.raises(ForeignFileError, match=f"<{root}>"):
        read(tmp_path, f"<{root}/>")


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">',
        '<!ENTITY b SYSTEM "file:///etc/passwd">',
        '<!ENTITY % b SYSTEM "http://localhost:1/evil.dtd"> %b;',
    ],
    ids=["laughs", "file", "parameter"],
)
def test_entities_are_refused(tmp_path: Path, declared: str) -> None:
    """Neither is memory filled, nor is a file of this machine read, nor anything fetched."""
    text = f"<!DOCTYPE t [{declared}]><testsuite><testcase name='&b;'/></testsuite>"
    with pytest.raises(ReportError, match="entity") as error:
        read(tmp_path, text)
    assert "root:" not in str(error.value)


def test_other_encodings_are_read(tmp_path: Path) -> None:
    """If the file says which it is."""
    for encoding in ("iso-8859-1", "utf-16", "windows-1252"):
        text = f"<?xml version='1.0' encoding='{encoding}'?><testsuite><testcase name='é'/></testsuite>"
        assert read(tmp_path, text.encode(encoding)).cases[0].spec.nodeid == "é"


def test_deep_nesting_is_no_danger(tmp_path: Path) -> None:
    """Whoever wrote it."""
    depth = 50_000
    text = f"<testsuite><testcase name='a'>{'<x>' * depth}{'</x>' * depth}</testcase></testsuite>"
    assert verdicts(read(tmp_path, text))
    suites = f"{'<testsuite>' * depth}<testcase name='a'/>{'</testsuite>' * depth}"
    assert len(read(tmp_path, suites).cases) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-25T10:00:00", 1795600800.0),
        ("2026-11-25T10:00:00Z", 1795600800.0),
        ("2026-11-25T11:00:00+01:00", 1795600800.0),
        ("yesterday", None),
        ("", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59", None),
    ],
)
def test_times_are_taken_for_utc_unless_they_say_otherwise(
    text: str, seconds: float | None
) -> None:
    """What is no time is left out."""
    assert instant_of(text) == seconds
