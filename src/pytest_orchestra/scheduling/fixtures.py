"""Fixtures that several cases share: what they cost, who has them up, and when another set-up pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from math import inf
from typing import Final

from pytest_orchestra.scheduling.nodeid import is_within

#: What a fixture must cost, in seconds, for anybody to care where its users run.
NEGLIGIBLE: Final = 0.005

#: A fixture whose parameters others need as well stays up for so many times what a set-up costs: no more than
#: this part of the time is lost by going from one to another, and nobody waits longer for the other.
STAY: Final = 10.0

#: Weight of the newest measurement in a running mean.
NEWEST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Kits:
    """Which shared fixtures each case uses.

    ``fixtures`` holds name and scope of each: the node id under which it stays up, empty for the
    whole session. ``of_case[case]`` is a place in ``kits``, each of which holds places in
    ``fixtures``. Without anything in ``of_case`` no case uses any.
    """

    fixtures: tuple[tuple[str, str], ...] = ()
    kits: tuple[tuple[int, ...], ...] = ()
    of_case: tuple[int, ...] = ()

    def of(self, case: int) -> tuple[int, ...]:
        """Return the fixtures that ``case`` uses."""
        return self.kits[self.of_case[case]] if self.of_case else ()

    def only(self, cases: Sequence[int]) -> Kits:
        """Return what is left if there are only these ``cases``; they are numbered anew."""
        return replace(self, of_case=tuple(self.of_case[case] for case in cases if self.of_case))

    def places(self, files: Sequence[str]) -> list[str]:
        """Return for each case its file of ``files``, told apart by the parameters of the fixtures that it uses."""
        if not self.of_case or not any("[" in name for name, _ in self.fixtures):
            return [*files]
        params = [
            " ".join(name for each in kit if "[" in (name := self.fixtures[each][0]))
            for kit in self.kits
        ]
        return [f"{file} {params[kit]}" for file, kit in zip(files, self.of_case, strict=True)]


class Taste(IntEnum):
    """How well a case suits a worker: the smaller the better."""

    HAS_ITS_FIXTURES = 0
    INDIFFERENT = 1
    COSTS_A_SET_UP = 2
    #: It takes down, too soon, what others need there with the parameters that it has.
    OUSTS_OTHERS = 3
    NOT_WORTH_IT = 4


class Fixtures:
    """What the run shows of shared fixtures."""

    def __init__(self, kits: Kits | None = None, nodeids: Sequence[str] = ()) -> None:
        """Take the kits, and the node id of every case."""
        kits = kits or Kits()
        self._kits: Final = kits
        self._nodeids: Final = nodeids
        self._numbers: Final = {fixture: number for number, fixture in enumerate(kits.fixtures)}
        families: dict[tuple[str, str], int] = {}
        #: Of a fixture with parameters only one is up at a time.
        self._family: Final = [
            families.setdefault(_without_params(fixture), len(families))
            for fixture in kits.fixtures
        ]
        #: Since when each worker has up what it has of a family with parameters.
        self._since: Final[dict[tuple[str, int], float]] = {}
        self._seconds: Final[dict[int, float]] = {}
        self._costs: Final[dict[tuple[str, str], float]] = {}
        #: Cases that have not been given to a worker, for each fixture.
        self._left: Final = [0] * len(kits.fixtures)
        for kit in kits.of_case:
            for fixture in kits.kits[kit]:
                self._left[fixture] += 1
        self._up: Final[dict[str, frozenset[int]]] = {}
        self._holders: Final[list[set[str]]] = [set() for _ in kits.fixtures]
        self._busy: Final[dict[str, int]] = {}
        self._worker_of: Final[dict[int, str]] = {}
        self._refused_since: Final[dict[int, float]] = {}

    @property
    def kits(self) -> Kits:
        """Which fixtures each case uses."""
        return self._kits

    @property
    def matter(self) -> bool:
        """Whether any fixture is known to be expensive."""
        return bool(self._seconds)

    def learn(self, fixture: tuple[str, str], seconds: float) -> None:
        """Take in that setting up and tearing down ``fixture`` took ``seconds`` together."""
        number = self._numbers.get(fixture)
        if number is None or (number not in self._seconds and seconds < NEGLIGIBLE):
            return
        known = self._seconds.get(number, seconds)
        self._seconds[number] = known + NEWEST * (seconds - known)
        self._costs[_without_params(fixture)] = self._seconds[number]

    def cost(self, fixture: tuple[str, str]) -> float:
        """Return what ``fixture`` last cost, whatever its parameters; 0.0 if that is not known."""
        return self._costs.get(_without_params(fixture), 0.0)

    # who has what

    def assign(self, worker: str, case: int, now: float = 0.0) -> None:
        """``worker`` runs ``case`` next: it sets up what that needs, and keeps what it may."""
        if not self._numbers:
            return
        self._worker_of[case] = worker
        self._busy[worker] = self._busy.get(worker, 0) + 1
        kit = self._kits.of(case)
        before = self._up.get(worker, frozenset())
        replaced = {self._family[each] for each in kit}
        after = frozenset(
            (
                *kit,
                *(
                    each
                    for each in before
                    if self._family[each] not in replaced and self._stays_up(each, case)
                ),
            )
        )
        for fixture in kit:
            self._left[fixture] -= 1
            self._refused_since.pop(fixture, None)
        for fixture in before - after:
            self._holders[fixture].discard(worker)
        for fixture in after - before:
            self._holders[fixture].add(worker)
            self._since[worker, self._family[fixture]] = now
        self._up[worker] = after

    def release(self, case: int) -> None:
        """``case`` is off its worker's desk."""
        if self._numbers:
            self._busy[self._worker_of.pop(case)] -= 1

    def take_back(self, case: int) -> None:
        """``case`` was given to a worker, and is to be given to one again."""
        for fixture in self._kits.of(case):
            self._left[fixture] += 1

    def lose(self, worker: str) -> None:
        """``worker`` is gone, and all that it had up."""
        self._busy.pop(worker, None)
        for fixture in self._up.pop(worker, frozenset()):
            self._holders[fixture].discard(worker)

    def drop(self, worker: str, fixture: tuple[str, str]) -> None:
        """``worker`` has ``fixture`` up no more, whatever its parameters were."""
        up = self._up.get(worker, frozenset())
        plain = _without_params(fixture)
        gone = {each for each in up if _without_params(self._kits.fixtures[each]) == plain}
        for each in gone:
            self._holders[each].discard(worker)
        if gone:
            self._up[worker] = up - gone

    # what to do about it

    def taste(self, worker: str, case: int, seconds: float, now: float) -> Taste:
        """Say how well ``case``, which is expected to take ``seconds``, suits an idle ``worker``.

        Another set-up is worth it once those who have the fixture up would be busy with the rest
        of its users for longer than it takes; or when ``worker`` has waited for as long, since
        they may be busy with something else.
        """
        up = self._up.get(worker, frozenset())
        if any(self._ousts(worker, up, each, now) for each in self._kits.of(case)):
            return Taste.OUSTS_OTHERS
        has_some = costs_some = False
        for fixture in self._kits.of(case):
            cost = self._seconds.get(fixture)
            if cost is None:
                continue
            if fixture in up:
                has_some = True
                continue
            holders = [each for each in self._holders[fixture] if self._busy.get(each)]
            if not holders:
                continue
            rest = seconds * self._left[fixture] / len(holders)
            if rest <= cost and now - self._refused_since.setdefault(fixture, now) < cost:
                return Taste.NOT_WORTH_IT
            costs_some = True
        if costs_some:
            return Taste.COSTS_A_SET_UP
        return Taste.HAS_ITS_FIXTURES if has_some else Taste.INDIFFERENT

    def _ousts(self, worker: str, up: frozenset[int], fixture: int, now: float) -> bool:
        """Whether ``fixture`` would take the place of itself with other parameters, too soon for those who need these."""
        family = self._family[fixture]
        cost = self._costs.get(_without_params(self._kits.fixtures[fixture]))
        if (
            cost is None
            or fixture in up
            or now - self._since.get((worker, family), -inf) >= STAY * cost
        ):
            return False
        return any(self._family[each] == family and self._left[each] for each in up)

    def _stays_up(self, fixture: int, case: int) -> bool:
        return is_within(self._nodeids[case], self._kits.fixtures[fixture][1])


def _without_params(fixture: tuple[str, str]) -> tuple[str, str]:
    name, scope = fixture
    return name.partition("[")[0], scope
