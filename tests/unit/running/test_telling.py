from __future__ import annotations

from engines import after, spec
from watched import Watched

from pytest_orchestra.model.moments import (
    CaseAmended,
    CaseBegan,
    CaseEnded,
    CaseLeft,
    GateJudged,
    RunBegan,
    RunStopping,
    WorkerCame,
    WorkerWent,
)
from pytest_orchestra.model.stage import Gate, OnFail, StageSpec
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.retries import RetryPolicy
from pytest_orchestra.scheduling.staging import Staging


def test_a_run_is_told_in_its_order() -> None:
    """Who comes, what begins, how it ends, and what does not run for it."""
    watched = Watched([spec(), spec()], {1: after(0)})
    watched.begin("gw0")
    watched.run.telling.case_began(0, "gw0")
    watched.fails(0)
    watched.run.lose("gw0")
    began, came, begun, ended, left, went = watched.moments
    assert began == RunBegan(2, 1)
    assert came == WorkerCame("gw0", "")
    assert begun == CaseBegan(0, "gw0", 1)
    assert isinstance(ended, CaseEnded)
    assert (ended.case, ended.verdict, ended.seconds, ended.worker) == (0, "failed", 1.0, "gw0")
    assert (ended.attempt, ended.began, ended.again) == (1, 100.0, False)
    assert ended.failure is not None
    assert (ended.failure.kind, ended.failure.message) == ("ValueError", "no such user")
    assert left == CaseLeft(1, Verdict.BLOCKED, "blocked: a.py::test_0 failed (gw0)")
    assert went == WorkerWent("gw0")


def test_a_test_begins_once() -> None:
    """However often a worker says so."""
    watched = Watched([spec()])
    watched.begin("gw0")
    watched.run.telling.case_began(0, "gw0")
    watched.run.telling.case_began(0, "gw0")
    assert watched.told(CaseBegan) == [CaseBegan(0, "gw0", 1)]


def test_what_passes_in_a_record_is_told_too() -> None:
    """With when it began, and without a failure."""
    watched = Watched([spec()])
    watched.begin("gw0")
    watched.passes(0, 0.3)
    assert watched.told(CaseEnded) == [CaseEnded(0, Verdict.PASSED, 0.3, "gw0", 1, 100.0)]


def test_an_attempt_that_is_not_the_last_is_no_verdict() -> None:
    """The next one is; it is the second."""
    watched = Watched([spec()], retries=RetryPolicy({0: 1}, backoff=0.0))
    watched.begin("gw0")
    watched.fails(0)
    watched.run.look_again()
    watched.run.telling.case_began(0, "gw0")
    watched.passes(0)
    first, second = watched.told(CaseEnded)
    assert (first.verdict, first.again, first.attempt) == (Verdict.FAILED, True, 1)
    assert (second.verdict, second.again, second.attempt) == (Verdict.FLAKY, False, 2)
    assert watched.told(CaseBegan) == [CaseBegan(0, "gw0", 2)]


def test_a_failure_that_stands_after_all_is_told_of() -> None:
    """When the run stops before it could be tried again."""
    watched = Watched([spec(), spec()], retries=RetryPolicy({0: 1}, backoff=60.0))
    watched.begin("gw0")
    watched.fails(0)
    watched.run.halt("enough")
    watched.run.halt("enough of it")
    assert watched.told(RunStopping) == [RunStopping("enough")]
    (amended,) = watched.told(CaseAmended)
    assert (amended.case, amended.verdict, amended.was) == (0, Verdict.FAILED, None)


def test_what_was_not_run_is_told_with_the_reason() -> None:
    """Of a run that is stopped."""
    watched = Watched([spec(), spec()])
    watched.begin("gw0")
    watched.run.halt("enough")
    assert watched.told(CaseLeft) == [CaseLeft(1, Verdict.NOT_RUN, "enough")]


def test_a_teardown_that_fails_late_amends_the_verdict() -> None:
    """Once, and only if it is another."""
    watched = Watched([spec(), spec()])
    watched.begin("gw0")
    watched.passes(0)
    watched.say(0, "teardown", "failed", "OSError: busy")
    watched.run.amend(0)
    watched.run.amend(0)
    (amended,) = watched.told(CaseAmended)
    assert (amended.verdict, amended.was) == (Verdict.ERROR, Verdict.PASSED)
    assert amended.failure.message == "busy"


def test_a_worker_that_dies_in_a_test_has_failed_it() -> None:
    """The worker goes first, then its test."""
    watched = Watched([spec(), spec()])
    watched.begin("gw0")
    watched.say(0, "call", "failed", "worker 'gw0' crashed")
    watched.run.lose("gw0", 0)
    went, ended = watched.moments[-2:]
    assert went == WorkerWent("gw0")
    assert isinstance(ended, CaseEnded)
    assert (ended.case, ended.verdict) == (0, Verdict.FAILED)


def test_a_worker_that_dies_after_a_test_amends_it() -> None:
    """If fixtures of the test were being torn down."""
    watched = Watched([spec(), spec()])
    watched.begin("gw0")
    watched.passes(0)
    watched.say(0, "teardown", "failed", "worker 'gw0' crashed")
    watched.run.lose("gw0", 0)
    assert [each.verdict for each in watched.told(CaseAmended)] == [Verdict.ERROR]


def test_a_run_that_nobody_watches_tells_nothing() -> None:
    """It goes on all the same."""
    watched = Watched([spec(), spec()], {1: after(0)})
    watched.run.telling.listeners.clear()
    watched.begin("gw0")
    watched.run.telling.case_began(0, "gw0")
    watched.fails(0)
    assert watched.engine.done
    assert watched.moments == []


def test_gates_are_told_of_before_what_follows_from_them() -> None:
    """What was wrong, what becomes of others, and then who is blocked for it."""
    smoke = StageSpec("smoke", gate=Gate(max_failures=0), on_fail=OnFail.HALT)
    staging = Staging((smoke, StageSpec("rest", needs=("smoke",))), (0, 1))
    watched = Watched([spec(), spec()], staging=staging)
    watched.begin("gw0")
    watched.fails(0)
    judged, left = watched.moments[-2:]
    assert isinstance(judged, GateJudged)
    assert (judged.stage, judged.has_failed, judged.on_fail) == ("smoke", True, OnFail.HALT)
    assert judged.reasons == ("1 failed, at most 0 allowed (a.py::test_0)",)
    assert (judged.counts, judged.had_passed) == ({Verdict.FAILED: 1}, False)
    assert isinstance(left, CaseLeft)
    assert "gate of stage 'smoke' failed" in left.reason


def test_a_gate_that_fails_after_all_has_passed_before() -> None:
    """It holds nobody back."""
    smoke = StageSpec("smoke", gate=Gate(max_failures=0))
    staging = Staging((smoke, StageSpec("rest", needs=("smoke",))), (0, 1))
    watched = Watched([spec(), spec()], staging=staging)
    watched.begin("gw0")
    watched.passes(0)
    watched.say(0, "teardown", "failed", "OSError: busy")
    watched.run.amend(0)
    passed, failed = watched.told(GateJudged)
    assert (passed.has_failed, passed.on_fail, passed.had_passed) == (False, None, False)
    assert (failed.has_failed, failed.on_fail, failed.had_passed) == (True, None, True)
