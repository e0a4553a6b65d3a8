"""The page of a real run."""

from __future__ import annotations

import html5lib
from harness import FAILED, Project

WRITE = """
    from pathlib import Path
    from pytest_orchestra.reports.html import write_html

    def pytest_orchestra_finished(run):
        write_html(run, Path("report.html"))
"""


def test_a_real_run_is_told(project: Project, driver: tuple[str, ...]) -> None:
    """Failures, what they blocked, who waited and where each test ran, with workers and without."""
    project.write("conftest", WRITE)
    project.write(
        "test_a",
        """
        import pytest, time

        @pytest.mark.resources("db")
        @pytest.mark.parametrize("name", ["a", "b", "</script>"])
        def test_takes(name): time.sleep(0.05)

        def test_fails():
            print("so far")
            assert 1 == 2, "no <luck>"

        @pytest.mark.depends("test_fails")
        def test_blocked(): pass
        """,
    )
    assert project.orchestrate(*driver).code == FAILED
    page = (project.path / "report.html").read_text(encoding="utf-8")
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    body = tree.find("body")
    assert body is not None
    text = "".join(body.itertext())
    assert text.startswith("✗1 of 5 tests failed and 1 was blocked in ")
    for part in ("AssertionError: no <luck>", "so far", "because of", "test_takes[</script>]"):
        assert part in text
    drawn = "<title>test_a.py::test_takes[a]: passed, "
    assert drawn in page
    assert "db: at most 1 of 1 in use at one time" in page
