from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from engines import after, make_engine, once_over, spec

from pytest_orchestra.history.judgement.observation import OUTAGE_FAILURES, OUTAGE_SHARE
from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.case import CaseSpec, Claim, Hold
from pytest_orchestra.model.events import (
    Acquire,
    Assign,
    CaseBlocked,
    CaseFinished,
    Conclude,
    FixturesDown,
    GiveBack,
    GiveUp,
    Relinquish,
    StopRequested,
    TimePassed,
    TokensGranted,
    VerdictAmended,
    WorkerLost,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.scheduling.engine import Engine, State
from pytest_orchestra.scheduling.retries import Retries, RetryPolicy
from pytest_orchestra.scheduling.simulate import Simulation

FAILED = Verdict.FAILED


def again(*cases: int, retries: int = 1) -> RetryPolicy:
    """Let each of ``cases`` be tried again so many times."""
    return RetryPolicy(dict.fromkeys(cases, retries))


def fail(engine: Engine, case: int, now: float = 0.0) -> tuple[object, ...]:
    """Let ``case`` fail, and be tried again if it may."""
    is_promised = engine.tries_again(case, FAILED)
    return engine.handle(CaseFinished(case, FAILED, 0.1, is_promised), now)


# the policy


def test_an_outage_is_what_the_judgement_of_flaky_tests_takes_for_one() -> None:
    """A run whose failures say nothing of single tests is no run in which to try them again."""
    policy = RetryPolicy()
    assert (policy.outage_share, policy.outage_failures) == (OUTAGE_SHARE, OUTAGE_FAILURES)


def test_each_attempt_is_twice_as_far_away_up_to_a_limit() -> None:
    """Seconds, from the failure on."""
    policy = RetryPolicy(backoff=1.0, longest=5.0)
    assert [policy.delay(failures) for failures in (1, 2, 3, 4, 5000)] == [1.0, 2.0, 4.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("cases", "lapsed", "failed", "expected"),
    [
        (5, 0, 5, True),
        (13, 0, 4, False),  # too few to mean anything
        (16, 0, 5, True),
        (17, 0, 5, False),  # the others may pass yet
        (20, 0, 6, False),  # 30 % are not over 30 %
        (20, 1, 6, True),
    ],
)
def test_an_outage_takes_a_large_share_of_all_cases_that_run(
    cases: int, lapsed: int, failed: int, *, expected: bool
) -> None:
    """Many that failed first are none, as long as enough others may pass."""
    retries = Retries(RetryPolicy(dict.fromkeys(range(cases), 1)), cases)
    for _ in range(lapsed):
        retries.lapse()
    ends = [retries.note(case, FAILED) for case in range(failed)]
    assert retries.is_over is expected
    assert ends.count(True) == expected


def test_only_first_attempts_make_an_outage() -> None:
    """One test that fails over and over does not."""
    retries = Retries(RetryPolicy({0: 99}, outage_failures=2), 1)
    for _ in range(9):
        assert not retries.note(0, FAILED)
        retries.rest(0, FAILED, "w1", 0.0)
    assert not retries.is_over


# the engine


def test_a_failed_case_is_tried_again_later_and_elsewhere() -> None:
    """It rests for a second; until then nothing is due, and it has no verdict."""
    engine = make_engine([spec()], retries=again(0))
    assert engine.handle(WorkersJoined(("w1", "w2")), 0.0) == (Assign("w1", 0),)
    assert fail(engine, 0, 1.0) == ()
    assert (engine.states[0], engine.verdicts[0], engine.done) == (State.RESTS, None, False)
    assert engine.next_due == 2.0
    assert engine.failed_on(0) == ("w1",)
    assert engine.has_retries
    assert engine.handle(TimePassed(), 1.9) == ()
    assert engine.handle(TimePassed(), 2.0) == (Assign("w2", 0),)
    assert engine.next_due is None
    engine.handle(CaseFinished(0, Verdict.PASSED, 0.1), 3.0)
    assert (engine.verdicts[0], engine.done) == (Verdict.FLAKY, True)
    assert not engine.has_retries


def test_who_fails_at_every_attempt_has_failed() -> None:
    """When the budget is used up the last failure is the verdict."""
    engine = make_engine([spec()], retries=again(0, retries=2))
    engine.handle(WorkersJoined(("w1", "w2", "w3")), 0.0)
    for worker, due in (("w2", 1.0), ("w3", 3.0)):
        assert engine.tries_again(0, Verdict.ERROR)
        fail(engine, 0, engine.waits.assigned_at[0] or 0.0)
        assert engine.handle(TimePassed(), due) == (Assign(worker, 0),)
    assert not engine.tries_again(0, FAILED)
    engine.handle(CaseFinished(0, Verdict.ERROR, 0.1), 4.0)
    assert engine.verdicts[0] is Verdict.ERROR
    assert engine.failed_on(0) == ()


@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.SKIPPED, Verdict.XFAILED])
def test_what_is_no_failure_is_not_tried_again(verdict: Verdict) -> None:
    """Neither is what has no budget."""
    engine = make_engine([spec(), spec()], retries=again(0))
    engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    assert not engine.tries_again(0, verdict)
    assert not engine.tries_again(1, FAILED)


