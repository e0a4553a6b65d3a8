from pytest_orchestra.model.events import Acquire, GiveBack
from pytest_orchestra.scheduling.tickets import Tickets

WANTS = (("license", 2),)
ONE, TWO = ("w1", ("pg", "")), ("w1", ("es", ""))


def test_one_case_of_a_signature_asks_at_a_time() -> None:
    """The next one may when the first has begun, or will not run."""
    tickets = Tickets()
    tickets.ask(7, 1, WANTS)
    tickets.ask(7, 2, WANTS)
    tickets.ask(8, 3, WANTS)
    assert tickets.commands == [Acquire(1, WANTS), Acquire(3, WANTS)]
    tickets.commands.clear()
    assert tickets.cancel(1)
    assert not tickets.cancel(1)
    tickets.ask(7, 2, WANTS)
    assert tickets.commands == [GiveBack(1), Acquire(2, WANTS)]
    assert tickets.cancel(2)
    assert tickets.commands == [GiveBack(1)], "nobody has heard of the request"


def test_what_was_granted_is_used_and_given_back() -> None:
    """A grant that nobody waits for is none."""
    tickets = Tickets()
    assert not tickets.grant(1)
    assert not tickets.begin(1)
    tickets.ask(7, 1, WANTS)
    assert tickets.grant(1)
    assert not tickets.has(1)
    assert tickets.begin(1)
    assert tickets.has(1)
    assert tickets.in_use == tickets.peak == {"license": 2}
    tickets.end(1)
    assert tickets.in_use == {"license": 0}
    assert tickets.commands[-1] == GiveBack(1)
    tickets.end(1)
    assert tickets.commands.count(GiveBack(1)) == 1


def test_a_ticket_stays_with_the_fixtures_that_need_it() -> None:
    """Until the last of them is down."""
    tickets = Tickets()
    tickets.ask(7, 1, WANTS)
    tickets.grant(1)
    tickets.begin(1)
    tickets.keep(1, ONE)
    tickets.keep(1, TWO)
    tickets.end(1)
    assert [(tokens, list(who)) for tokens, who in tickets.kept("license")] == [(2, [ONE, TWO])]
    assert not list(tickets.kept("other"))
    tickets.leave(1, ONE)
    assert GiveBack(1) not in tickets.commands
    tickets.leave(1, TWO)
    assert tickets.commands[-1] == GiveBack(1)
