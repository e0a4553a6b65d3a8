"""What is said at the end of a replay."""

from __future__ import annotations

from dataclasses import replace

from pytest_orchestra.model.dispatch import Conditions, Dispatch, Recording
from pytest_orchestra.model.surroundings import Surroundings
from pytest_orchestra.running.replay import conditions_lines, fidelity_lines
from pytest_orchestra.scheduling.fidelity import Fidelity

PLAIN = Recording(("a",), Dispatch(), surroundings=Surroundings(python="3.13.1"))


def test_a_replay_that_went_as_it_should() -> None:
    """Two lines; with no failure in it, that is said."""
    assert list(fidelity_lines(Fidelity(("a",), ("a",)), is_long=False)) == [
        "1 of 1 recorded failure came again",
        "all else went as it was recorded: the same tests, workers, order and outcomes",
    ]
    assert next(iter(fidelity_lines(Fidelity((), ()), is_long=False))) == (
        "no test had failed in the recording"
    )


def test_what_differed_is_told_as_far_as_it_fits() -> None:
    """The first of all, and how many there are; with -v all of them."""
    found = Fidelity(
        failures=("a", "b", "c", "d"),
        again=("c",),
        missing=("b",),
        unrun=("d",),
        places=tuple(f"place {number}" for number in range(9)),
    )
    short = list(fidelity_lines(found, is_long=False))
    assert short[:6] == [
        "1 of 4 recorded failures came again",
        "  not again: a",
        "  not collected: b",
        "  did not run: d",
        "reality differed in 9 places; the first:",
        "  place 0",
    ]
    assert short[-1] == "  and 3 more (-v shows all)"
    assert list(fidelity_lines(found, is_long=True))[-1] == "  place 8"


def test_other_conditions_are_told() -> None:
    """Versions, seeds, hosts and plugins, by name; nothing if all are the same."""
    assert not list(conditions_lines(PLAIN, replace(PLAIN, hosts=(("gw0", ""),))))
    other = replace(
        PLAIN,
        surroundings=Surroundings(python="3.14.0", versions=(("pytest-new", "1.0"),)),
        conditions=Conditions(seed="7", plugins=("a", "b")),
        hosts=(("gw1", "y"), ("gw0", "x")),
    )
    (line,) = conditions_lines(other, PLAIN)
    assert line == (
        "not as in the recording: Python 3.14.0, here 3.13.1; pytest-new 1.0, here none; seed 7, "
        "here none; -p a b, here none; hosts x, y, here none"
    )
