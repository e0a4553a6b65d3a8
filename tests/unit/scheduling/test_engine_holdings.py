"""The engine with fixtures that keep, hosts that differ, and tokens that other runs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.case import CaseSpec, Claim, Hold, Mode
from pytest_orchestra.model.events import (
    Acquire,
    Assign,
    CaseFinished,
    CasesReturned,
    Command,
    FixturesDown,
    GiveBack,
    Relinquish,
    TokensGranted,
    TokensWanted,
    WorkerLost,
    WorkersJoined,
)
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.capacity import settle_stock
from pytest_orchestra.scheduling.engine import Engine, Tuning
from pytest_orchestra.scheduling.estimates import Estimates
from pytest_orchestra.scheduling.graph import arrange
from pytest_orchestra.scheduling.placement import place
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import score
from pytest_orchestra.scheduling.simulate import Simulation

PG = ("pg", "")
DB = Claim("db")
MACHINE = Capacity(1, scope=Scope.MACHINE)


def make(
    specs: Sequence[CaseSpec],
    declared: Mapping[str, Capacity],
    hosts: Mapping[str, Mapping[str, Capacity]] | None = None,
    patience: float = 1.0,
) -> Engine:
    """Return an engine for cases that depend on nothing."""
    stock, problems = settle_stock(specs, declared, hosts)
    barred, homeless = place(specs, stock)
    assert not problems
    assert not homeless
    graph = arrange([{} for _ in specs])
    nothing = [None] * len(specs)
    return Engine(
        specs,
        graph,
        score(specs, graph, nothing, 2),
        Pool(stock),
        Estimates([0] * len(specs), nothing),
        Tuning(patience=patience),
        barred,
    )


def user(*claims: Claim, priority: float = 0.0) -> CaseSpec:
    """Return a case with the session fixture pg, which takes a db or what is given."""
    holds = (Hold("pg", "", claims or (DB,)),)
    return CaseSpec("a.py::user", holds=holds, priority=priority)


def case(*claims: Claim, priority: float = 0.0, group: str | None = None) -> CaseSpec:
    """Return a case that claims something itself."""
    return CaseSpec("b.py::case", claims=frozenset(claims), priority=priority, group=group)


def join(engine: Engine, *workers: str, host: str = "") -> tuple[Command, ...]:
    """Let workers join."""
    return engine.handle(WorkersJoined(workers, host), 0.0)


def finish(engine: Engine, number: int, now: float = 1.0) -> tuple[Command, ...]:
    """Let a case pass."""
    return engine.handle(CaseFinished(number, Verdict.PASSED, 1.0), now)


# fixtures


def test_a_fixture_keeps_what_it_takes_and_its_users_need_nothing() -> None:
    """They have it on lease from the fixture."""
    engine = make([user(), user()], {"db": Capacity(1)})
    assert join(engine, "w1", "w2") == (Assign("w1", 0),)
    assert engine.leases_of(0) == (Lease("db", 1, ("0",)),)
    assert finish(engine, 0) == (Assign("w1", 1),)
    assert engine.leases_of(1) == (Lease("db", 1, ("0",)),)


def test_a_worker_that_finds_nothing_asks_for_what_nobody_uses() -> None:
    """Then the other case runs, wherever there is room."""
    engine = make([user(), case(DB)], {"db": Capacity(1)})
    assert join(engine, "w1", "w2") == (Assign("w1", 0),)
    assert finish(engine, 0) == (Relinquish("w1", (PG,)),)
    (assigned,) = engine.handle(FixturesDown("w1", (PG,)), 2.0)
    assert isinstance(assigned, Assign)
    assert assigned.case == 1
    assert finish(engine, 1) == ()
    assert engine.done


def test_a_fixture_that_the_case_did_not_leave_up_keeps_nothing() -> None:
    """It was never set up, say."""
    engine = make([user(), case(DB)], {"db": Capacity(1)})
    join(engine, "w1", "w2")
    assert engine.handle(FixturesDown("w1", (PG,), 0), 0.5) == ()
    assert Assign("w1", 1) in finish(engine, 0)


def test_a_worker_that_dies_keeps_nothing() -> None:
    """What its fixtures had is free."""
    engine = make([user(), case(DB)], {"db": Capacity(1)})
    join(engine, "w1")
    engine.handle(CaseFinished(0, Verdict.PASSED, 1.0), 1.0)
    join(engine, "w2")
    assert Assign("w2", 1) in engine.handle(WorkerLost("w1"), 2.0)


def test_what_is_more_urgent_gets_what_a_fixture_keeps() -> None:
    """After the case that uses it."""
    specs = [user(priority=9), user(), user(), case(DB, priority=5)]
    engine = make(specs, {"db": Capacity(1)})
    join(engine, "w1")
    commands = finish(engine, 0)
    assert any(isinstance(each, Relinquish) for each in commands), commands


def test_a_case_that_was_overtaken_gets_what_fixtures_keep() -> None:
    """With its reservation it may ask for what is in use, too."""
    specs = [user(), case(Claim("db", mode=Mode.WRITE)), *[user()] * 6]
    engine = make(specs, {"db": Capacity(2)}, patience=0.5)
    join(engine, "w1", "w2")
    commands: list[Command] = []
    running, now = [0, 2], 1.0
    for _ in range(12):
        if not running:
            break
        found = finish(engine, running.pop(0), now)
        commands += found
        now += 1.0
        for each in found:
            if isinstance(each, Relinquish):
                more = engine.handle(FixturesDown(each.worker, each.fixtures), now)
                running += [one.case for one in more if isinstance(one, Assign)]
        running += [each.case for each in found if isinstance(each, Assign)]
    assert any(isinstance(each, Relinquish) for each in commands)
    assert engine.done


# hosts


def test_cases_go_only_where_their_claims_fit() -> None:
    """Each host counts its own, and nobody else's."""
    gpu = Capacity(1, scope=Scope.HOST)
    hosts = {"laptop": {"gpu": Capacity(0, scope=Scope.HOST)}, "box": {}}
    engine = make([case(Claim("gpu"), group="g"), case(), case(Claim("gpu"))], {"gpu": gpu}, hosts)
    assert join(engine, "w1", host="laptop") == (Assign("w1", 1),)
    assert join(engine, "w2", "w3", host="box") == (Assign("w2", 0),)
    assert engine.leases_of(0) == (Lease("gpu", 1, ("0",)),)
    assert engine.held_up_by(2) == "gpu on box"
    assert Assign("w2", 2) in finish(engine, 0) or engine.worker_of[2] in ("w2", "w3")


