from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from runs import EPOCH, became, names, run_of, shards_of, verdicts

from pytest_orchestra.merging.combine import combine, distinct
from pytest_orchestra.model.capacity import Scope
from pytest_orchestra.model.flakes import QuarantineRecord
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.pressure import PressureRecord, Scarce
from pytest_orchestra.model.run import ResourceRecord, UncollectedRecord
from pytest_orchestra.model.stage import StageRecord, StageSpec
from pytest_orchestra.model.verdict import Cause, Verdict

PASSED, FAILED, ERROR, BLOCKED = Verdict.PASSED, Verdict.FAILED, Verdict.ERROR, Verdict.BLOCKED


def test_one_run_stays_as_it_is() -> None:
    """There is nothing to merge, however often it is given."""
    run = run_of(became("test_b"), became("test_a"))
    assert combine([run]) == run
    assert combine([run, run, run]) == run


def test_shards_become_the_whole_suite() -> None:
    """Every test is there once, and depends on the same as before."""
    whole = combine(shards_of(3, 2, 12))
    assert list(verdicts(whole)) == [f"test_{n}" for n in range(17)]
    after = {
        case.spec.nodeid: names(whole, requirement.cases)
        for case in whole.cases
        for requirement in case.requirements
    }
    assert after["a.py::test_1"] == ["test_0"]
    assert after["a.py::test_4"] == ["test_3"]
    assert "a.py::test_3" not in after
    assert whole.edges == 14
    assert whole.shard is None


def test_times_count_from_the_first_run() -> None:
    """Shards that began later have their tests later."""
    whole = combine(shards_of(1, 1, 1))
    assert (whole.started, whole.seconds) == (EPOCH + 1, 12.0)
    assert [case.assigned_at for case in whole.cases] == [1.0, 2.0, 3.0]
    assert [worker.joined_at for worker in whole.workers] == [0.0, 1.0, 2.0]


def test_workers_say_which_shard_they_are_of() -> None:
    """All shards have a gw0."""
    whole = combine(shards_of(1, 1))
    assert [worker.name for worker in whole.workers] == ["gw0@1", "gw0@2"]
    assert [case.worker for case in whole.cases] == ["gw0@1", "gw0@2"]
    assert [case.attempts[0].worker for case in whole.cases] == ["gw0@1", "gw0@2"]


@pytest.mark.parametrize(
    ("first", "second", "last"),
    [
        (FAILED, PASSED, Verdict.FLAKY),
        (ERROR, PASSED, Verdict.FLAKY),
        (PASSED, FAILED, FAILED),
        (FAILED, ERROR, ERROR),
        (PASSED, PASSED, PASSED),
        (FAILED, Verdict.SKIPPED, FAILED),
        (FAILED, Verdict.NOT_RUN, FAILED),
        (Verdict.BLOCKED, PASSED, PASSED),
        (PASSED, Verdict.BLOCKED, PASSED),
        (Verdict.NOT_RUN, Verdict.BLOCKED, Verdict.BLOCKED),
    ],
)
def test_disagreements_become_attempts(first: Verdict, second: Verdict, last: Verdict) -> None:
    """By time, whichever run is given first; the last time that it ran decides."""
    early = run_of(became("test", first, EPOCH))
    late = run_of(became("test", second, EPOCH + 60), uuid="second", started=EPOCH + 60)
    for runs in ([early, late], [late, early]):
        (case,) = combine(runs).cases
        assert case.verdict is last
        ran = [v for v in (first, second) if v not in (Verdict.BLOCKED, Verdict.NOT_RUN)]
        assert [attempt.verdict for attempt in case.attempts] == ran


def test_a_shard_may_be_repeated() -> None:
    """Its tests have two attempts, the others one."""
    one, two = shards_of(2, 2)
    again = replace(two, uuid="again", started=EPOCH + 99, cases=(became("test_2", at=EPOCH + 99),))
    whole = combine([again, two, one])
    assert [len(case.attempts) for case in whole.cases] == [1, 1, 2, 1]
    assert [worker.name for worker in whole.workers] == ["gw0@1", "gw0@2"]


def test_what_holds_another_run_counts_for_it() -> None:
    """Of a merged record and its parts only the merged one is looked at."""
    runs = shards_of(1, 1, 1)
    whole = combine(runs)
    assert distinct([*runs, whole]) == (whole,)
    assert combine([whole, runs[1]]) == whole
    assert combine([combine(runs[:2]), combine(runs[1:])]) == whole
    assert combine([combine(runs[:2]), runs[2]]) == whole


