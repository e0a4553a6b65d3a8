import pytest
from engines import Edges, after, spec

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.graph import arrange
from pytest_orchestra.scheduling.score import UNKNOWN_SECONDS, Scores, score


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


@pytest.mark.parametrize("workers", [1, 4])
def test_no_cases_have_no_scores(workers: int) -> None:
    """An empty run is a run."""
    assert score_of([], workers=workers) == Scores((), (), (), ())
