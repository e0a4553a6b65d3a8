from __future__ import annotations

from dataclasses import replace

import pytest
from little_runs import EPOCH, after, ran, run_of

from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.run import CaseRecord, ResourceRecord
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.reports.html.bounds import Bound, lower_bound, time_use
from pytest_orchestra.reports.html.causes import Causes
from pytest_orchestra.reports.html.shapes import density, staircase, ticks
from pytest_orchestra.reports.html.spans import Gap, Steps, Timeline


def test_lanes_are_in_the_order_of_their_numbers() -> None:
    """A worker that ran nothing has a lane too, and gw10 comes after gw2."""
    run = run_of([ran("a", "gw10", 0, 1)], workers=("gw10", "gw2"))
    assert [lane.worker for lane in Timeline(run).lanes] == ["gw2", "gw10"]


def test_a_clock_that_is_off_moves_nothing_out_of_the_run() -> None:
    """What another host says of the time is held against when its worker got the test."""
    early, late = (
        ran("a", "gw0", -500, 2, assigned_at=1.0),
        ran("b", "gw0", 500, 2, assigned_at=4.0),
    )
    spans = [span for each in Timeline(run_of([early, late])).spans for span in each]
    assert [(span.start, span.end) for span in spans] == [(1.0, 3.0), (8.0, 10.0)]


def test_every_attempt_has_a_span() -> None:
    """On the worker that it was on."""
    attempts = (
        Attempt(Verdict.FAILED, EPOCH + 1, 0, 1, 0, "gw0"),
        Attempt(Verdict.PASSED, EPOCH + 5, 0, 1, 0, "gw1"),
    )
    case = CaseRecord(CaseSpec("a.py::a"), Verdict.FLAKY, "gw1", assigned_at=1.0, attempts=attempts)
    spans = Timeline(run_of([case])).spans[0]
    assert [(span.worker, span.start, span.verdict) for span in spans] == [
        ("gw0", 1.0, Verdict.FAILED),
        ("gw1", 5.0, Verdict.PASSED),
    ]


def test_a_worker_is_busy_for_all_of_its_test() -> None:
    """Also with what is not part of any phase, as a traceback or the end of a worker."""
    spans = Timeline(run_of([replace(ran("a", "gw0", 1, 0.0), seconds=3.0)])).spans[0]
    assert [(span.start, span.end) for span in spans] == [(1.0, 4.0)]


def test_gaps_tell_when_tests_waited() -> None:
    """Where a worker is idle while a test is held up, and where it is idle for no such reason."""
    waits = ran("b", "gw1", 4, 6, ready_at=0.0, refused_at=2.0, waited_for="db")
    run = run_of([ran("a", "gw0", 0, 1), waits], workers=("gw0", "gw1"))
    timeline = Timeline(run)
    assert list(timeline.gaps(timeline.lanes[0])) == [
        Gap(1.0, 2.0, 0),
        Gap(2.0, 4.0, 1),
        Gap(4.0, 10.0, 0),
    ]
    use = time_use(timeline)
    assert (use.busy, use.held_up, use.idle) == (7.0, 4.0, 9.0)
    assert use.total == 20.0


def test_what_ran_before_and_beside() -> None:
    """The last that began before, and all that overlap."""
    run = run_of([ran("a", "gw0", 0, 2), ran("b", "gw0", 2, 2), ran("c", "gw0", 4, 2)])
    (lane,) = Timeline(run).lanes
    before = lane.before(2.0)
    assert before is not None
    assert before.case == 0
    assert lane.before(0.0) is None
    assert [span.case for span in lane.during(3.0, 5.0)] == [1, 2]
    assert [span.case for span in lane.during(2.0, 4.0)] == [1]


def test_steps_add_up() -> None:
    """What ends at the moment at which another begins is not counted beside it."""
    steps = Steps([(0, 2, 1), (2, 3, 1), (1, 2, 2), (5, 5, 9)])
    assert steps.peak == 3
    assert list(steps.pieces(0, 4)) == [(0, 1, 1), (1, 2, 3), (2, 3, 1), (3, 4, 0)]
    assert not Steps([])


def test_the_critical_path_goes_by_time() -> None:
    """Not by the number of tests."""
    cases = [
        ran("a", "gw0", 0, 1),
        ran("b", "gw0", 1, 1, requirements=after(0)),
        ran("c", "gw0", 2, 1, requirements=after(1)),
        ran("d", "gw0", 3, 5),
        ran("e", "gw0", 8, 1, requirements=after(3)),
    ]
    causes = Causes(run_of(cases))
    assert causes.critical_path == (3, 4)
    assert causes.critical_seconds == 6
    assert Causes(run_of([])).critical_path == ()


def test_blocked_tests_belong_to_the_root() -> None:
    """Also those that depend on it only through others."""
    cause = Cause("failed", 0, "gw0")
    cases = [ran("a", "gw0", 0, 1), CaseRecord(CaseSpec("b"), Verdict.BLOCKED, cause=cause)]
    assert Causes(run_of(cases)).blocked_by == {0: [1]}


@pytest.mark.parametrize(
    ("cases", "bound"),
    [
        (
            [ran("a", "gw0", 0, 4), ran("b", "gw1", 0, 4)],
            Bound(4.0, "all the work, shared evenly by the workers"),
        ),
        (
            [ran("a", "gw0", 0, 4), ran("b", "gw1", 4, 4, requirements=after(0))],
            Bound(8.0, "the longest chain of dependencies"),
        ),
        (
            [
                ran("a", "gw0", 0, 4, leases=(Lease("db", 1),)),
                ran("b", "gw1", 4, 5, leases=(Lease("db", 1),)),
            ],
            Bound(9.0, "what tests took of 'db'"),
        ),
    ],
)
def test_the_strictest_bound_is_named(cases: list[CaseRecord], bound: Bound) -> None:
    """Work, dependencies or a resource: whichever would have taken longest."""
    run = run_of(cases, workers=("gw0", "gw1"), resources=(ResourceRecord("db", 1, 1, 0.0),))
    assert lower_bound(run, Timeline(run), Causes(run)) == bound


def test_slices_that_are_too_narrow_become_bars_of_their_density() -> None:
    """Half full is half as high; next to nothing can still be seen."""
    assert density([(0, 0.2), (0.5, 0.8), (2, 2.01)], 20, 20, 1) == "M0 20v-10h1v10zM2 20v-3h1v3z"


def test_a_staircase_shows_the_highest_of_each_half_pixel() -> None:
    """A peak that is too short to be seen is seen all the same."""
    steps = Steps([(0, 10, 1), (5.0, 5.0001, 3)])
    path = staircase(steps, lambda at: at, lambda value: 10 - value, 10)
    assert path == "M0 10H0V9H5V6H5.5V9H10V10V10z"


@pytest.mark.parametrize(
    ("end", "step"), [(4.2, 1.0), (0.09, 0.02), (95, 15), (500, 120), (3600, 600), (1e6, 124_875)]
)
def test_ticks_are_round(end: float, step: float) -> None:
    """Few enough to be read, and at round times."""
    marks = ticks(end)
    assert marks[1] == pytest.approx(step)
    assert 3 <= len(marks) <= 9
    assert marks[-1] < end
