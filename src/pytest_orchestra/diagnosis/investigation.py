"""Which experiment comes next, given what the earlier ones have shown, until there is a conclusion."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator
from functools import partial
from math import ceil, log
from typing import Final, TypeVar

from pytest_orchestra.diagnosis.conclusion import Cause, Conclusion, Evidence
from pytest_orchestra.diagnosis.experiment import (
    ALONE,
    COPIES,
    LOAD,
    Count,
    Experiment,
    Result,
    Scene,
    after,
    beside,
)
from pytest_orchestra.diagnosis.narrowing import narrow
from pytest_orchestra.diagnosis.notebook import Notebook

T = TypeVar("T")
#: Asks for experiments, is sent the result of each, and returns something in the end.
Course = Generator[Experiment, Result, T]

#: A contrast counts if accident makes one as strong with at most this chance.
SURE: Final = 0.002

#: With a chance of at least this after so many tries a contrast is given up.
HOPELESS: Final = 0.25
_HOPE_ENDS: Final = 6

#: The target runs alone so often before anything else is tried.
FIRST: Final = 3

#: Either side of a contrast is tried so often at the most, the target alone at least so many
#: times as often as the other side.
MOST: Final = 20
_RATIO: Final = 3

#: So often something is tried before it is given up for lack of failures, or believed.
ENOUGH: Final = 5

#: A try with copies is several runs; one beside all other tests is, too.
ENOUGH_COPIES: Final = 3
ENOUGH_BESIDE: Final = 2

#: A target that never fails runs so often in all.
ENOUGH_CLEAN: Final = 60

#: So many random halves of all other tests run before the target. A polluter whose traces another
#: test removes shows itself in every fourth.
HALVES: Final = 6

#: No more than this share of the budget goes by before something else than the order is tried.
ORDER_SHARE: Final = 0.5

#: At most so many tests run beside the target one by one.
RIVALS: Final = 8

#: With this chance at the most a set of tests is taken for harmless that is not.
_MISSED: Final = 0.02

#: So often a set of tests is tried at the most while culprits are looked for.
_MOST_LOOKS: Final = 8


class Investigation:
    """Finds out what the target in ``scene`` depends on; ``budget`` is in seconds.

    After the first few experiments none begins that is not likely to end within the budget.
    """

    def __init__(self, scene: Scene, budget: float, seed: int = 0) -> None:
        self.notebook = Notebook(budget)
        self._scene = scene
        self._random = random.Random(seed)  # noqa: S311 - no secret, but the same each time

    def run(self) -> Course[Conclusion]:
        """Yield experiments, to be sent their results, and return what they come to."""
        book = self.notebook
        for _ in range(FIRST):
            yield from self._try(ALONE)
        crowd = self._scene.suspected or self._scene.earlier
        if crowd:
            yield from self._try(after(crowd))
        if not book.overall.total:
            return self._sum(Cause.NEVER_RAN)
        if not book.alone.failed:
            found = yield from self._look_for_polluters()
        elif book.alone.failed == book.alone.total:
            found = yield from self._look_for_setters()
        else:
            found = None
        if found is None:
            found = yield from self._look_at_the_rest()
        return found or (yield from self._give_up())

    # order

    def _look_for_polluters(self) -> Course[Conclusion | None]:
        """Find tests after which the target fails, which passes alone."""
        book = self.notebook
        for crowd in self._crowds():
            yield from self._try_once(crowd)
            if not book.count(crowd).failed:
                continue
            is_sure = yield from self._is_more(crowd, ALONE, while_=lambda: not book.alone.failed)
            if book.alone.failed:
                break  # it fails alone too, now and then
            if is_sure:
                return (yield from self._name(crowd, fails=True))
        return None

    def _look_for_setters(self) -> Course[Conclusion | None]:
        """Find tests after which the target passes, which fails alone."""
        book = self.notebook
        for crowd in self._crowds():
            yield from self._try_once(crowd)
            if not _passed(book.count(crowd)):
                continue
            is_sure = yield from self._is_more(ALONE, crowd, while_=lambda: not _passed(book.alone))
            if _passed(book.alone):
                return None  # it passes alone too, now and then
            if is_sure:
                return (yield from self._name(crowd, fails=False))
        yield from self._repeat(ALONE, MOST // 2)
        return None if _passed(book.overall) else self._sum(Cause.BROKEN)

    def _crowds(self) -> Iterator[Experiment]:
        """Yield sets of tests that may run before the target, the likeliest first, each once."""
        scene = self._scene
        crowds = [scene.suspected, scene.earlier, scene.others]
        crowds += (self._half(scene.others) for _ in range(HALVES))
        return (after(crowd) for crowd in dict.fromkeys(crowds) if crowd)

    def _half(self, tests: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(each for each in tests if self._random.getrandbits(1))

    def _name(self, crowd: Experiment, *, fails: bool) -> Course[Conclusion]:
        """Find which tests of ``crowd`` make the target fail, or pass."""
        book = self.notebook
        looks = _looks(book.count(crowd), fails=fails)
        shows = partial(self._shows, looks=looks, fails=fails)
        narrowed = yield from narrow(crowd.tests, shows)
        named = after(narrowed.tests)
        yield from self._repeat(named, ENOUGH)
        more, less = (named, ALONE) if fails else (ALONE, named)
        if not (yield from self._is_more(more, less)):
            named, more, less = crowd, *((crowd, ALONE) if fails else (ALONE, crowd))
        is_narrowed = narrowed.is_done and named.tests == narrowed.tests
        cause = Cause.POLLUTED if fails else Cause.BRITTLE
        return self._contrast(cause, more, less, is_narrowed=is_narrowed)

    def _shows(self, tests: tuple[int, ...], looks: int, *, fails: bool) -> Course[bool | None]:
        """Return whether the target fails, or passes, after ``tests``; None: there is no time."""
        book, experiment = self.notebook, after(tests)

        def is_shown() -> bool:
            count = book.count(experiment)
            return count.failed > 0 if fails else _passed(count)

        while not is_shown() and book.times(experiment) < looks:
            if not book.affords(experiment):
                return None
            yield from self._try(experiment)
        return is_shown()

    # what else there is

    def _look_at_the_rest(self) -> Course[Conclusion | None]:
        """Find a condition under which the target fails more often than alone."""
        book = self.notebook
        if book.alone.failed:
            yield from self._repeat(ALONE, MOST // 2)
        for experiment, cause, times in self._conditions():
            yield from self._repeat(experiment, times)
            if (yield from self._is_more(experiment, ALONE)):
                return self._contrast(cause, experiment, ALONE)
            if cause is Cause.POLLUTED and (yield from self._is_more(ALONE, experiment)):
                return self._contrast(Cause.BRITTLE, ALONE, experiment)
        return None

    def _conditions(self) -> Iterator[tuple[Experiment, Cause, int]]:
        """Yield what to try, what it would mean if it made a difference, and how often to try."""
        scene = self._scene
        yield LOAD, Cause.TIMING, ENOUGH
        if self.notebook.alone.failed and scene.earlier:
            yield after(scene.earlier), Cause.POLLUTED, ENOUGH
        yield COPIES, Cause.CONTENTION, ENOUGH_COPIES
        for rival in scene.rivals[:RIVALS]:
            yield beside((rival,)), Cause.CONTENTION, ENOUGH_BESIDE
        if scene.others:
            yield beside(scene.others), Cause.CONTENTION, ENOUGH_BESIDE

    def _give_up(self) -> Course[Conclusion]:
        """Conclude that it fails by chance, or see for how long it does not."""
        book = self.notebook
        if book.overall.failed:
            yield from self._repeat(ALONE, MOST)
        while not book.overall.failed and book.overall.total < ENOUGH_CLEAN:
            before = book.overall.total
            yield from self._repeat(ALONE, book.times(ALONE) + 1)
            if book.overall.total == before:
                break
        if book.overall.failed:
            yield from self._repeat(ALONE, MOST)
        return self._sum(Cause.RANDOM if book.overall.failed else Cause.NEVER_FAILED)

    # trying

    def _try(self, experiment: Experiment) -> Course[None]:
        result = yield experiment
        self.notebook.add(experiment, result)

    def _try_once(self, crowd: Experiment) -> Course[None]:
        """Try ``crowd`` if that has not been done and leaves time for other things."""
        book = self.notebook
        if not book.times(crowd) and book.affords(crowd, ORDER_SHARE):
            yield from self._try(crowd)

    def _repeat(self, experiment: Experiment, times: int) -> Course[None]:
        """Try ``experiment`` until that has been done so many ``times``, or there is no time."""
        book = self.notebook
        while book.times(experiment) < times and book.affords(experiment):
            yield from self._try(experiment)

    def _is_more(
        self, more: Experiment, less: Experiment, while_: Callable[[], bool] = lambda: True
    ) -> Course[bool]:
        """Try both, one of which is the target alone, until it is clear whether ``more`` fails more.

        That is given up when ``while_`` no longer holds.
        """
        book = self.notebook
        other = less if more == ALONE else more
        while while_():
            chance = book.chance(more, less)
            if chance <= SURE:
                return True
            if chance >= HOPELESS and book.times(other) >= _HOPE_ENDS:
                return False
            if _rate(book.count(more)) <= _rate(book.count(less)):
                return False
            turn = self._whose_turn(other)
            if turn is None:
                return False
            yield from self._try(turn)
        return False

    def _whose_turn(self, other: Experiment) -> Experiment | None:
        """Return what to try next for a contrast; the dearer ``other`` is, the more the target alone."""
        book = self.notebook
        ratio = max(_RATIO, book.expected(other) / max(book.expected(ALONE), 1e-9))
        wish = min(MOST, ratio * book.times(other))
        order = (ALONE, other) if book.times(ALONE) < wish else (other, ALONE)
        return next(
            (each for each in order if book.times(each) < MOST and book.affords(each)), None
        )

    # concluding

    def _contrast(
        self, cause: Cause, more: Experiment, less: Experiment, *, is_narrowed: bool = False
    ) -> Conclusion:
        book = self.notebook
        evidence = tuple(Evidence(each, book.count(each)) for each in (more, less))
        return Conclusion(cause, evidence, book.chance(more, less), is_narrowed, book.ran_out)

    def _sum(self, cause: Cause) -> Conclusion:
        book = self.notebook
        evidence = tuple(Evidence(*each) for each in book.counts)
        return Conclusion(cause, evidence, ran_out=book.ran_out)


def _passed(count: Count) -> bool:
    return count.failed < count.total


def _rate(count: Count) -> float:
    return count.failed / count.total if count.total else 0.0


def _looks(count: Count, *, fails: bool) -> int:
    """Return how often to look before something that shows itself at this rate is taken for absent."""
    rate = _rate(count) if fails else 1.0 - _rate(count)
    return 1 if rate >= 1.0 else min(_MOST_LOOKS, ceil(log(_MISSED) / log(1.0 - rate)))
