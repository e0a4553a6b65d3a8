"""Why a test started when it did: from when on it could have, who was in its way, what would have helped."""

from __future__ import annotations

from dataclasses import replace

from little_runs import after, ran, run_of

from pytest_orchestra.advice.hindsight import Hindsight, Remedy, look_back
from pytest_orchestra.advice.readiness import Stay
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.case import CaseSpec, Claim, Mode
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.requirement import Kind, Requirement
from pytest_orchestra.model.run import CaseRecord, ResourceRecord, RunRecord
from pytest_orchestra.model.stage import StageRecord, StageSpec, Strategy
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.pool import EXCLUSIVE

DB = (Lease("db", 1, ("0",)),)


def rounded(found: Hindsight) -> list[tuple[str, float]]:
    """Return the remedies, in tenths of seconds."""
    return [(remedy.what, round(remedy.seconds, 1)) for remedy in found.remedies]


def test_who_started_at_once_waited_for_nobody() -> None:
    """And nothing would have made it start earlier."""
    run = run_of([ran("a", "gw0", 0.0, 1.0, ready_at=0.0), ran("b", "gw1", 0.0, 9.0, ready_at=0.0)])
    found = look_back(run, 0)
    assert (found.ready, found.refused, found.given, found.began) == (0.0, None, 0.0, 0.0)
    assert (found.chain, found.busy, found.holders, found.remedies) == ((), (), (), ())


def test_the_chain_of_what_it_waited_for() -> None:
    """From the first to the one that ended last; others do not matter, but for what remains without it."""
    run = run_of(
        [
            ran("first", "gw0", 0.0, 2.0, ready_at=0.0),
            ran("second", "gw0", 2.5, 1.0, ready_at=2.0, requirements=after(0)),
            ran("other", "gw1", 0.0, 3.0, ready_at=0.0),
            ran("last", "gw0", 3.5, 1.0, ready_at=3.5, requirements=after(1, 2)),
        ]
    )
    found = look_back(run, 3)
    assert found.chain == (Stay(0, "gw0", 0.0, 2.0), Stay(1, "gw0", 2.5, 3.5))
    assert found.prerequisites == 2
    assert rounded(found) == [
        ("not to wait for a.py::second", 0.5),
        ("a.py::first taking no time", 0.5),
        ("a.py::second taking no time", 0.5),
        ("a.py::second not waiting itself", 0.5),
    ]


def test_who_had_the_tokens() -> None:
    """While it waited for them, and when one token more would have been enough."""
    run = run_of(
        [
            ran("a", "gw0", 0.0, 4.0, leases=DB),
            ran("b", "gw1", 1.0, 2.0, leases=DB),
            ran("gone", "gw2", 0.0, 0.5, leases=DB),
            ran("none", "gw3", 0.0, 9.0),
            ran("c", "gw1", 3.0, 1.0, leases=DB, ready_at=0.0, refused_at=1.0, waited_for="db"),
        ],
        resources=(ResourceRecord("db", 2, 2, 2.0),),
    )
    found = look_back(run, 4)
    assert (found.resource, found.refused) == ("db", 1.0)
    assert found.holders == (Stay(0, "gw0", 0.0, 4.0, 1), Stay(1, "gw1", 1.0, 3.0, 1))
    assert found.holders_end == 4.0
    assert ("one more token of 'db'", 2.0) in rounded(found)
    assert ("one more worker, free when it was ready", 1.0) in rounded(found)


def test_who_is_not_the_first_to_wait() -> None:
    """It waited for the same as the one before it, which a worker had to leave lying in its place."""
    run = run_of(
        [
            ran("a", "gw0", 0.0, 2.0, leases=DB),
            ran("b", "gw0", 2.0, 2.0, leases=DB),
            ran("c", "gw0", 4.01, 1.0, leases=DB, ready_at=0.5, refused_at=2.02, waited_for="db"),
            ran("d", "gw0", 6.0, 1.0, leases=DB, ready_at=0.5, refused_at=5.9, waited_for="db"),
        ],
        resources=(ResourceRecord("db", 1, 1, 2.0),),
    )
    found = look_back(run, 2)
    assert found.refused == 0.5
    assert [stay.case for stay in found.holders] == [0, 1]
    assert ("one more token of 'db'", 3.5) in rounded(found)
    idle_meanwhile = look_back(run, 3)
    assert idle_meanwhile.refused == 5.9


