import pytest
from engines import DB, Edges, after, make_pool, spec

from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.scheduling.graph import arrange
from pytest_orchestra.scheduling.score import UNKNOWN_SECONDS, Demands, Scores, score


def score_of(
    specs: list[CaseSpec],
    edges: Edges | None = None,
    seconds: list[float | None] | None = None,
    workers: int = 2,
) -> Scores:
    """Return the scores of ``specs`` with these prerequisites and expected durations."""
    graph = arrange([(edges or {}).get(case, {}) for case in range(len(specs))])
    return score(specs, graph, seconds or [None] * len(specs), workers)


def test_equals_have_the_same_rank() -> None:
    """Whoever asks breaks the tie."""
    scores = score_of([spec(), spec()])
    assert scores.level == (0, 0)
    assert scores.tier == (0, 0)


def test_a_higher_priority_has_a_smaller_rank() -> None:
    """However long the others take."""
    scores = score_of([spec(), spec(priority=2.0), spec(priority=1.0)], seconds=[60.0, 1.0, 1.0])
    assert scores.level == (2, 0, 1)
    assert scores.tier == (2, 0, 1)


def test_a_prerequisite_inherits_the_priority_of_what_waits_for_it() -> None:
    """Over any number of steps, and never to its disadvantage."""
    specs = [spec(), spec(), spec(priority=5.0), spec(priority=9.0)]
    scores = score_of(specs, {1: after(0), 2: after(1, 3)})
    assert scores.priority == (5.0, 5.0, 5.0, 9.0)


def test_the_longest_way_to_the_end_is_the_most_urgent() -> None:
    """The way goes from the start of the case through all that waits for it."""
    scores = score_of([spec()] * 4, {1: after(0), 2: after(0)}, [1.0, 2.0, 5.0, 4.0])
    assert scores.tail == (6.0, 2.0, 5.0, 4.0)
    assert scores.level == (0, 3, 1, 2)
    assert scores.tier == (0, 0, 0, 0)


def test_short_ways_keep_the_order_of_the_collection() -> None:
    """What is short compared with the whole run fills gaps at any time."""
    scores = score_of([spec()] * 3, seconds=[100.0, 1.0, 0.5])
    assert scores.level == (0, 1, 1)


def test_with_one_worker_nothing_is_urgent() -> None:
    """Every order takes the same time."""
    scores = score_of([spec()] * 2, {1: after(0)}, [1.0, 9.0], workers=1)
    assert scores.level == (0, 0)


def test_what_is_unknown_is_taken_to_be_average() -> None:
    """The average of what is known, or a fixed guess where nothing is."""
    assert score_of([spec()] * 3, seconds=[2.0, None, 4.0]).tail == (2.0, 3.0, 4.0)
    assert score_of([spec()]).tail == (UNKNOWN_SECONDS,)


def test_each_case_of_a_group_stands_for_all_of_them() -> None:
    """They follow one another on one worker, so together they are one long case."""
    specs = [spec(group="g"), spec(group="g"), spec(), spec(group="h")]
    assert score_of(specs, seconds=[2.0, 3.0, 4.0, 1.0]).tail == (5.0, 5.0, 4.0, 1.0)


def test_a_long_way_behind_a_group_counts_for_more_than_the_group() -> None:
    """A case of a group is as urgent as it would be without one, or more."""
    specs = [spec(group="g"), spec(group="g"), spec()]
    assert score_of(specs, {2: after(0)}, [2.0, 3.0, 9.0]).tail == (11.0, 5.0, 9.0)


def pressed(
    specs: list[CaseSpec], seconds: list[float], edges: Edges | None = None, workers: int = 4
) -> Scores:
    """Return the scores where there is one token of ``db`` and two of ``browser``."""
    graph = arrange([(edges or {}).get(case, {}) for case in range(len(specs))])
    demands = Demands.read(specs, make_pool(db=1, browser=2))
    return score(specs, graph, seconds, workers, demands)


def test_who_takes_a_contended_resource_is_urgent_by_the_work_that_waits_for_it() -> None:
    """The longest first, and a shorter one that leaves less to do after a longer free one."""
    specs = [spec(DB), spec(DB), spec(DB), spec()]
    scores = pressed(specs, [1.0, 2.0, 1.0, 2.5])
    assert scores.urgency == (2.0, 4.0, 1.0, 2.5)
    assert scores.level == (2, 0, 3, 1)
    assert scores.bound == 4.0
    assert scores.tail == (1.0, 2.0, 1.0, 2.5)


def test_who_sets_free_a_user_of_a_contended_resource_is_urgent_with_it() -> None:
    """What waits for the resource waits for the prerequisite too."""
    scores = pressed([spec(), spec(DB), spec(DB)], [1.0, 2.0, 3.0], {1: after(0)})
    assert scores.urgency == (3.0, 2.0, 5.0)


def test_several_tokens_are_worth_their_share() -> None:
    """Work is divided by the capacity of the resource."""
    specs = [spec(Claim("browser")) for _ in range(8)]
    assert pressed(specs, [1.0] * 8).urgency == (4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0, 1.0)


def test_a_resource_that_is_free_most_of_the_time_makes_nobody_urgent() -> None:
    """Who takes it is as urgent as by its path."""
    scores = pressed([spec(DB), spec(DB), spec()], [1.0, 1.0, 9.0])
    assert scores.urgency == scores.tail


def test_little_urgency_is_none() -> None:
    """The share is of what the whole run takes at least."""
    scores = score_of([spec()] * 3, seconds=[100.0, 10.0, 0.5])
    assert scores.urgent(0.0) == [100.0, 10.0, 0.5]
    assert scores.urgent(0.1) == [100.0, 0.0, 0.0]


@pytest.mark.parametrize("workers", [1, 4])
def test_no_cases_have_no_scores(workers: int) -> None:
    """An empty run is a run."""
    assert score_of([], workers=workers) == Scores((), (), (), ())
