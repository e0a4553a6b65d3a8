"""Orders that show failures early, and what they may cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from engines import DB, Edges, after, make_graph, make_pool, spec

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.order import Order
from pytest_orchestra.model.stage import StageSpec
from pytest_orchestra.scheduling.balance import PROMISE, Outlook
from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.scheduling.foresight import Foresight, foresee
from pytest_orchestra.scheduling.score import Scores, score
from pytest_orchestra.scheduling.setups import SetUps
from pytest_orchestra.scheduling.staging import Staging

#: A giant, then many short cases, of which the last is likely to fail.
SECONDS = [40.0, *[1.0] * 45]
FAILING = [0.01, *[0.01] * 44, 0.9]


def look(  # noqa: PLR0913 - each is a different thing that a test may care about
    order: Order,
    seconds: list[float],
    failing: list[float],
    *,
    specs: list[CaseSpec] | None = None,
    edges: Edges | None = None,
    workers: int = 2,
    setups: SetUps | None = None,
    go_on: Callable[[float], bool] = lambda _: True,
    staging: Staging | None = None,
) -> Foresight:
    """Return what is foreseen of cases in this order; there is one token of ``db``."""
    specs = specs or [spec() for _ in seconds]
    graph = make_graph(len(specs), edges, staging)
    scores = score(specs, graph, seconds, workers)
    outlook = Outlook(order, failing, setups or SetUps(), go_on)
    return foresee(
        specs,
        graph,
        make_pool(db=1),
        scores,
        seconds,
        workers,
        50,
        lambda _: True,
        outlook=outlook,
    )


def first(scores: Scores) -> int:
    """Return the case that goes first."""
    return min(range(len(scores.level)), key=lambda case: (scores.level[case], case))


def bound_to_fixtures() -> tuple[SetUps, list[CaseSpec]]:
    """Return two files of 20 cases, each with a fixture that takes 3 s and that all there use."""
    fixtures = (("db", "a.py"), ("db", "b.py"))
    nodeids = [f"{file}.py::test_{number}" for file in "ab" for number in range(20)]
    setups = SetUps(
        Kits(fixtures, ((0,), (1,)), (0,) * 20 + (1,) * 20), dict.fromkeys(fixtures, 3.0), nodeids
    )
    specs = [CaseSpec(nodeid, file=nodeid.partition("::")[0]) for nodeid in nodeids]
    return setups, specs


@pytest.mark.parametrize("unit", [1.0, 0.001])
def test_makespan_starts_with_what_the_end_waits_for(unit: float) -> None:
    """Whatever may fail; and so it is without an outlook."""
    found = look(Order.MAKESPAN, [unit * each for each in SECONDS], FAILING)
    assert first(found.scores) == 0
    assert found.gain is None


@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_feedback_starts_with_what_fails_soonest(unit: float) -> None:
    """Whatever that costs, which is told."""
    found = look(Order.FEEDBACK, [unit * each for each in SECONDS], FAILING)
    assert first(found.scores) == 45
    assert found.gain is not None
    assert found.gain.order is Order.FEEDBACK
    assert found.gain.shows < found.gain.showed
    assert found.gain.longer == pytest.approx(
        found.makespan - look(Order.MAKESPAN, [unit * each for each in SECONDS], FAILING).makespan
    )


@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_balanced_starts_with_what_fails_soonest_if_there_is_time(unit: float) -> None:
    """The giant must start at once or nearly so; there is another worker for the suspect."""
    seconds = [unit * each for each in SECONDS]
    found = look(Order.BALANCED, seconds, FAILING)
    assert first(found.scores) == 45
    assert found.makespan <= PROMISE * look(Order.MAKESPAN, seconds, FAILING).makespan
    assert found.gain is not None
    assert found.gain.shows < found.gain.showed


def test_balanced_puts_the_giant_off_no_longer_than_it_may() -> None:
    """It ends the run, so it starts within the first fiftieth."""
    found = look(Order.BALANCED, [100.0, *[1.0] * 40], [0.01] * 41)
    assert found.makespan <= 102.0
    feedback = look(Order.FEEDBACK, [100.0, *[1.0] * 40], [0.01] * 41)
    assert feedback.makespan > 102.0


def test_where_nothing_tells_cases_apart_the_order_of_the_rule_is_kept() -> None:
    """Neither durations nor past failures: all stays where it was collected."""
    found = look(Order.BALANCED, [1.0] * 20, [0.02] * 20)
    assert set(found.scores.level) == {0}
    assert found.gain is not None
    assert found.gain.shows == found.gain.showed


@pytest.mark.parametrize("order", [Order.BALANCED, Order.FEEDBACK])
def test_priority_goes_before_worth(order: Order) -> None:
    """However likely others fail."""
    specs = [spec() for _ in range(30)]
    specs[3] = spec(priority=1.0)
    found = look(order, [3.0] * 10 + [0.5] * 20, [0.01] * 29 + [0.9], specs=specs)
    assert first(found.scores) == 3


def test_prerequisites_of_a_suspect_go_with_it() -> None:
    """They go before all else that is not suspected."""
    found = look(Order.FEEDBACK, [1.0] * 20, [0.01] * 19 + [0.9], edges={19: after(7)})
    assert sorted(range(20), key=lambda case: found.scores.level[case])[:2] == [19, 7]


def test_a_contended_resource_and_long_ways_keep_the_promise() -> None:
    """What must happen before, in chains and queues, is reckoned with."""
    specs = [spec(DB) if case % 3 == 0 else spec() for case in range(60)]
    seconds = [1.0 + case % 7 for case in range(60)]
    edges = {case: after(case - 1) for case in range(40, 60)}
    failing = [0.9 if case in {4, 44} else 0.01 for case in range(60)]
    balanced = look(Order.BALANCED, seconds, failing, specs=specs, edges=edges, workers=4)
    makespan = look(Order.MAKESPAN, seconds, failing, specs=specs, edges=edges, workers=4)
    assert balanced.makespan <= PROMISE * makespan.makespan


@pytest.mark.parametrize("unit", [1.0, 0.01])
@pytest.mark.parametrize("workers", [1, 2])
def test_files_are_not_torn_apart_for_nothing(unit: float, workers: int) -> None:
    """Set-ups count: going back and forth between two files would cost more than it may."""
    setups, specs = bound_to_fixtures()
    seconds = [unit * (1.0 + case % 2) for case in range(40)]
    found = look(Order.BALANCED, seconds, [0.01] * 40, specs=specs, workers=workers, setups=setups)
    quickest = look(
        Order.MAKESPAN, seconds, [0.01] * 40, specs=specs, workers=workers, setups=setups
    )
    assert found.makespan <= PROMISE * quickest.makespan
    assert quickest.makespan == pytest.approx((6.0 + sum(seconds)) / workers, rel=0.1)


def test_groups_stay_what_they_are() -> None:
    """A case that must run where others of its group do takes turns with those."""
    setups, specs = bound_to_fixtures()
    specs[0], specs[39] = replace(specs[0], group="g"), replace(specs[39], group="g")
    seconds = [1.0 + case % 2 for case in range(40)]
    failing = [0.01] * 39 + [0.9]
    found = look(Order.BALANCED, seconds, failing, specs=specs, setups=setups)
    quickest = look(Order.MAKESPAN, seconds, failing, specs=specs, setups=setups)
    assert found.makespan <= PROMISE * quickest.makespan


def test_set_ups_may_spoil_what_a_better_order_saves() -> None:
    """Then the order of the rule is kept."""
    setups, specs = bound_to_fixtures()
    seconds = [7.0 if case in {3, 25, 38} else 1.0 for case in range(40)]
    found = look(Order.MAKESPAN, seconds, [0.01] * 40, specs=specs, workers=3, setups=setups)
    assert found.scores == score(specs, make_graph(len(specs)), seconds, 3)


@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_without_time_one_order_is_tried(unit: float) -> None:
    """And taken, if it keeps the promise."""
    seconds = [unit * each for each in [2.0, *[1.0] * 45]]
    found = look(Order.BALANCED, seconds, FAILING, go_on=lambda _: False)
    assert first(found.scores) == 45
    late = look(Order.BALANCED, [unit * each for each in SECONDS], FAILING, go_on=lambda _: False)
    assert late.makespan <= PROMISE * look(Order.MAKESPAN, seconds, FAILING).makespan * 40


def test_too_many_files_with_fixtures_are_not_kept_in_turns() -> None:
    """The promise is kept none the less."""
    nodeids = [f"test_{case // 2}.py::test_{case % 2}" for case in range(240)]
    fixtures = tuple(("db", f"test_{number}.py") for number in range(120))
    kits = Kits(
        fixtures, tuple((number,) for number in range(120)), tuple(c // 2 for c in range(240))
    )
    setups = SetUps(kits, dict.fromkeys(fixtures, 0.1), nodeids)
    specs = [CaseSpec(nodeid, file=nodeid.partition("::")[0]) for nodeid in nodeids]
    seconds = [0.1 + case % 5 for case in range(240)]
    failing = [0.9 if case == 100 else 0.01 for case in range(240)]
    balanced = look(Order.BALANCED, seconds, failing, specs=specs, setups=setups)
    makespan = look(Order.MAKESPAN, seconds, failing, specs=specs, setups=setups)
    assert balanced.makespan <= PROMISE * makespan.makespan


@pytest.mark.parametrize("order", Order)
def test_an_empty_run_is_foreseen(order: Order) -> None:
    """It takes no time."""
    assert look(order, [], []).makespan == 0.0


def test_the_same_is_foreseen_for_the_same() -> None:
    """Nothing hangs on chance or on the machine."""
    once, again = (look(Order.BALANCED, SECONDS, FAILING) for _ in range(2))
    assert once == again


@pytest.mark.parametrize("order", [Order.BALANCED, Order.FEEDBACK])
def test_no_order_goes_past_a_gate(order: Order) -> None:
    """A stage takes what those before it take, and its own: that is foreseen, whatever is likely to fail."""
    stages = (
        StageSpec("one"),
        StageSpec("void", needs=("one",)),
        StageSpec("two", needs=("void",)),
    )
    staging = Staging(stages, (*[0] * 23, *[2] * 23))
    found = look(order, [1.0] * 46, [*[0.01] * 45, 0.9], staging=staging)
    assert found.makespan == 24.0
    assert found.bound.seconds <= found.makespan
    assert found.gain is not None
    assert found.gain.shows >= 12.0