def test_cases_of_hosts_that_are_gone_are_stranded() -> None:
    """Whoever knows that nobody comes back can say so."""
    gpu = Capacity(1, scope=Scope.HOST)
    hosts = {"laptop": {"gpu": Capacity(0, scope=Scope.HOST)}, "box": {}}
    engine = make([case(Claim("gpu")), case()], {"gpu": gpu}, hosts)
    join(engine, "w1", host="laptop")
    assert engine.stranded() == [0]
    join(engine, "w2", host="box")
    assert engine.stranded() == []


# other runs


def test_a_case_acquires_what_others_share_and_gives_it_back() -> None:
    """One at a time of each kind; it is the ticket."""
    engine = make([case(Claim("license")), case(Claim("license"))], {"license": MACHINE})
    assert join(engine, "w1") == (Acquire(0, (("license", 1),)),)
    assert engine.handle(TokensGranted(1), 0.5) == ()
    assert engine.handle(TokensGranted(0), 1.0) == (Assign("w1", 0),)
    assert engine.tickets_of(0) == (0,)
    assert finish(engine, 0) == (GiveBack(0), Acquire(1, (("license", 1),)))


def test_fixtures_keep_what_others_share_until_these_want_it() -> None:
    """Their users run on with the ticket of the one that set them up."""
    engine = make([user(Claim("license")), user(Claim("license"))], {"license": MACHINE})
    join(engine, "w1")
    engine.handle(TokensGranted(0), 0.0)
    assert finish(engine, 0) == (Assign("w1", 1),)
    assert engine.tickets_of(1) == (0,)
    assert engine.kept_from_others() == {"license"}
    assert engine.handle(TokensWanted("license"), 2.0) == (Relinquish("w1", (PG,)),)
    assert engine.kept_from_others() == frozenset()
    finish(engine, 1)
    assert GiveBack(0) in engine.handle(FixturesDown("w1", (PG,)), 3.0)


