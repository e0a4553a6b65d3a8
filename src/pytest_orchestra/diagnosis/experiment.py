"""What may be tried with the test that is diagnosed, the target, and what comes of it.

Other tests are numbers: their places in the order in which one worker would run them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Condition(StrEnum):
    """Under which condition the target runs, in a process that has just begun."""

    ALONE = "alone"
    AFTER = "after"
    LOAD = "under load"
    COPIES = "beside copies of itself"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A condition, with the ascending numbers of the tests that run before or beside the target."""

    condition: Condition
    tests: tuple[int, ...] = ()


#: The target as it runs by itself, but for its prerequisites.
ALONE = Experiment(Condition.ALONE)

#: The target while all cores are busy with something else.
LOAD = Experiment(Condition.LOAD)

#: The target several times at once.
COPIES = Experiment(Condition.COPIES)


def after(tests: tuple[int, ...]) -> Experiment:
    """Return the experiment in which ``tests`` run first, in the same process."""
    return Experiment(Condition.AFTER, tests) if tests else ALONE


def beside(tests: tuple[int, ...]) -> Experiment:
    """Return the experiment in which another process runs ``tests`` meanwhile."""
    return Experiment(Condition.BESIDE, tests)


@dataclass(frozen=True, slots=True)
class Result:
    """How often the target passed and failed in one experiment, which took so many ``seconds``.

    Neither: it did not get to run.
    """

    passed: int
    failed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Count:
    """How often the target failed in how many runs."""

    failed: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """The tests around the target, none of which depends on it or is one of its prerequisites.

    ``earlier`` run before it and ``later`` after it; ``suspected`` are those of them that the
    history associates with its failures; ``rivals`` use resources that it uses.
    """

    earlier: tuple[int, ...] = ()
    later: tuple[int, ...] = ()
    suspected: tuple[int, ...] = ()
    rivals: tuple[int, ...] = ()

    @property
    def others(self) -> tuple[int, ...]:
        """All that can run before the target."""
        return self.earlier + self.later
