"""Gates in a run: when they open what they hold back, and what becomes of it when they fail."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from engines import Edges, after, make_engine, once_over, spec

from pytest_orchestra.model.events import (
    Assign,
    CaseBlocked,
    CaseFinished,
    CasesReturned,
    Command,
    Conclude,
    Recall,
    ReviewStage,
    StageReviewed,
    StopRequested,
    TimePassed,
    VerdictAmended,
    WorkerLost,
    WorkersJoined,
)
from pytest_orchestra.model.stage import Gate, OnFail, StageSpec, Strategy
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.retries import RetryPolicy
from pytest_orchestra.scheduling.simulate import Simulation
from pytest_orchestra.scheduling.stages import GateState, Stages
from pytest_orchestra.scheduling.staging import Staging

HALT, CONTINUE = OnFail.HALT, OnFail.CONTINUE
NO_FAILURE = Gate(max_failures=0)


def two(gate: Gate, on_fail: OnFail = OnFail.SKIP_DEPENDENTS) -> tuple[StageSpec, StageSpec]:
    """Return a stage with a gate, and one that needs it."""
    return StageSpec("one", gate=gate, on_fail=on_fail), StageSpec("two", needs=("one",))


def engine_of(  # noqa: PLR0913 - each is a different thing that a test may care about
    specs: Sequence[StageSpec],
    of_case: Sequence[int],
    edges: Edges | None = None,
    *,
    cleaners: dict[int, set[int]] | None = None,
    retries: RetryPolicy | None = None,
    is_reviewed: bool = False,
    horizon: float = 0.0,
    workers: int = 2,
) -> Engine:
    """Return an engine whose workers w0, w1 ... have joined."""
    engine = make_engine(
        [spec() for _ in of_case],
        edges,
        seconds=[0.1] * len(of_case),
        cleaners=cleaners,
        retries=retries,
        horizon=horizon,
        staging=Staging(tuple(specs), tuple(of_case), is_reviewed=is_reviewed),
    )
    engine.handle(WorkersJoined(tuple(f"w{each}" for each in range(workers))), 0.0)
    return engine


def stages_of(engine: Engine) -> Stages:
    """Return the stages of an engine that has some."""
    assert engine.stages is not None
    return engine.stages


def end(
    engine: Engine,
    case: int,
    verdict: Verdict = Verdict.PASSED,
    now: float = 1.0,
    took: float = 0.5,
) -> tuple[Command, ...]:
    """Let a running case end; return the commands."""
    return engine.handle(CaseFinished(case, verdict, took), now)


def started(commands: Sequence[Command]) -> list[int]:
    """Return the cases that are assigned by ``commands``."""
    return [each.case for each in commands if isinstance(each, Assign)]


def blocked(commands: Sequence[Command]) -> dict[int, str]:
    """Return the cases that are blocked by ``commands``, and why."""
    return {
        each.case: each.cause.reason
        for each in commands
        if isinstance(each, Conclude) and each.verdict is Verdict.BLOCKED
    }


def test_a_barrier_opens_when_the_last_case_is_over() -> None:
    """Whatever that came to, if the gate asks for nothing."""
    engine = engine_of(two(Gate()), (0, 0, 1))
    assert started(end(engine, 0)) == []
    assert started(end(engine, 1, Verdict.FAILED, 2.0)) == [2]
    (news,) = stages_of(engine).news
    assert (news.stage, news.state, news.at) == (0, GateState.PASSED, 2.0)
    assert news.figures.failures == ("test_a.py::test_x",)


def test_a_gate_opens_as_soon_as_it_is_certain() -> None:
    """While the rest of its stage still runs."""
    engine = engine_of(two(Gate(pass_rate=0.5)), (0, 0, 1))
    assert started(end(engine, 0)) == [2]
    assert stages_of(engine).state(0) is GateState.PASSED


def test_a_gate_fails_as_soon_as_it_is_certain() -> None:
    """What needs it is blocked, also by way of others; its own cases go on, and so do others."""
    specs = (*two(NO_FAILURE), StageSpec("three", needs=("two",)), StageSpec("four"))
    engine = engine_of(specs, (0, 0, 0, 1, 2, 3))
    commands = end(engine, 0, Verdict.FAILED)
    why = "gate of stage 'one' failed: 1 failed, at most 0 allowed (test_a.py::test_x)"
    assert blocked(commands) == {3: why, 4: why}
    assert started(commands) == [2]
    assert started(end(engine, 1)) == [5]
    record = stages_of(engine).records(5.0)
    assert [each.has_failed for each in record] == [True, False, False, False]
    assert [each.has_passed for each in record] == [False] * 4


def test_nobody_waits_for_a_gate_that_may_fail() -> None:
    """With ``continue`` the others begin when it has failed, and the run has failed all the same."""
    engine = engine_of(two(NO_FAILURE, CONTINUE), (0, 0, 1))
    assert started(end(engine, 0, Verdict.FAILED)) == [2]
    assert stages_of(engine).records(1.0)[0].has_failed


def test_who_goes_on_past_a_gate_waits_for_those_before_it() -> None:
    """A gate that fails for a blocked test, before its stage has begun, opens nothing that earlier gates hold back."""
    specs = (
        StageSpec("one", gate=Gate(pass_rate=0.5)),
        StageSpec("two", needs=("one",), gate=Gate(max_blocked=0), on_fail=CONTINUE),
        StageSpec("three", needs=("two",)),
    )
    engine = engine_of(specs, (0, 0, 1, 1, 2), {2: after(0)})
    commands = end(engine, 0, Verdict.FAILED)
    assert set(blocked(commands)) == {2}
    assert stages_of(engine).state(1) is GateState.FAILED
    assert not started(commands)
    assert started(end(engine, 1, now=2.0)) == [3, 4]


def test_a_halt_blocks_whatever_has_not_begun() -> None:
    """But what the failed stage needs for its own cases; and nothing that failed is tried again elsewhere."""
    one = StageSpec("one", gate=NO_FAILURE, on_fail=HALT)
    specs = (one, StageSpec("free"))
    engine = engine_of(
        specs,
        (0, 0, 1, 1, 1, 1),
        {1: after(2)},
        retries=RetryPolicy({5: 1, 4: 1}),
        workers=4,
    )
    assert {engine.queue_of(f"w{each}") for each in range(4)} == {(0,), (2,), (3,), (4,)}
    assert engine.tries_again(4, Verdict.FAILED)
    assert set(blocked(end(engine, 0, Verdict.FAILED))) == {5}
    assert not engine.tries_again(4, Verdict.FAILED)
    assert started(end(engine, 2)) == [1]
    assert stages_of(engine).tally(1).unknown


def test_a_halt_calls_back_what_was_sent_ahead() -> None:
    """It is blocked when it has come back, and judged by what it came to if it ran after all."""
    specs = (StageSpec("one", gate=NO_FAILURE, on_fail=HALT), StageSpec("free"))
    engine = engine_of(specs, (0, 1, 1, 1), horizon=9.0, workers=1)
    assert engine.queue_of("w0") == (0, 1, 2, 3)
    assert end(engine, 0, Verdict.FAILED) == (Recall("w0", (2, 3)),)
    assert end(engine, 1) == ()
    assert end(engine, 2) == ()
    assert list(blocked(engine.handle(CasesReturned("w0", (3,)), 2.0))) == [3]
    assert engine.done


def test_a_stage_that_has_not_begun_is_halted_with_the_others() -> None:
    """It may fail before, when what it needs has failed elsewhere."""
    specs = (
        StageSpec("slow"),
        StageSpec("one", needs=("slow",), gate=Gate(max_blocked=0), on_fail=HALT),
        StageSpec("free"),
    )
    engine = engine_of(specs, (0, 0, 0, 1, 1, 2), {3: after(5)}, workers=1)
    end(engine, 0)
    assert list(blocked(engine.handle(WorkerLost("w0", 1), 2.0))) == []
    engine.handle(WorkersJoined(("w1",)), 2.0)
    end(engine, 2)
    engine = engine_of(specs, (0, 0, 0, 1, 1, 2), {3: after(5)}, workers=4)
    assert set(blocked(end(engine, 5, Verdict.FAILED))) == {3, 4}


def test_too_long_a_duration_halts_the_stage_itself() -> None:
    """Also when its gate had failed for something else before."""
    gate = Gate(max_failures=0, max_duration=10.0)
    engine = engine_of(two(gate, HALT), (0, 0, 0, 0, 1))
    assert engine.next_due == pytest.approx(10.001)
    assert list(blocked(end(engine, 0, Verdict.FAILED))) == [4]
    assert engine.next_due == pytest.approx(10.001)
    commands = engine.handle(TimePassed(), 10.001)
    assert list(blocked(commands)) == [3]
    assert "duration 10 s so far, at most 10 s allowed" in blocked(commands)[3]
    assert engine.next_due is None
    end(engine, 1, now=12.0)
    end(engine, 2, now=13.0)
    assert engine.done
    (_, duration) = stages_of(engine).records(20.0)[0].checks
    assert duration.is_met is False


def test_a_stage_begins_with_a_test_that_runs() -> None:
    """And not when a worker gets one besides another that takes its time, or gives it back."""
    specs = (StageSpec("free"), StageSpec("timed", gate=Gate(max_duration=10.0)))
    engine = engine_of(specs, (0, 1, 1), horizon=1.0, workers=1)
    assert engine.queue_of("w0") == (0, 1, 2)
    assert engine.next_due is None
    engine.handle(TimePassed(), 99.0)
    assert stages_of(engine).state(1) is GateState.UNCERTAIN
    end(engine, 0, now=100.0)
    assert engine.next_due == pytest.approx(110.001)
    end(engine, 1, now=101.0)
    end(engine, 2, now=105.0)
    assert stages_of(engine).records(105.0)[1].checks[0].detail.startswith("duration 5 s,")


def test_time_fails_no_gate_in_a_simulation() -> None:
    """Unless it is asked to: what it shows is what is planned."""
    for judges_time, fate in ((False, GateState.PASSED), (True, GateState.FAILED)):
        gate = Gate(max_duration=1.0, max_slowest=1.0)
        engine = make_engine([spec()] * 3, staging=Staging(two(gate), (0, 0, 1)))
        Simulation(engine, [5.0] * 3, ["w0"], judges_time=judges_time).run()
        assert stages_of(engine).state(0) is fate
        assert engine.next_due is None


def test_a_verdict_that_comes_late_closes_nothing_again() -> None:
    """But the gate has failed in the end."""
    engine = engine_of(two(NO_FAILURE), (0, 1, 1), workers=1)
    assert started(end(engine, 0)) == [1]
    assert blocked(engine.handle(VerdictAmended(0, Verdict.ERROR), 2.0)) == {}
    assert started(end(engine, 1)) == [2]
    assert [each.state for each in stages_of(engine).news] == [
        GateState.PASSED,
        GateState.FAILED_LATE,
    ]
    assert stages_of(engine).records(3.0)[0].has_failed


def test_a_case_is_decisive_until_its_gate_is_judged() -> None:
    """If others wait for that, or somebody is asked at the end of the stage."""
    for is_reviewed in (False, True):
        engine = engine_of(two(Gate(max_failures=1)), (0, 0, 0, 1), is_reviewed=is_reviewed)
        stages = stages_of(engine)
        assert [stages.is_decisive(case) for case in (0, 3)] == [True, is_reviewed]
        end(engine, 0)
        assert stages.is_decisive(1)
        end(engine, 1, now=2.0)
        assert stages.is_decisive(2) is is_reviewed
        end(engine, 2, now=3.0)
        assert stages.is_decisive(2) is is_reviewed
        engine.handle(StageReviewed(0), 3.0)
        assert not stages.is_decisive(2)


def test_whoever_has_a_say_is_asked_at_the_end() -> None:
    """Once for each stage with cases; the gate waits for the answer, and fails for an objection."""
    specs = (*two(Gate(pass_rate=0.5)), StageSpec("void"))
    engine = engine_of(specs, (0, 0, 1), is_reviewed=True)
    assert end(engine, 0, Verdict.FAILED, took=0.3) == ()
    (review,) = end(engine, 1, now=3.0, took=2.0)
    assert isinstance(review, ReviewStage)
    assert (review.figures.slowest_seconds, review.figures.duration) == (2.0, 3.0)
    assert started(engine.handle(StageReviewed(0), 3.0)) == [2]
    (review,) = end(engine, 2)
    assert isinstance(review, ReviewStage)
    assert engine.handle(StageReviewed(1, ("ugly", "slow")), 4.0) == ()
    one, last, _ = stages_of(engine).records(5.0)
    assert one.checks[-1].detail == "no objection"
    assert (last.has_failed, last.checks[0].detail) == (True, "ugly; slow")
    plain = make_engine([spec()])
    assert plain.handle(StageReviewed(0), 0.0) == ()


def test_who_cleans_up_does_so_behind_a_gate_that_failed() -> None:
    """If what it cleans up after has begun; the others of its stage are blocked, and so is it if not."""
    edges = {2: once_over(0), 3: once_over(4), 5: once_over(2)}
    cleaners = {2: {0}, 3: {4}, 5: {2}}
    engine = engine_of(two(NO_FAILURE), (0, 0, 1, 1, 1, 1), edges, cleaners=cleaners)
    commands = end(engine, 0, Verdict.FAILED)
    assert set(blocked(commands)) == {3, 4}
    assert started(commands) == [2]
    assert started(end(engine, 2)) == [5]


def test_a_halt_lets_those_clean_up_that_wait_already() -> None:
    """Who is ready to, and has something to clean up after, is not blocked; who has nothing is."""
    specs = (StageSpec("one", gate=NO_FAILURE, on_fail=HALT), StageSpec("free"))
    edges = {2: once_over(1), 4: once_over(3)}
    engine = engine_of(specs, (0, 1, 1, 1, 1), edges, cleaners={2: {1}, 4: {3}}, workers=1)
    engine.handle(CaseBlocked(3, Cause("not there")), 0.0)
    assert started(end(engine, 1)) == [0]
    commands = end(engine, 0, Verdict.FAILED)
    assert started(commands) == [2]
    assert list(blocked(commands)) == [4]


def test_after_a_stop_no_gate_holds_back_who_cleans_up() -> None:
    """And nothing is blocked any more: what has not begun is not run."""
    edges = {2: once_over(0), 4: once_over(3)}
    engine = engine_of(two(NO_FAILURE, HALT), (0, 0, 1, 1, 1), edges, cleaners={2: {0}, 4: {3}})
    engine.handle(StopRequested("-x", cleaning=True), 1.0)
    commands = end(engine, 0, Verdict.FAILED)
    assert started(commands) == [2]
    assert engine.verdicts[3:] == [Verdict.NOT_RUN] * 2
    end(engine, 1)
    end(engine, 2)
    assert engine.done
    first, second = stages_of(engine).records(3.0)
    assert first.has_failed
    assert second.judged_at is None


def test_no_time_runs_against_a_stage_of_a_run_that_was_stopped() -> None:
    """What its tests would have taken nobody knows, however long others clean up."""
    specs = (StageSpec("one", gate=Gate(max_duration=10.0)), StageSpec("free"))
    edges = {4: once_over(3)}
    engine = engine_of(specs, (0, 0, 0, 1, 1), edges, cleaners={4: {3}})
    assert engine.next_due == pytest.approx(10.001)
    engine.handle(StopRequested("-x", cleaning=True), 2.0)
    assert engine.next_due is None
    end(engine, 0, now=3.0)
    assert started(end(engine, 3, now=4.0)) == [4]
    end(engine, 4, now=99.0)
    assert engine.done
    one, _ = stages_of(engine).records(99.0)
    assert stages_of(engine).state(0) is GateState.UNCERTAIN
    assert not one.has_failed


def test_a_gate_that_has_failed_has() -> None:
    """Also if the rest of its stage is then held back by another one, and nothing more is known of it."""
    specs = (
        StageSpec("one", gate=Gate(max_blocked=0, max_failures=0)),
        StageSpec("other", gate=NO_FAILURE, on_fail=HALT),
    )
    engine = engine_of(specs, (0, 0, 0, 1), {1: after(0)})
    assert set(blocked(end(engine, 0, Verdict.FAILED))) == {1}
    end(engine, 3, Verdict.FAILED)
    end(engine, 2)
    blocks, failures = stages_of(engine).records(3.0)[0].checks[::-1]
    assert (blocks.is_met, failures.is_met) == (False, False)
    assert blocks.detail == "1 blocked, at most 0 allowed (test_a.py::test_x)"


def test_a_gate_that_has_passed_has() -> None:
    """Also if another one then holds back what could not break it any more."""
    specs = (
        StageSpec("one", gate=Gate(max_failures=1)),
        StageSpec("other", gate=Gate(max_failures=1), on_fail=HALT),
    )
    edges = {0: after(5), 1: after(5), 3: once_over(4)}
    engine = engine_of(specs, (0, 0, 0, 0, 1, 1), edges, workers=3)
    end(engine, 5, Verdict.FAILED)
    end(engine, 2)
    assert stages_of(engine).state(0) is GateState.PASSED
    assert set(blocked(end(engine, 4, Verdict.FAILED))) == {3}
    assert stages_of(engine).records(3.0)[0].has_passed


def test_what_was_never_judged_is_not_met() -> None:
    """Not even what nothing could have broken."""
    specs = (StageSpec("one"), StageSpec("two", needs=("one",), gate=Gate(max_failures=9)))
    engine = engine_of(specs, (0, 1))
    engine.handle(StopRequested("ctrl-c"), 1.0)
    assert stages_of(engine).records(1.0)[1].checks[0].is_met is None


def test_a_gate_that_others_wait_for_does_not_wait_for_all_retries() -> None:
    """A case is tried again before others if a gate, or the next of a sequence, waits for it."""
    policy = RetryPolicy({0: 1}, backoff=0.5)
    row, free = StageSpec("row", strategy=Strategy.SEQUENTIAL), StageSpec("free")
    for specs, of_case, following in (
        ((*two(Gate()), free), (0, 2, 2, 1), 0),
        ((row, free), (0, 1, 1, 0), 0),
        ((StageSpec("one"), free), (0, 1, 1, 0), 2),
    ):
        engine = engine_of(specs, of_case, retries=policy, workers=1)
        commands = engine.handle(CaseFinished(0, Verdict.FAILED, 0.1, again=True), 0.1)
        assert started(commands) == [1]
        assert started(end(engine, 1, now=1.0)) == [following]
