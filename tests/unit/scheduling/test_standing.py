from __future__ import annotations

from engines import DB, after, make_engine, spec

from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.case import Claim
from pytest_orchestra.model.events import CaseFinished, WorkersJoined
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.pool import EXCLUSIVE
from pytest_orchestra.scheduling.retries import RetryPolicy
from pytest_orchestra.scheduling.standing import Lack, Standing


def counted(engine: Engine) -> tuple[int, ...]:
    """Return how many cases are assigned, ready, resting, and wait for others."""
    standing = engine.standing
    return standing.assigned, standing.ready, standing.resting, standing.waiting


def test_every_case_without_a_verdict_stands_somewhere() -> None:
    """Given to a worker, ready, or waiting for another."""
    engine = make_engine([spec()] * 5, {4: after(0)})
    assert engine.standing == Standing(0, 4, 0, 1, ())
    engine.handle(WorkersJoined(("w1", "w2")), 1.0)
    assert counted(engine) == (2, 2, 0, 1)
    engine.handle(CaseFinished(0, Verdict.PASSED, 1.0), 2.0)
    assert counted(engine) == (2, 2, 0, 0)


def test_who_failed_rests_before_the_next_attempt() -> None:
    """Then it is ready like others."""
    engine = make_engine([spec()], retries=RetryPolicy({0: 1}, backoff=5.0))
    engine.handle(WorkersJoined(("w1",)), 0.0)
    engine.handle(CaseFinished(0, Verdict.FAILED, 1.0, again=True), 1.0)
    assert counted(engine) == (0, 0, 1, 0)


def test_it_is_known_what_ready_cases_lack() -> None:
    """By resource, with how many and since when; the others lack a worker."""
    engine = make_engine([spec(DB), spec(DB), spec(DB), spec(), spec()], workers=2)
    engine.handle(WorkersJoined(("w1", "w2")), 1.0)
    standing = engine.standing
    assert standing.lacks == (Lack("db", 2, 1.0),)
    assert standing.free == 1


def test_who_wants_to_be_alone_is_counted_apart() -> None:
    """They wait for all others, the others for them."""
    engine = make_engine([spec(), spec(alone=True)])
    engine.handle(WorkersJoined(("w1",)), 0.0)
    engine.handle(WorkersJoined(("w2",)), 1.0)
    lacks = engine.standing.lacks
    assert [(lack.resource, lack.cases, lack.alone) for lack in lacks] == [(EXCLUSIVE, 1, True)]


def test_what_lacks_something_on_several_hosts_is_counted_once() -> None:
    """Each host has its own tokens, but a case runs on one of them."""
    engine = make_engine(
        [spec(Claim("gpu"))] * 5,
        capacities={"gpu": Capacity(1, scope=Scope.HOST)},
        hosts={"a": {}, "b": {}},
        workers=4,
    )
    engine.handle(WorkersJoined(("a1", "a2"), "a"), 0.0)
    engine.handle(WorkersJoined(("b1", "b2"), "b"), 0.0)
    assert sum(lack.cases for lack in engine.standing.lacks) == 3
    assert engine.standing.free == 0
