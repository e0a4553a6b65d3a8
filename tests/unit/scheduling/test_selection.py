from engines import DB, READ, WRITE, make_selection, spec

from pytest_orchestra.model.case import Claim
from pytest_orchestra.scheduling.pool import EXCLUSIVE

DB2 = Claim("db", 2)
TWO = {"db": 2}


def test_the_first_case_of_the_collection_comes_first() -> None:
    """Where nothing tells cases apart, they come in the order of the collection."""
    selection = make_selection([spec(), spec(), spec()])
    assert [selection.pick("w1", 0.0) for _ in range(4)] == [0, 1, 2, None]


def test_priority_goes_before_the_order_of_the_collection() -> None:
    """The highest priority is picked first."""
    selection = make_selection([spec(), spec(priority=1.0), spec(priority=2.0)])
    assert [selection.pick("w1", 0.0) for _ in range(3)] == [2, 1, 0]


def test_a_worker_stays_in_its_segment() -> None:
    """Neighbours that share fixtures go to the same worker while equals wait elsewhere."""
    selection = make_selection([spec()] * 6, segments=[0, 0, 0, 1, 1, 1])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2", "w1", "w2")] == [0, 3, 1, 4]


def test_a_segment_that_nobody_is_in_comes_before_one_that_somebody_is_in() -> None:
    """A worker opens a segment of its own before it joins another's."""
    selection = make_selection([spec()] * 5, segments=[0, 0, 1, 1, 1])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2", "w2", "w2", "w2")] == [0, 2, 3, 4, 1]


def test_what_is_more_urgent_makes_a_worker_leave_its_segment() -> None:
    """Staying is worth less than any difference in rank."""
    selection = make_selection([spec(priority=1.0), spec(), spec(priority=1.0)], segments=[0, 0, 1])
    assert [selection.pick("w1", 0.0) for _ in range(3)] == [0, 2, 1]


# tokens


def test_a_case_that_does_not_fit_is_overtaken() -> None:
    """A worker does not wait for tokens while there is something else to do."""
    selection = make_selection([spec(DB), spec(DB), spec()])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 2]
    assert selection.lacking(1) == "db"


def test_what_was_lacking_is_noted() -> None:
    """The first time a case had to be left lying is kept, and what it last lacked."""
    selection = make_selection([spec(DB), spec(DB)])
    selection.pick("w1", 0.0)
    assert selection.pick("w2", 2.0) is None
    refusal = selection.waits.refusals[1]
    assert (refusal.since, refusal.resource) == (2.0, "db")
    assert selection.waits.held_up("db", 5.0) == 3.0


def test_tokens_that_come_back_let_the_next_case_start() -> None:
    """What was found lacking is asked for again once some of it is free."""
    selection = make_selection([spec(DB), spec(DB)])
    selection.pick("w1", 0.0)
    assert selection.pick("w2", 0.0) is None
    selection.release(0, 3.0)
    assert selection.lacking(1) is None
    assert selection.pick("w2", 3.0) == 1
    assert selection.waits.held_up("db", 9.0) == 3.0


def test_a_case_without_a_lack_waits_for_a_worker() -> None:
    """Nothing is said to be lacking before anybody has asked."""
    assert make_selection([spec(DB)]).lacking(0) is None


def test_readers_run_together_and_a_writer_runs_by_itself() -> None:
    """A lock that nobody declared lets any number read and one write."""
    selection = make_selection([spec(READ), spec(READ), spec(WRITE)])
    assert [selection.pick("w1", 0.0) for _ in range(3)] == [0, 1, None]
    assert selection.lacking(2) == "schema"


def test_nobody_waits_for_what_nobody_wants() -> None:
    """When the last case that waits for a resource is withdrawn, it holds nothing up any more."""
    selection = make_selection([spec(DB), spec(DB), spec(DB)])
    selection.pick("w1", 0.0)
    selection.pick("w2", 0.0)
    selection.withdraw(1, 2.0)
    assert selection.waits.held_up("db", 3.0) == 3.0
    selection.withdraw(2, 4.0)
    assert selection.waits.held_up("db", 9.0) == 4.0


# alone


def test_a_case_that_runs_alone_starts_while_nothing_runs() -> None:
    """Before the others have begun it costs no waiting, so it is put before its equals."""
    selection = make_selection([spec(), spec(alone=True), spec()])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [1, None]
    assert selection.lacking(0) == EXCLUSIVE


def test_a_case_that_runs_alone_does_not_go_before_a_higher_priority() -> None:
    """Priority counts for more than the waiting that is saved."""
    selection = make_selection([spec(alone=True), spec(priority=1.0)])
    assert selection.pick("w1", 0.0) == 1


