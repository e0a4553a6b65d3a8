"""The summary in Markdown, read as GitHub reads it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from records import HOSTILE, made_up_run
from reported import attempt, case, every_kind, run

from pytest_orchestra.model.run import CaseRecord, ResourceRecord, UncollectedRecord, WorkerRecord
from pytest_orchestra.model.shard import ShardRecord
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.reports.markdown import code, details, fenced, table
from pytest_orchestra.reports.summary import (
    GITHUB_LIMIT,
    append_summary,
    make_summary,
    write_summary,
)

#: All elements that a summary is made of.
ELEMENTS = {
    "h2",
    "h3",
    "p",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "code",
    "pre",
    "details",
    "summary",
    "ul",
    "li",
}

#: Texts that would end the place that they stand in, or begin another.
ESCAPES = (
    *HOSTILE,
    "`",
    "``` `````",
    "</summary></details>",
    "a\n\n# b\n\n- c",
    "x\n| - | - |\n",
    "\\|",
    "\n```\n# x",
)


class Elements(HTMLParser):
    """Notes the elements of a document, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins; only those of Markdown's own making have attributes."""
        assert all(name in {"style", "class"} for name, _ in attrs), (tag, attrs)
        self.found.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends, and it is the one that is open."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data


def rendered(markdown: str) -> Elements:
    """Return what a renderer makes of it; it must be well-formed, and of our elements only."""
    elements = Elements()
    elements.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))
    assert not elements.open
    assert set(elements.found) <= ELEMENTS
    return elements


@pytest.mark.parametrize("text", ESCAPES)
def test_no_text_breaks_out(text: str) -> None:
    """In a line, in a block, in a summary and in a table it stays what it is: text, in one place."""
    for markdown, around in (
        (f"- {code(text)} end\n", ["ul", "li", "code"]),
        (details(text, text, fenced(text)), ["details", "summary", "code", "pre", "code"]),
        (
            table(("a", text and "b"), [(text, "1")]),
            ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"],
        ),
    ):
        assert rendered(markdown).found == around, markdown


def test_text_is_shown_as_it_is() -> None:
    """Escaping is undone by the renderer."""
    text = "a|b `c` <d> &amp; *e* _f_ @g #1 https://h"
    assert rendered(code(text)).text.strip() == text
    assert text in rendered(details(text, "", "x")).text
    assert text in rendered(table(("a", "b"), [(text, "1")])).text


def test_every_kind_has_its_place() -> None:
    """Verdicts are counted, failures come first, with their messages."""
    text = make_summary(run(*every_kind()))
    titles = re.findall(r"^##+ (.*)", text, re.MULTILINE)
    assert titles[:5] == [
        "❌ 4 of 13 tests failed",
        "Failed",
        "Flaky: failed, then passed",
        "Blocked",
        "Not run",
    ]
    assert "| not run | 1 |" in text
    assert "attempt 1 of 3 on gw0: ValueError: no good (0.25)" in text
    rendered(text)


@pytest.mark.parametrize(
    ("cases", "title"),
    [
        ([], "No tests were run"),
        ([case(Verdict.PASSED)], "✅ 1 test, none failed"),
        ([case(Verdict.FAILED)], "❌ 1 of 1 test failed"),
        (
            [case(Verdict.BLOCKED, cause=Cause("no db", is_denied=True))],
            "❌ 1 test, not all of which could be run",
        ),
    ],
)
def test_the_title_says_what_came_of_it(cases: list[CaseRecord], title: str) -> None:
    """Whoever reads no further knows."""
    assert make_summary(run(*cases)).startswith(f"## {title}\n")


def test_the_shard_is_named() -> None:
    """A job shows the summaries of all of them."""
    shard = ShardRecord(2, 4, "abc", (1, 1, 1, 1), (1.0, 1.0, 1.0, 1.0))
    assert "on 2 workers, shard 2 of 4\n" in make_summary(run(case(Verdict.PASSED), shard=shard))


