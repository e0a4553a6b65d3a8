"""What a run gave to whom, and what it heard, in the order in which it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pytest_orchestra.model.events import Fixture
from pytest_orchestra.model.shard import ShardRecord
from pytest_orchestra.model.surroundings import Surroundings
from pytest_orchestra.model.verdict import FAILURE, Verdict

#: In place of the number of a case where there is none.
NO_CASE: Final = -1


class Deed(StrEnum):
    """What happened in one step of a run."""

    JOINED = "joined"
    RUN = "run"
    ENDED = "ended"
    AMENDED = "amended"
    DOWN = "down"
    LOST = "lost"

    @property
    def letter(self) -> str:
        """What stands for it in the columns of a :class:`Dispatch`."""
        return _LETTERS[self]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a run did, or heard.

    ``JOINED``: ``worker`` was there. ``RUN``: it was given ``case``. ``ENDED``: the case is over there, with
    ``verdict``, which is that of this attempt. ``AMENDED``: the verdict of a case that was over is another
    one. ``DOWN``: the worker was told to tear ``fixtures`` down. ``LOST``: it is gone, and ``case`` with it,
    if it was busy with one.
    """

    deed: Deed
    worker: str
    case: int | None = None
    verdict: Verdict | None = None
    fixtures: tuple[Fixture, ...] = ()


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The steps of a run, in columns: there are two for each test, and a record keeps all of them.

    ``deeds`` has the letter of each step's :class:`Deed`. ``whose`` and ``cases`` have a
    number for each: of a worker in ``workers``, and of a case (-1 for none). ``verdicts`` and ``fixtures``
    are those of the steps that have some, in their order.
    """

    deeds: str = ""
    workers: tuple[str, ...] = ()
    whose: tuple[int, ...] = ()
    cases: tuple[int, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    fixtures: tuple[tuple[Fixture, ...], ...] = ()

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Dispatch:
        """Return ``steps`` in columns."""
        numbers: dict[str, int] = {}
        kept = tuple(steps)
        return cls(
            deeds="".join([each.deed.letter for each in kept]),
            whose=tuple([numbers.setdefault(each.worker, len(numbers)) for each in kept]),
            workers=tuple(numbers),
            cases=tuple([NO_CASE if each.case is None else each.case for each in kept]),
            verdicts=tuple([each.verdict for each in kept if each.verdict is not None]),
            fixtures=tuple([each.fixtures for each in kept if each.deed is Deed.DOWN]),
        )

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps; raises ValueError if the columns do not fit together."""
        verdicts, fixtures = iter(self.verdicts), iter(self.fixtures)
        for letter, worker, number in zip(self.deeds, self.whose, self.cases, strict=True):
            deed = _BY_LETTER.get(letter)
            if deed is None or not 0 <= worker < len(self.workers):
                raise ValueError(f"no step of a run: {letter!r} of worker {worker}")
            case = None if number == NO_CASE else number
            has_verdict = deed in _WITH_VERDICT and case is not None
            verdict = next(verdicts, None) if has_verdict else None
            down = next(fixtures, ()) if deed is Deed.DOWN else ()
            if has_verdict and verdict is None:
                raise ValueError("there are more ends than verdicts")
            yield Step(deed, self.workers[worker], case, verdict, down)


#: The first letter of each: no two have the same.
_LETTERS: Final = {deed: deed.value[0] for deed in Deed}
_BY_LETTER: Final = {letter: deed for deed, letter in _LETTERS.items()}
_OF_THOSE_WHO_ARE_THERE: Final = frozenset({Deed.JOINED, Deed.RUN})
_WITH_VERDICT: Final = frozenset({Deed.ENDED, Deed.AMENDED, Deed.LOST})


@dataclass(frozen=True, slots=True)
class Conditions:
    """What else a run hung on, as far as it can be set again.

    ``seed`` is that of pytest-randomly, and ``hash_seed`` Python's own, as it was set; empty if there was
    none. ``plugins`` are the values of ``-p``.
    """

    seed: str = ""
    hash_seed: str = ""
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """A run that can be run again.

    ``nodeids`` are those of its tests, which the steps of ``dispatch`` have the numbers of. ``hosts`` maps
    its workers to where they were, empty where all were in one place.
    """

    nodeids: tuple[str, ...]
    dispatch: Dispatch
    conditions: Conditions = field(default_factory=Conditions)
    surroundings: Surroundings = field(default_factory=Surroundings)
    shard: ShardRecord | None = None
    hosts: tuple[tuple[str, str], ...] = ()

    @property
    def crew(self) -> tuple[str, ...]:
        """The workers that were there at once, those who took the place of others left out.

        In the order in which they came; as many as there ever were at a time. Who was given something was
        there, although nothing says that it came.
        """
        there: list[str] = []
        most: list[str] = []
        for step in self.dispatch:
            if step.deed in _OF_THOSE_WHO_ARE_THERE and step.worker not in there:
                there.append(step.worker)
                if len(there) > len(most):
                    most = list(there)
            elif step.deed is Deed.LOST and step.worker in there:
                there.remove(step.worker)
        return tuple(most)


def outcomes(dispatch: Dispatch) -> dict[int, list[tuple[Verdict, str]]]:
    """Return of each case that ran what its attempts came to, each with its worker."""
    found: dict[int, list[tuple[Verdict, str]]] = {}
    for step in dispatch:
        if step.case is None or step.verdict is None:
            continue
        attempts = found.setdefault(step.case, [])
        if step.deed is Deed.AMENDED and attempts:
            attempts[-1] = step.verdict, attempts[-1][1]
        else:
            attempts.append((step.verdict, step.worker))
    return found


def failed(attempts: Iterable[tuple[Verdict, str]]) -> bool:
    """Whether any of ``attempts`` has failed."""
    return any(verdict in FAILURE for verdict, _ in attempts)
