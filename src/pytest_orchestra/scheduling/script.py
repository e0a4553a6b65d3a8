"""Forces a run to go as another one went: the same cases to the same workers, in the same order.

Whatever a run did or heard is a step. Steps are taken in their order, and one that is to be heard
(a case is over, a worker is there) is waited for. So a case is given out when all is over that was over
before it in the recording: a partial order, without any clock. What cannot be waited for, since it will
never come, is passed over; a case that could not run at its place does so at the end, if it can by then.
So a script holds nobody up for ever, whatever became of the tests since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Protocol, TypeAlias

from pytest_orchestra.model.dispatch import Deed, Step
from pytest_orchestra.model.events import Fixture

#: A step, and which end of its case it is, from 1; 0 if it is none.
_Cue: TypeAlias = tuple[Step, int]


class Players(Protocol):
    """Those who do what the script says: the engine, as far as the script looks at it."""

    @property
    def workers(self) -> tuple[str, ...]:
        """The workers that are there."""

    @property
    def is_busy(self) -> bool:
        """Whether something is about to happen by itself: a case ends, or tokens come."""

    def is_over(self, case: int) -> bool:
        """Whether ``case`` has its verdict."""

    def is_ready(self, case: int) -> bool:
        """Whether ``case`` may be given out."""

    def is_under_way(self, case: int) -> bool:
        """Whether some worker has ``case``, or it will be tried again."""

    def give(self, worker: str, case: int) -> bool:
        """Give ``case`` to ``worker``; false if what it claims is not there."""

    def make_way(self, worker: str, case: int) -> bool:
        """See that ``case`` gets what it lacks on ``worker``, if need be from fixtures; false if it never will."""

    def take_down(self, worker: str, fixtures: tuple[Fixture, ...]) -> None:
        """Let ``worker`` tear ``fixtures`` down."""


class Script:
    """The steps of a run that is to be run again.

    Workers of the recording are parts, which workers that are there play: one of the same name, or
    one that has no other part. Each is told of what it does not see itself: workers and ends.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        """Take the ``steps``, with the numbers that cases have in this run."""
        self._cues: Final = list(_number(_sent_ahead(steps)))
        self._at = 0
        self._ends: Final[Counter[int]] = Counter()
        self._players: Final[dict[str, str]] = {}
        self._idle: Final[dict[str, None]] = {}
        #: Parts whose players are gone too early.
        self._vacant: Final[dict[str, None]] = {}
        #: What could not run at its place.
        self._late: list[Step] = []
        self._names: Final = frozenset(step.worker for step, _ in self._cues)
        #: Whether nobody else is about to join.
        self._is_crew_complete = False

    @property
    def is_over(self) -> bool:
        """Whether all steps were taken, and nothing is left that may run late."""
        return self._is_read and not self._late

    @property
    def _is_read(self) -> bool:
        return self._at >= len(self._cues)

    # what happens

    def joined(self, worker: str) -> None:
        """``worker`` is there."""
        part = next(iter(self._vacant), worker)
        self._vacant.pop(part, None)
        if part in self._names and part not in self._players:
            self._players[part] = worker
        else:
            self._idle[worker] = None

    def lost(self, worker: str, returned: Sequence[int]) -> None:
        """``worker`` is gone; who plays its part next runs first what it had not run."""
        part = self._part_of(worker)
        self._idle.pop(worker, None)
        if self._players.pop(part, None) is not None:
            self._vacant[part] = None
        self._is_crew_complete = False
        self._run_first(part, returned)

    def returned(self, worker: str, cases: Sequence[int]) -> None:
        """``worker`` gave back ``cases``, which it has not begun."""
        self._run_first(self._part_of(worker), cases)

    def ended(self, case: int) -> None:
        """An attempt at ``case`` is over."""
        self._ends[case] += 1

    def complete_crew(self) -> None:
        """Nobody else is about to join."""
        self._is_crew_complete = True

    def follow(self, players: Players) -> None:
        """Take all steps that can be taken now."""
        while True:
            while not self._is_read and self._take(*self._cues[self._at], players):
                self._at += 1
            if not (self._is_read and self._late and self._make_up(players)):
                return

    def _make_up(self, players: Players) -> bool:
        """At the end, give what was late its turn; false if nothing of that may run, by now or at all."""
        ready: list[Step] = []
        waiting: list[Step] = []
        for step in self._late:
            if step.case is not None and not players.is_over(step.case):
                (ready if players.is_ready(step.case) else waiting).append(step)
        self._cues.extend((step, 0) for step in ready)
        self._late = waiting if ready or players.is_busy else []
        return bool(ready)

    def _part_of(self, worker: str) -> str:
        return next((part for part, player in self._players.items() if player == worker), worker)

    def _run_first(self, part: str, cases: Sequence[int]) -> None:
        again = [(Step(Deed.RUN, part, case), 0) for case in cases]
        self._cues[self._at : self._at] = again

    # steps

    def _take(self, step: Step, end: int, players: Players) -> bool:
        """Take ``step``, or pass it over; false if it is to be waited for."""
        match step.deed:
            case Deed.RUN:
                return self._run(step, players)
            case Deed.ENDED:
                return self._is_done(step, end, players)
            case Deed.JOINED:
                return self._player(step.worker, players) is not None
            case Deed.DOWN:
                player = self._players.get(step.worker)
                if player is not None:
                    players.take_down(player, step.fixtures)
                return True
            case Deed.LOST:
                return self._lose(step, end, players)
            case _:
                return True  # that a verdict was amended is no doing of anybody

    def _run(self, step: Step, players: Players) -> bool:
        case = step.case
        if case is None or players.is_over(case):
            return True
        player = self._player(step.worker, players)
        if player is None:
            return False
        if not players.is_ready(case):
            if players.is_busy:
                return False
            self._late.append(step)
            return True
        return players.give(player, case) or not players.make_way(player, case)

    def _is_done(self, step: Step, end: int, players: Players) -> bool:
        case = step.case
        if case is None or players.is_over(case) or self._ends[case] >= end:
            return True
        return not players.is_under_way(case)

    def _lose(self, step: Step, end: int, players: Players) -> bool:
        """Wait for the end of what went down with the worker; it may live on in another part."""
        if not self._is_done(step, end, players):
            return False
        self._vacant.pop(step.worker, None)
        player = self._players.pop(step.worker, None)
        if player is not None:
            self._idle[player] = None
        return True

    def _player(self, part: str, players: Players) -> str | None:
        """Return who plays ``part``, None if somebody may come who can."""
        if part not in self._players:
            stand_in = next(iter(self._idle), None)
            if stand_in is None:
                return next(iter(players.workers), None) if self._is_crew_complete else None
            del self._idle[stand_in]
            self._vacant.pop(part, None)
            self._players[part] = stand_in
        return self._players[part]


