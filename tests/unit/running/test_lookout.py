from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from engines import DB, READ, after, spec
from watched import Watched, verdicts

from pytest_orchestra.live.status import StageState, StageStatus
from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.model.moments import GateJudged
from pytest_orchestra.model.stage import Gate, OnFail, StageSpec
from pytest_orchestra.running.lookout import MOST_FAILURES, Lookout
from pytest_orchestra.scheduling.retries import RetryPolicy
from pytest_orchestra.scheduling.staging import Staging


def look_out(specs: Sequence[CaseSpec], *edges: Any, **options: Any) -> tuple[Watched, Lookout]:
    """Return a run on two workers that has begun, and who looks at it."""
    watched = Watched(specs, *edges, **options)
    lookout = Lookout(watched.run, 2)
    watched.run.telling.listeners.append(lookout.hear)
    watched.begin("gw0", "gw1")
    return watched, lookout


def test_it_sees_who_runs_what() -> None:
    """A worker is at what it told of, or else at what it was given; or idle."""
    watched, lookout = look_out([spec(), spec()])
    assert [each.test for each in lookout.look().workers] == ["a.py::test_0", "a.py::test_1"]
    watched.run.telling.case_began(1, "gw1")
    since = lookout.look().workers[1].since
    watched.run.telling.case_began(1, "gw1")
    assert lookout.look().workers[1].since == since
    watched.passes(1)
    status = lookout.look()
    assert [(each.name, each.test) for each in status.workers] == [
        ("gw0", "a.py::test_0"),
        ("gw1", None),
    ]
    assert [each.name for each in status.busy] == ["gw0"]
    watched.run.lose("gw1")
    assert [each.name for each in lookout.look().workers] == ["gw0"]


def test_a_test_that_was_sent_ahead_begins_when_the_one_before_it_ends() -> None:
    """What it waited for on its worker is not what it takes."""
    watched, lookout = look_out([spec()] * 8, seconds=[0.01] * 8, horizon=1.0)
    first, second = watched.engine.queue_of("gw1")[:2]
    watched.passes(first)
    worker = lookout.look().workers[1]
    assert worker.test == f"a.py::test_{second}"
    assert worker.since > (watched.engine.waits.assigned_at[second] or 0.0)


def test_it_counts_by_verdict() -> None:
    """Amended ones where they belong now; those who will be tried again not yet."""
    watched, lookout = look_out(
        [spec()] * 4, {3: after(1)}, retries=RetryPolicy({2: 1}, backoff=60.0)
    )
    watched.passes(0)
    watched.fails(1)
    watched.fails(2)
    status = lookout.look()
    assert verdicts(status.counts) == {"passed": 1, "failed": 1, "blocked": 1}
    assert (status.done, status.failed, status.tests) == (3, 1, 4)
    assert [(each.tests, each.what) for each in status.waiting] == [(1, "their next attempt")]
    watched.say(0, "teardown", "failed", "OSError: busy")
    watched.run.amend(0)
    watched.run.halt("enough")
    status = lookout.look()
    assert verdicts(status.counts) == {"error": 1, "failed": 2, "blocked": 1}
    assert status.stopping == "enough"


def test_it_counts_the_same_without_being_told() -> None:
    """By looking at each case, where a look is rare."""
    watched, told = look_out([spec()] * 4, {3: after(1)}, seconds=[1.0] * 4)
    untold = Lookout(watched.run, 2, hears=False)
    watched.passes(0)
    watched.fails(1)
    for each in (1, 2):
        watched.say(0, "teardown", "failed", f"OSError: {each}")
        watched.run.amend(0)
        assert verdicts(untold.look().counts) == verdicts(told.look().counts)
    watched.passes(2)
    assert verdicts(untold.look().counts) == verdicts(told.look().counts)
    assert untold.look().ends_at is None


def test_it_sees_who_waits_for_what_and_who_has_it() -> None:
    """Most first; for how long counts on when a token changes hands."""
    watched, lookout = look_out([spec(DB), spec(DB), spec(DB), spec()], {3: after(0)})
    waiting = lookout.look().waiting
    assert [(each.tests, each.what, each.holders) for each in waiting] == [
        (2, "'db'", ("a.py::test_0",)),
        (1, "tests they depend on", ()),
    ]
    watched.passes(0)
    again = lookout.look().waiting
    assert [(each.tests, each.what, each.holders) for each in again] == [
        (1, "'db'", ("a.py::test_1",))
    ]
    assert again[0].since == waiting[0].since


def test_it_sees_what_is_in_use() -> None:
    """In tokens, or bytes; of a lock how many have it."""
    claims = DB, READ, Claim("memory", 3_000_000_000)
    _, lookout = look_out(
        [spec(*claims), spec(DB, READ)],
        capacities={"db": 2, "memory": Capacity(16_000_000_000, is_quantity=True), "gpu": 1},
    )
    assert [(each.name, each.use) for each in lookout.look().resources] == [
        ("db", "2 of 2"),
        ("memory", "3GB of 16GB"),
        ("schema", "2"),
    ]