def test_a_case_that_is_skipped_when_it_is_tried_again_is_skipped() -> None:
    """Flaky is only what passed."""
    engine = make_engine([spec()], retries=again(0))
    engine.handle(WorkersJoined(("w1",)), 0.0)
    fail(engine, 0)
    engine.handle(TimePassed(), 1.0)
    engine.handle(CaseFinished(0, Verdict.SKIPPED, 0.1), 2.0)
    assert engine.verdicts[0] is Verdict.SKIPPED


def test_it_runs_alone_after_all_else() -> None:
    """Not beside the others, though there is a worker, and not before what is ready."""
    engine = make_engine([spec() for _ in range(4)], retries=again(0))
    engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    assert fail(engine, 0, 0.0) == (Assign("w1", 2),)
    assert engine.handle(CaseFinished(1, Verdict.PASSED, 0.1), 5.0) == (Assign("w2", 3),)
    assert engine.handle(CaseFinished(3, Verdict.PASSED, 0.1), 6.0) == ()
    assert engine.handle(CaseFinished(2, Verdict.PASSED, 0.1), 7.0) == (Assign("w2", 0),)


def test_it_goes_first_if_others_wait_for_it() -> None:
    """With the urgency it had, as soon as the others make room."""
    specs = [spec(priority=5.0), *(spec() for _ in range(3)), spec()]
    engine = make_engine(specs, {4: after(0)}, retries=again(0), patience=0.0)
    engine.handle(WorkersJoined(("w1",)), 0.0)
    assert fail(engine, 0, 0.0) == (Assign("w1", 1),)
    assert engine.handle(CaseFinished(1, Verdict.PASSED, 0.1), 2.0) == (Assign("w1", 0),)
    assert engine.verdicts[4] is None
    engine.handle(CaseFinished(0, Verdict.PASSED, 0.1), 3.0)
    assert engine.states[4] is State.READY


def test_dependants_are_blocked_by_the_last_failure_only() -> None:
    """Until then they wait, also those that only want it to be over."""
    engine = make_engine(
        [spec() for _ in range(3)], {1: after(0), 2: once_over(0)}, retries=again(0)
    )
    engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    assert fail(engine, 0) == ()
    engine.handle(TimePassed(), 1.0)
    commands = engine.handle(CaseFinished(0, FAILED, 0.1), 2.0)
    assert Conclude(1, Verdict.BLOCKED, Cause("failed", 0, "w2")) in commands
    assert engine.states[2] is State.ASSIGNED


def test_with_one_worker_it_runs_there_again() -> None:
    """There is nobody else."""
    engine = make_engine([spec()], workers=1, retries=again(0))
    engine.handle(WorkersJoined(("w1",)), 0.0)
    fail(engine, 0)
    assert engine.handle(TimePassed(), 1.0) == (Assign("w1", 0),)


def test_a_group_stays_together() -> None:
    """Its members are tried again where the group is."""
    engine = make_engine([spec(group="g"), spec(group="g")], retries=again(0))
    engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    fail(engine, 0)
    engine.handle(CaseFinished(1, Verdict.PASSED, 0.1), 0.5)
    assert engine.handle(TimePassed(), 1.0) == (Assign("w1", 0),)


def test_it_goes_where_what_it_claims_is() -> None:
    """Of two hosts only one has it, and there only the worker on which it failed."""
    boxes = {name: {"box": Capacity(n, scope=Scope.HOST)} for name, n in (("big", 1), ("no", 0))}
    engine = make_engine(
        [spec(Claim("box"))],
        capacities={"box": Capacity(1, scope=Scope.HOST)},
        hosts=boxes,
        retries=again(0),
    )
    engine.handle(WorkersJoined(("w1",), "big"), 0.0)
    engine.handle(WorkersJoined(("w2",), "no"), 0.0)
    fail(engine, 0)
    assert engine.handle(TimePassed(), 1.0) == (Assign("w1", 0),)