def _sent_ahead(steps: Iterable[Step]) -> list[Step]:
    """Return ``steps`` with what was sent to busy workers before the ends that made room for it.

    A worker that had something to run next knew of it when it tore down what it was running. It must
    know of it again, whether or not its results travel as they did.
    """
    found: list[Step] = []
    queued: Counter[str] = Counter()
    floor = 0
    is_giving = False
    for step in steps:
        if step.deed is not Deed.RUN:
            if is_giving:
                floor = len(found)
            is_giving = False
            found.append(step)
            queued[step.worker] -= step.deed is Deed.ENDED
            if step.deed is Deed.LOST:
                del queued[step.worker]
            continue
        is_giving = True
        place = len(found)
        if queued[step.worker] > 0:
            place = _before_ends(found, floor, step.worker)
        found.insert(place, step)
        queued[step.worker] += 1
    return found


def _before_ends(found: Sequence[Step], floor: int, worker: str) -> int:
    """Return where the ends of cases of ``worker`` begin that stand last in ``found``."""
    place = len(found)
    while (
        place > floor and found[place - 1].deed is Deed.ENDED and found[place - 1].worker == worker
    ):
        place -= 1
    return place


def _number(steps: Iterable[Step]) -> Iterator[_Cue]:
    """Yield ``steps`` with the numbers of the ends of their cases."""
    ends: Counter[int] = Counter()
    for step in steps:
        if step.case is not None and step.deed in (Deed.ENDED, Deed.LOST):
            ends[step.case] += 1
            yield step, ends[step.case]
        else:
            yield step, 0


def renumbered(steps: Iterable[Step], numbers: dict[int, int]) -> Iterator[Step]:
    """Yield ``steps`` with new ``numbers`` for their cases, without those of cases that have none."""
    for step in steps:
        if step.case is None:
            yield step
        elif step.case in numbers:
            yield replace(step, case=numbers[step.case])
        elif step.deed is Deed.LOST:
            yield replace(step, case=None, verdict=None)