def with_claims(case: CaseRecord, *claims: Claim, alone: bool = False) -> CaseRecord:
    """Return ``case`` with other claims."""
    return replace(case, spec=replace(case.spec, claims=frozenset(claims), alone=alone))


def test_what_one_token_more_would_not_help() -> None:
    """Locks, tests that run alone, quantities, and more tokens than one."""
    waits = ran("c", "gw1", 3.0, 1.0, ready_at=0.0, refused_at=1.0, waited_for="db")
    holder = ran("a", "gw0", 1.0, 2.0, leases=(Lease("db", 2),))
    writes = look_back(run_of([holder, with_claims(waits, Claim("db", mode=Mode.WRITE))]), 1)
    assert writes.remedies[0] == Remedy("no test beside it that wants 'db' in another way", 2.0)
    memory = (ResourceRecord("db", 2, 2, 0.0, is_quantity=True),)
    assert look_back(run_of([holder, waits], resources=memory), 1).remedies[0].what == (
        "more of 'db'"
    )
    wide = replace(waits, leases=(Lease("db", 2),))
    two = (ResourceRecord("db", 2, 2, 0.0),)
    assert "token" not in str(look_back(run_of([holder, wide], resources=two), 1).remedies)
    alone = with_claims(replace(waits, waited_for=EXCLUSIVE), alone=True)
    found = look_back(run_of([holder, alone]), 1)
    assert found.holders == (Stay(0, "gw0", 1.0, 3.0, 1),)
    assert ("not asking to run alone", 2.0) in rounded(found)
    shut_out = replace(waits, waited_for=EXCLUSIVE)
    lone = look_back(run_of([with_claims(holder, alone=True), shut_out]), 1)
    assert ("a.py::a not asking to run alone", 2.0) in rounded(lone)


def test_who_went_before_it_while_workers_were_busy() -> None:
    """A higher priority would have let it go first where a worker was given something else."""
    run = run_of(
        [
            ran("a", "gw0", 0.0, 1.0),
            ran("b", "gw0", 1.0, 2.0),
            ran("c", "gw0", 3.0, 1.0, ready_at=0.5),
            ran("d", "gw0", 4.0, 1.0, ready_at=0.5),
        ]
    )
    found = look_back(run, 2)
    assert [stay.case for stay in found.busy] == [0, 1]
    assert found.overtaken == 1
    assert rounded(found) == [
        ("one more worker, free when it was ready", 2.5),
        ("a higher priority, so that it goes before what workers were given meanwhile", 2.0),
    ]


def test_attempts_are_told_of() -> None:
    """When it was ready is that of the last one."""
    attempts = (
        Attempt(Verdict.FAILED, 1000.0, 0.0, 1.0, 0.0, "gw0"),
        Attempt(Verdict.PASSED, 1003.0, 0.0, 1.0, 0.0, "gw1"),
    )
    case = replace(ran("a", "gw1", 3.0, 1.0, ready_at=2.0), attempts=attempts)
    found = look_back(run_of([case]), 0)
    assert [attempt.worker for attempt in found.attempts] == ["gw0", "gw1"]
    assert (found.ready, found.began) == (2.0, 3.0)


