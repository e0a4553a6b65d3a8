"""What a script waits for, what it passes over, and who plays which part."""

from __future__ import annotations

from dataclasses import dataclass, field

from engines import DB, after, make_engine, once_over, spec

from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.case import CaseSpec, Claim, Hold
from pytest_orchestra.model.dispatch import Deed, Step
from pytest_orchestra.model.events import (
    Acquire,
    Assign,
    CaseBlocked,
    CaseFinished,
    CasesReturned,
    Conclude,
    CrewComplete,
    Fixture,
    FixturesDown,
    GiveBack,
    GiveUp,
    Relinquish,
    StopRequested,
    TimePassed,
    TokensGranted,
    WorkerLost,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.scheduling.engine import END_OF_SCRIPT
from pytest_orchestra.scheduling.retries import RetryPolicy
from pytest_orchestra.scheduling.script import Script, renumbered

#: How many boxes there are on each host.
HOSTS = {"big": 2, "small": 1}


@dataclass
class Cast:
    """Players that do what they are told, and note it; they are as busy as a test says."""

    workers: tuple[str, ...] = ("gw0", "gw1")
    over: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    lacking: set[int] = field(default_factory=set)
    under_way: set[int] = field(default_factory=set)
    done: list[tuple[str, int]] = field(default_factory=list)
    down: list[tuple[str, tuple[Fixture, ...]]] = field(default_factory=list)
    is_busy: bool = False

    def is_over(self, case: int) -> bool:
        """Whether a test has said so."""
        return case in self.over

    def is_ready(self, case: int) -> bool:
        """Whether it waits for nothing."""
        return case not in self.waiting

    def is_under_way(self, case: int) -> bool:
        """Whether it was given to somebody."""
        return case in self.under_way

    def give(self, worker: str, case: int) -> bool:
        """Note it."""
        if case in self.lacking:
            return False
        self.under_way.add(case)
        self.done.append((worker, case))
        return True

    def make_way(self, worker: str, case: int) -> bool:  # noqa: ARG002 - the same for all
        """Whether somebody is busy."""
        return self.is_busy

    def take_down(self, worker: str, fixtures: tuple[Fixture, ...]) -> None:
        """Note it."""
        self.down.append((worker, fixtures))


def steps(*words: str) -> list[Step]:
    """Return steps such as ``join gw0``, ``run gw0 3``, ``end gw0 3``, ``lost gw0`` and ``down gw0``."""
    found: list[Step] = []
    for each in words:
        word, worker, *numbers = each.split()
        case = int(numbers[0]) if numbers else None
        verdict = (
            Verdict.PASSED if word in ("end", "amend") or (word == "lost" and numbers) else None
        )
        deed = {
            "join": Deed.JOINED,
            "run": Deed.RUN,
            "end": Deed.ENDED,
            "amend": Deed.AMENDED,
            "lost": Deed.LOST,
            "down": Deed.DOWN,
        }[word]
        fixtures = (("db", ""),) if deed is Deed.DOWN else ()
        found.append(Step(deed, worker, case, verdict, fixtures))
    return found


def script_of(*words: str, workers: tuple[str, ...] = ("gw0", "gw1")) -> Script:
    """Return a script of steps, with workers that are there."""
    script = Script(steps(*words))
    for worker in workers:
        script.joined(worker)
    return script


def test_what_was_over_is_waited_for() -> None:
    """A case begins when all is over that was over then, on whatever worker."""
    script, cast = script_of("run gw0 0", "run gw1 1", "end gw1 1", "run gw0 2"), Cast()
    script.follow(cast)
    assert cast.done == [("gw0", 0), ("gw1", 1)]
    script.ended(0)
    script.follow(cast)
    assert len(cast.done) == 2
    assert not script.is_over
    script.ended(1)
    script.follow(cast)
    assert cast.done[2:] == [("gw0", 2)]
    assert script.is_over


def test_what_was_sent_ahead_is_sent_ahead() -> None:
    """Before the ends that made room for it, but not before what was given out earlier."""
    script = script_of(
        *("run gw0 0", "run gw0 1", "end gw0 0", "run gw0 2", "end gw0 1", "run gw0 3"),
        *("end gw1 9", "run gw0 4", "end gw0 2", "lost gw0 3", "run gw0 5"),
    )
    cast = Cast(under_way={9})
    script.follow(cast)
    assert [case for _, case in cast.done] == [0, 1, 2]
    script.ended(0)
    script.follow(cast)
    assert [case for _, case in cast.done] == [0, 1, 2, 3]


def test_each_end_of_a_case_is_one() -> None:
    """A case that was tried again has two, and the second is waited for as well."""
    script = script_of("run gw0 0", "end gw0 0", "run gw1 0", "end gw1 0", "run gw0 1")
    cast = Cast()
    script.follow(cast)
    script.ended(0)
    script.follow(cast)
    assert cast.done == [("gw0", 0), ("gw1", 0)]
    cast.over.add(0)
    script.follow(cast)
    assert cast.done[2:] == [("gw0", 1)]


def test_what_will_never_come_is_passed_over() -> None:
    """A case that is over, or cannot be ready or get its tokens, while nobody is at work; amendments."""
    words = (
        "run gw0 0",
        "end gw0 0",
        "run gw0 1",
        "run gw0 2",
        "end gw0 2",
        "amend gw0 2",
        "run gw1 3",
    )
    cast = Cast(over={0}, waiting={1}, lacking={2}, is_busy=True)
    script = script_of(*words)
    script.follow(cast)
    assert not cast.done
    cast.waiting.clear()
    script.follow(cast)
    assert cast.done == [("gw0", 1)]
    cast.is_busy = False
    script.follow(cast)
    assert cast.done[1:] == [("gw1", 3)]
    assert script.is_over
    cast = Cast(over={0}, waiting={1, 2})
    script_of(*words).follow(cast)
    assert cast.done == [("gw1", 3)]


def test_workers_are_waited_for_as_long_as_they_may_come() -> None:
    """Then another one plays their part too; if nobody is there nothing is done."""
    script, cast = script_of("join gw0", "join gw1", "run gw1 0", workers=("gw0",)), Cast(("gw0",))
    script.follow(cast)
    assert not cast.done
    script.complete_crew()
    cast.workers = ()
    script.follow(cast)
    assert not cast.done
    cast.workers = ("gw0",)
    script.follow(cast)
    assert cast.done == [("gw0", 0)]


def test_who_dies_is_replaced_by_who_comes_next() -> None:
    """Who comes, under whatever name, runs first what the dead one was given and had not begun."""
    words = ("join gw0", "run gw1 0", "run gw1 1", "end gw1 1", "run gw1 2", "run gw2 3")
    script, cast = script_of(*words), Cast()
    script.follow(cast)
    assert cast.done == [("gw1", 0), ("gw1", 1), ("gw1", 2)]
    script.lost("gw1", (1, 2))
    cast.done.clear()
    script.follow(cast)
    assert not cast.done
    script.joined("gw2")
    script.follow(cast)
    script.ended(1)
    script.follow(cast)
    assert cast.done == [("gw2", 1), ("gw2", 2)]
    script.complete_crew()
    script.follow(cast)
    assert cast.done[2:] == [("gw0", 3)]


def test_a_spare_worker_plays_who_died() -> None:
    """One that has no part of its own."""
    script, cast = script_of("run gw1 0", "end gw1 0", "run gw1 1"), Cast()
    script.follow(cast)
    script.lost("gw1", ())
    script.ended(0)
    script.follow(cast)
    assert cast.done == [("gw1", 0), ("gw0", 1)]
    script.lost("gw7", ())  # who had no part leaves none


def test_a_worker_that_lives_on_plays_the_part_of_its_replacement() -> None:
    """And the crash is waited for as long as its case goes on."""
    script = script_of("join gw0", "run gw1 0", "lost gw1 0", "join gw2", "run gw2 1")
    cast = Cast()
    script.follow(cast)
    assert cast.done == [("gw1", 0)]
    script.ended(0)
    script.follow(cast)
    assert cast.done == [("gw1", 0), ("gw1", 1)]


def test_a_crash_that_comes_again_is_no_news() -> None:
    """The part is over with it."""
    words = ("join gw0", "run gw1 0", "lost gw1 0", "join gw2", "run gw2 1", "run gw2 2")
    script = script_of(*words)
    cast = Cast()
    script.follow(cast)
    script.ended(0)
    script.lost("gw1", ())
    script.follow(cast)
    assert len(cast.done) == 1
    script.joined("gw2")
    script.follow(cast)
    assert cast.done[1:] == [("gw2", 1), ("gw2", 2)]


def test_fixtures_go_down_where_they_went_down() -> None:
    """Unless their worker is not there."""
    script, cast = script_of("down gw0", "down gw5"), Cast()
    script.follow(cast)
    assert cast.down == [("gw0", (("db", ""),))]


def test_what_was_given_back_is_run_again() -> None:
    """At once, before what comes next."""
    script, cast = script_of("run gw0 0", "run gw0 1"), Cast()
    script.follow(cast)
    script.returned("gw0", (1,))
    assert not script.is_over
    script.follow(cast)
    assert cast.done == [("gw0", 0), ("gw0", 1), ("gw0", 1)]


def test_new_numbers() -> None:
    """Cases that are gone leave nothing but the death of their worker."""
    found = list(renumbered(steps("join gw0", "run gw0 0", "lost gw0 1", "run gw1 2"), {2: 0}))
    assert found == steps("join gw0", "lost gw0", "run gw1 0")


# with an engine


def test_an_engine_goes_by_its_script() -> None:
    """It gives out nothing else, and when the script ends nothing more begins."""
    script = Script(steps("run w2 2", "run w1 0", "end w1 0"))
    engine = make_engine([spec(), spec(), spec()], script=script)
    assert engine.handle(WorkersJoined(("w1", "w2")), 0.0) == (Assign("w2", 2), Assign("w1", 0))
    ended = engine.handle(CaseFinished(0, Verdict.PASSED, 1.0), 1.0)
    assert ended == (Conclude(1, Verdict.NOT_RUN, Cause(END_OF_SCRIPT)),)
    assert not engine.handle(CaseFinished(2, Verdict.PASSED, 1.0), 2.0)
    assert engine.done


def test_an_engine_waits_for_workers_until_it_hears_that_none_will_come() -> None:
    """Without a script it does not matter to it."""
    engine = make_engine([spec()], script=Script(steps("join w1", "run w2 0")))
    assert not engine.handle(WorkersJoined(("w1",)), 0.0)
    assert engine.handle(CrewComplete(), 1.0) == (Assign("w1", 0),)
    assert not make_engine([spec()]).handle(CrewComplete(), 0.0)


def test_dependencies_and_tokens_hold() -> None:
    """A case of the script waits for them, and is not given out if it is blocked."""
    specs = [spec(DB), spec(DB), spec(), spec()]
    script = Script(steps("run w1 0", "run w2 1", "run w2 2", "run w1 3"))
    engine = make_engine(specs, {2: after(0)}, capacities={"db": 1}, script=script)
    assert engine.handle(WorkersJoined(("w1", "w2")), 0.0) == (Assign("w1", 0),)
    assert engine.waits.refusals[1].resource == "db"
    ended = engine.handle(CaseFinished(0, Verdict.FAILED, 1.0), 1.0)
    assert [each for each in ended if isinstance(each, Assign)] == [
        Assign("w2", 1),
        Assign("w1", 3),
    ]
    assert engine.verdicts[2] is Verdict.BLOCKED


def test_attempts_of_the_script_are_on_the_workers_of_the_script() -> None:
    """Though nobody would choose them; and what it did not try again is not tried again."""
    script = Script(steps("run w1 0", "end w1 0", "run w1 0", "end w1 0"))
    engine = make_engine([spec(), spec()], retries=RetryPolicy({0: 5}, backoff=1.0), script=script)
    engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    assert not engine.handle(CaseFinished(0, Verdict.FAILED, 0.1, again=True), 0.1)
    assert engine.handle(TimePassed(), 1.1) == (Assign("w1", 0),)
    ended = engine.handle(CaseFinished(0, Verdict.FAILED, 0.1, again=True), 1.2)
    assert GiveUp(0, Verdict.FAILED) in ended
    assert engine.done


def test_an_attempt_waits_until_it_may_run_alone() -> None:
    """And is bound to no worker by that."""
    script = Script(steps("run w1 0", "end w1 0", "run w2 1", "run w1 0", "end w1 0"))
    engine = make_engine([spec(), spec()], retries=RetryPolicy({0: 1}, backoff=0.0), script=script)
    engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    again = engine.handle(CaseFinished(0, Verdict.FAILED, 0.1, again=True), 0.1)
    assert again == (Assign("w2", 1),)
    assert engine.handle(CaseFinished(1, Verdict.PASSED, 0.1), 0.2) == (Assign("w1", 0),)


def test_a_group_stays_together() -> None:
    """Where its home is, even if its part is played by somebody else."""
    script = Script(steps("run w1 0", "run w2 1", "end w2 1"))
    engine = make_engine([spec(group="g"), spec(group="g")], horizon=5.0, script=script)
    given = engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    assert given == (Assign("w1", 0), Assign("w1", 1))


def test_what_comes_too_early_runs_at_the_end() -> None:
    """Since it needs by now what stands after it; so no test that could run is lost without a word."""
    script = Script(steps("run w1 0", "run w1 1", "end w1 1", "run w1 2"))
    engine = make_engine([spec(), spec(), spec(), spec()], {0: after(1)}, script=script)
    assert engine.handle(WorkersJoined(("w1",)), 0.0) == (Assign("w1", 1),)
    assert engine.handle(CaseFinished(1, Verdict.PASSED, 1.0), 1.0) == (Assign("w1", 2),)
    assert not script.is_over
    late = engine.handle(CaseFinished(2, Verdict.PASSED, 1.0), 2.0)
    assert late[0] == Assign("w1", 0)
    engine.handle(CaseFinished(0, Verdict.PASSED, 1.0), 3.0)
    assert engine.verdicts == [*[Verdict.PASSED] * 3, Verdict.NOT_RUN]


def test_what_never_can_run_holds_up_no_end() -> None:
    """Neither what was blocked meanwhile, nor what waits for a case that the script has not."""
    script = Script(steps("run w1 0", "run w1 1", "run w1 2", "end w1 2"))
    graph = {0: after(2), 1: after(3)}
    engine = make_engine([spec(), spec(), spec(), spec()], graph, script=script)
    assert engine.handle(WorkersJoined(("w1",)), 0.0) == (Assign("w1", 2),)
    engine.handle(CaseFinished(2, Verdict.FAILED, 1.0), 1.0)
    assert engine.done
    blocked, failed, not_run = Verdict.BLOCKED, Verdict.FAILED, Verdict.NOT_RUN
    assert engine.verdicts == [blocked, not_run, failed, not_run]


def test_who_knows_of_one_case_only_gets_one_at_a_time() -> None:
    """Where nothing is sent ahead, as in one process, a case that was moved forward waits."""
    script = Script(steps("run main 0", "run main 1", "end main 1", "end main 0"))
    engine = make_engine([spec(), spec()], script=script)
    assert engine.handle(WorkersJoined(("main",)), 0.0) == (Assign("main", 0),)
    assert engine.handle(CaseFinished(0, Verdict.PASSED, 1.0), 1.0) == (Assign("main", 1),)


def holding(name: str) -> CaseSpec:
    """Return a case with a fixture that keeps a token of db."""
    return CaseSpec(f"test_{name}.py::test_x", holds=(Hold("pg", f"test_{name}.py", (DB,)),))


def test_fixtures_make_way_where_they_did_and_where_they_must() -> None:
    """By a step, or if nothing else would go on; nobody is asked twice."""
    down = Step(Deed.DOWN, "w1", fixtures=(("pg", "test_a.py"), ("none", "")))
    for extra in ([down, down], []):
        script = Script([*steps("run w1 0", "end w1 0"), *extra, *steps("run w2 1")])
        engine = make_engine([holding("a"), holding("b")], capacities={"db": 1}, script=script)
        engine.handle(WorkersJoined(("w1", "w2")), 0.0)
        asked = engine.handle(CaseFinished(0, Verdict.PASSED, 1.0), 1.0)
        assert asked == (Relinquish("w1", (("pg", "test_a.py"),)),)
        went = engine.handle(FixturesDown("w1", (("pg", "test_a.py"),)), 1.0)
        assert went == (Assign("w2", 1),)


def test_what_other_runs_share_is_asked_for_at_its_turn() -> None:
    """And waited for."""
    script = Script(steps("run w1 0", "end w1 0", "run w2 1"))
    specs = [spec(), spec(Claim("license"))]
    capacities = {"license": Capacity(1, scope=Scope.MACHINE)}
    engine = make_engine(specs, capacities=capacities, script=script)
    assert engine.handle(WorkersJoined(("w1", "w2")), 0.0) == (Assign("w1", 0),)
    asked = engine.handle(CaseFinished(0, Verdict.PASSED, 1.0), 1.0)
    assert asked == (Acquire(1, (("license", 1),)),)
    assert engine.waits.refusals[1].resource == "license"
    assert not engine.handle(TimePassed(), 2.0)
    assert engine.handle(TokensGranted(1), 3.0) == (Assign("w2", 1),)


def test_what_can_never_have_its_tokens_is_not_run() -> None:
    """Here there is no worker on a host that has enough; nor is what has to run where it does."""
    hosts = {host: {"box": Capacity(most, scope=Scope.HOST)} for host, most in HOSTS.items()}
    engine = make_engine(
        [spec(Claim("box", 2), group="g"), spec(), spec(group="g")],
        capacities={"box": Capacity(2, scope=Scope.HOST)},
        hosts=hosts,
        script=Script(steps("run w1 0", "run w1 2", "run w1 1", "end w1 1")),
    )
    assert engine.handle(WorkersJoined(("w1",), "small"), 0.0) == (Assign("w1", 1),)
    engine.handle(CaseFinished(1, Verdict.PASSED, 1.0), 1.0)
    assert engine.verdicts == [Verdict.NOT_RUN, Verdict.PASSED, Verdict.NOT_RUN]


def test_nothing_is_kept_for_what_is_passed_over() -> None:
    """Not even what other runs gave: what cleans up, and cannot where it did, does so elsewhere."""
    box = {host: {"box": Capacity(most, scope=Scope.HOST)} for host, most in HOSTS.items()}
    engine = make_engine(
        [spec(), spec(Claim("license"), group="g"), spec(Claim("box", 2), group="g")],
        {1: once_over(0)},
        capacities={
            "license": Capacity(1, scope=Scope.MACHINE),
            "box": Capacity(2, scope=Scope.HOST),
        },
        hosts=box,
        cleaners={1: {0}},
        script=Script(steps("run w1 0", "end w1 0", "run w1 1")),
    )
    joined = (WorkersJoined(("w1",), "small"), WorkersJoined(("w2",), "big"))
    engine.handle_all(joined, 0.0)
    acquire = Acquire(1, (("license", 1),))
    assert engine.handle(CaseFinished(0, Verdict.PASSED, 1.0), 1.0) == (acquire,)
    passed_over = engine.handle(TokensGranted(1), 2.0)
    assert [each for each in passed_over if not isinstance(each, Conclude)] == [
        GiveBack(1),
        acquire,
    ]
    assert engine.handle(TokensGranted(1), 3.0) == (Assign("w2", 1),)


def test_a_stop_holds_in_a_scripted_run() -> None:
    """What the script would run next is not run; nor what was blocked from outside."""
    script = Script(steps("run w1 0", "end w1 0", "run w1 1", "run w1 2"))
    engine = make_engine([spec(), spec(), spec()], script=script)
    engine.handle(WorkersJoined(("w1",)), 0.0)
    engine.handle(CaseBlocked(2, Cause("gone")), 0.0)
    engine.handle(StopRequested("-x", cleaning=True), 0.5)
    assert not engine.handle(CaseFinished(0, Verdict.FAILED, 1.0), 1.0)
    assert engine.verdicts == [Verdict.FAILED, Verdict.NOT_RUN, Verdict.BLOCKED]
    assert engine.stopped == "-x"


def test_workers_that_die_and_give_back() -> None:
    """Their cases are run again, by who plays their parts; nobody else gets them meanwhile."""
    script = Script(steps("run w1 0", "run w1 1", "run w2 2", "end w1 1"))
    engine = make_engine([spec(), spec(), spec()], horizon=5.0, script=script)
    given = engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    assert given == (Assign("w1", 0), Assign("w1", 1), Assign("w2", 2))
    assert engine.handle(CasesReturned("w1", (1,)), 0.1) == (Assign("w1", 1),)
    assert not engine.handle(WorkerLost("w1", 0, Verdict.FAILED), 0.2)
    assert engine.handle(WorkersJoined(("w3",)), 0.3) == (Assign("w3", 1),)
