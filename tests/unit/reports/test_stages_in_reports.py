"""Stages, their gates, and the tables of matrix stages in all forms of reports."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import html5lib
import pytest
from markdown_it import MarkdownIt
from records import HOSTILE
from reported import case, check_ctrf, check_junit, run
from staged import FAILED, PASSED, in_cell, staged_run

from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.stage import StageRecord
from pytest_orchestra.reports.ctrf import write_ctrf
from pytest_orchestra.reports.html import render
from pytest_orchestra.reports.junit_files import write_junit
from pytest_orchestra.reports.junit_options import JunitOptions
from pytest_orchestra.reports.matrix import matrix_tables
from pytest_orchestra.reports.summary import make_summary
from pytest_orchestra.reports.trace import make_events

#: The name of a bar, as the parser of HTML has it.
RECT: Final = "{http://www.w3.org/2000/svg}rect"


def section(record: RunRecord, name: str) -> Any:
    """Return the element of a section of the page; None if it is not there."""
    tree = html5lib.parse(render(record), namespaceHTMLElements=False)
    return next((each for each in tree.iter("section") if each.get("id") == name), None)


def text(element: Any) -> str:
    """Return what stands in an element, in one line."""
    return " ".join("".join(element.itertext()).split())


def test_the_page_tells_of_stages() -> None:
    """When each was under way, its verdicts, and each check of its gate with figure and limit."""
    stages = section(staged_run(), "stages")
    smoke, matrix, last = [text(each) for each in stages.findall(".//div[@class='stage']")]
    assert "2 tests" in smoke
    assert "1 failed" in smoke
    assert "0 s to 1.50 s; parallel, on failure continue; gate failed after 1.20 s" in smoke
    assert "✗ not metpass_ratepass rate 0.50, at least 1.00 needed" in smoke
    assert "✓ metmax_durationduration 1.5s, at most 2min allowed" in smoke
    assert "1.50 s to 4.00 s; matrix by db and tls, after smoke; gate not judged" in matrix
    assert "? not judgedmax_failures1 failed, at most 1 allowed" in matrix
    assert "never opened; parallel, after databases" in last
    bars = {
        rect.get("class"): (float(rect.get("x")), float(rect.get("width")))
        for rect in stages.iter(RECT)
        if rect.get("class") != "there"
    }
    assert bars == {"v-failed": (0.0, 375.0), "dense": (375.0, 625.0)}


def test_what_gates_ask_for_is_told_once() -> None:
    """With the stages, not among the other conditions; the headline knows of it."""
    record = staged_run()
    assert section(record, "gates") is None
    cases = tuple(each for each in record.cases if each.verdict is PASSED)
    assert "not every gate was met" in render(replace(record, cases=cases))
    summary = make_summary(record)
    assert summary.count("pass rate 0.50") == 1
    assert "`gate of stage 'smoke', pass_rate: pass rate 0.50, at least 1.00 needed`" in summary


def test_a_test_that_was_pulled_forward_stays_in_its_table() -> None:
    """Though it ran in another stage."""
    record = staged_run()
    cases = list(record.cases)
    cases[2] = replace(cases[2], spec=replace(cases[2].spec, stage=0))
    assert [len(each.rows) for each in matrix_tables(replace(record, cases=tuple(cases)))] == [3]


def test_a_stage_that_did_not_end_is_open_to_the_end_of_the_run() -> None:
    """As where the run was stopped."""
    record = staged_run()
    stage = replace(record.stages[1], ended_at=None, checks=())
    stages = section(replace(record, stages=(stage,)), "stages")
    assert "open from 1.50 s, not ended" in text(stages)
    (bar,) = [each for each in stages.iter(RECT) if each.get("class") == "dense"]
    assert float(bar.get("x")) + float(bar.get("width")) == pytest.approx(1000.0)


def test_the_page_has_a_table_of_tests_by_axis() -> None:
    """Those that differ at once, the others folded away; a failure is a link to what is told of it."""
    table, alike = section(staged_run(), "matrix").iter("table")
    assert [text(each) for each in table.findall("thead/tr/th")] == [
        "test",
        "sqlite/True1 skipped, 2 passed",
        "sqlite/False2 passed",
        "postgres/True1 failed, 1 passed",
        "postgres/False2 passed",
    ]
    (row,) = table.findall("tbody/tr")
    assert text(row) == "a.py::test_orderp passedp passedF failedp passed"
    (link,) = row.iter("a")
    assert link.get("href") == "#c4"
    assert [text(each)[:14] for each in alike.findall("tbody/tr")] == [
        "a.py::test_car",
        "a.py::test_odd",
    ]
    assert "left out" in text(alike)


def test_long_tables_of_the_page_are_cut() -> None:
    """What is left out is counted."""
    cells = [in_cell(f"test_{n}", FAILED, ("db", "x")) for n in range(203)]
    found = section(run(*cells), "matrix")
    assert len(found.findall(".//tbody/tr")) == 200
    assert "and 3 more" in text(found)


def test_without_stages_there_is_nothing_of_them() -> None:
    """In no report."""
    record = run(case(PASSED))
    assert section(record, "stages") is None
    assert section(record, "matrix") is None
    summary = make_summary(record)
    assert "Stages" not in summary
    assert "Matrix" not in summary
    assert not [each for each in make_events(record) if each["cat"] == "stage"]


@pytest.mark.parametrize("word", [*HOSTILE, "".join(HOSTILE)])
def test_no_name_can_break_out(word: str) -> None:
    """Whatever stages and the values of axes are called, the page is HTML and the summary has its tables."""
    record = staged_run(word)
    html5lib.HTMLParser(strict=True).parse(render(record))
    summary = MarkdownIt("commonmark", {"html": True}).enable("table").render(make_summary(record))
    assert "<script" not in summary.replace("&lt;script", "")
    assert summary.count("<table>") == 4
    assert "<td>last" in summary.replace('<td style="text-align:left">', "<td>")
    json.dumps(list(make_events(record))).encode()
    with tempfile.TemporaryDirectory() as folder:
        write_junit(record, Path(folder, "junit.xml"), JunitOptions())
        check_junit(Path(folder, "junit.xml"))
        write_ctrf(record, Path(folder, "ctrf.json"))
        check_ctrf(json.loads(Path(folder, "ctrf.json").read_bytes()))


def test_the_summary_has_stages_and_their_gates() -> None:
    """In a table, and what was judged with its figures, but for that which says why the run has failed."""
    summary = make_summary(staged_run())
    assert "| smoke | 2 | 1 passed, 1 failed | 0.0 s | 1.5 s | failed |" in summary
    assert "| last | 1 | 1 blocked | never | never | none |" in summary
    assert "- `smoke`, met: `duration 1.5s, at most 2min allowed`" in summary
    assert "- `databases`, not judged: `1 failed, at most 1 allowed`" in summary


def test_the_summary_has_the_table_of_a_matrix() -> None:
    """What each column came to, and the tests that failed or differ, up to a number."""
    summary = make_summary(staged_run())
    assert "`matrix of stage 'databases' by db and tls`" in summary
    assert "| all 3 | 2 passed, 1 skipped | 2 passed | 1 passed, 1 failed | 2 passed |" in summary
    assert "| a.py&#58;&#58;test&#95;order | passed | passed | failed | passed |" in summary
    cells = [in_cell(f"test_{n}", FAILED, ("db", "x")) for n in range(52)]
    assert "… and 2 more that failed or differ" in make_summary(run(*cells))


def test_testcases_say_of_which_stage_they_are(tmp_path: Path) -> None:
    """As a property."""
    write_junit(staged_run(), tmp_path / "junit.xml", JunitOptions())
    stages = {
        each.get("name"): [
            prop.get("value") for prop in each.iter("property") if prop.get("name") == "stage"
        ]
        for each in check_junit(tmp_path / "junit.xml").iter("testcase")
    }
    assert stages["test_up"] == ["smoke"]
    assert stages["test_order[db=postgres,tls=True]"] == ["databases"]


def test_ctrf_has_stages_and_columns(tmp_path: Path) -> None:
    """In what it leaves to each tool."""
    write_ctrf(staged_run(), tmp_path / "ctrf.json")
    document = json.loads((tmp_path / "ctrf.json").read_bytes())
    check_ctrf(document)
    smoke, matrix, last = document["results"]["summary"]["extra"]["stages"]
    assert smoke["verdicts"] == {"passed": 1, "failed": 1}
    assert (smoke["gate"], smoke["judged"]) == ("failed", 1200)
    assert (smoke["opened"], smoke["ended"], last["opened"]) == (0, 1500, None)
    assert [each["met"] for each in smoke["checks"]] == [False, True]
    assert (matrix["strategy"], matrix["needs"], matrix["tests"]) == ("matrix", ["smoke"], 9)
    tests = {each["name"]: each["extra"] for each in document["results"]["tests"]}
    assert tests["test_up"]["stage"] == "smoke"
    assert tests["test_cart[db=sqlite,tls=True]"]["matrix"] == {"db": "sqlite", "tls": "True"}


def test_traces_have_a_track_for_each_stage() -> None:
    """With a slice for as long as it was under way, which tells of its gate; one that never opened has none."""
    found = list(make_events(staged_run()))
    names = [each["args"]["name"] for each in found if each["ph"] == "M"]
    assert names[-4:] == ["stages", "smoke", "databases", "last"]
    smoke, matrix = [each for each in found if each["cat"] == "stage"]
    assert (smoke["ts"], smoke["dur"], smoke["cname"]) == (0.0, 1_500_000.0, "terrible")
    assert smoke["args"].get("pass_rate not met") == "pass rate 0.50, at least 1.00 needed"
    assert (matrix["ts"], matrix["dur"], matrix["args"]["verdicts"]) == (
        1_500_000.0,
        2_500_000.0,
        "7 passed, 1 failed, 1 skipped",
    )


def test_a_record_may_have_lost_its_stages() -> None:
    """Nothing fails: tests are in no stage, and columns come as they are found."""
    record = replace(staged_run(), stages=())
    (table,) = matrix_tables(record)
    assert table.stage == ""
    assert table.headings[0] == "sqlite/True"
    assert section(record, "stages") is None
    short = replace(staged_run(), stages=(StageRecord(staged_run().stages[0].spec),))
    assert "2 tests" in text(section(short, "stages"))
