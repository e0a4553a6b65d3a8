from __future__ import annotations

from pytest_orchestra.diagnosis.experiment import Experiment, Result, after
from pytest_orchestra.diagnosis.narrowing import Narrowed, Trying, narrow


def looking(wanted: set[int], tries: int = 1000) -> tuple[list[tuple[int, ...]], Narrowed]:
    """Narrow a hundred tests down to ``wanted``; there is time for so many ``tries``."""
    tried: list[tuple[int, ...]] = []

    def shows(tests: tuple[int, ...]) -> Trying:
        if len(tried) == tries:
            return None
        yield after(tests)
        tried.append(tests)
        return wanted <= set(tests)

    course = narrow(tuple(range(100)), shows)
    try:
        experiment: Experiment = next(course)
        while experiment.tests:
            experiment = course.send(Result(1, 0, 0.0))
    except StopIteration as stop:
        found: Narrowed = stop.value
        return tried, found
    raise AssertionError(experiment)


def test_one_of_a_hundred() -> None:
    """It takes about as many tries as the number has binary digits."""
    tried, found = looking({42})
    assert found == Narrowed((42,), is_done=True)
    assert len(tried) <= 9


def test_the_last_of_a_hundred() -> None:
    """Nothing is left after it to ask about."""
    _, found = looking({99})
    assert found == Narrowed((99,), is_done=True)


def test_several_that_are_needed_together() -> None:
    """Each is found, whether they are neighbours or not."""
    _, found = looking({0, 1, 50, 99})
    assert found == Narrowed((0, 1, 50, 99), is_done=True)


def test_no_more_time_while_halving() -> None:
    """What is left has been seen to show it."""
    tried, found = looking({42}, tries=3)
    assert found == Narrowed(tuple(range(37, 100)), is_done=False)
    assert found.tests in tried


def test_no_more_time_to_ask_whether_one_is_enough() -> None:
    """The rest is named with it, since it may be needed."""
    tried, found = looking({42}, tries=7)
    assert not found.is_done
    assert found.tests in tried
    assert found.tests[0] == 42
