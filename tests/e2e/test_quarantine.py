"""Tests in quarantine run, are shown, and fail the run only when they are unlike themselves."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from harness import FAILED, PASSED, USAGE, WITHOUT_DELAY, Project
from histories import attempt, case, run

from pytest_orchestra.history.store import Store
from pytest_orchestra.model.verdict import Verdict

MOODY = "test_a.py::test_moody"

#: A test that fails as often as the environment says before it passes, and in which words.
SUITE = """
    import os, pytest

    TRIED = []

    @pytest.mark.parametrize("n", range(8))
    def test_good(n): pass

    def test_moody():
        TRIED.append(1)
        if len(TRIED) <= int(os.environ.get("FAILURES", "0")):
            pytest.fail(os.environ.get("WORDS", "the mailer was late"), pytrace=False)
"""
RERUNS = ("--reruns", "2")


@pytest.fixture(autouse=True)
def _suite(project: Project) -> None:
    project.plugins = (*project.plugins, "rerunfailures")
    project.write("test_a", SUITE)


def quarantine(project: Project, nodeid: str = MOODY, days: int = 9) -> date:
    """Put a test into quarantine, and return its last day there."""
    expires = date.today() + timedelta(days)  # noqa: DTZ011 - as people count days
    project.write(
        "quarantine.toml",
        f"""
        # a comment
        [[quarantine]]
        nodeid = "{nodeid}"
        owner = "ana"
        reason = "ticket 512"
        expires = {expires}
        """,
    )
    return expires


def flake(project: Project, times: int, *driver: str) -> None:
    """Let the test fail at first in so many runs, and pass in as many others."""
    for number in range(2 * times):
        result = project.orchestrate(*driver, *RERUNS, FAILURES=str(number % 2))
        assert result.code == PASSED


def test_a_flake_as_usual_is_let_through(project: Project, driver: tuple[str, ...]) -> None:
    """It is shown, with who looks after it."""
    flake(project, 2, *driver)
    expires = quarantine(project)
    result = project.orchestrate(*driver, *RERUNS, FAILURES="1")
    assert result.code == PASSED
    (line,) = result.lines(f"^  {MOODY}  in quarantine")
    assert line.endswith(f"in quarantine until {expires} (ana: ticket 512)")


def test_what_passes_at_once_needs_no_words(project: Project) -> None:
    """Nothing has happened."""
    quarantine(project)
    result = project.orchestrate(*RERUNS)
    assert result.code == PASSED
    assert "quarantine" not in result.output


@pytest.mark.parametrize(
    ("failures", "words", "days", "why"),
    [
        ("3", "the mailer was late", 9, "all 3 attempts failed"),
        ("1", "no such table", 9, "it never failed like this by chance: Failed | no such table"),
        ("1", "the mailer was late", -1, "mend the test or renew the entry"),
    ],
)
def test_what_is_unlike_itself_fails_the_run(
    project: Project, failures: str, words: str, days: int, why: str
) -> None:
    """Also if it passed in the end, and the summary says why."""
    flake(project, 2)
    quarantine(project, days=days)
    result = project.orchestrate(*RERUNS, FAILURES=failures, WORDS=words)
    assert result.code == FAILED
    (line,) = result.lines(f"^  {MOODY}  in quarantine, but fails the run: ")
    assert why in line


def test_why_a_run_has_failed_is_said_with_q_too(project: Project, driver: tuple[str, ...]) -> None:
    """All tests have passed in the end, so that nobody would know."""
    quarantine(project)
    result = project.orchestrate(*driver, *RERUNS, "-q", FAILURES="1")
    assert result.code == FAILED
    assert result.lines(f"^orchestra: {MOODY}  in quarantine, but fails the run: ")
    result = project.orchestrate(*driver, *RERUNS, "-q", FAILURES="0")
    assert result.code == PASSED
    assert "orchestra" not in result.output


def test_who_fails_far_more_often_than_before_fails_the_run(project: Project) -> None:
    """What was once in a while and is now always is no longer the flake that was put away."""
    flake(project, 1)
    words = "Failed | the mailer was late"
    failed = attempt(Verdict.FAILED, signature=words)
    with Store.open(project.path / ".pytest_orchestra" / "history.sqlite3") as store:
        for number in range(120):
            is_flake = number == 50 or number > 110
            store.add(run(number, case(MOODY, *([failed] if is_flake else []), attempt())))
    quarantine(project)
    result = project.orchestrate(*RERUNS, FAILURES="1")
    assert result.code == FAILED
    (line,) = result.lines(f"^  {MOODY}  in quarantine, but fails the run: ")
    assert re.search(r": it failed in \d+ of the latest 21 runs, and in \d of 10\d before$", line)


def test_without_any_history_nothing_is_known_of_a_test(project: Project) -> None:
    """So its errors are all new, which the summary says in these words."""
    quarantine(project)
    result = project.orchestrate(*RERUNS, "--orchestrate-history=none", FAILURES="1")
    assert result.code == FAILED
    assert result.lines("the history has no run of it, so nothing is known of how it fails$")


def test_without_retries_quarantine_lets_nothing_through(project: Project) -> None:
    """The user hears so before the run."""
    project.plugins = project.plugins[:-1]
    quarantine(project)
    result = project.orchestrate(FAILURES="1")
    assert result.code == FAILED
    assert (
        len(result.lines(f"^orchestra: quarantine lets nothing through of {MOODY}: after a")) == 1
    )
    assert result.lines("its only attempt failed, and without retries a regression looks the same")


def test_what_is_in_quarantine_does_not_fail_a_run_for_being_flaky(project: Project) -> None:
    """Nor with retries of our own: only flaky tests that nobody has put away do."""
    project.plugins = project.plugins[:-1]
    project.write("conftest", WITHOUT_DELAY)
    project.write(
        "test_a",
        SUITE.replace("TRIED = []", "from pathlib import Path; TRIED = Path('tried')")
        .replace("TRIED.append(1)", "TRIED.open('a').write('x')")
        .replace("len(TRIED)", "len(TRIED.read_text())"),
    )
    strict = ("--orchestrate-retries=2", "--orchestrate-fail-on-flaky")
    for failures in ("1", "0", "1", "0"):
        (project.path / "tried").unlink(missing_ok=True)
        result = project.orchestrate(*strict, FAILURES=failures)
        assert result.code == (FAILED if failures == "1" else PASSED)
    quarantine(project)
    (project.path / "tried").unlink()
    result = project.orchestrate(*strict, FAILURES="1")
    assert result.code == PASSED
    assert not result.lines("quarantine lets nothing through")
    assert not result.lines("so the run has failed")


def test_entries_that_are_over_are_listed_before_the_run(project: Project) -> None:
    """With file and line: expired ones, and those whose test is gone."""
    quarantine(project, days=-3)
    (line,) = project.orchestrate(*RERUNS).lines("^orchestra: quarantine.toml")
    assert line.startswith(f"orchestra: quarantine.toml:2: the entry of {MOODY} expired on ")
    assert line.endswith("mend the test or renew the entry (ana)")
    quarantine(project, "test_a.py::test_gone")
    (line,) = project.orchestrate(*RERUNS).lines("^orchestra: quarantine.toml")
    assert line.startswith("orchestra: quarantine.toml:2: there is no test test_a.py::test_gone")
    assert not project.orchestrate(*RERUNS, "-k", "good").lines("^orchestra: quarantine.toml")


@pytest.mark.parametrize("driver", [(), ("-n", "2"), ("--collect-only",)], indirect=True)
def test_mistakes_in_the_file_are_usage_errors(project: Project, driver: tuple[str, ...]) -> None:
    """All at once, with file and line and what to do, before any test runs."""
    project.write(
        "quarantine.toml",
        """
        [[quarantine]]
        nodeid = "test_a.py::test_moody"
        owner = "ana"
        expires = "soon"
        """,
    )
    result = project.orchestrate(*driver)
    assert result.code == USAGE
    assert "pytest-orchestra found 2 problems" in result.output
    assert result.lines(rf"quarantine.toml:1: quarantine entry 1 \({MOODY}\) has no reason$")
    assert result.lines(r"quarantine.toml:1: .* expires 'soon', which is no day$")
    assert not result.begun


def test_another_file_can_be_named(project: Project) -> None:
    """It must be there, then; none can be wanted, too."""
    quarantine(project, days=-1)
    project.configure('[tool.pytest_orchestra]\nquarantine = "none"')
    assert "quarantine" not in project.orchestrate().output
    project.configure('[tool.pytest_orchestra]\nquarantine = "ci/flaky.toml"')
    result = project.orchestrate()
    assert result.code == USAGE
    assert result.lines("ci/flaky.toml: the file of tests in quarantine is not there$")
    project.path.joinpath("ci").mkdir()
    project.path.joinpath("quarantine.toml").rename(project.path / "ci" / "flaky.toml")
    assert project.orchestrate().lines("^orchestra: ci/flaky.toml:2: the entry of")


def test_tests_of_other_shards_are_not_gone(project: Project) -> None:
    """Each shard runs some of the tests, and complains of none of the others."""
    for nodeid in (MOODY, "test_a.py::test_good[0]"):
        quarantine(project, nodeid)
        for shard in ("1/2", "2/2"):
            result = project.orchestrate(*RERUNS, "--orchestrate-shard", shard)
            assert result.code == PASSED
            assert not result.lines("there is no test")