def test_one_worker_keeps_the_order_of_cases_that_run_alone() -> None:
    """Where every case runs alone anyway, being alone changes nothing."""
    selection = make_selection([spec(), spec(alone=True), spec()], workers=["w1"])
    for case in range(3):
        assert selection.pick("w1", 0.0) == case
        selection.release(case, 0.0)


# groups


def test_a_group_stays_on_the_worker_that_has_its_first_case() -> None:
    """Others get nothing of a group that has a home, however idle they are."""
    selection = make_selection([spec(group="g"), spec(group="g"), spec(group="h")])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2", "w2", "w1")] == [0, 2, None, 1]
    assert selection.is_bound(1)
    assert "w1" in selection.owners
    assert "w2" not in selection.owners


def test_a_group_whose_worker_is_lost_finds_a_new_home() -> None:
    """All that is left of it goes to one worker again."""
    selection = make_selection([spec(group="g")] * 4)
    selection.pick("w1", 0.0)
    selection.release(0, 1.0)
    selection.lose("w1", 0.0)
    assert selection.pick("w2", 1.0) == 1
    selection.join("w3")
    assert [selection.pick(w, 1.0) for w in ("w3", "w2", "w2")] == [None, 2, 3]


def test_a_case_that_gets_ready_late_joins_its_group() -> None:
    """A member that is offered after the group has got its home goes there too."""
    selection = make_selection([spec(group="g"), spec(group="g")], late=[1])
    selection.pick("w1", 0.0)
    selection.offer(1, 1.0)
    assert [selection.pick(w, 1.0) for w in ("w2", "w1")] == [None, 1]


def test_the_segment_of_a_lost_worker_is_nobodys() -> None:
    """Another may open it before it joins a worker elsewhere."""
    segments = [0, 0, 1, 1]
    selection = make_selection([spec()] * 4, segments=segments, workers=["w1", "w2", "w3"])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 2]
    selection.release(2, 0.0)
    selection.lose("w2", 0.0)
    assert selection.pick("w3", 0.0) == 3


def test_a_worker_without_a_segment_can_be_lost() -> None:
    """A worker may go before it had anything to do."""
    selection = make_selection([spec()])
    selection.lose("w1", 0.0)
    assert selection.pick("w2", 0.0) == 0


# sending ahead


def test_only_what_claims_nothing_is_sent_ahead() -> None:
    """Tokens would lie idle with a case that waits for its turn on a busy worker."""
    selection = make_selection([spec(), spec(), spec(DB)])
    assert selection.pick("w1", 0.0) == 0
    assert [selection.pick_free("w1", 0.0) for _ in range(2)] == [1, None]


def test_nothing_is_sent_ahead_where_every_case_claims_something() -> None:
    """There is nothing to be sent."""
    selection = make_selection([spec(DB), spec(DB)])
    selection.pick("w1", 0.0)
    assert selection.pick_free("w1", 0.0) is None


def test_sending_ahead_does_not_overtake_what_could_start_now() -> None:
    """A case with claims that is next keeps its turn; it gets the worker as soon as that idles."""
    selection = make_selection([spec(), spec(DB, priority=1.0), spec()], late=[1])
    assert selection.pick("w1", 0.0) == 0
    selection.offer(1, 1.0)
    assert selection.pick_free("w1", 1.0) is None


def test_sending_ahead_overtakes_what_cannot_start() -> None:
    """Work is sent ahead while something better waits for its tokens."""
    selection = make_selection([spec(DB), spec(DB), spec()])
    selection.pick("w1", 0.0)
    assert selection.pick_free("w1", 0.0) == 2


def test_sending_ahead_makes_way_for_a_case_that_runs_alone() -> None:
    """A case that was overtaken too often is waited for: every queue runs empty."""
    selection = make_selection([spec(), spec(alone=True, priority=1.0), spec(), spec()], late=[1])
    selection.pick("w1", 0.0)
    selection.offer(1, 0.0)
    assert selection.pick_free("w1", 0.0) == 2
    assert selection.pick_free("w1", 1.0) is None


def test_nothing_is_sent_to_a_worker_that_a_reserved_case_waits_for() -> None:
    """Once a reserved case fits, the worker that may run it is to be idle soon."""
    specs = [spec(), spec(DB), spec(DB), spec(DB2, priority=1.0), spec(priority=2.0)]
    workers = ("w1", "w2", "w3")
    selection = make_selection(specs, capacities=TWO, patience=0.0, workers=workers, late=[3, 4])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 1]
    selection.offer(3, 0.0)
    assert selection.pick("w3", 0.0) == 2
    selection.release(1, 1.0)
    selection.release(2, 1.0)
    selection.offer(4, 1.0)
    assert selection.pick_free("w1", 1.0) is None
    assert selection.pick("w2", 1.0) == 3