def test_who_is_tried_again_had_all_that_it_needs() -> None:
    """So it is not said to have waited for prerequisites or gates anew, but to have failed before."""
    attempts = (
        Attempt(Verdict.FAILED, 1001.0, 0.0, 1.0, 0.0, "gw0"),
        Attempt(Verdict.PASSED, 1003.0, 0.0, 1.0, 0.0, "gw1"),
    )
    again = ran("a", "gw1", 3.0, 1.0, ready_at=3.0, attempts=attempts, requirements=after(0))
    again = replace(again, spec=replace(again.spec, stage=0))
    run = run_of([ran("needed", "gw0", 0.0, 1.0, ready_at=0.0), again])
    run = replace(run, stages=(StageRecord(StageSpec("rest"), 1.5),))
    found = look_back(run, 1)
    assert (found.chain, found.stage, found.turn) == ((), None, None)
    assert rounded(found) == [("not failing when it was first tried", 2.0)]


def test_who_waited_for_its_turn() -> None:
    """In a sequential stage: for the test before it, once the stage had opened and all that it needs was over."""
    staged = [
        replace(each, spec=replace(each.spec, stage=1))
        for each in (
            ran("b", "gw0", 2.0, 3.0, ready_at=2.0),
            ran("c", "gw1", 5.0, 1.0, ready_at=5.0, requirements=after(0)),
        )
    ]
    spec = StageSpec("steps", strategy=Strategy.SEQUENTIAL, needs=("smoke",))
    run = run_of([ran("a", "gw0", 0.0, 3.0, ready_at=0.0), *staged])
    run = replace(run, stages=(StageRecord(StageSpec("smoke"), 0.0), StageRecord(spec, 2.0)))
    found = look_back(run, 2)
    assert (found.stage, found.turn) == ("steps", Stay(1, "gw0", 2.0, 5.0))
    assert rounded(found) == [("not to wait for its turn: another strategy than sequential", 2.0)]
    first = look_back(run, 1)
    assert (first.stage, first.turn) == ("steps", None)
    assert rounded(first) == [("not to wait for the gate of 'smoke'", 2.0)]


def test_who_cleans_up_waited_for_all_users() -> None:
    """Not only for who provided what it cleans up; other cleaners are no users."""
    data = (Requirement(Kind.DATA, "user", (0,)),)
    cleaners = [
        replace(each, spec=replace(each.spec, cleans=("user",)))
        for each in (
            ran("drop", "gw0", 3.0, 1.0, ready_at=3.0, requirements=data),
            ran("other", "gw1", 3.0, 1.0, ready_at=3.0, requirements=data),
        )
    ]
    make = ran("make", "gw0", 0.0, 1.0, ready_at=0.0)
    use = ran("use", "gw0", 1.0, 2.0, ready_at=1.0, requirements=data)
    found = look_back(run_of([make, use, *cleaners]), 2)
    assert [stay.case for stay in found.chain] == [0, 1]
    assert found.prerequisites == 2
    assert ("not to wait for a.py::use", 2.0) in rounded(found)


def test_what_was_sent_ahead() -> None:
    """Its worker was busy with another one when it got it."""
    first, second = ran("a", "gw0", 0.0, 2.0), ran("b", "gw0", 2.0, 1.0)
    run = run_of([first, replace(second, assigned_at=1.0), replace(second, worker="gw1")])
    assert [look_back(run, case).was_sent_ahead for case in (0, 1, 2)] == [False, True, False]


def test_a_stage_that_opened_late() -> None:
    """Where its gate was the last thing that the test waited for, that is what is told."""
    case = ran("a", "gw0", 3.0, 1.0, ready_at=3.0)
    case = replace(case, spec=replace(case.spec, stage=1))
    run: RunRecord = replace(
        run_of([case]),
        stages=(StageRecord(StageSpec("smoke"), 0.0), StageRecord(StageSpec("rest"), 3.0)),
    )
    assert look_back(run, 0).stage == "rest"
    assert look_back(replace(run, stages=()), 0).stage is None


def test_who_never_began_has_no_remedies() -> None:
    """Nor a time at which it began."""
    run = run_of([CaseRecord(CaseSpec("a.py::a"), Verdict.BLOCKED)])
    found = look_back(run, 0)
    assert (found.began, found.given, found.remedies) == (None, None, ())
