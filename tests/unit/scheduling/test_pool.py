import pytest
from engines import DB, READ, WRITE, make_pool

from pytest_orchestra.model.capacity import UNBOUNDED
from pytest_orchestra.model.case import Claim
from pytest_orchestra.scheduling.pool import EXCLUSIVE

NOTHING = ((EXCLUSIVE, 1),)


def test_a_demand_holds_the_tokens_of_every_claim() -> None:
    """A reader takes one, a writer all there are, and everybody shares one lock."""
    pool = make_pool(db=3, schema=8)
    assert pool.demand([Claim("db", 2), READ], alone=False) == (
        (EXCLUSIVE, 1),
        ("db", 2),
        ("schema", 1),
    )
    assert pool.demand([WRITE], alone=False) == ((EXCLUSIVE, 1), ("schema", 8))
    assert pool.demand([], alone=True) == ((EXCLUSIVE, UNBOUNDED),)


def test_what_is_taken_is_lacking_until_it_is_given_back() -> None:
    """All of a demand is taken and given back at once."""
    pool = make_pool(db=1)
    demand = pool.demand([DB], alone=False)
    assert pool.lacks(demand) is None
    pool.take(7, demand)
    assert pool.lacks(demand) == "db"
    assert pool.lacks(NOTHING) is None
    assert pool.give_back(7) == demand
    assert pool.lacks(demand) is None


def test_what_is_to_be_kept_counts_as_lacking() -> None:
    """A demand fits only if it leaves over what somebody else is to have."""
    pool = make_pool(db=3)
    demand = pool.demand([Claim("db", 2)], alone=False)
    assert pool.lacks(demand, {"db": 1}) is None
    assert pool.lacks(demand, {"db": 2}) == "db"
    assert pool.lacks(NOTHING, {"db": 3}) is None


def test_who_runs_alone_waits_for_everybody_and_everybody_for_it() -> None:
    """Even what claims nothing cannot run beside it."""
    pool = make_pool()
    alone = pool.demand([], alone=True)
    pool.take(1, NOTHING)
    assert pool.lacks(alone) == EXCLUSIVE
    pool.give_back(1)
    pool.take(2, alone)
    assert pool.lacks(NOTHING) == EXCLUSIVE


def test_nobody_takes_twice_or_too_much() -> None:
    """Such a mistake of ours is found where it is made."""
    pool = make_pool(db=1)
    pool.take(1, pool.demand([DB], alone=False))
    with pytest.raises(AssertionError, match="1 holds tokens already"):
        pool.take(1, NOTHING)
    with pytest.raises(AssertionError, match="db is overdrawn"):
        pool.take(2, (("db", 1),))


def test_holders_of_a_resource_are_known() -> None:
    """A message can name who has it."""
    pool = make_pool(db=9)
    for holder in (5, 3):
        pool.take(holder, pool.demand([DB], alone=False))
    pool.take(4, NOTHING)
    assert pool.holders("db") == (3, 5)
    assert pool.holders(EXCLUSIVE) == (3, 4, 5)


def test_the_peak_is_the_most_that_was_out_at_a_time() -> None:
    """In tokens, also after they came back."""
    pool = make_pool(db=3)
    pool.take(1, pool.demand([Claim("db", 2)], alone=False))
    pool.take(2, pool.demand([DB], alone=False))
    pool.give_back(1)
    pool.give_back(2)
    assert pool.peak["db"] == 3


def test_the_peak_of_what_has_no_bounds_is_in_holders() -> None:
    """A writer of such a lock takes more tokens than anybody wants to read about."""
    pool = make_pool(schema=UNBOUNDED)
    pool.take(1, pool.demand([WRITE], alone=False))
    pool.give_back(1)
    assert pool.peak["schema"] == 1
    for holder in (2, 3):
        pool.take(holder, pool.demand([READ], alone=False))
    assert pool.peak["schema"] == 2


def test_an_idle_pool_has_no_holders() -> None:
    """A case that claims nothing counts as one."""
    pool = make_pool()
    assert pool.idle
    pool.take(1, NOTHING)
    assert not pool.idle


def test_it_is_known_how_much_is_in_use() -> None:
    """Tokens, or holders where there is no end of them."""
    pool = make_pool(db=3, schema=UNBOUNDED)
    pool.take(0, (("db", 2), ("schema", 1)))
    pool.take(1, (("schema", 1),))
    assert pool.in_use("db") == 2
    assert pool.in_use("schema") == 2
    pool.give_back(0)
    assert pool.in_use("db") == 0
    assert pool.in_use("schema") == 1