# reservations


def test_tokens_are_kept_for_a_case_that_was_overtaken_for_too_long() -> None:
    """Once its patience is at an end, others leave alone what a wide case needs."""
    specs = [*[spec(DB)] * 4, spec(DB2, priority=1.0)]
    selection = make_selection(specs, capacities=TWO, late=[4])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 1]
    selection.offer(4, 0.0)
    selection.release(0, 0.5)
    assert selection.pick("w1", 0.5) == 2
    selection.release(1, 1.5)
    assert selection.pick("w2", 1.5) is None
    selection.release(2, 1.6)
    assert selection.pick("w1", 1.6) == 4


def test_a_case_that_runs_alone_gets_its_turn() -> None:
    """It is reserved for like any other, although its tokens come back all the time."""
    selection = make_selection([*[spec()] * 4, spec(alone=True, priority=1.0)], late=[4])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 1]
    selection.offer(4, 0.0)
    selection.release(0, 0.0)
    assert selection.pick("w1", 0.0) == 2
    selection.release(1, 1.0)
    assert selection.pick("w2", 1.0) is None
    selection.release(2, 1.5)
    assert selection.pick("w1", 1.5) == 4


def test_others_may_take_what_a_reservation_leaves_over() -> None:
    """Only the tokens that the reserved case needs are kept."""
    specs = [spec(DB), spec(DB2, priority=1.0), spec(DB), spec(DB), spec(Claim("gpu"))]
    selection = make_selection(specs, capacities=TWO, patience=0.0, late=[1])
    selection.pick("w1", 0.0)
    selection.offer(1, 0.0)
    assert selection.pick("w2", 0.0) == 2
    selection.release(2, 0.0)
    assert selection.pick("w2", 0.0) == 4


def test_a_reservation_ends_when_its_case_is_withdrawn() -> None:
    """What was kept for a case that will not run is free for the others at once."""
    specs = [*[spec(DB)] * 4, spec(DB2, priority=1.0)]
    selection = make_selection(specs, capacities=TWO, late=[4])
    selection.pick("w1", 0.0)
    selection.offer(4, 0.0)
    assert selection.pick("w2", 0.0) == 1
    selection.release(1, 2.0)
    assert selection.pick("w2", 2.0) is None
    selection.withdraw(4, 3.0)
    assert selection.pick("w2", 3.0) == 2


def test_reservations_follow_one_another_by_rank() -> None:
    """There is one at a time; the next goes to the best of those that waited too long by then."""
    specs = [*[spec(DB)] * 5, spec(DB2, priority=1.0), spec(DB2, Claim("x"), priority=2.0)]
    selection = make_selection(specs, capacities=TWO, late=[5, 6])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 1]
    selection.offer(5, 0.0)
    selection.offer(6, 0.0)
    selection.release(0, 0.0)
    assert selection.pick("w1", 0.0) == 2
    selection.release(1, 2.0)
    assert selection.pick("w2", 2.0) is None
    selection.release(2, 3.0)
    assert selection.pick("w1", 3.0) == 6
    selection.release(6, 4.0)
    assert selection.pick("w1", 4.0) == 5


def test_there_is_one_reservation_at_a_time() -> None:
    """A better case whose patience ends later does not take it away."""
    specs = [*[spec(DB)] * 5, spec(DB2, priority=1.0), spec(DB2, Claim("x"), priority=2.0)]
    selection = make_selection(specs, capacities=TWO, late=[5, 6])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 1]
    selection.offer(5, 0.0)
    selection.release(0, 0.0)
    assert selection.pick("w1", 0.0) == 2
    selection.offer(6, 0.5)
    selection.release(1, 0.5)
    assert selection.pick("w2", 0.5) == 3
    selection.join("w3")
    assert [selection.pick("w3", now) for now in (1.0, 2.0)] == [None, None]
    selection.release(2, 3.0)
    selection.release(3, 3.0)
    assert selection.pick("w1", 3.0) == 5


