"""From many tests that show something together to the few that are needed for it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from pytest_orchestra.diagnosis.experiment import Experiment, Result

#: Asks for experiments, is sent their results, and says in the end what they show.
Trying = Generator[Experiment, Result, bool | None]


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Tests that showed it together; ``is_done``: without any of them it was not shown."""

    tests: tuple[int, ...]
    is_done: bool


def narrow(
    tests: tuple[int, ...], shows: Callable[[tuple[int, ...]], Trying]
) -> Generator[Experiment, Result, Narrowed]:
    """Find the tests among ``tests``, which show it, that are needed, in order.

    ``shows`` tries some of them, and returns whether they show it, or None if there is no time to
    try; none of them at all do not show it. Takes about log2(n) tries for each that is needed: the
    shortest end of the list that shows it begins with one. What is returned has always been seen
    to show it, also where more tests do not always show more, since some clean up after others.
    """
    kept: tuple[int, ...] = ()
    rest = tests
    while rest:
        low, high = 0, len(rest)
        while high - low > 1:
            middle = (low + high) // 2
            is_shown = yield from shows(kept + rest[middle:])
            if is_shown is None:
                return Narrowed(kept + rest[low:], is_done=False)
            low, high = (middle, high) if is_shown else (low, middle)
        kept, rest = (*kept, rest[low]), rest[low + 1 :]
        if rest:
            is_shown = yield from shows(kept)
            if is_shown is None:
                return Narrowed(kept + rest, is_done=False)
            if is_shown:
                break
    return Narrowed(kept, is_done=True)
