from __future__ import annotations

from dataclasses import replace

from little_runs import ran, run_of
from records import Shares, made_up_run

from pytest_orchestra.model.capacity import UNBOUNDED, Scope
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.run import ResourceRecord, RunRecord
from pytest_orchestra.reports.html.extras import ReportExtras
from pytest_orchestra.reports.html.story import Story
from pytest_orchestra.reports.html.timeline import timeline
from pytest_orchestra.reports.html.tokens import token_rows


def story_of(run: RunRecord) -> Story:
    """Return what the sections are told from."""
    return Story.of(run, ReportExtras())


def test_a_chart_says_in_words_what_it_shows() -> None:
    """Peak, capacity, and who waited for how long."""
    run = run_of(
        [
            ran("a", "gw0", 0, 2, leases=(Lease("db", 1),)),
            ran("b", "gw0", 2, 2, leases=(Lease("db", 1),), refused_at=0.5, waited_for="db"),
        ],
        resources=(ResourceRecord("db", 1, 1, 1.5),),
    )
    (row,) = token_rows(story_of(run))
    assert (
        'aria-label="db: at most 1 of 1 in use at one time; 1 test waited 1.50 s for it in all"'
        in row
    )
    assert 'class="capacity"' in row
    assert 'class="held"' in row


def test_a_lock_without_bounds_can_be_drawn() -> None:
    """Who writes has more tokens than a number can hold beside others; the reader after it is still seen."""
    run = run_of(
        [
            ran("a", "gw0", 0, 5, leases=(Lease("schema", UNBOUNDED),)),
            ran("b", "gw0", 5, 5, leases=(Lease("schema", 1),)),
        ],
        resources=(ResourceRecord("schema", None, 2, 0.0),),
    )
    (row,) = token_rows(story_of(run))
    assert 'd="M0 34H0V2H500V18H1000V34V34z"' in row
    assert 'class="capacity"' not in row


def test_what_each_host_has_is_drawn_for_each() -> None:
    """Tokens of two hosts are never added up."""
    run = run_of(
        [
            ran("a", "gw0", 0, 5, leases=(Lease("gpu", 1),)),
            ran("b", "gw1", 0, 5, leases=(Lease("gpu", 1),)),
        ],
        workers=("gw0", "gw1"),
        resources=(ResourceRecord("gpu", 1, 1, 0.0, scope=Scope.HOST),),
    )
    one, other = run.workers
    run = replace(run, workers=(replace(one, host="red"), replace(other, host="blue")))
    labels = "".join(token_rows(story_of(run)))
    assert "gpu on red: at most 1 of 1" in labels
    assert "gpu on blue: at most 1 of 1" in labels


def test_tests_that_run_alone_have_a_chart() -> None:
    """It is what the others waited for."""
    case = ran("a", "gw0", 0, 5)
    run = run_of([replace(case, spec=replace(case.spec, alone=True))])
    (row,) = token_rows(story_of(run))
    assert "alone: at most 1 of 1" in row


def test_small_runs_can_be_pointed_at_without_a_script() -> None:
    """Each test has a title; of large runs those that matter."""
    small = made_up_run(500, shares=Shares(skipped=0.0))
    ran_ = sum(case.worker is not None for case in small.cases)
    assert timeline(story_of(small)).count("<title>test") == ran_
    large = made_up_run(5000)
    bad = sum(case.verdict in {"failed", "error"} for case in large.cases)
    assert timeline(story_of(large)).count("<title>test") == bad


def test_idle_workers_are_hatched_while_tests_wait() -> None:
    """And say for how long and how many waited."""
    run = run_of(
        [
            ran("a", "gw0", 0, 4),
            ran("b", "gw1", 4, 4, ready_at=0.0, refused_at=0.0, waited_for="db"),
        ],
        seconds=8.0,
        workers=("gw0", "gw1"),
    )
    assert "idle for 4.00 s while up to 1 test waited for tokens" in timeline(story_of(run))