def test_who_waits_for_too_long_is_known() -> None:
    """From when it was ready, or when anybody here last got some."""
    declared = {"license": Capacity(1, scope=Scope.MACHINE, max_wait=10.0), "db": Capacity(1)}
    engine = make([case(Claim("license")), case(Claim("license"))], declared)
    join(engine, "w1")
    assert engine.overdue(9.0) == []
    assert engine.overdue(10.0) == [(0, "license", 10.0), (1, "license", 10.0)]
    engine.handle(TokensGranted(0), 12.0)
    finish(engine, 0, 13.0)
    assert engine.overdue(21.0) == []
    assert engine.overdue(22.0) == [(1, "license", 10.0)]
    assert make([case(DB)], {"db": Capacity(1)}).overdue(1e9) == []


def test_a_case_that_comes_back_unbegun_has_left_nothing_up() -> None:
    """Its tokens are all free again."""
    engine = make([user(), case(DB, priority=5)], {"db": Capacity(1)})
    join(engine, "w1")
    finish(engine, 1)
    assert engine.queue_of("w1") == (0,)
    assert engine.handle(CasesReturned("w1", (0,)), 2.0) == (Assign("w1", 0),)
    assert engine.tickets.in_use == {}


def test_what_a_worker_that_is_gone_says_of_fixtures_changes_nothing() -> None:
    """Its word may arrive late."""
    engine = make([case(DB)], {"db": Capacity(1)})
    join(engine, "w1")
    assert engine.handle(FixturesDown("w0", (PG,)), 1.0) == ()


def test_a_grant_waits_for_a_worker_that_may_use_it() -> None:
    """Others on other hosts go on without; when nobody is left who may, nothing is kept for it."""
    declared = {"gpu": Capacity(1, scope=Scope.HOST), "license": MACHINE}
    hosts = {"laptop": {"gpu": Capacity(0, scope=Scope.HOST)}, "box": {}}
    wide = case(Claim("gpu"), Claim("license"))
    engine = make([wide, case(), case(), case()], declared, hosts)
    assert join(engine, "w2", host="box") == (Assign("w2", 1), Acquire(0, (("license", 1),)))
    assert join(engine, "w1", host="laptop") == (Assign("w1", 2),)
    assert engine.handle(TokensGranted(0), 0.5) == ()
    assert finish(engine, 2) == (Assign("w1", 3),)
    engine.handle(WorkerLost("w2"), 2.0)
    assert engine.stranded() == [0]
    assert finish(engine, 3) == (Assign("w1", 1),)
    assert Assign("w3", 0) in join(engine, "w3", host="box")


def test_nothing_is_reserved_for_a_case_that_nobody_left_may_run() -> None:
    """However long it has been overtaken."""
    declared = {"gpu": Capacity(2, scope=Scope.HOST), "db": Capacity(1)}
    hosts = {"laptop": {"gpu": Capacity(0, scope=Scope.HOST)}, "box": {}}
    specs = [case(Claim("gpu", 2), DB), case(Claim("gpu")), *[case(DB)] * 3]
    engine = make(specs, declared, hosts, patience=0.0)
    join(engine, "w2", host="box")
    join(engine, "w1", host="laptop")
    engine.handle(WorkerLost("w2"), 1.0)
    for now in range(2, 9):
        for worker in engine.workers:
            for number in engine.queue_of(worker):
                finish(engine, number, float(now))
    assert engine.stranded()
    assert all(engine.verdicts[number] is Verdict.PASSED for number in (2, 3, 4))


def test_a_simulated_run_gets_what_others_share_at_once() -> None:
    """Nobody else is there."""
    engine = make([case(Claim("license"))] * 3, {"license": MACHINE})
    spans = Simulation(engine, [1.0] * 3, ("w1", "w2")).run()
    assert len(spans) == 3
    assert engine.tickets.in_use == {"license": 0}