def test_a_worker_that_comes_later_may_try_it() -> None:
    """It waits for all others to end, and by then there is one on which it has not failed."""
    engine = make_engine([spec(), spec(), spec()], workers=1, retries=again(0))
    engine.handle(WorkersJoined(("w1",)), 0.0)
    fail(engine, 0)
    engine.handle(TimePassed(), 1.0)
    assert engine.handle(WorkersJoined(("w2",)), 1.0) == (Assign("w2", 2),)
    engine.handle(CaseFinished(1, Verdict.PASSED, 0.1), 2.0)
    assert engine.handle(CaseFinished(2, Verdict.PASSED, 0.1), 3.0) == (Assign("w2", 0),)


def test_a_case_that_took_its_worker_down_is_tried_again() -> None:
    """On one that is left; and when the worker goes that was to try it, on the next."""
    engine = make_engine([spec(), spec(), spec()], retries=again(0))
    engine.handle(WorkersJoined(("w1", "w2", "w3")), 0.0)
    assert engine.tries_again(0, FAILED)
    engine.handle(WorkerLost("w1", 0, FAILED, again=True), 0.0)
    assert engine.handle(TimePassed(), 1.0) == ()
    engine.handle(CaseFinished(1, Verdict.PASSED, 0.1), 1.0)
    engine.handle(WorkerLost("w2"), 1.0)
    assert engine.handle(CaseFinished(2, Verdict.PASSED, 0.1), 2.0) == (Assign("w3", 0),)


def test_a_case_that_was_not_begun_again_is_given_out_anew() -> None:
    """A worker that dies without it being to blame costs it no attempt."""
    engine = make_engine([spec()], retries=again(0))
    engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    fail(engine, 0)
    engine.handle(TimePassed(), 1.0)
    assert engine.handle(WorkerLost("w2"), 2.0) == (Assign("w1", 0),)
    assert engine.failed_on(0) == ("w1",)


# giving up


def test_a_stop_ends_it_with_its_failure() -> None:
    """A case that rests, or is ready, has run: it has failed, and nothing else is said of it."""
    engine = make_engine([spec(), spec(), spec()], retries=again(0, 1))
    engine.handle(WorkersJoined(("w1", "w2", "w3")), 0.0)
    fail(engine, 0, 0.0)
    engine.handle(TimePassed(), 1.0)
    fail(engine, 1, 2.0)
    assert (engine.states[0], engine.states[1]) == (State.READY, State.RESTS)
    commands = engine.handle(StopRequested("-x"), 2.5)
    assert commands == (GiveUp(0, FAILED), GiveUp(1, FAILED))
    assert engine.verdicts[:2] == [FAILED, FAILED]
    assert engine.next_due is None
    assert not engine.tries_again(2, FAILED)


def test_a_stop_between_the_promise_and_the_end_is_an_end() -> None:
    """The driver has said that it will be tried again, so it is told that it will not."""
    engine = make_engine([spec()], retries=again(0))
    engine.handle(WorkersJoined(("w1",)), 0.0)
    assert engine.tries_again(0, FAILED)
    engine.handle(StopRequested("-x"), 0.0)
    assert engine.handle(CaseFinished(0, FAILED, 0.1, again=True), 0.0) == (GiveUp(0, FAILED),)
    assert engine.done


def test_whoever_is_not_to_run_at_all_is_not_tried_again() -> None:
    """What it depends on has turned out bad meanwhile."""
    engine = make_engine([spec(), spec()], {1: after(0)}, retries=again(1))
    engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    engine.handle(CaseFinished(0, Verdict.PASSED, 0.1), 0.0)
    engine.handle(VerdictAmended(0, Verdict.ERROR), 0.0)
    assert not engine.tries_again(1, FAILED)
    assert engine.handle(CaseFinished(1, FAILED, 0.1, again=True), 0.0) == (GiveUp(1, FAILED),)


def test_who_waits_for_another_attempt_can_be_blocked_from_outside() -> None:
    """It keeps its failure, and what depends on it hears of that."""
    engine = make_engine([spec(), spec()], {1: after(0)}, retries=again(0))
    engine.handle(WorkersJoined(("w1",)), 0.0)
    fail(engine, 0)
    cause = Cause("nobody is left who could run it")
    assert engine.handle(CaseBlocked(0, cause), 0.5) == (
        GiveUp(0, FAILED),
        Conclude(1, Verdict.BLOCKED, Cause("failed", 0, "w1")),
    )


def test_a_late_failure_of_a_failed_attempt_changes_what_it_came_to() -> None:
    """It is not over by that."""
    engine = make_engine([spec()], retries=again(0))
    engine.handle(WorkersJoined(("w1",)), 0.0)
    fail(engine, 0)
    assert engine.handle(VerdictAmended(0, Verdict.ERROR), 0.5) == ()
    assert engine.handle(StopRequested("-x"), 0.6) == (GiveUp(0, Verdict.ERROR),)


