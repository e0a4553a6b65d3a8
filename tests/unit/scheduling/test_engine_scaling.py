"""Workers that come as they are needed, are sent home, or are held back."""

from __future__ import annotations

import math

import pytest
from engines import DB, after, make_engine, spec

from pytest_orchestra.model.events import (
    Assign,
    CaseFinished,
    DispatchLimited,
    Recall,
    WorkerLost,
    WorkersDismissed,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling import engine as module
from pytest_orchestra.scheduling.engine import Engine, Vacancies
from pytest_orchestra.scheduling.retries import RetryPolicy


def join(engine: Engine, *workers: str) -> None:
    """Let ``workers`` join."""
    engine.handle(WorkersJoined(workers), 0.0)


def finish(engine: Engine, case: int, now: float = 1.0) -> tuple[object, ...]:
    """Let ``case`` pass."""
    return engine.handle(CaseFinished(case, Verdict.PASSED, 1.0), now)


# who is sent home


def test_who_was_sent_home_gets_nothing_more() -> None:
    """It stays known until it has left, and what becomes ready meanwhile is for others."""
    engine = make_engine([spec()] * 3, {2: after(0)})
    join(engine, "w1", "w2", "w3")
    assert list(engine.idle) == ["w3"]
    assert not engine.handle(WorkersDismissed(("w3",)), 0.5)
    assert not engine.idle
    assert engine.busy == 2
    assert list(engine.workers) == ["w1", "w2", "w3"]
    assert math.isinf(engine.vacancies(8, 1.0, 0.5).wait)
    assert finish(engine, 1) == ()
    assert finish(engine, 0) == (Assign("w1", 2),)
    assert not engine.handle(WorkerLost("w3"), 2.0)
    assert list(engine.workers) == ["w1", "w2"]


# who is held back


def test_no_more_are_busy_than_may_be() -> None:
    """Who is busy ends what runs; then one goes on, and with the end of it all do."""
    engine = make_engine([spec()] * 6)
    join(engine, "w1", "w2")
    assert not engine.is_held_back
    assert not engine.handle(DispatchLimited(1), 0.5)
    assert engine.is_held_back
    assert finish(engine, 0) == ()
    assert finish(engine, 1) == (Assign("w2", 2),)
    assert finish(engine, 2) == (Assign("w2", 3),)
    assert engine.handle(DispatchLimited(None), 2.0) == (Assign("w1", 4),)


def test_nothing_is_sent_ahead_to_who_should_rest() -> None:
    """A queue runs dry while too many are busy, and is not shared out either."""
    engine = make_engine([spec()] * 9, seconds=[0.1] * 9, horizon=0.3)
    join(engine, "w1", "w2")
    ahead = {worker: engine.queue_of(worker) for worker in ("w1", "w2")}
    engine.handle(DispatchLimited(1), 0.0)
    first, *rest = ahead["w1"]
    assert finish(engine, first) == ()
    for case in rest:
        assert not any(isinstance(each, Assign | Recall) for each in finish(engine, case)[:-1])
    assert engine.busy == 1


# what there is to do


def test_what_more_workers_would_find() -> None:
    """Cases that are ready count, as far as there are tokens, and groups that nobody has begun."""
    specs = [*[spec(DB)] * 4, spec(), spec(group="a"), spec(group="a"), spec(group="b")]
    engine = make_engine(specs, capacities={"db": 2})
    assert engine.vacancies(10, 1.0, 0.0).ready == 2 + 1 + 2
    assert engine.vacancies(3, 1.0, 0.0).ready == 3
    assert engine.pending == 8
    join(engine, *(f"w{number}" for number in range(5)))
    assert engine.pending == 3
    assert engine.vacancies(10, 1.0, 0.0).ready == 0


def test_who_runs_alone_finds_something_only_while_nothing_runs() -> None:
    """Another worker is of no use to it."""
    engine = make_engine([spec(alone=True)] * 2)
    assert engine.vacancies(10, 1.0, 0.0).ready == 1
    join(engine, "w1")
    assert engine.vacancies(10, 1.0, 0.0).ready == 0


def test_what_is_about_to_be_ready() -> None:
    """Cases count that wait only for what ends within so many seconds."""
    edges = {2: after(0), 3: after(0, 1), 4: after(2), 5: after(0)}
    engine = make_engine([spec()] * 6, edges, seconds=[4.0, 9.0, 1.0, 1.0, 1.0, 1.0])
    join(engine, "w1", "w2")
    assert engine.vacancies(8, 1.0, 0.0).soon == 0
    assert engine.vacancies(8, 1.0, 3.5).soon == 2 - 1
    assert engine.vacancies(1, 1.0, 3.5).soon == 1
    assert engine.vacancies(8, 9.0, 3.5).soon == 3 - 2
    assert engine.vacancies(8, 1.0, 3.5).wait == 0.5 + 2.0 / 2


def test_many_dependants_are_not_all_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than any machine has workers for need not be counted."""
    monkeypatch.setattr(module, "MOST_ASKED", 3)
    fan = {case: after(0) for case in range(1, 9)}
    engine = make_engine([spec()] * 9, fan, seconds=[1.0] * 9)
    join(engine, "w1")
    assert engine.vacancies(8, 1.0, 0.5).soon == 3 - 1


def test_the_next_of_a_chain_is_for_who_ends_the_last() -> None:
    """Another worker would come too late."""
    engine = make_engine([spec()] * 3, {1: after(0), 2: after(1)}, seconds=[1.0] * 3)
    join(engine, "w1")
    assert engine.vacancies(8, 5.0, 0.5).soon == 0


def test_a_case_that_has_its_verdict_is_not_ready_soon() -> None:
    """What was blocked meanwhile will never run."""
    engine = make_engine([spec()] * 3, {2: after(0, 1)}, seconds=[1.0] * 3)
    join(engine, "w1", "w2")
    engine.handle(CaseFinished(0, Verdict.FAILED, 1.0), 0.5)
    assert engine.vacancies(8, 1.0, 0.5).soon == 0


def test_how_long_it_takes_to_begin_everything() -> None:
    """Until somebody is free, and what is ready has been shared out."""
    engine = make_engine([spec()] * 4, seconds=[5.0, 4.0, 2.0, 2.0])
    assert engine.vacancies(8, 1.0, 0.0) == Vacancies(4, 0, 13.0)
    join(engine, "w1", "w2")
    assert engine.vacancies(8, 1.0, 1.0).wait == 3.0 + 2.0
    assert engine.vacancies(8, 1.0, 4.5).wait == 0.5 + 2.0


def test_what_is_overdue_takes_as_long_again() -> None:
    """Nobody knows better of a case that runs for longer than it was expected to."""
    engine = make_engine([spec()] * 2, seconds=[1.0, 2.0], workers=1)
    join(engine, "w1")
    started = engine.queue_of("w1")[0]
    rest = 3.0 - (1.0, 2.0)[started]
    assert engine.vacancies(8, 1.0, 6.0).wait == 6.0 + rest


def test_what_was_sent_ahead_comes_first() -> None:
    """A worker is free when it is done with its queue."""
    engine = make_engine([spec()] * 9, seconds=[0.1] * 9, horizon=0.3)
    join(engine, "w1")
    queue = engine.queue_of("w1")
    expected = 0.1 + 0.1 * (len(queue) - 1) + 0.1 * (9 - len(queue))
    vacancies = engine.vacancies(8, 1.0, 0.0)
    assert vacancies.wait == pytest.approx(expected)
    assert vacancies.ready == engine.pending == 8


def test_nobody_knows_how_long_the_unknown_takes() -> None:
    """As long as nothing has ended it may take for ever; then it takes what others took."""
    engine = make_engine([spec()] * 5)
    join(engine, "w1")
    assert math.isinf(engine.vacancies(8, 1.0, 0.0).wait)
    finish(engine, 0)
    assert engine.vacancies(8, 1.0, 1.0).wait == 1.0 + 3.0


def test_a_case_that_may_be_tried_again() -> None:
    """Somebody else is to be there then, unless nothing is tried again any more."""
    assert not make_engine([spec()]).may_try_again
    policy = RetryPolicy({0: 1}, outage_failures=1)
    engine = make_engine([spec()] * 2, retries=policy)
    assert engine.may_try_again
    join(engine, "w1")
    engine.handle(CaseFinished(0, Verdict.FAILED, 1.0), 1.0)
    assert not engine.may_try_again
