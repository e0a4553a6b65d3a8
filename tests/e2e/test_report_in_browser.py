"""The report in a real browser: what it shows, what it does, and what it does not do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from plans import case, foretold, lasting
from records import HOSTILE, Shares, made_up_run
from staged import staged_run

from pytest_orchestra.model.case import Claim
from pytest_orchestra.model.plan import PlanRecord
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.html import Gate, ReportExtras, write_html
from pytest_orchestra.reports.html.planned import write_page

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="there is no browser: apt-get install chromium"
)

MIXED = Shares(failed=0.1, error=0.05, skipped=0.1, xfailed=0.05)

#: Milliseconds that the browser may take for anything, on a machine that does much else.
PATIENCE = 120_000

#: Opens the report of a run, with options of a browser's context, and returns the page.
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a browser without a window."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=BROWSER,
            args=["--no-sandbox", "--disable-dev-shm-usage"],
            timeout=PATIENCE,
        )
        yield browser
        browser.close()


@pytest.fixture
def open_report(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Return what opens a report; at the end nothing may have been complained of or asked for."""
    complaints: list[str] = []
    requests: list[str] = []
    contexts = []

    def show(
        run: RunRecord | PlanRecord, extras: ReportExtras | None = None, **options: Any
    ) -> Any:
        path = tmp_path / "report.html"
        if isinstance(run, PlanRecord):
            write_page(run, path)
        else:
            write_html(run, path, extras)
        context = browser.new_context(reduced_motion="reduce", **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert complaints == []
    assert set(requests) == {(tmp_path / "report.html").as_uri()}


def names(page: Any) -> list[str]:
    """Return the tests in the rows of the table that exist."""
    return [row.get_attribute("title") for row in page.locator(".gr.body .id").all()]


def test_search_and_filters(open_report: Open) -> None:
    """What is typed is looked for in all tests; verdict, worker and file narrow it down; all together."""
    run = made_up_run(400, shares=MIXED)
    page = open_report(run)
    page.locator("#search").fill("part_3.py login")
    page.wait_for_function("document.querySelector('.tools + p').textContent")
    found = [case for case in run.cases if "part_3.py::test_login" in case.spec.nodeid]
    assert found
    assert page.locator(".tools + p").inner_text() == f"{len(found)} of 400 tests"
    assert set(names(page)) == {case.spec.nodeid for case in found}
    page.locator("#search").fill("")
    page.locator(".tools button[data-verdict=F]").click()
    page.get_by_label("All workers").select_option("gw1")
    failed = [case for case in run.cases if case.verdict == "failed" and case.worker == "gw1"]
    assert names(page) == [case.spec.nodeid for case in failed]
    assert page.locator(".tools button[data-verdict=F]").get_attribute("aria-pressed") == "true"
    page.get_by_label("All files").select_option(failed[0].spec.file)
    same = [case.spec.nodeid for case in failed if case.spec.file == failed[0].spec.file]
    assert names(page) == same


def test_columns_sort(open_report: Open) -> None:
    """Once for the slowest first, twice for the fastest, thrice for the order of the collection."""
    run = made_up_run(50)
    page = open_report(run)
    head = page.get_by_role("columnheader", name="seconds")
    head.get_by_role("button").click()
    slowest = max(run.cases, key=lambda case: case.seconds or 0)
    assert names(page)[0] == slowest.spec.nodeid
    assert head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").click()
    assert names(page)[0] != slowest.spec.nodeid
    assert head.get_attribute("aria-sort") == "descending"
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") is None


def test_all_of_it_by_keyboard(open_report: Open) -> None:
    """Search, go to a test, open it, and come back, without a pointer."""
    run = made_up_run(300, shares=MIXED)
    page = open_report(run)
    page.keyboard.press("/")
    page.keyboard.type("price")
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    grid = page.get_by_role("grid")
    assert grid.get_attribute("aria-activedescendant") == "row1"
    chosen = page.locator("#row1 .id").get_attribute("title")
    assert "price" in chosen
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.is_visible()
    assert chosen in dialog.inner_text()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.keyboard.press("End")
    last = int(grid.get_attribute("aria-rowcount")) - 2
    assert grid.get_attribute("aria-activedescendant") == f"row{last}"
    assert page.locator(f"#row{last}").is_visible()
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert grid.get_attribute("aria-rowcount") == "301"


def test_whoever_types_fast_finds_what_was_typed(open_report: Open) -> None:
    """Going on to the table at once does not leave the search behind."""
    page = open_report(made_up_run(300, shares=MIXED))
    page.evaluate("""() => {
        const search = document.querySelector("#search");
        search.value = "part_3.py";
        search.dispatchEvent(new Event("input"));
        search.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    }""")
    page.wait_for_timeout(300)
    grid = page.get_by_role("grid")
    assert grid.get_attribute("aria-rowcount") == "41"
    assert grid.get_attribute("aria-activedescendant") == "row0"


def test_the_next_failure_is_one_key_away(open_report: Open) -> None:
    """Outside of the table j and k go from failure to failure."""
    page = open_report(made_up_run(300, shares=MIXED))
    articles = page.locator("main article")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert articles.nth(1).evaluate("each => each === document.activeElement")
    page.keyboard.press("k")
    assert articles.nth(0).evaluate("each => each === document.activeElement")


def test_hostile_names_do_nothing(open_report: Open) -> None:
    """Whatever a test is called or prints is text, also where the script shows it."""
    run = made_up_run(300, shares=MIXED, is_hostile=True)
    page = open_report(
        run, ReportExtras(gates=(Gate("</script><img src=x onerror=alert(1)>", is_met=True),))
    )
    title = page.title()
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.locator(".gr.body").count() > 10
    for row in range(6):
        page.locator(f"#row{row}").click()
        assert page.get_by_role("dialog").locator("pre.message").is_visible()
        page.keyboard.press("Escape")
    for slice_ in page.locator(".lane a").all()[:20]:
        slice_.dispatch_event("click")
        page.keyboard.press("Escape")
    assert page.locator("img, iframe, object, main script").count() == 0
    assert page.title() == title


def test_it_can_be_read_without_scripts(open_report: Open) -> None:
    """Failures with their tracebacks, the timeline, and a list of all tests."""
    run = made_up_run(300, shares=MIXED)
    page = open_report(run, java_script_enabled=False)
    assert page.locator("h1").is_visible()
    assert page.locator("article pre.message").first.is_visible()
    assert page.locator(".lane").count() == 4
    assert page.locator("#list").is_visible()
    page.locator("#list summary").first.click()
    assert (
        run.cases[0].spec.nodeid.partition("::")[2] in page.locator("#list pre").first.inner_text()
    )


def test_light_and_dark(open_report: Open) -> None:
    """As the system has it, until somebody chooses; each scheme is one key from the other."""
    ground = "getComputedStyle(document.body).backgroundColor"
    run = made_up_run(5)
    dark = open_report(run, color_scheme="dark").evaluate(ground)
    page = open_report(run, color_scheme="light")
    light = page.evaluate(ground)
    assert light != dark
    toggle = page.get_by_role("button", name="Theme")
    toggle.click()
    assert page.evaluate(ground) == light
    toggle.click()
    assert page.evaluate(ground) == dark
    page.reload()
    assert page.evaluate(ground) == dark


def test_the_timeline_tells_and_zooms(open_report: Open) -> None:
    """What is under the pointer has a name; arrows go from test to test, plus and minus closer and back."""
    run = made_up_run(2000)
    page = open_report(run)
    lane = page.locator(".lane").first
    lane.scroll_into_view_if_needed()
    lane.hover(position={"x": 300, "y": 15})
    assert "on gw0, from" in page.locator("#readout").inner_text()
    plots = page.locator(".plots")
    plots.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    first = [case.spec.nodeid for case in run.cases if case.worker == "gw0"][:2]
    assert page.locator("#readout").inner_text().startswith(first[1])
    group = page.locator(".lane g.zoom").first
    before = lane.locator(".plain").inner_html()
    page.keyboard.press("+")
    assert group.get_attribute("transform").startswith("matrix(1.6 ")
    assert lane.locator(".plain").inner_html() != before
    page.keyboard.press("0")
    assert group.get_attribute("transform").startswith("matrix(1 ")
    assert lane.locator(".plain").inner_html() == before
    page.keyboard.press("Enter")
    assert first[1] in page.get_by_role("dialog").inner_text()


def test_no_column_is_lost_on_a_narrow_screen(open_report: Open) -> None:
    """The page is not wider than a telephone; what must be is scrolled by itself."""
    for run in (made_up_run(300, shares=MIXED), staged_run("".join(HOSTILE))):
        page = open_report(run, viewport={"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_table_of_a_matrix_leads_to_failures(open_report: Open) -> None:
    """From a test that differs to what is told of it; what is alike in all columns can be unfolded."""
    page = open_report(staged_run())
    page.locator("table.matrix a").click()
    told = page.locator("article:target")
    assert told.get_attribute("data-id") == "a.py::test_order[db=postgres,tls=True]"
    other = page.get_by_text("a.py::test_cart", exact=True)
    assert not other.is_visible()
    page.get_by_text("2 tests alike in all columns").click()
    assert other.is_visible()


def test_ten_thousand_tests_are_no_more_elements_than_a_screenful(open_report: Open) -> None:
    """Rows exist while they can be seen, wherever one scrolls."""
    run = made_up_run(10_000)
    page = open_report(run)
    assert page.locator(".gr.body").count() < 60
    grid = page.get_by_role("grid")
    grid.focus()
    page.keyboard.press("End")
    assert page.locator("#row9999").is_visible()
    assert page.locator(".gr.body").count() < 60
    page.locator("#search").fill("part_249.py")
    page.wait_for_function(
        "document.querySelector('.tools + p').textContent === '40 of 10,000 tests'"
    )


def test_links_to_the_timeline_find_the_slice(open_report: Open) -> None:
    """From a failure to when it ran."""
    run = made_up_run(300, shares=MIXED)
    page = open_report(run)
    page.locator("article a[data-show]").first.click()
    name = page.locator("article").first.get_attribute("data-id")
    assert page.locator("#readout").inner_text().startswith(name)
    assert page.locator(".lane .cursor").count() == 1


def test_a_plan_is_shown_as_a_plan(open_report: Open) -> None:
    """A lane for each worker, the tokens, and all tests, which are planned and did not pass."""
    claims = frozenset({Claim("db")})
    specs = [case(f"test_{n}", claims=claims if n < 6 else frozenset()) for n in range(12)]
    page = open_report(foretold(specs, lasting(specs, *[1.0] * 12), tokens={"db": 2}).tell())
    assert (
        page.locator("h1")
        .inner_text()
        .endswith("12 tests are predicted to take 6.00 s on 2 workers")
    )
    assert page.locator("header .notice").inner_text().startswith("A plan, not a run: ")
    assert page.locator(".lane").count() == 2
    assert page.locator("#timeline .key").inner_text() == "planned"
    assert page.locator(".tools button", has_text="planned").inner_text().split()[-1] == "12"
    page.locator(".gr.body").first.click()
    assert "planned" in page.locator("dialog").inner_text()
    assert "passed" not in page.locator("body").inner_text()