def test_causes_point_at_the_same_tests() -> None:
    """Though these have other numbers now."""
    one, two = shards_of(2, 2)
    blocked = replace(
        two.cases[1], verdict=Verdict.BLOCKED, attempts=(), cause=Cause("failed", 0, "gw0")
    )
    whole = combine([one, replace(two, cases=(two.cases[0], blocked))])
    cause = whole.cases[3].cause
    assert cause == Cause("failed", 2, "gw0@2")


def test_quarantine_is_that_of_the_deciding_run() -> None:
    """Who gated a run, and passed in the next, does not fail the whole."""
    ward = QuarantineRecord(0, "ana", "ticket", date(2030, 1, 1), gates=True, sentence="new error")
    bad = replace(run_of(became("test", FAILED)), quarantine=(ward,))
    good = run_of(became("test", at=EPOCH + 60), uuid="second", started=EPOCH + 60)
    assert not combine([bad, good]).gating
    other = run_of(became("test_a"), uuid="second", started=EPOCH + 60)
    assert [each.case for each in combine([bad, other]).gating] == [0]


def test_each_shard_has_its_own_tokens() -> None:
    """What there was is the sum, but not where a shard was repeated, or the machine's is shared."""
    db = ResourceRecord("db", 2, 1, 1.5)
    port = ResourceRecord("port", 4, 1, 0.0, Scope.MACHINE)
    runs = [replace(run, resources=(db, port)) for run in shards_of(1, 1)]
    again = replace(runs[1], uuid="again", started=EPOCH + 99)
    for given in (runs, [*runs, again]):
        found = {each.name: each for each in combine(given).resources}
        assert (found["db"].capacity, found["port"].capacity) == (4, 4)
        assert found["db"].held_up == 1.5 * len(given)


def test_what_was_in_use_is_seen_across_shards() -> None:
    """Two shards that had a token each at a time had two."""
    runs = [
        replace(
            run,
            resources=(ResourceRecord("db", 1, 1, 0.0),),
            cases=(replace(run.cases[0], leases=(Lease("db", 1),), seconds=5.0),),
        )
        for run in shards_of(1, 1)
    ]
    (db,) = combine(runs).resources
    assert db.peak == 2


def test_what_all_shards_say_is_said_once() -> None:
    """Each of them meets the file that cannot be collected."""
    broken = UncollectedRecord("bad.py", is_skipped=False, text="SyntaxError")
    runs = [replace(run, uncollected=(broken,), stopped="-x") for run in shards_of(1, 1)]
    whole = combine(runs)
    assert whole.uncollected == (broken,)
    assert whole.stopped == "-x"


def test_what_could_be_collected_at_the_second_try_is_made_good() -> None:
    """A first try that ran nothing counts no more, but what nobody has run since does."""
    good = shards_of(1)[0]
    file = good.cases[0].spec.nodeid.partition("::")[0]
    broken = UncollectedRecord(file, is_skipped=False, text="SyntaxError")
    first = replace(
        good,
        uuid="first",
        cases=(),
        uncollected=(broken,),
        stopped="no test was run",
        started=good.started - 60,
    )
    assert combine([first, good]).uncollected == ()
    assert combine([first, good]).stopped is None
    other = replace(first, uncollected=(replace(broken, nodeid="gone.py"),))
    assert combine([other, good]).stopped == "no test was run"
    late = replace(first, started=good.started + 60)
    assert combine([late, good]).uncollected == (broken,)


def test_a_gate_that_blocked_is_known_by_its_new_number() -> None:
    """Where runs have different stages, those of the whole are numbered anew."""
    held = replace(became("test_b", BLOCKED), cause=Cause("gate of stage 'z' failed", stage=0))
    first = replace(run_of(held), stages=(StageRecord(StageSpec("z")),))
    second = replace(run_of(became("test_a"), uuid="2" * 32), stages=(StageRecord(StageSpec("a")),))
    whole = combine([first, second])
    (cause,) = [case.cause for case in whole.cases if case.cause is not None]
    assert cause.stage is not None
    assert whole.stages[cause.stage].spec.name == "z"
    assert len(whole.stages) == 2


def test_when_workers_were_held_back_counts_from_the_first_start() -> None:
    """Each run's pressure is there once, at the time at which it was."""
    first, second = (
        replace(
            run_of(became(f"test_{number}"), started=EPOCH + 8.0 * number, uuid=str(number)),
            pressure=(PressureRecord(Scarce.MEMORY, began=2.0, seconds=1.5, fewest=1),),
        )
        for number in range(2)
    )
    whole = combine([second, first])
    assert [(each.began, each.seconds) for each in whole.pressure] == [(2.0, 1.5), (10.0, 1.5)]
    assert combine([whole, second]) == whole