def test_what_another_plugin_tried_again_is_flaky_too() -> None:
    """To that plugin it has passed; what it said before would be lost."""
    attempts = attempt(Verdict.FAILED, 0.5), attempt(Verdict.PASSED)
    text = make_summary(run(case(Verdict.PASSED, *attempts)))
    assert "### Flaky: failed, then passed" in text
    assert "trace of 0.5" in text


def test_files_that_could_not_be_collected_come_first() -> None:
    """They are no tests, but the run is not what it should be."""
    lost = UncollectedRecord("b.py", is_skipped=False, text="ImportError: x")
    skipped = UncollectedRecord("c.py", is_skipped=True, text="Skipped: no c")
    text = make_summary(run(uncollected=(lost, skipped)))
    assert text.startswith("## ❌ No tests could be run\n")
    assert "### Could not be collected\n\n<details><summary><code>b.py</code></summary>" in text
    assert "c.py" not in text
    text = make_summary(run(case(Verdict.PASSED), uncollected=(lost,)))
    assert text.startswith("## ❌ 1 test, not all of which could be run\n")
    assert make_summary(run(case(Verdict.PASSED), uncollected=(skipped,))).startswith("## ✅")


def test_time_is_accounted_for() -> None:
    """The slowest tests, the longest waits, resources, workers and, if there are several, their hosts."""
    waiting = case(
        Verdict.PASSED, nodeid="a.py::test_w", seconds=1.5, refused_at=0.25, waited_for="db"
    )
    text = make_summary(
        run(
            waiting,
            resources=(ResourceRecord("db|x", 2, 1, 0.75), ResourceRecord("no", 1, 0, 0.0)),
            workers=tuple(WorkerRecord(f"gw{n}", 1, 3.0, 4.0, host=f"h{n}") for n in range(2)),
        )
    )
    assert "- 1.50 s `a.py::test_w`\n" in text
    assert "- 0.75 s `a.py::test_w` for `'db'`\n" in text
    assert "| db&#124;x | 2 | 1 | 0.75 s |" in text
    assert "| gw1 | 1 | 75% | h1 |" in text
    assert "| no |" not in text


@pytest.mark.parametrize("limit", [300, 1000, 5000, 100_000])
def test_it_fits(limit: int) -> None:
    """Whole entries are left out, and all that are can be known from what is said."""
    failed = [
        case(Verdict.FAILED, attempt(Verdict.FAILED), nodeid=f"a.py::test_ä{number}")
        for number in range(500)
    ]
    text = make_summary(run(*failed), limit)
    assert len(text.encode()) <= limit
    shown = rendered(text).found.count("details")
    more = re.search(r"… and (\d+) more", text)
    assert shown + (int(more[1]) if more else 500) == 500
    assert bool(more) == (limit > 600)


def test_it_is_added_to_what_a_step_has_said(tmp_path: Path) -> None:
    """What stands there stays, and both together are below GitHub's limit, or nothing is added."""
    path = tmp_path / "step"
    assert append_summary(run(case(Verdict.PASSED)), path)
    path.write_text("# mine\n" * 149_000)
    assert append_summary(made_up_run(2000), path)
    assert path.read_text().startswith("# mine\n")
    assert path.stat().st_size <= GITHUB_LIMIT
    path.write_bytes(b"x" * GITHUB_LIMIT)
    assert not append_summary(run(case(Verdict.PASSED)), path)
    assert path.stat().st_size == GITHUB_LIMIT


def test_hostile_runs_are_shown_whole(tmp_path: Path) -> None:
    """Every failed test has its entry, whatever it is called and says."""
    record = made_up_run(3000, is_hostile=True, seed=2)
    (path,) = write_summary(record, tmp_path / "summary.md")
    failed = record.counts[Verdict.FAILED] + record.counts[Verdict.ERROR]
    assert rendered(path.read_text()).found.count("details") == failed > 3
