import pytest

from pytest_orchestra.scheduling.instances import Instances, SharedInstances


def test_the_first_that_is_free_goes_first() -> None:
    """Also after some came back."""
    instances = Instances(3)
    assert instances.take(2) == (0, 1)
    instances.give_back([0])
    assert instances.free == 2
    assert instances.take(2) == (0, 2)
    assert instances.free == 0


def test_the_least_used_of_shared_ones_goes_first() -> None:
    """So tests are spread, and who takes several gets different ones."""
    shared = SharedInstances(3, 2)
    assert shared.take(2) == (0, 1)
    assert shared.take(2) == (2, 0)
    assert shared.free == 2
    shared.give_back([0])
    assert sorted(shared.take(3)) == [0, 1, 2]
    assert shared.free == 0


def test_all_that_is_left_may_be_taken_at_once() -> None:
    """Each instance as often as it has free slots."""
    shared = SharedInstances(2, 3)
    first = shared.take(1)
    rest = shared.take(5)
    assert sorted((*first, *rest)) == [0, 0, 0, 1, 1, 1]
    assert shared.free == 0
    shared.give_back(rest)
    assert shared.free == 2
    with pytest.raises(AssertionError, match="neither different instances nor all"):
        shared.take(4)


def test_an_instance_that_comes_and_goes_is_handed_out_once() -> None:
    """Whatever is left of it in the queue."""
    shared = SharedInstances(2, 2)
    for _ in range(5):
        taken = shared.take(2)
        assert sorted(taken) == [0, 1]
        shared.give_back([taken[0]])
        again = shared.take(1)
        shared.give_back([taken[1], *again])
    assert sorted(shared.take(2)) == [0, 1]
