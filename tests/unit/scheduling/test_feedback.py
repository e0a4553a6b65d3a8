"""What cases are worth if failures are to show early."""

from __future__ import annotations

from engines import Edges, after

from pytest_orchestra.scheduling.feedback import Worth, feedback_level, take_front, weigh
from pytest_orchestra.scheduling.graph import arrange
from pytest_orchestra.scheduling.setups import Blocks


def worth_of(
    failing: list[float],
    seconds: list[float],
    edges: Edges | None = None,
    blocks: Blocks = (),
    *,
    whole: bool = False,
) -> Worth:
    """Return what cases are worth that fail with these probabilities and take these seconds."""
    graph = arrange([(edges or {}).get(case, {}) for case in range(len(failing))])
    return weigh(failing, seconds, graph, blocks, whole=whole)


def users(uses: list[bool], cost: float = 1.0) -> Blocks:
    """Return the block of these cases, which use one fixture."""
    return ((cost, tuple(case for case, uses_it in enumerate(uses) if uses_it)),)


def order_of(worth: Worth) -> list[int]:
    """Return the cases by their worth."""
    return sorted(range(len(worth.grade)), key=lambda case: (worth.grade[case], case))


def test_the_likeliest_failure_per_second_goes_first() -> None:
    """A test that fails more often, or takes less time for it."""
    worth = worth_of([0.1, 0.8, 0.1], [1.0, 1.0, 0.1])
    assert order_of(worth) == [2, 1, 0]
    assert worth.bundle == (0, 1, 2)


def test_what_is_about_the_same_is_not_told_apart() -> None:
    """Nor are durations that nobody would notice."""
    assert len(set(worth_of([0.03, 0.025, 0.02], [1.0] * 3).grade)) == 1
    assert len(set(worth_of([0.02] * 3, [0.0, 0.0001, 0.004]).grade)) == 1


def test_what_never_fails_goes_last() -> None:
    """A probability of nothing is no mistake."""
    assert order_of(worth_of([0.0, 0.01], [0.1, 10.0])) == [1, 0]


def test_a_prerequisite_is_worth_what_it_sets_free() -> None:
    """Both together, over any number of steps; and never to its disadvantage."""
    chain = worth_of([0.01, 0.01, 0.9, 0.05], [1.0] * 4, {1: after(0), 2: after(1)})
    assert order_of(chain) == [2, 0, 1, 3]
    worse = worth_of([0.9, 0.01], [1.0, 50.0], {1: after(0)})
    assert worse.grade == worth_of([0.9, 0.01], [1.0, 50.0]).grade


def test_who_needs_a_set_up_is_worth_less() -> None:
    """It takes as long as the test and the set-up together."""
    worth = worth_of([0.1, 0.1], [0.1, 0.1], blocks=users([True, False], cost=2.0))
    assert order_of(worth) == [1, 0]


def test_a_suspect_is_pulled_out_of_its_file() -> None:
    """If the rest takes longer than another set-up; what is left stays together."""
    worth = worth_of([0.01, 0.9, 0.01, 0.01], [5.0, 0.1, 5.0, 5.0], blocks=users([True] * 4))
    assert worth.grade[1] < worth.grade[0] == worth.grade[2] == worth.grade[3]
    assert worth.bundle == (0, 1, 0, 0)


def test_a_short_rest_follows_the_suspect() -> None:
    """It takes less time than setting up again."""
    worth = worth_of([0.01, 0.9, 0.01], [0.1, 0.1, 0.1], blocks=users([True] * 3))
    assert len(set(worth.grade)) == len(set(worth.bundle)) == 1


def test_what_is_to_stay_whole_does() -> None:
    """However likely one of them fails."""
    worth = worth_of([0.01, 0.9, 0.01], [5.0, 0.1, 5.0], blocks=users([True] * 3), whole=True)
    assert len(set(worth.grade)) == len(set(worth.bundle)) == 1


def test_priority_goes_before_worth_and_worth_before_urgency() -> None:
    """In the order by feedback."""
    worth = Worth((0, 0, 1, 0), (0, 1, 2, 3))
    assert feedback_level([1, 1, 1, 0], worth, [0.0, 3.0, 9.0, 0.0]) == (2, 1, 3, 0)


def test_the_front_takes_no_more_than_its_room() -> None:
    """By priority, then worth, then bundle, up to the first that does not fit."""
    worth = Worth((1, 0, 0, 0), (0, 1, 2, 3))
    assert take_front([0, 0, 0, 1], worth, [1.0] * 4, 2.0) == [False, True, True, False]
    assert take_front([0, 0, 0, 1], worth, [1.0] * 4, 9.0) == [True] * 4
