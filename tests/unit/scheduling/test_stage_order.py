"""In which stage a case runs: its own, unless somebody needs it sooner than that opens."""

from __future__ import annotations

from engines import Edges, after, make_graph, once_over, spec

from pytest_orchestra.model.stage import Gate, StageSpec, Strategy
from pytest_orchestra.scheduling.capacity import Stock
from pytest_orchestra.scheduling.graph import arrange
from pytest_orchestra.scheduling.improve import make_shop
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import score
from pytest_orchestra.scheduling.stage_order import Pull, Staged, stage_cases
from pytest_orchestra.scheduling.staging import Staging

ONE, TWO, THREE = StageSpec("one"), StageSpec("two", needs=("one",)), StageSpec("three")


def staged(staging: Staging, edges: Edges | None = None) -> Staged:
    """Return what comes of stages and edges."""
    prerequisites = [(edges or {}).get(case, {}) for case in range(len(staging.of_case))]
    return stage_cases(staging, prerequisites, arrange(prerequisites))


def stages_of(staging: Staging, edges: Edges | None = None) -> tuple[int, ...]:
    """Return the stage in which each case runs."""
    found = staged(staging, edges).graph.staging
    assert found is not None
    return found.of_case


def test_who_is_needed_sooner_is_pulled_forward() -> None:
    """It runs in the stage of the case that needs it, and so does what it needs itself."""
    staging = Staging((ONE, TWO), (0, 1, 1, 1))
    found = staged(staging, {0: after(1), 1: once_over(2)})
    assert found.graph.staging is not None
    assert found.graph.staging.of_case == (0, 0, 0, 1)
    assert found.pulls == (Pull(1, 0, 1, 0), Pull(2, 1, 1, 0))
    assert found.graph.order == (2, 1, 0, 3)


def test_what_comes_in_time_stays_where_it_is() -> None:
    """A later stage that waits for nothing else opens soon enough for a case of an earlier one."""
    staging = Staging((ONE, TWO, THREE), (0, 1, 2))
    assert stages_of(staging, {0: after(2)}) == (0, 1, 2)
    assert staged(staging, {0: after(2)}).pulls == ()


def test_a_knot_of_stages_is_undone() -> None:
    """Two stages that would wait for each other through cases of others do not."""
    specs = (
        StageSpec("a"),
        StageSpec("b"),
        StageSpec("c", needs=("a",)),
        StageSpec("d", needs=("b",)),
    )
    staging = Staging(specs, (0, 1, 2, 3))
    # a waits for a case of d, and b for one of c.
    assert stages_of(staging, {0: after(3), 1: after(2)}) == (0, 1, 1, 0)


def test_a_stage_in_between_is_tried_first() -> None:
    """Of several stages that need a case the earliest in which it would be late decides."""
    specs = (StageSpec("a"), StageSpec("b", needs=("a",)), StageSpec("c", needs=("b",)))
    assert stages_of(Staging(specs, (1, 2, 0)), {0: after(1)}) == (1, 1, 0)
    assert stages_of(Staging(specs, (1, 2, 0)), {0: after(1), 2: after(1)}) == (1, 0, 0)


def test_cases_of_a_sequential_stage_take_turns() -> None:
    """In the order of the collection, but behind what they need, also what that needs elsewhere."""
    specs = (StageSpec("row", strategy=Strategy.SEQUENTIAL), StageSpec("free"))
    staging = Staging(specs, (0, 0, 0, 1, 0))
    found = staged(staging, {0: after(3), 3: after(4)}).graph.staging
    assert found is not None
    assert found.sequences == ((4, 0, 1, 2),)
    assert found.implied == {(4, 0), (0, 1), (1, 2)}
    graph = staged(staging, {0: after(3), 3: after(4), 1: after(0)}).graph
    assert graph.staging is not None
    assert (0, 1) not in graph.staging.implied
    assert graph.edges == 3


def test_turns_pull_forward_too() -> None:
    """What a sequential stage waits for, since it comes before one that is needed, comes in time as well."""
    specs = (
        StageSpec("first"),
        StageSpec("late", needs=("first",)),
        StageSpec("row", strategy=Strategy.SEQUENTIAL),
    )
    staging = Staging(specs, (2, 2, 0, 1))
    # Case 2 needs the second of the row, and the first of the row a case of a stage that waits for 2.
    assert stages_of(staging, {0: after(3), 2: after(1)}) == (2, 2, 0, 0)


def test_a_stage_without_cases_only_hands_on() -> None:
    """Who needs it waits for those that it needs."""
    specs = (
        StageSpec("a"),
        StageSpec("void", needs=("a",)),
        StageSpec("void too", needs=("void",)),
        StageSpec("b", needs=("void too",)),
    )
    graph = staged(Staging(specs, (3, 0, 3))).graph
    assert graph.order == (1, 0, 2)
    shop = make_shop([spec()] * 3, graph, Pool(Stock({})), [1.0, 5.0, 1.0], 9)
    assert shop.schedule([0.0, 1.0, 2.0]).starts == (5.0, 0.0, 5.0)
    assert shop.reversed().schedule([0.0, 1.0, 2.0]).starts == (0.0, 1.0, 0.0)
    assert staged(
        Staging((StageSpec("void"), StageSpec("a", needs=("void",))), (1,))
    ).graph.order == (0,)


def test_what_a_gate_holds_back_makes_its_stage_urgent() -> None:
    """By the longest path behind it, and by the work that it holds back from so many workers."""
    staging = Staging((ONE, TWO, THREE), (2, 2, 0, 1, 1))
    scores = score([spec()] * 5, make_graph(5, None, staging), [4.0, 4.0, 1.0, 3.0, 4.0], 2)
    assert scores.tail == (4.0, 4.0, 5.0, 3.0, 4.0)
    assert scores.level[2] == 0
    assert scores.bound == 8.0
    four = Staging((ONE, TWO), (0, *[1] * 9))
    assert score([spec()] * 10, make_graph(10, None, four), [1.0] * 10, 2).tail[0] == 5.5


def test_a_gate_that_may_pass_early_bounds_nothing() -> None:
    """But who it waits for is urgent all the same."""
    early = StageSpec("one", gate=Gate(pass_rate=0.5))
    staging = Staging((early, TWO, THREE), (2, 0, 1))
    scores = score([spec()] * 3, make_graph(3, None, staging), [5.0, 1.0, 9.0], 2)
    assert scores.tail == (5.0, 1.0, 9.0)
    assert scores.urgency == (5.0, 10.0, 9.0)
    is_reviewed = Staging((early, TWO), (0, 1), is_reviewed=True)
    assert score([spec()] * 2, make_graph(2, None, is_reviewed), [1.0, 9.0], 2).tail == (10.0, 9.0)


def test_priority_goes_through_gates_and_does_not_level() -> None:
    """A stage is as urgent as what waits for its gate; within it, cases go by their own."""
    specs = [spec(), spec(priority=2.0), spec(priority=5.0), spec(priority=3.0)]
    staging = Staging((ONE, TWO, THREE), (0, 0, 1, 2))
    scores = score(specs, make_graph(4, None, staging), [None] * 4, 2)
    assert scores.tier == (2, 1, 0, 3)
