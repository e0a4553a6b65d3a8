from collections import Counter

import pytest

from pytest_orchestra.machine.supply import Supply

GPUS = Supply.of(("cuda:0", "cuda:1"))
STAGING = Supply.of(3, slots=2)


def test_a_number_is_so_many_tokens_without_names() -> None:
    """As for licences, or bytes of memory."""
    assert Supply.of(4) == Supply(4)
    assert Supply.of(4).choose(3, 1, {}) == ()
    assert Supply.of(4).choose(3, 2, {}) is None


def test_names_are_instances_of_which_one_gets_particular_ones() -> None:
    """Those that nobody has, in the order in which they were declared."""
    assert GPUS.choose(1, 0, {}) == ("cuda:0",)
    assert GPUS.choose(1, 1, {"cuda:0": 1}) == ("cuda:1",)
    assert GPUS.choose(2, 1, {"cuda:0": 1}) is None


def test_a_number_with_slots_is_so_many_instances() -> None:
    """A claim takes slots on different ones, where fewest are taken."""
    assert STAGING.capacity == 6
    assert STAGING.choose(2, 1, {"0": 1}) == ("1", "2")
    assert STAGING.choose(3, 3, {"0": 1, "1": 1, "2": 1}) == ("0", "1", "2")
    assert STAGING.choose(2, 4, {"0": 2, "1": 2}) is None


def test_a_claim_of_everything_takes_every_slot() -> None:
    """A writer wants nobody beside it."""
    names = STAGING.choose(6, 0, {})
    assert names is not None
    assert Counter(names) == {"0": 2, "1": 2, "2": 2}
    assert STAGING.choose(6, 1, {"0": 1}) is None


def test_what_others_hold_under_other_names_counts() -> None:
    """They may have declared the resource otherwise."""
    assert GPUS.choose(1, 1, {"cuda:7": 1}) == ("cuda:0",)
    assert GPUS.choose(1, 2, {"cuda:7": 2}) is None
    assert GPUS.choose(1, 2, {}) is None


@pytest.mark.parametrize(
    ("supply", "amount", "suffices"),
    [
        (Supply.of(4), 4, True),
        (Supply.of(4), 5, False),
        (Supply.of(4), 0, False),
        (GPUS, 2, True),
        (GPUS, 3, False),
        (STAGING, 3, True),
        (STAGING, 4, False),
        (STAGING, 6, True),
    ],
)
def test_what_can_never_be_met_is_known(supply: Supply, amount: int, suffices: bool) -> None:  # noqa: FBT001
    """Between one slot on each instance and everything there is nothing."""
    assert supply.suffices(amount) is suffices
    assert (supply.choose(amount, 0, {}) is not None) is (suffices or amount == 0)


@pytest.mark.parametrize(
    ("declared", "slots"), [(0, 1), (-1, 2), ((), 1), (("a",), 0), (("a", "a"), 1)]
)
def test_what_is_no_supply_is_refused(declared: int | tuple[str, ...], slots: int) -> None:
    """Nothing, less than nothing, and two instances of one name."""
    with pytest.raises(ValueError, match=r"no supply|twice"):
        Supply.of(declared, slots)
