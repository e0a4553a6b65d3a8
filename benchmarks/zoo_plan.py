"""What each run of the real zoo is of, and what is to be found of its tests.

A commit names the tests that it breaks. Now and then a commit runs twice, as it does when somebody
asks CI to run it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

#: Fewer runs than this have no room for all that happens.
FEWEST: Final = 24

#: Every so many runs are of the commit before.
_AGAIN: Final = 5

#: The first run that is an outage, and after how many there is one more.
_OUTAGE: Final = 20
_OUTAGES: Final = 50

#: In so many commits a test is broken once, for at least and at most so many.
_PERIOD: Final = 80
_SHORTEST, _LONGEST = 2, 5

#: In so many of the last commits there are new tests, and a test that is broken and not mended.
LAST: Final = 4

#: Before the first and after the last regression there are so many commits.
_FIRST: Final = 2
_MENDED: Final = 6

NEW: Final = "test_new.py"

_BROKEN: Final = "test_zoo.py::test_broken"

#: What some commits break.
REGRESSING: Final = (
    *(f"test_zoo.py::test_regression[{number}]" for number in range(4)),
    "test_zoo.py::test_mixed[0.05]",
    "test_zoo.py::test_mixed[0.2]",
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One run of the zoo: its number, that of its commit, and the tests that the commit breaks."""

    number: int
    commit: int
    broken: frozenset[str]
    is_outage: bool
    is_again: bool
    has_new: bool


@dataclass(frozen=True, slots=True)
class Label:
    """What a test is: ``kind`` names those alike; ``rate`` is how often it fails, None if unknown.

    ``associated`` is what its failures are to be associated with; empty for nothing.
    """

    kind: str
    standing: str
    associated: str = ""
    rate: float | None = None


#: By function: the class, and what failures are to be associated with. The history knows no time
#: limits, so nothing can be associated with timing.
_TRUTH: Final[Mapping[str, tuple[str, str]]] = {
    "test_healthy": ("healthy", ""),
    "test_random": ("flaky", ""),
    "test_mixed": ("flaky", ""),
    "test_race": ("flaky", "resource-contention"),
    "test_polluter": ("healthy", ""),
    "test_victim": ("flaky", "order-dependent"),
    "test_setter": ("healthy", ""),
    "test_brittle": ("flaky", "order-dependent"),
    "test_port": ("flaky", "resource-contention"),
    "test_timeout": ("flaky", ""),
    "test_regression": ("healthy", ""),
    "test_broken": ("broken", ""),
    "test_new": ("new", ""),
}

#: Functions whose first parameter is the share of runs in which they fail.
_RATED: Final = ("test_random", "test_mixed")


def label(nodeid: str) -> Label:
    """Return what the test ``nodeid`` of the zoo is."""
    function, _, parameters = nodeid.rpartition("::")[2].partition("[")
    standing, associated = _TRUTH[function]
    if function not in _RATED:
        return Label(function, standing, associated)
    rate = float(parameters.rstrip("]").partition("-")[0])
    return Label(f"{function} {rate:g}", standing, associated, rate)


def visits(seed: int, runs: int) -> tuple[Visit, ...]:
    """Return what so many ``runs``, at least FEWEST, are of."""
    again = [number % _AGAIN == _AGAIN - 1 for number in range(runs)]
    commits = runs - sum(again)
    stretches = dict(_stretches(seed, commits))
    return tuple(
        Visit(
            number,
            commit,
            frozenset(name for name, each in stretches.items() if commit in each),
            number >= _OUTAGE and (number - _OUTAGE) % _OUTAGES == 0,
            again[number],
            commit >= commits - LAST,
        )
        for number in range(runs)
        for commit in [number - sum(again[: number + 1])]
    )


def _stretches(seed: int, commits: int) -> Iterator[tuple[str, frozenset[int]]]:
    """Yield tests with the commits that they are broken by, each test at another time."""
    count = max(1, commits // _PERIOD)
    room = (commits - _FIRST - _MENDED) / count
    for place, name in enumerate(REGRESSING):
        random = Random(f"{seed} {name}")
        broken: set[int] = set()
        for period in range(count):
            length = random.randint(_SHORTEST, _LONGEST)
            share = (place + random.random()) / len(REGRESSING)
            begin = _FIRST + int(period * room + share * max(0.0, room - length))
            broken.update(range(begin, begin + length))
        yield name, frozenset(broken)
    yield _BROKEN, frozenset(range(commits - LAST, commits))