def test_ready_is_who_lacks_nothing_but_a_worker() -> None:
    """Those who lack a resource wait."""
    _, lookout = look_out([spec(DB), spec(DB), spec(), spec(), spec()])
    assert lookout.look().ready == 2


def test_it_predicts_the_end_only_where_something_is_known() -> None:
    """Of what tests take."""
    _, blind = look_out([spec()] * 4)
    assert blind.look().ends_at is None
    _, lookout = look_out([spec()] * 4, seconds=[10.0, None, 10.0, 10.0])
    assert lookout.look().ends_at == pytest.approx(20.0, abs=2.0)


def test_failures_are_kept_as_they_come() -> None:
    """With what is to be known of them; a late one of a test that had passed too."""
    watched, lookout = look_out([spec()] * 2, retries=RetryPolicy({1: 1}, backoff=60.0))
    watched.fails(1)
    watched.passes(0)
    watched.say(0, "teardown", "failed", "x" * 20_000 + "\nOSError: busy")
    watched.run.amend(0)
    watched.run.halt("enough")  # the other failure stands now, and was told of
    first, second = lookout.failures
    assert (first.test, first.verdict, first.worker) == ("a.py::test_1", "failed", "gw1")
    assert (first.message, first.again) == ("ValueError: no such user", True)
    assert first.text.startswith("E   ValueError")
    assert (second.test, second.verdict, second.again) == ("a.py::test_0", "error", False)
    assert second.text.endswith("OSError: busy")
    assert len(second.text) < 10_000


def test_not_all_failures_are_kept_when_everything_fails() -> None:
    """A page has an end; the counts tell of all."""
    watched, lookout = look_out([spec()] * (MOST_FAILURES + 5))
    for case in range(MOST_FAILURES + 5):
        watched.fails(case)
    assert len(lookout.failures) == MOST_FAILURES
    assert lookout.look().failed == MOST_FAILURES + 5


def staged(*of_case: int, on_fail: OnFail = OnFail.SKIP_DEPENDENTS) -> Staging:
    """Return two stages with these cases, of which ``rest`` waits for ``smoke`` to pass without a failure."""
    smoke = StageSpec("smoke", gate=Gate(max_failures=0), on_fail=on_fail)
    return Staging((smoke, StageSpec("rest", needs=("smoke",))), of_case)


def test_stages_are_counted_and_their_gates_are_seen() -> None:
    """Who is behind a gate waits for that; what does not become of one is seen before it opens the next."""
    watched, lookout = look_out([spec()] * 4, {3: after(2)}, staging=staged(0, 0, 1, 1))
    status = lookout.look()
    assert status.stages == (
        StageStatus("smoke", 2, 0, 0, StageState.OPEN),
        StageStatus("rest", 2, 0, 0, StageState.WAITS, ("smoke",)),
    )
    assert [(each.tests, each.what) for each in status.waiting] == [(2, "the gate of smoke")]
    watched.passes(0)
    watched.passes(1)
    status = lookout.look()
    assert status.stages == (
        StageStatus("smoke", 2, 2, 0, StageState.PASSED),
        StageStatus("rest", 2, 0, 0, StageState.OPEN),
    )
    assert [(each.tests, each.what) for each in status.waiting] == [(1, "tests they depend on")]
    watched.passes(2)
    watched.passes(3)
    assert lookout.look().stages[1].state == StageState.OVER  # it has no gate


def test_of_a_gate_that_failed_is_seen_why() -> None:
    """And that what it holds back will not run."""
    watched, lookout = look_out([spec()] * 3, staging=staged(0, 0, 1))
    watched.fails(0)
    smoke, rest = lookout.look().stages
    assert (smoke.state, smoke.done, smoke.failed) == (StageState.FAILED, 1, 1)
    assert smoke.why == "1 failed, at most 0 allowed (a.py::test_0)"
    assert (rest.state, rest.done, rest.waits_for) == (StageState.HELD, 1, ())


def test_a_gate_that_passed_may_fail_in_the_end() -> None:
    """For what its tests leave behind, or for what is known only then."""
    watched, lookout = look_out([spec()] * 2, staging=staged(0, 1))
    watched.passes(0)
    watched.run.telling.tell(GateJudged("smoke", 2.0, {}, ("coverage 7 %",), had_passed=True))
    assert lookout.look().stages[0].state == StageState.FAILED
    assert lookout.look().stages[0].why == "coverage 7 %"


def test_what_a_stop_leaves_behind_a_gate_waits_for_nothing() -> None:
    """It does not run any more, whatever becomes of the gate."""
    watched, lookout = look_out([spec()] * 2, staging=staged(0, 1))
    watched.run.halt("enough")
    assert lookout.look().stages[1].state == StageState.HELD
