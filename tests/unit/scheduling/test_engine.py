import pytest
from engines import DB, WRITE, Edges, after, make_engine, once_over, spec

from pytest_orchestra.model.events import (
    Assign,
    CaseBlocked,
    CaseFinished,
    CasesReturned,
    Command,
    Conclude,
    Recall,
    StopRequested,
    VerdictAmended,
    WorkerLost,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.scheduling.engine import Engine, State

FAILED = Verdict.FAILED
BLOCKED = Verdict.BLOCKED
NOT_RUN = Verdict.NOT_RUN


def join(engine: Engine, *workers: str) -> tuple[Command, ...]:
    """Let ``workers`` join."""
    return engine.handle(WorkersJoined(workers), 0.0)


def finish(
    engine: Engine, case: int, verdict: Verdict = Verdict.PASSED, seconds: float = 1.0
) -> tuple[Command, ...]:
    """Let ``case`` end."""
    return engine.handle(CaseFinished(case, verdict, seconds), 1.0)


def started(edges: Edges, cases: int) -> Engine:
    """Return an engine with one worker, which has the first case."""
    engine = make_engine([spec()] * cases, edges)
    assert join(engine, "w1") == (Assign("w1", 0),)
    return engine


# from the first worker to the last verdict


def test_nothing_happens_without_workers() -> None:
    """Cases that are ready wait for somebody to run them."""
    engine = make_engine([spec()])
    assert engine.states == [State.READY]
    assert engine.workers == ()
    assert not engine.done


def test_a_run_without_cases_is_done() -> None:
    """There is nothing to wait for."""
    engine = make_engine([])
    assert engine.done
    assert join(engine, "w1") == ()


def test_each_worker_gets_one_case_at_a_time() -> None:
    """Without a horizon nothing is sent ahead."""
    engine = make_engine([spec()] * 3)
    assert join(engine, "w1", "w2") == (Assign("w1", 0), Assign("w2", 1))
    assert finish(engine, 1) == (Assign("w2", 2),)
    assert engine.queue_of("w2") == (2,)
    assert engine.queue_of("nobody") == ()


def test_the_end_is_when_every_case_has_its_verdict() -> None:
    """Verdicts are kept as they came."""
    engine = make_engine([spec()] * 2)
    join(engine, "w1")
    finish(engine, 0)
    assert not engine.done
    assert finish(engine, 1, Verdict.XFAILED) == ()
    assert engine.done
    assert engine.verdicts == [Verdict.PASSED, Verdict.XFAILED]
    assert engine.states == [State.DONE] * 2


def test_a_worker_that_comes_late_gets_work_at_once() -> None:
    """Workers may join at any time."""
    engine = make_engine([spec()] * 2)
    join(engine, "w1")
    assert join(engine, "w2") == (Assign("w2", 1),)
    assert engine.workers == ("w1", "w2")


def test_a_dependant_starts_when_its_prerequisites_have_passed() -> None:
    """All of them, not the first; on the worker that is idle just now."""
    engine = make_engine([spec()] * 3, {2: after(0, 1)})
    join(engine, "w1", "w2")
    assert finish(engine, 0) == ()
    assert engine.states[2] is State.WAITS_FOR_CASES
    assert finish(engine, 1) == (Assign("w2", 2),)


def test_what_cannot_start_for_want_of_tokens_says_so() -> None:
    """A driver can tell the user what a ready case waits for."""
    engine = make_engine([spec(DB)] * 2)
    join(engine, "w1", "w2")
    assert engine.held_up_by(1) == "db"


def test_idle_workers_with_cases_of_their_own_are_asked_even_if_others_found_nothing() -> None:
    """A group's worker gets its case although an idle one before it could not run it."""
    engine = make_engine([spec(group="g"), spec(group="g")], {1: after(0)})
    assert join(engine, "w1") == (Assign("w1", 0),)
    assert join(engine, "w2") == ()
    assert finish(engine, 0) == (Assign("w1", 1),)


# blocked


@pytest.mark.parametrize("verdict", [FAILED, Verdict.ERROR, Verdict.SKIPPED, Verdict.XFAILED])
def test_a_dependant_of_what_did_not_pass_is_blocked(verdict: Verdict) -> None:
    """It does not run, and its cause is the case, what became of it, and where."""
    engine = started({1: after(0)}, 2)
    cause = Cause(str(verdict), 0, "w1")
    assert finish(engine, 0, verdict) == (Conclude(1, BLOCKED, cause),)
    assert engine.done
    assert engine.verdicts[1] is BLOCKED
    assert engine.causes == {1: cause}


def test_what_depends_on_a_blocked_case_has_the_cause_at_the_root() -> None:
    """However long the way is, the cause is what really failed."""
    engine = started({1: after(0), 2: after(1), 3: after(2)}, 4)
    cause = Cause("failed", 0, "w1")
    assert finish(engine, 0, FAILED) == tuple(Conclude(case, BLOCKED, cause) for case in (1, 2, 3))


def test_a_case_is_blocked_once() -> None:
    """By the first of its prerequisites that fails, whatever becomes of the others."""
    engine = make_engine([spec()] * 3, {2: after(0, 1)})
    join(engine, "w1", "w2")
    assert finish(engine, 0, FAILED) == (Conclude(2, BLOCKED, Cause("failed", 0, "w1")),)
    assert finish(engine, 1, FAILED) == ()


def test_a_dependant_that_asks_for_order_only_runs_after_a_failure() -> None:
    """It accepts any verdict, also that of a case which was blocked."""
    engine = started({1: after(0), 2: once_over(1)}, 3)
    commands = finish(engine, 0, FAILED)
    assert commands == (Conclude(1, BLOCKED, Cause("failed", 0, "w1")), Assign("w1", 2))


def test_a_case_can_be_blocked_from_outside() -> None:
    """With what depends on it, before any worker is there."""
    engine = make_engine([spec()] * 3, {1: after(0)})
    cause = Cause("test_gone was not collected")
    assert engine.handle(CaseBlocked(0, cause), 0.0) == (
        Conclude(0, BLOCKED, cause),
        Conclude(1, BLOCKED, cause),
    )
    assert engine.handle(CaseBlocked(1, cause), 0.0) == ()
    assert join(engine, "w1") == (Assign("w1", 2),)


# amended verdicts


def test_a_late_failure_blocks_dependants_that_have_not_started() -> None:
    """Whether they were ready or waited for more."""
    engine = started({1: once_over(0), 2: after(0), 3: after(0, 1)}, 4)
    assert finish(engine, 0) == (Assign("w1", 1),)
    cause = Cause("error", 0, "w1")
    assert engine.handle(VerdictAmended(0, Verdict.ERROR), 2.0) == (
        Conclude(2, BLOCKED, cause),
        Conclude(3, BLOCKED, cause),
    )
    assert engine.verdicts[0] is Verdict.ERROR


def test_a_late_failure_does_not_undo_what_has_ended() -> None:
    """A dependant that has its verdict keeps it."""
    engine = started({1: after(0)}, 2)
    finish(engine, 0)
    finish(engine, 1)
    assert engine.handle(VerdictAmended(0, FAILED), 2.0) == ()
    assert engine.verdicts == [FAILED, Verdict.PASSED]


def test_a_dependant_that_has_not_begun_is_blocked_when_it_is_returned() -> None:
    """It was given out before the late failure was known."""
    engine = started({1: after(0), 2: after(1)}, 3)
    assert finish(engine, 0) == (Assign("w1", 1),)
    assert engine.handle(VerdictAmended(0, FAILED), 2.0) == ()
    cause = Cause("failed", 0, "w1")
    assert engine.handle(CasesReturned("w1", (1,)), 2.0) == (
        Conclude(1, BLOCKED, cause),
        Conclude(2, BLOCKED, cause),
    )
    assert engine.done


def test_a_dependant_that_runs_already_runs_to_its_end() -> None:
    """A late failure comes too late for it."""
    engine = started({1: after(0)}, 2)
    finish(engine, 0)
    engine.handle(VerdictAmended(0, FAILED), 2.0)
    finish(engine, 1)
    assert engine.verdicts == [FAILED, Verdict.PASSED]


# lost workers


def test_what_a_lost_worker_had_runs_elsewhere() -> None:
    """If nothing is to be blamed, all of it runs again."""
    engine = make_engine([spec()])
    join(engine, "w1", "w2")
    assert engine.handle(WorkerLost("w1"), 1.0) == (Assign("w2", 0),)
    assert engine.workers == ("w2",)


def test_a_lost_worker_takes_no_tokens_with_it() -> None:
    """What it held is there for others."""
    engine = make_engine([spec(DB), spec(DB)])
    join(engine, "w1", "w2")
    assert engine.handle(WorkerLost("w1", 0), 1.0) == (Assign("w2", 1),)


def test_the_case_that_a_worker_was_lost_with_has_failed() -> None:
    """It is not tried again, and blocks what depends on it."""
    engine = make_engine([spec()] * 2, {1: after(0)})
    join(engine, "w1")
    commands = engine.handle(WorkerLost("w1", 0, FAILED), 1.0)
    assert commands == (Conclude(1, BLOCKED, Cause("failed", 0, "w1")),)
    assert engine.verdicts == [FAILED, BLOCKED]


def test_a_worker_lost_while_tearing_down_fails_what_it_tore_down() -> None:
    """The case had passed, but its dependants must not build on it any more."""
    engine = make_engine([spec()] * 3, {2: after(0)})
    join(engine, "w1")
    assert finish(engine, 0) == (Assign("w1", 1),)
    commands = engine.handle(WorkerLost("w1", 0, Verdict.ERROR), 1.0)
    assert commands == (Conclude(2, BLOCKED, Cause("error", 0, "w1")),)
    assert engine.states == [State.DONE, State.READY, State.DONE]


def test_a_dependant_on_the_lost_worker_is_blocked() -> None:
    """It was about to run on the worker that died while tearing down after its prerequisite."""
    engine = started({1: after(0)}, 2)
    finish(engine, 0)
    commands = engine.handle(WorkerLost("w1", 0, FAILED), 1.0)
    assert commands == (Conclude(1, BLOCKED, Cause("failed", 0, "w1")),)
    assert engine.done


def test_cases_wait_for_a_replacement_of_the_last_worker() -> None:
    """Losing every worker does not end the run."""
    engine = make_engine([spec()])
    join(engine, "w1")
    assert engine.handle(WorkerLost("w1"), 1.0) == ()
    assert join(engine, "w2") == (Assign("w2", 0),)


def test_nothing_is_recalled_from_a_lost_worker() -> None:
    """What was sent ahead to it is not there any more."""
    engine = make_engine([spec()] * 2, seconds=[1.0] * 2, horizon=9.0)
    assert join(engine, "w1") == (Assign("w1", 0), Assign("w1", 1))
    assert engine.handle(WorkerLost("w1"), 1.0) == ()
    cause = Cause("ctrl-c")
    assert engine.handle(StopRequested("ctrl-c"), 1.0) == (
        Conclude(0, NOT_RUN, cause),
        Conclude(1, NOT_RUN, cause),
    )


def test_an_idle_worker_can_be_lost() -> None:
    """It had nothing that anybody else would have to run."""
    engine = make_engine([])
    join(engine, "w1")
    assert engine.handle(WorkerLost("w1"), 1.0) == ()
    assert engine.workers == ()


# stopping


def test_a_stop_lets_nothing_more_start() -> None:
    """What has not started is not run, for the reason of the stop; what runs may end."""
    engine = make_engine([spec()] * 3, {2: after(0)})
    join(engine, "w1")
    cause = Cause("ctrl-c")
    assert engine.handle(StopRequested("ctrl-c"), 1.0) == (
        Conclude(1, NOT_RUN, cause),
        Conclude(2, NOT_RUN, cause),
    )
    assert not engine.done
    assert finish(engine, 0) == ()
    assert engine.done


def test_only_the_first_stop_counts() -> None:
    """Its reason stays."""
    engine = make_engine([spec()])
    engine.handle(StopRequested("ctrl-c"), 1.0)
    assert engine.handle(StopRequested("again"), 1.0) == ()
    assert engine.stopped == "ctrl-c"


def test_what_is_lost_after_a_stop_is_not_run() -> None:
    """A case that would have run again has no time to."""
    engine = make_engine([spec()])
    join(engine, "w1")
    engine.handle(StopRequested("ctrl-c"), 1.0)
    commands = engine.handle(WorkerLost("w1"), 1.0)
    assert commands == (Conclude(0, NOT_RUN, Cause("ctrl-c")),)
    assert engine.done


def test_who_joins_after_a_stop_gets_nothing() -> None:
    """There is nothing left to do."""
    engine = make_engine([spec()])
    engine.handle(StopRequested("ctrl-c"), 1.0)
    assert join(engine, "w1") == ()


def test_a_stop_recalls_what_was_sent_ahead() -> None:
    """Also cases of a group, since nobody else is to run them."""
    engine = make_engine([spec(group="g")] * 3, seconds=[0.01] * 3, horizon=1.0)
    join(engine, "w1")
    assert engine.handle(StopRequested("ctrl-c"), 1.0) == (Recall("w1", (1, 2)),)
    assert engine.handle(CasesReturned("w1", (2,)), 1.0) == (Conclude(2, NOT_RUN, Cause("ctrl-c")),)
    assert engine.queue_of("w1") == (0, 1)


def test_after_a_stop_nothing_is_recalled_for_idle_workers() -> None:
    """They will not get it."""
    engine = make_engine([spec()] * 4, seconds=[1.0] * 4, horizon=9.0)
    join(engine, "w1")
    engine.handle(StopRequested("ctrl-c"), 1.0)
    join(engine, "w2")
    assert engine.handle(CasesReturned("w1", (3,)), 1.0) == (Conclude(3, NOT_RUN, Cause("ctrl-c")),)


# sending ahead


def test_short_cases_are_sent_ahead_up_to_the_horizon() -> None:
    """The queue holds as many seconds of work, and is filled again when half of them are over."""
    engine = make_engine([spec()] * 9, seconds=[1.0] * 9, horizon=4.0)
    assert join(engine, "w1") == tuple(Assign("w1", case) for case in range(4))
    assert finish(engine, 0) == ()
    assert finish(engine, 1) == ()
    assert finish(engine, 2) == tuple(Assign("w1", case) for case in (4, 5, 6))


def test_nothing_is_sent_behind_a_case_of_unknown_length() -> None:
    """It may take for ever; once one is known, the others are taken to be like it."""
    engine = make_engine([spec()] * 5, horizon=4.0)
    assert join(engine, "w1") == (Assign("w1", 0),)
    assert len(finish(engine, 0, seconds=1.0)) == 4


def test_nothing_is_sent_behind_a_long_case() -> None:
    """What takes longer than the horizon fills the queue by itself."""
    engine = make_engine([spec()] * 2, seconds=[60.0, 1.0], horizon=4.0)
    assert join(engine, "w1") == (Assign("w1", 0),)


def test_idle_workers_are_fed_before_anything_is_sent_ahead() -> None:
    """Nobody's queue grows while somebody has nothing."""
    engine = make_engine([spec()] * 3, seconds=[1.0] * 3, horizon=9.0)
    commands = join(engine, "w1", "w2")
    assert commands[:2] == (Assign("w1", 0), Assign("w2", 1))


def test_half_of_what_was_sent_ahead_is_recalled_for_an_idle_worker() -> None:
    """The last ones, which the busy worker would reach last."""
    engine = make_engine([spec()] * 5, seconds=[1.0] * 5, horizon=9.0)
    join(engine, "w1")
    assert join(engine, "w2") == (Recall("w1", (3, 4)),)
    assert join(engine, "w3") == ()


def test_the_idle_worker_gets_what_was_recalled_for_it() -> None:
    """The worker that gave it back does not get it again before."""
    engine = make_engine([spec()] * 5, seconds=[1.0] * 5, horizon=9.0)
    join(engine, "w1")
    join(engine, "w2")
    commands = engine.handle(CasesReturned("w1", (3, 4)), 1.0)
    assert commands == (Assign("w2", 3), Assign("w2", 4))


def test_nothing_is_sent_to_a_worker_before_it_has_answered_a_recall() -> None:
    """What it would have to do is not known until then."""
    edges = {case: after(0) for case in range(3, 8)}
    engine = make_engine([spec()] * 8, edges, seconds=[1.0] * 8, horizon=4.0, workers=1)
    join(engine, "w1")
    assert join(engine, "w2") == (Recall("w1", (2,)),)
    finish(engine, 0)
    assert engine.queue_of("w2") == (3, 4, 5, 6)
    assert finish(engine, 1) == ()
    assert engine.queue_of("w1") == (2,)


def test_a_worker_that_has_answered_is_like_any_other() -> None:
    """It can be recalled again, and sent work ahead."""
    engine = make_engine([spec()] * 6, seconds=[1.0] * 6, horizon=9.0)
    join(engine, "w1")
    assert join(engine, "w2") == (Recall("w1", (3, 4, 5)),)
    assert engine.handle(CasesReturned("w1", (3, 4, 5)), 1.0)
    assert join(engine, "w3") == (Recall("w1", (2,)),)


def test_a_case_of_unknown_length_that_is_returned_leaves_a_sound_estimate() -> None:
    """Without it, the worker's queue is as long as what is left in it, and is filled again."""
    specs = [spec(group="g"), spec(), *[spec(group="g")] * 2]
    engine = make_engine(specs, seconds=[1.0, None, 1.0, 1.0], horizon=4.0, workers=1)
    join(engine, "w1")
    assert engine.queue_of("w1") == (0, 1)
    assert join(engine, "w2") == (Recall("w1", (1,)),)
    engine.handle(CasesReturned("w1", (1,)), 1.0)
    assert engine.queue_of("w1") == (0, 2, 3)


def test_a_worker_that_had_begun_everything_returns_nothing() -> None:
    """It is asked again only when it has something that it may not have begun."""
    engine = make_engine([spec()] * 2, seconds=[1.0] * 2, horizon=9.0)
    join(engine, "w1")
    assert join(engine, "w2") == (Recall("w1", (1,)),)
    assert finish(engine, 0) == ()
    assert engine.handle(CasesReturned("w1", ()), 1.0) == ()
    assert engine.queue_of("w1") == (1,)


def test_cases_of_a_group_are_not_recalled_for_others() -> None:
    """Nobody else may run them; what another worker has is recalled instead."""
    specs = [spec(group="g")] * 5 + [spec()] * 3
    engine = make_engine(specs, seconds=[1.0] * 8, horizon=5.0)
    join(engine, "w1")
    assert engine.queue_of("w1") == (0, 1, 2, 3, 4)
    join(engine, "w2")
    assert engine.queue_of("w2") == (5, 6, 7)
    assert join(engine, "w3") == (Recall("w2", (7,)),)


def test_nothing_is_recalled_where_everything_is_bound() -> None:
    """An idle worker stays idle if all that was sent ahead must stay where it is."""
    engine = make_engine([spec(group="g")] * 3, seconds=[1.0] * 3, horizon=5.0)
    join(engine, "w1")
    assert join(engine, "w2") == ()


def test_what_was_sent_ahead_to_a_lost_worker_runs_elsewhere() -> None:
    """It was not begun, so nothing is known against it."""
    engine = make_engine([spec()] * 3, seconds=[1.0] * 3, horizon=9.0)
    join(engine, "w1")
    join(engine, "w2")
    commands = engine.handle(WorkerLost("w1", 0), 1.0)
    assert commands == (Assign("w2", 1), Assign("w2", 2))


def test_sending_ahead_does_not_make_an_urgent_case_wait() -> None:
    """Queues run empty when a better case needs an idle worker for its tokens."""
    specs = [spec(priority=2.0), spec(WRITE, priority=1.0), *[spec()] * 9]
    engine = make_engine(specs, {1: after(0)}, seconds=[1.0] * 11, horizon=4.0)
    join(engine, "w1")
    assert engine.queue_of("w1") == (0, 2, 3, 4)
    for case in (0, 2, 3):
        assert finish(engine, case) == ()
    assert finish(engine, 4) == (Assign("w1", 1), *[Assign("w1", case) for case in (5, 6, 7)])


def test_expected_durations_are_learned() -> None:
    """What a case took counts for the others of its segment, which no longer fill the queue."""
    engine = make_engine([spec()] * 9, seconds=[None] * 9, horizon=4.0)
    join(engine, "w1")
    assert len(finish(engine, 0, seconds=0.5)) == 8
