"""What the engine still runs after a stop: what cleans up after cases that have begun."""

from engines import Edges, after, make_engine, once_over, spec

from pytest_orchestra.model.case import CaseSpec, Need
from pytest_orchestra.model.events import (
    Assign,
    CaseBlocked,
    CaseFinished,
    CasesReturned,
    Command,
    Conclude,
    Recall,
    StopRequested,
    WorkerLost,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import ANY_VERDICT, Cause, Verdict
from pytest_orchestra.scheduling.cleanup import find_cleaners
from pytest_orchestra.scheduling.data import pair
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.graph import link

ENOUGH = Cause("enough")
STOP = StopRequested("enough", cleaning=True)

#: A provider, two users and a cleaner.
CHAIN: Edges = {1: after(0), 2: after(0), 3: once_over(0, 1, 2)}


def make(
    cases: int = 4, edges: Edges | None = None, cleaners: dict[int, set[int]] | None = None
) -> Engine:
    """Return an engine with one worker; case 3 cleans up after case 0 if nothing else is said."""
    engine = make_engine(
        [spec()] * cases,
        CHAIN if edges is None else edges,
        cleaners={3: {0}} if cleaners is None else cleaners,
        workers=1,
    )
    engine.handle(WorkersJoined(("w1",)), 0.0)
    return engine


def finish(engine: Engine, case: int, verdict: Verdict = Verdict.PASSED) -> tuple[Command, ...]:
    """Let ``case`` end."""
    return engine.handle(CaseFinished(case, verdict, 1.0), 1.0)


def not_run(*cases: int) -> tuple[Conclude, ...]:
    """Return what is said of cases that the stop keeps from running."""
    return tuple(Conclude(case, Verdict.NOT_RUN, ENOUGH) for case in cases)


def test_what_has_begun_is_cleaned_up_after_a_stop() -> None:
    """Once the provider is over: its users never run."""
    engine = make()
    assert engine.handle(STOP, 1.0) == not_run(1, 2)
    assert not engine.done
    assert finish(engine, 0, Verdict.FAILED) == (Assign("w1", 3),)
    finish(engine, 3)
    assert engine.done


def test_the_last_user_that_runs_is_waited_for() -> None:
    """It may end, and only then its data is cleaned up."""
    engine = make()
    finish(engine, 0)
    assert engine.queue_of("w1") == (1,)
    assert engine.handle(STOP, 1.0) == not_run(2)
    assert finish(engine, 1) == (Assign("w1", 3),)


def test_what_never_began_is_not_cleaned_up() -> None:
    """Neither where it waits for something, nor where it waits for a worker."""
    edges = {1: after(0), 2: once_over(1), 4: once_over(3)}
    engine = make(5, edges, {2: {1}, 4: {3}})
    assert engine.queue_of("w1") == (0,)
    assert engine.handle(STOP, 1.0) == not_run(1, 2, 3, 4)
    finish(engine, 0)
    assert engine.done


def test_what_was_blocked_never_began() -> None:
    """In a run that goes on its cleaner runs all the same; in a stopped one it does not."""
    for stops in (False, True):
        engine = make_engine([spec()] * 2, {1: once_over(0)}, cleaners={1: {0}})
        engine.handle(CaseBlocked(0, Cause("gone")), 0.0)
        if stops:
            assert engine.handle(STOP, 1.0) == not_run(1)
        expected = () if stops else (Assign("w1", 1),)
        assert engine.handle(WorkersJoined(("w1",)), 1.0) == expected


def test_a_plain_stop_leaves_nothing_to_clean_up() -> None:
    """Whoever presses Ctrl-C wants the run to end."""
    engine = make()
    assert engine.handle(StopRequested("enough"), 1.0) == not_run(1, 2, 3)
    assert finish(engine, 0) == ()
    assert engine.done


def test_a_plain_stop_ends_the_cleaning_too() -> None:
    """With its own reason, and what runs may end."""
    engine = make()
    engine.handle(STOP, 1.0)
    assert engine.handle(STOP, 1.0) == ()
    commands = engine.handle(StopRequested("ctrl-c"), 1.0)
    assert commands == (Conclude(3, Verdict.NOT_RUN, Cause("ctrl-c")),)
    assert engine.stopped == "ctrl-c"
    finish(engine, 0)
    assert engine.done


def test_after_the_cleaning_the_first_reason_stays() -> None:
    """A stop of a run that is done says nothing new."""
    engine = make()
    engine.handle(STOP, 1.0)
    finish(engine, 0)
    finish(engine, 3)
    assert engine.handle(StopRequested("the end"), 1.0) == ()
    assert engine.stopped == "enough"


def test_a_provider_that_was_sent_ahead_and_comes_back_never_began() -> None:
    """Until that is known its cleaner is kept; then it goes the same way."""
    engine = make_engine(
        [spec()] * 3,
        {2: once_over(1)},
        seconds=[1.0] * 3,
        horizon=9.0,
        workers=1,
        cleaners={2: {1}},
    )
    engine.handle(WorkersJoined(("w1",)), 0.0)
    assert engine.queue_of("w1") == (0, 1)
    assert engine.handle(STOP, 1.0) == (Recall("w1", (1,)),)
    assert engine.handle(CasesReturned("w1", (1,)), 1.0) == not_run(1, 2)


def test_a_cleaner_that_was_sent_ahead_is_left_where_it_is() -> None:
    """It is to run anyway; what else was sent ahead is recalled."""
    engine = make_engine(
        [spec()] * 4, {2: once_over(0)}, seconds=[1.0] * 4, horizon=9.0, cleaners={2: {0}}
    )
    engine.handle(WorkersJoined(("w1",)), 0.0)
    engine.handle(CaseFinished(0, Verdict.PASSED, 1.0), 1.0)
    engine.handle(CaseFinished(1, Verdict.PASSED, 1.0), 1.0)
    assert engine.queue_of("w1") == (3, 2)
    assert engine.handle(STOP, 1.0) == ()
    assert engine.queue_of("w1") == (3, 2)


def test_a_cleaner_whose_worker_dies_before_it_began_runs_elsewhere() -> None:
    """Also on one that comes only then."""
    engine = make_engine(
        [spec()] * 3, {2: once_over(0)}, seconds=[1.0] * 3, horizon=9.0, cleaners={2: {0}}
    )
    engine.handle(WorkersJoined(("w1",)), 0.0)
    engine.handle(CaseFinished(0, Verdict.PASSED, 1.0), 1.0)
    assert engine.queue_of("w1") == (1, 2)
    engine.handle(STOP, 1.0)
    assert engine.handle(WorkerLost("w1", 1), 1.0) == ()
    assert engine.handle(WorkersJoined(("w2",)), 2.0) == (Assign("w2", 2),)


def test_what_died_with_its_worker_may_have_begun() -> None:
    """A provider that was to run again, and will not, is cleaned up after all the same."""
    engine = make()
    engine.handle(STOP, 1.0)
    assert engine.handle(WorkerLost("w1"), 1.0) == not_run(0)
    assert engine.handle(WorkersJoined(("w2",)), 2.0) == (Assign("w2", 3),)


def test_a_cleaner_may_be_a_user_of_something_else() -> None:
    """What it uses is cleaned up after it, and it does not run if it cannot."""
    edges = {1: after(0), 2: {**once_over(1), **after(0)}, 3: once_over(0, 1, 2)}
    engine = make(4, edges, {2: {1}, 3: {0}})
    finish(engine, 0)
    engine.handle(STOP, 1.0)
    assert finish(engine, 1, Verdict.FAILED) == (Assign("w1", 2),)
    assert finish(engine, 2) == (Assign("w1", 3),)


def test_a_cleaner_that_needs_what_was_not_run_is_not_run() -> None:
    """It is not blocked: nothing is to blame but the stop."""
    engine = make(4, {1: {**once_over(0), **after(2)}}, {1: {0}})
    assert engine.handle(STOP, 1.0) == not_run(2, 3, 1)


def test_who_only_waits_for_the_end_of_others_cleans_up() -> None:
    """By our own marker, and if it neither makes nor uses data; who cleans data does so after its provider."""
    ended = Need("t.py::test_0", ANY_VERDICT)
    too = Need("t.py::test_1", ANY_VERDICT)
    ordered = Need("t.py::test_0", ANY_VERDICT, marker="order")
    specs = [
        CaseSpec("t.py::test_0", provides=("user",)),
        CaseSpec("t.py::test_1"),
        CaseSpec("t.py::test_tidy", needs=(ended, too)),
        CaseSpec("t.py::test_tidier", needs=(Need("t.py::test_tidy", ANY_VERDICT),)),
        CaseSpec("t.py::test_builds_on_it", needs=(ended, Need("t.py::test_1"))),
        CaseSpec("t.py::test_in_order", needs=(ordered,)),
        CaseSpec("t.py::test_after_both", needs=(ended, ordered)),
        CaseSpec("t.py::test_makes", needs=(ended,), provides=("more",)),
        CaseSpec("t.py::test_uses", needs=(ended,), uses=("user",)),
        CaseSpec("t.py::test_cleans", needs=(too,), cleans=("user",)),
        CaseSpec("t.py::test_before", feeds=(Need("t.py::test_1", ANY_VERDICT, marker="order"),)),
    ]
    assert find_cleaners(specs, link(specs), pair(specs)) == {2: {0, 1}, 3: {2}, 9: {0}}


def test_what_others_need_does_not_clean_up() -> None:
    """A step on the way to a test is no clean-up, however it waits, nor is a step on the way to that."""
    first, second, third = (
        Need(f"t.py::test_{name}", ANY_VERDICT) for name in ("first", "second", "third")
    )
    specs = [
        CaseSpec("t.py::test_first"),
        CaseSpec("t.py::test_second", needs=(first,)),
        CaseSpec("t.py::test_third", needs=(second,)),
        CaseSpec(
            "t.py::test_last", needs=(third, Need("t.py::test_second"), Need("t.py::test_third"))
        ),
        CaseSpec("t.py::test_tidy", needs=(second, third)),
    ]
    assert find_cleaners(specs, link(specs), pair(specs)) == {4: {1, 2}}


def test_a_long_chain_of_clean_up_is_dropped_at_once() -> None:
    """If none of it has begun, however many wait for one another; and runs to its end if it has."""
    cases = 5_000
    edges = {case: once_over(case - 1) for case in range(1, cases)}
    cleaners = {case: {case - 1} for case in range(1, cases)}
    engine = make(cases, edges, cleaners)
    assert engine.handle(STOP, 1.0) == ()
    for case in range(3):
        finish(engine, case)
    assert engine.queue_of("w1") == (3,)
    engine = make_engine([spec()] * cases, edges, cleaners=cleaners)
    assert engine.handle(STOP, 1.0) == not_run(*range(cases))
    assert engine.done
