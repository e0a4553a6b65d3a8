"""Lower bounds of a run."""

from __future__ import annotations

from engines import make_pool

from pytest_orchestra.model.case import Claim, Mode
from pytest_orchestra.scheduling.bound import Bound, lower_bounds, makespan_bound

POOL = make_pool(db=2)
FREE = POOL.demand((), alone=False)
ONE = POOL.demand([Claim("db")], alone=False)
ALL = POOL.demand([Claim("db", mode=Mode.WRITE)], alone=False)
ALONE = POOL.demand((), alone=True)


def test_longest_path_bounds_a_run_with_many_workers() -> None:
    """With workers to spare, the critical path is what remains."""
    bound = makespan_bound([5.0, 1.0], [2.0, 1.0], [FREE, FREE], POOL.capacities, 9)
    assert bound == Bound(5.0, "critical path")


def test_work_is_shared_by_workers() -> None:
    """Without long cases, each worker takes its share."""
    bound = makespan_bound([1.0] * 6, [1.0] * 6, [FREE] * 6, POOL.capacities, 2)
    assert bound == Bound(3.0, "work")


def test_scarce_tokens_bound_the_run() -> None:
    """Time x tokens / capacity of a resource counts, and a writer takes all tokens."""
    bound = makespan_bound([2.0] * 3, [2.0] * 3, [ONE, ONE, ALL], POOL.capacities, 8)
    assert bound == Bound(4.0, "db")


def test_a_case_that_runs_alone_keeps_all_workers() -> None:
    """Its time is added to what the workers share."""
    bound = makespan_bound([3.0] * 3, [3.0] * 3, [FREE, FREE, ALONE], POOL.capacities, 2)
    assert bound == Bound(6.0, "work")


def test_nothing_takes_no_time() -> None:
    """An empty run is bounded by nothing."""
    assert makespan_bound([], [], [], POOL.capacities, 1).seconds == 0.0


def test_all_bounds_are_told_the_greatest_first() -> None:
    """Each is a bound by itself."""
    bounds = lower_bounds([2.0] * 3, [2.0] * 3, [ONE, ONE, FREE], POOL.capacities, 4)
    assert bounds == (Bound(2.0, "critical path"), Bound(2.0, "db"), Bound(1.5, "work"))


def test_what_is_no_case_s_own_is_work_as_well() -> None:
    """Workers share it like all other work."""
    bounds = lower_bounds([1.0] * 4, [1.0] * 4, [FREE] * 4, POOL.capacities, 2, besides=3.0)
    assert bounds[0] == Bound(3.5, "work")
