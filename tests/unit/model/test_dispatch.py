"""Who was there in a run that was recorded."""

from __future__ import annotations

from pytest_orchestra.model.dispatch import Deed, Dispatch, Recording, Step


def crew_of(*steps: Step) -> tuple[str, ...]:
    """Return the crew of a recording with these steps."""
    return Recording(("a",), Dispatch.of(steps)).crew


def test_who_took_the_place_of_another_is_not_counted() -> None:
    """There were no more at a time."""
    joined, lost = Step(Deed.JOINED, "gw0"), Step(Deed.LOST, "gw0")
    assert crew_of(joined, lost, Step(Deed.JOINED, "gw1")) == ("gw0",)
    assert crew_of(joined, Step(Deed.JOINED, "gw1"), lost) == ("gw0", "gw1")


def test_who_was_given_something_was_there() -> None:
    """Although the line that says so was left out by somebody who tries another order."""
    assert crew_of(Step(Deed.JOINED, "gw0"), Step(Deed.RUN, "gw1", 0)) == ("gw0", "gw1")
    assert crew_of(Step(Deed.RUN, "main", 0)) == ("main",)
