"""Recommendations, quality and artifacts, in every form that has them."""

from __future__ import annotations

from pathlib import Path

import html5lib
import pytest
from records import HOSTILE
from reported import case, check_junit, run

from pytest_orchestra.model.advice import (
    Coverage,
    Grade,
    Link,
    Quality,
    QualityPart,
    Recommendation,
    Topic,
)
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.surroundings import Surroundings
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.html import ReportExtras, render
from pytest_orchestra.reports.junit_files import write_junit
from pytest_orchestra.reports.junit_options import Dialect, JunitOptions
from pytest_orchestra.reports.places import link_to
from pytest_orchestra.reports.record_file import read_record, write_record
from pytest_orchestra.reports.summary import make_summary


def advised(text: str = "one more of 'db' would save 2 s", path: str = "out/x/a.png") -> RunRecord:
    """Return a run with everything; ``text`` and ``path`` are what a test could have a hand in."""
    return run(
        case(Verdict.FAILED, artifacts=(path,)),
        recommendations=(
            Recommendation(Topic.RESOURCE, text, text, 2.0, ((text, text),), (0,), 7),
            Recommendation(Topic.COVERAGE, "little is covered", "see the report"),
        ),
        unadvised="fixtures: no time",
        quality=Quality(
            46.9, Grade.E, (QualityPart("passing", 0.25, 40, "1 of 2"),), (("stable", "unknown"),)
        ),
        coverage=Coverage(60.0, 70.0, "pytest-cov"),
        links=(Link("Coverage, by line", path),),
        surroundings=Surroundings(root="/home/me"),
    )


def test_the_record_keeps_all_of_it(tmp_path: Path) -> None:
    """What is read back is what was written."""
    write_record(advised(), tmp_path / "run.json.gz")
    assert read_record(tmp_path / "run.json.gz") == advised()


def test_the_page_shows_all_of_it() -> None:
    """With links that count from where the page is."""
    page = render(advised(), ReportExtras(folder="/home/me/out"))
    assert 'href="x/a.png"' in page
    for text in (
        "<b>one more of 'db' would save 2 s</b>",
        "and 6 more",
        "Quality: E",
        "(40 x 0.25 passing) / 40 = 46.9 %",
        "Not looked for: fixtures: no time",
        "<b>60.0 %</b> (pytest-cov)",
    ):
        assert text in page


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_tests_write_breaks_a_form(tmp_path: Path, text: str) -> None:
    """Neither in a sentence nor in the name of a file."""
    record = advised(text, f"out/{text}")
    page = render(record, ReportExtras(folder="/home/me/out"))
    html5lib.HTMLParser(strict=True).parse(page)
    assert "<script>document" not in page
    make_summary(record).encode()
    write_junit(record, tmp_path / "a.xml", JunitOptions(Dialect.SUPERSET, None))
    check_junit(tmp_path / "a.xml")
    write_record(record, tmp_path / "run.json.gz")
    assert read_record(tmp_path / "run.json.gz") == record


def test_the_summary_shows_all_of_it() -> None:
    """In as many lines."""
    text = make_summary(advised())
    for line in (
        "- `one more of 'db' would save 2 s`: `one more of 'db' would save 2 s`",
        "- quality E: `(40 x 0.25 passing) / 40 = 46.9 %`",
        "- left out of it: stable, since unknown",
        "- coverage 60.0 %",
        "- Coverage, by line: `out/x/a.png`",
        "Left behind: `out/x/a.png`",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize("dialect", list(Dialect))
def test_junit_attaches_files(tmp_path: Path, dialect: Dialect) -> None:
    """As Jenkins and GitLab want it, and as a property where there are any."""
    write_junit(advised(), tmp_path / "a.xml", JunitOptions(dialect, None))
    root = check_junit(tmp_path / "a.xml", dialect.value)
    assert root.findtext(".//system-out") == "[[ATTACHMENT|out/x/a.png]]\n"
    names = [each.get("value") for each in root.iterfind(".//property[@name='artifact']")]
    assert names == (["out/x/a.png"] if dialect is Dialect.SUPERSET else [])


@pytest.mark.parametrize(
    ("path", "root", "folder", "expected"),
    [
        ("a/b.png", "/r", "/r", "a/b.png"),
        ("a/b c#?.png", "/r", "/r/a", "b%20c%23%3F.png"),
        ("a:b", "/r", "/r", "a%3Ab"),
        ("/x/b.png", "/r", "/r/out", "../../x/b.png"),
        ("a/b.png", "", "/r", "a/b.png"),
        ("a/b.png", "/r", "", "/r/a/b.png"),
    ],
)
def test_links_count_from_the_page(path: str, root: str, folder: str, expected: str) -> None:
    """Relative where both are known."""
    assert link_to(path, root, folder) == expected
