from pytest_orchestra.scheduling.waits import Refusal, Waits


def test_a_case_is_ready_from_the_first_time_on() -> None:
    """Coming back from a worker does not make it wait anew."""
    waits = Waits(1)
    assert waits.ready_at == [None]
    waits.became_ready(0, 1.0)
    waits.became_ready(0, 5.0)
    assert waits.ready_at == [1.0]


def test_a_case_is_assigned_when_it_was_last() -> None:
    """If a worker is lost, the one before does not count."""
    waits = Waits(1)
    waits.assigned(0, 1.0)
    waits.assigned(0, 5.0)
    assert waits.assigned_at == [5.0]


def test_a_refusal_keeps_its_time_and_changes_its_reason() -> None:
    """What is lacking may be another resource by now."""
    waits = Waits(1)
    waits.refused(0, "db", 1.0)
    waits.refused(0, "gpu", 2.0)
    assert waits.refusals == {0: Refusal(1.0, "gpu")}


def test_time_in_which_nobody_waits_is_not_counted() -> None:
    """A resource holds up for as long as at least one kind of case waits for it."""
    waits = Waits(0)
    assert waits.held_up("db", 9.0) == 0.0
    waits.parked("db", 1.0)
    waits.parked("db", 2.0)
    waits.unparked("db", 3.0)
    assert waits.held_up("db", 3.0) == 2.0
    waits.unparked("db", 5.0)
    waits.parked("db", 7.0)
    waits.unparked("db", 8.0)
    assert waits.held_up("db", 20.0) == 5.0
    assert waits.held_up("gpu", 20.0) == 0.0


def test_it_is_known_when_somebody_last_got_something() -> None:
    """The latest time counts."""
    waits = Waits(1)
    waits.got("db", 1.0)
    waits.got("db", 3.0)
    assert waits.got_at == {"db": 3.0}


def test_it_is_known_since_when_somebody_waits() -> None:
    """From the first of those who wait on."""
    waits = Waits(1)
    waits.parked("db", 1.0)
    waits.parked("db", 2.0)
    assert waits.since("db") == 1.0