def test_one_reservation_follows_upon_another_without_a_gap() -> None:
    """Nothing slips in between when the next case has lost its patience too."""
    specs = [*[spec(DB)] * 5, spec(DB2, priority=1.0), spec(DB2, Claim("x"), priority=2.0)]
    selection = make_selection(specs, capacities=TWO, late=[5, 6])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 1]
    selection.offer(5, 0.0)
    selection.offer(6, 0.0)
    selection.release(0, 0.0)
    assert selection.pick("w1", 0.0) == 2
    selection.release(1, 2.0)
    assert selection.pick("w2", 2.0) is None
    selection.withdraw(6, 3.0)
    assert selection.pick("w2", 3.0) is None
    selection.release(2, 4.0)
    assert selection.pick("w1", 4.0) == 5


def test_patience_goes_on_when_another_case_needs_none_any_more() -> None:
    """The end of one case's patience is found even if an earlier one came to nothing."""
    wide = [spec(DB2, priority=1.0), spec(DB2, Claim("x"), priority=2.0)]
    specs = [*[spec(DB)] * 6, *wide, spec(priority=3.0)]
    selection = make_selection(specs, capacities=TWO, late=[6, 7, 8])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 1]
    selection.offer(6, 0.0)
    selection.release(0, 0.0)
    assert selection.pick("w1", 0.0) == 2
    selection.offer(7, 0.5)
    selection.release(1, 0.5)
    assert selection.pick("w2", 0.5) == 3
    selection.withdraw(6, 0.6)
    selection.offer(8, 1.2)
    selection.release(2, 1.2)
    assert selection.pick("w1", 1.2) == 8
    selection.join("w3")
    assert selection.pick("w3", 1.6) is None


def test_patience_is_counted_for_each_case_by_itself() -> None:
    """A reservation goes to the case whose patience is at an end, not to its betters."""
    specs = [*[spec(DB)] * 6, spec(DB2, priority=1.0), spec(DB2, Claim("x"), priority=2.0)]
    selection = make_selection(specs, capacities=TWO, late=[6, 7])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 1]
    selection.offer(6, 0.0)
    selection.release(0, 0.0)
    assert selection.pick("w1", 0.0) == 2
    selection.offer(7, 0.5)
    selection.release(1, 0.5)
    assert selection.pick("w2", 0.5) == 3
    selection.release(2, 1.0)
    assert selection.pick("w1", 1.0) is None
    selection.release(3, 1.2)
    assert selection.pick("w1", 1.2) == 6
    selection.release(6, 1.4)
    assert [selection.pick(w, 1.4) for w in ("w1", "w2")] == [7, None]


def test_being_passed_by_what_ranks_higher_is_not_being_overtaken() -> None:
    """A case of low priority that cannot start gets no reservation against its betters."""
    specs = [spec(DB2, priority=-1.0), *[spec(DB)] * 5]
    selection = make_selection(specs, capacities=TWO, patience=0.0)
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [1, 2]
    selection.release(1, 2.0)
    assert selection.pick("w1", 2.0) == 3
    selection.release(2, 4.0)
    assert selection.pick("w2", 4.0) == 4


def test_being_passed_by_what_wants_nothing_of_the_same_is_not_being_overtaken() -> None:
    """While nobody takes anything away from a case, nothing is kept for it."""
    specs = [spec(Claim("gpu")), spec(Claim("gpu"), DB), spec(), spec(), spec(DB)]
    selection = make_selection(specs)
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 2]
    selection.release(2, 2.0)
    assert selection.pick("w2", 2.0) == 3
    selection.release(3, 4.0)
    assert selection.pick("w2", 4.0) == 4


def test_a_case_can_be_overtaken_by_reserved_ones() -> None:
    """A better case that comes later waits for one reservation after the other no longer."""
    wide = [spec(DB2, Claim(name), priority=1.0) for name in "xyz"]
    specs = [spec(group="g"), spec(DB), spec(DB), *wide, spec(DB2, group="g", priority=2.0)]
    selection = make_selection(specs, capacities=TWO, late=[3, 4, 5, 6])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 1]
    for case in (3, 4, 5):
        selection.offer(case, 0.0)
    assert selection.pick("w2", 0.0) == 2
    selection.release(1, 1.0)
    selection.release(2, 1.0)
    assert selection.pick("w2", 1.0) == 3
    selection.release(3, 1.2)
    selection.release(0, 1.2)
    selection.offer(6, 1.2)
    assert selection.pick("w1", 1.2) == 4
    selection.release(4, 3.0)
    assert selection.pick("w1", 3.0) == 6