def test_an_outage_ends_all_retries() -> None:
    """Those that rest keep their failures, and nobody else is tried again."""
    policy = RetryPolicy(dict.fromkeys(range(12), 1))
    engine = make_engine([spec() for _ in range(12)], {11: once_over(0)}, retries=policy)
    engine.handle(WorkersJoined(tuple(f"w{each}" for each in range(12))), 0.0)
    for case in range(6, 9):
        engine.handle(CaseFinished(case, Verdict.PASSED, 0.1), 0.0)
    for case in range(1, 5):
        assert fail(engine, case, 0.0) == ()
    assert not engine.tries_again(0, FAILED)  # with this one there are too many
    commands = engine.handle(CaseFinished(0, FAILED, 0.1), 0.0)
    assert {command for command in commands if isinstance(command, GiveUp)} == {
        GiveUp(case, FAILED) for case in range(1, 5)
    }
    assert engine.has_given_up
    assert not engine.tries_again(5, FAILED)


def test_an_outage_that_was_not_foreseen_ends_what_was_promised() -> None:
    """Of two that end at once the first may be the one too many."""
    policy = RetryPolicy(dict.fromkeys(range(3), 1), outage_failures=2)
    engine = make_engine([spec() for _ in range(3)], retries=policy)
    engine.handle(WorkersJoined(("w1", "w2", "w3")), 0.0)
    fail(engine, 0)
    engine.handle(TimePassed(), 1.0)
    events = [CaseFinished(1, FAILED, 0.1), CaseFinished(2, FAILED, 0.1, again=True)]
    assert set(engine.handle_all(events, 1.0)) == {GiveUp(0, FAILED), GiveUp(2, FAILED)}


# cleaning up


def test_a_cleaner_waits_for_the_last_attempt() -> None:
    """And runs in a stopped run for a case that has run and rests."""
    engine = make_engine([spec(), spec()], {1: once_over(0)}, retries=again(0), cleaners={1: {0}})
    engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    assert fail(engine, 0) == ()
    commands = engine.handle(StopRequested("-x", cleaning=True), 0.5)
    assert GiveUp(0, FAILED) in commands
    assert any(isinstance(command, Assign) and command.case == 1 for command in commands)


# tokens of others


def test_it_asks_anew_for_what_others_share_once_fixtures_gave_it_back() -> None:
    """A fixture that stayed up keeps what was acquired for the first attempt, and is asked for it."""
    hold = Hold("seated", "", (Claim("seat"),))
    engine = make_engine(
        [CaseSpec("test_a.py::test_x", holds=(hold,)), spec()],
        capacities={"seat": Capacity(2, scope=Scope.MACHINE)},
        retries=again(0),
    )
    fixture = ("seated", "")
    commands = engine.handle(WorkersJoined(("w1", "w2")), 0.0)
    assert Acquire(0, (("seat", 1),)) in commands
    (started,) = engine.handle(TokensGranted(0), 0.0)
    assert isinstance(started, Assign)
    fail(engine, 0, 0.0)
    engine.handle(CaseFinished(1, Verdict.PASSED, 0.1), 0.0)
    assert engine.handle(TimePassed(), 1.0) == (Relinquish(started.worker, (fixture,)),)
    assert engine.handle(FixturesDown(started.worker, (fixture,)), 1.1) == (
        GiveBack(0),
        Acquire(0, (("seat", 1),)),
    )
    (second,) = engine.handle(TokensGranted(0), 1.2)
    assert isinstance(second, Assign)
    assert second.worker != started.worker


# virtual time


@pytest.mark.parametrize(
    ("at_first", "verdicts", "expected", "runs"),
    [
        ({0: [FAILED]}, {}, Verdict.FLAKY, 2),
        ({0: [FAILED, Verdict.ERROR]}, {}, Verdict.FLAKY, 3),
        ({}, {0: FAILED}, FAILED, 3),
    ],
)
def test_a_simulation_tries_again(
    at_first: Mapping[int, list[Verdict]],
    verdicts: dict[int, Verdict],
    expected: Verdict,
    runs: int,
) -> None:
    """Time goes by while nothing runs, and every attempt takes a second."""
    engine = make_engine([spec(), spec()], retries=again(0, retries=2))
    simulation = Simulation(engine, [1.0, 1.0], ("w1", "w2"), verdicts, at_first=at_first)
    spans = simulation.run()
    assert Counter(span.case for span in spans) == {0: runs, 1: 1}
    assert engine.verdicts == [expected, Verdict.PASSED]
    waits = [(1.0, 2.0), (3.0, 5.0)][: runs - 1]
    starts = [span.start for span in spans if span.case == 0]
    assert starts[1:] == [start for _, start in waits]
