from pytest_orchestra.machine.record import Shares, Ticket
from pytest_orchestra.machine.supply import Supply
from pytest_orchestra.machine.turns import grants

SUPPLIES = {"db": Supply.of(2), "gpu": Supply.of(("a", "b")), "box": Supply.of(2, slots=2)}


def ticket(number: int, got: Shares | None = None, **wants: int) -> Ticket:
    """Return a ticket whose id is its number."""
    return Ticket(str(number), number, wants, "", 0.0, got)


def test_what_one_ticket_gets_the_next_does_not() -> None:
    """Also where both are granted at once."""
    mine = [("me", ticket(each, db=1, gpu=1)) for each in (1, 2, 3)]
    assert grants("me", mine, SUPPLIES) == {
        "1": {"db": (), "gpu": ("a",)},
        "2": {"db": (), "gpu": ("b",)},
    }


def test_what_an_earlier_one_of_another_run_waits_for_is_left_to_it() -> None:
    """Although that run takes it itself, later; other resources are free to take."""
    tickets = [
        ("other", ticket(1, db=2)),
        ("me", ticket(2, db=1, gpu=1)),
        ("me", ticket(3, gpu=1)),
        ("me", ticket(4, box=1)),
    ]
    assert grants("me", tickets, SUPPLIES) == {"4": {"box": ("0",)}}


def test_of_equal_numbers_the_same_goes_first_for_everybody() -> None:
    """They can come about when files were deleted; the name of the run decides."""
    tickets = [("b", ticket(1, db=2)), ("a", ticket(1, db=2))]
    assert grants("a", tickets, SUPPLIES) == {"1": {"db": ()}}
    assert grants("b", tickets, SUPPLIES) == {}


def test_a_later_one_does_not_count() -> None:
    """Nor does it matter in which order files are found."""
    tickets = [("other", ticket(9, db=2)), ("me", ticket(2, db=1)), ("me", ticket(1, db=1))]
    assert set(grants("me", tickets, SUPPLIES)) == {"1", "2"}


def test_what_is_held_is_not_free_whoever_holds_it() -> None:
    """Tokens, and slots on instances."""
    tickets = [
        ("other", ticket(1, {"db": (), "box": ("0",)}, db=1, box=1)),
        ("me", ticket(2, {"box": ("1",)}, box=1)),
        ("me", ticket(3, box=1)),
        ("me", ticket(4, box=1)),
        ("me", ticket(5, box=1)),
        ("me", ticket(6, db=2)),
    ]
    assert grants("me", tickets, SUPPLIES) == {"3": {"box": ("0",)}, "4": {"box": ("1",)}}