def test_every_case_of_a_demand_can_be_overtaken_for_too_long() -> None:
    """It does not matter which case of a demand other workers would see first."""
    specs = [*[spec(DB2, priority=1.0)] * 2, *[spec(DB)] * 4]
    segments = [1, 2, 1, 1, 1, 1]
    selection = make_selection(specs, capacities=TWO, segments=segments, late=[0, 1])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [2, 3]
    selection.offer(0, 0.0)
    selection.offer(1, 0.0)
    selection.release(2, 0.0)
    assert selection.pick("w1", 0.0) == 4
    selection.release(3, 1.0)
    assert selection.pick("w2", 1.0) is None


def test_a_case_of_a_group_gets_its_turn_whoever_asks() -> None:
    """Tokens are kept for a case that only one worker may run, also from the other workers."""
    specs = [spec(group="g"), spec(DB2, group="g", priority=1.0), *[spec(DB)] * 6]
    selection = make_selection(specs, capacities=TWO, late=[1])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 2]
    selection.release(0, 0.0)
    selection.offer(1, 0.0)
    assert selection.pick("w1", 0.0) == 3
    selection.release(2, 1.0)
    assert selection.pick("w2", 1.0) is None
    selection.release(3, 2.0)
    assert [selection.pick(w, 2.0) for w in ("w2", "w1")] == [None, 1]


def test_a_case_of_a_group_is_overtaken_by_what_other_workers_take() -> None:
    """They cannot run it themselves, but they take its tokens away."""
    wide = spec(DB2, group="g", priority=1.0)
    first = spec(group="g", priority=1.0)
    specs = [first, wide, *[spec(DB, group="h")] * 3, *[spec(DB, group="i")] * 3]
    workers = ("w1", "w2", "w3")
    selection = make_selection(specs, capacities=TWO, workers=workers, late=[1, 5, 6, 7])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 2]
    for case in (1, 5, 6, 7):
        selection.offer(case, 0.0)
    selection.release(0, 0.0)
    assert [selection.pick(w, 0.0) for w in ("w3", "w1")] == [5, None]
    selection.release(2, 0.0)
    assert selection.pick("w2", 0.0) == 3
    selection.release(5, 1.0)
    assert selection.pick("w3", 1.0) is None
    selection.release(3, 1.0)
    assert [selection.pick(w, 1.0) for w in workers] == [1, None, None]


def test_a_reservation_outlives_the_worker_that_its_case_was_bound_to() -> None:
    """When that worker is lost, any other may take the reserved case."""
    specs = [spec(group="g"), spec(DB2, group="g", priority=1.0), *[spec(DB)] * 6]
    selection = make_selection(specs, capacities=TWO, patience=0.0, late=[1])
    assert [selection.pick(w, 0.0) for w in ("w1", "w2")] == [0, 2]
    selection.release(0, 0.0)
    selection.offer(1, 0.0)
    assert selection.pick("w1", 0.0) == 3
    selection.release(2, 1.0)
    assert selection.pick("w2", 1.0) is None
    selection.release(3, 2.0)
    selection.lose("w1", 0.0)
    assert selection.pick("w2", 2.0) == 1


def test_a_case_that_runs_alone_does_not_overtake_a_reserved_one() -> None:
    """While nothing runs, it waits for the reserved case's own worker to be asked."""
    specs = [
        spec(group="g"),
        spec(DB2, group="g", priority=1.0),
        spec(DB, priority=3.0),
        spec(DB),
        spec(alone=True, priority=1.0),
    ]
    selection = make_selection(specs, capacities=TWO, patience=0.0, late=[0, 1, 3, 4])
    assert selection.pick("w1", 0.0) == 2
    selection.offer(0, 0.0)
    assert selection.pick("w2", 0.0) == 0
    selection.release(0, 0.0)
    selection.offer(1, 0.0)
    selection.offer(3, 0.0)
    assert selection.pick("w2", 0.0) == 3
    selection.release(2, 1.0)
    assert selection.pick("w1", 1.0) is None
    selection.release(3, 2.0)
    selection.offer(4, 2.0)
    assert [selection.pick(w, 2.0) for w in ("w1", "w2")] == [None, 1]


def test_a_group_without_a_name_binds_nobody_else() -> None:
    """A case without a group does not belong to the group that is called by the empty string."""
    specs = [spec(group=""), *[spec(DB)] * 4, spec(DB2, priority=1.0)]
    selection = make_selection(specs, capacities=TWO, patience=0.0, late=[5])
    assert [selection.pick("w1", 0.0) for _ in range(3)] == [0, 1, 2]
    selection.offer(5, 0.0)
    selection.release(1, 0.0)
    assert selection.pick("w2", 0.0) == 3
    selection.release(2, 0.0)
    selection.release(3, 0.0)
    assert selection.pick("w2", 0.0) == 5
