"""The page of a run while it goes on, in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from harness import FAILED, PASSED, PATIENCE, Project

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="there is no browser: apt-get install chromium"
)

SUITE = """
    import pathlib, time, pytest

    HOSTILE = "<img src=x onerror=alert(1)>"

    def wait_for(name):
        end = time.monotonic() + 90
        while not pathlib.Path(name).exists():
            assert time.monotonic() < end
            time.sleep(0.01)

    @pytest.mark.resources("db")
    @pytest.mark.parametrize("name", [HOSTILE], ids=[HOSTILE])
    def test_fails(name):
        wait_for("fail")
        assert not name, f"<script>alert(2)</script>"

    @pytest.mark.resources("db")
    def test_waits(): pass

    def test_runs(): wait_for("go")
"""

#: The first of them has to pass; the others do not wait for that.
STAGES = """
    [[tool.pytest_orchestra.stages]]
    name = "first"
    glob = "*::test_fails*"
    gate = { max_failures = 0 }

    [[tool.pytest_orchestra.stages]]
    name = "rest"
    needs = []
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a browser without a window."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


def address_of(project: Project) -> str:
    """Return the address that the run prints, once it has."""
    pattern = re.compile(r"live page: (http://127\.0\.0\.1:\d+/[\w-]{20,}/)\n")
    project.wait_until(lambda: bool(pattern.search(project.output)))
    found = pattern.search(project.output)
    assert found is not None
    return found[1]


class Follower:
    """A page that follows a run; at the end nothing may have been complained of, or asked for besides."""

    def __init__(self, browser: Any, address: str) -> None:
        self._complaints: list[str] = []
        self._requests: list[str] = []
        self._address = address
        self.page = browser.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.on("console", lambda message: self._complaints.append(message.text))
        self.page.on("pageerror", lambda error: self._complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self._complaints.append(dialog.message))
        self.page.on("request", lambda request: self._requests.append(request.url))
        self.page.goto(address)

    def close(self) -> None:
        """See what was complained of and asked for."""
        self.page.close()
        assert self._complaints == []
        assert self._requests == [self._address, f"{self._address}events"]


def test_a_browser_follows_a_run(browser: Any, project: Project) -> None:
    """It sees tests run, one fail, and the end, without loading the page again; others may look on."""
    project.write("test_it", SUITE)
    project.configure(STAGES)
    process = project.start("--orchestrate", "-n2", "-q", "--orchestrate-live=0")
    address = address_of(project)
    follower = Follower(browser, address)
    page = follower.page

    running = page.locator("#workers tr", has_text="test_it.py::test_runs")
    running.wait_for()
    waiting = page.locator("#waiting tr")
    waiting.wait_for()
    assert "1 test" in waiting.inner_text()
    assert "for 'db', held by test_it.py::test_fails[<img src=x" in waiting.inner_text()
    assert page.locator("#resources tr").inner_text().split() == ["db", "1", "of", "1"]
    first = page.locator("#stages tr", has_text="first")
    assert first.inner_text().split("\t") == ["first", "0 of 1 test done", "open"]
    before = running.locator(".figure").inner_text()
    page.wait_for_function(
        "before => [...document.querySelectorAll('#workers tr')].some(row =>"
        " row.textContent.includes('test_runs') && !row.textContent.includes(before))",
        arg=before,
    )
    assert page.locator("#state").inner_text() == "running"

    onlooker = browser.new_context(java_script_enabled=False).new_page()
    onlooker.goto(address)
    assert "test_it.py::test_runs" in onlooker.locator("pre").inner_text()
    onlooker.context.close()

    (project.path / "fail").touch()
    failure = page.locator("article")
    failure.wait_for()
    assert failure.locator("h3").inner_text().startswith("test_it.py::test_fails[<img src=x")
    assert "AssertionError: <script>alert(2)</script>" in failure.inner_text()
    failure.locator("summary").click()
    assert "assert not" in failure.locator("pre").inner_text()
    first.locator(".bad", has_text="gate failed").wait_for()
    assert "1 failed, at most 0 allowed (test_it.py::test_fails[<img src=x" in first.inner_text()
    assert page.locator("#state").inner_text() == "running"

    (project.path / "go").touch()
    page.locator("#state.bad").wait_for()
    assert page.locator("#state").inner_text() == "failed"
    assert "3 of 3 tests done" in page.locator("#counts").inner_text()
    assert "2 passed" in page.locator("#counts").inner_text()
    assert page.locator("#time").inner_text().startswith("took ")
    assert page.locator("article").count() == 1
    assert not page.locator("#lost").is_visible()
    assert project.finish(process).code == FAILED
    page.wait_for_timeout(200)
    assert not page.locator("#lost").is_visible()
    follower.close()
    events = project.path / ".pytest_orchestra" / "events.jsonl"
    told = [json.loads(line) for line in events.read_text().splitlines()]
    assert told[-1]["event"] == "run_ended"
    assert [(each["stage"], each["state"]) for each in told if each["event"] == "gate"] == [
        ("first", "failed"),
        ("rest", "passed"),
    ]
    assert (events.parent / ".gitignore").exists()


def test_a_page_may_be_closed_at_any_time(browser: Any, project: Project) -> None:
    """The run, in pytest's own process, does not mind; whoever is killed is missed."""
    project.write("test_it", SUITE.replace("assert not name", "assert name"))
    (project.path / "fail").touch()
    process = project.start("--orchestrate", "--orchestrate-live=0")
    address = address_of(project)
    pages = [browser.new_page() for _ in range(2)]
    for page in pages:
        page.goto(address)
        page.locator("#workers tr", has_text="test_it.py::test_runs").wait_for()
    pages[0].close()
    (project.path / "go").touch()
    pages[1].locator("#state.good").wait_for()
    assert pages[1].locator("#state").inner_text() == "passed"
    pages[1].close()
    assert project.finish(process).code == PASSED


def test_a_run_that_is_killed_is_missed(browser: Any, project: Project) -> None:
    """The page says so, and keeps what it knew."""
    project.write("test_it", SUITE)
    process = project.start("--orchestrate", "--orchestrate-live=0", "-k", "runs")
    page = browser.new_page()
    page.goto(address_of(project))
    page.locator("#workers tr", has_text="test_it.py::test_runs").wait_for()
    process.kill()
    project.finish(process)
    page.locator("#lost").wait_for()
    assert "No word from the run" in page.locator("#lost").inner_text()
    assert page.locator("#counts").inner_text().startswith("0 of 1 test done")
    page.close()
