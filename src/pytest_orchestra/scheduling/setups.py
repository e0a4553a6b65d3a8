"""What it costs that a case runs where the fixtures that it shares with others are not up.

Only what is known to cost something counts. An order can only change what goes down again: a fixture of
the whole session stays up, so each worker sets it up once, whatever comes when.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Final, TypeAlias

from pytest_orchestra.scheduling.fixtures import NEGLIGIBLE, Fixtures, Kits
from pytest_orchestra.scheduling.nodeid import directories, scopes

#: Expensive fixtures that are up on some worker, by number.
_Up: TypeAlias = frozenset[int]

#: The expensive fixtures that a case uses, and those in whose scope it lies.
_Station: TypeAlias = tuple[_Up, _Up]

#: Cases that stay together, each time with what a set-up of their fixtures costs, in seconds.
Blocks: TypeAlias = tuple[tuple[float, tuple[int, ...]], ...]

_NOTHING: Final[_Up] = frozenset()


class SetUps:
    """Expensive fixtures of ``kits``; ``costs`` are seconds by name and scope."""

    def __init__(
        self,
        kits: Kits | None = None,
        costs: Mapping[tuple[str, str], float] | None = None,
        nodeids: Sequence[str] = (),
    ) -> None:
        kits = kits or Kits()
        self._kits: Final = kits
        self._costs: Final = costs or {}
        self._nodeids: Final = nodeids
        self._seconds: Final = {
            number: cost
            for number, fixture in enumerate(kits.fixtures)
            if (cost := self._costs.get(fixture, 0.0)) >= NEGLIGIBLE
        }
        #: Those that do not stay up to the end.
        self._moving: Final[_Up] = frozenset(
            number for number in self._seconds if _goes_down(kits.fixtures[number])
        )
        self._scopes: Final = {number: kits.fixtures[number][1] for number in self._seconds}
        #: Of a fixture with parameters only one is up at a time.
        self._family: Final = {
            number: (kits.fixtures[number][0].partition("[")[0], scope)
            for number, scope in self._scopes.items()
        }
        self._stations: Final = list(self._locate(kits, nodeids)) if self._seconds else []
        self._known: Final[dict[tuple[_Up, _Station], tuple[float, float, _Up]]] = {}

    @property
    def matter(self) -> bool:
        """Whether any fixture is known to be expensive that an order may set up more or less often."""
        return bool(self._moving)

    @property
    def take_time(self) -> bool:
        """Whether any fixture is known to be expensive."""
        return bool(self._seconds)

    @property
    def kits(self) -> Kits:
        """Which fixtures each case uses."""
        return self._kits

    @property
    def least(self) -> float:
        """The seconds that it takes to set up each of them once, which no order can avoid."""
        return sum(self._seconds.values())

    def blocks(self) -> Blocks:
        """Return the cases that use the same expensive fixtures, with what these cost in seconds."""
        found: dict[_Up, list[int]] = {}
        for case, (every, _) in enumerate(self._stations):
            used = every & self._moving
            if used:
                found.setdefault(used, []).append(case)
        return tuple((self._cost(used), tuple(cases)) for used, cases in found.items())

    def files(self) -> Blocks:
        """Return the cases of each file with expensive fixtures of its own, as :meth:`blocks` does.

        Other cases that use the same expensive fixtures, of a package or with parameters, too.
        """
        found: dict[object, list[int]] = {}
        costs: dict[object, _Up] = {}
        for case, (every, around) in enumerate(self._stations):
            used = every & self._moving
            file = self._nodeids[case].partition("::")[0]
            own = frozenset(each for each in around if self._scopes[each].startswith(file))
            key: object = file if own else used
            if own or used:
                found.setdefault(key, []).append(case)
                costs[key] = costs.get(key, _NOTHING) | used
        return tuple((self._cost(costs[key]), tuple(cases)) for key, cases in found.items())

    def charges(
        self, starts: Sequence[float], seconds: Sequence[float], workers: int
    ) -> list[float]:
        """Return the seconds that each case sets up fixtures for, in a schedule of ``workers``.

        A case goes to the idle worker where that costs least.
        """
        charges = [0.0] * len(starts)
        idle: dict[_Up, int] = {_NOTHING: workers}
        busy: list[tuple[float, int, _Up]] = []
        users = [not used for used, _ in self._stations]
        for case in sorted(range(len(starts)), key=lambda case: (starts[case], users[case], case)):
            while busy and (busy[0][0] <= starts[case] or not idle):
                up = heappop(busy)[2]
                idle[up] = idle.get(up, 0) + 1
            station = self._stations[case]
            moves = ((*self._move(up, station), up) for up in idle)
            charge, _, after, up = min(moves, key=lambda move: move[:2])
            idle[up] -= 1
            if not idle[up]:
                del idle[up]
            charges[case] = charge
            heappush(busy, (starts[case] + seconds[case], case, after))
        return charges

    def fixtures(self) -> Fixtures:
        """Return what the engine is to know of fixtures at the start of a run."""
        fixtures = Fixtures(self._kits, self._nodeids)
        for fixture, cost in self._costs.items():
            fixtures.learn(fixture, cost)
        return fixtures

    def benches(self, workers: Iterable[str]) -> Benches:
        """Return what is up on each of ``workers`` at the start: nothing."""
        return Benches(self, workers)

    def after(self, up: _Up, case: int) -> tuple[float, _Up]:
        """Return the seconds that ``case`` sets up fixtures for where these are ``up``, and what is then."""
        charge, _, after = self._move(up, self._stations[case])
        return charge, after

    def _move(self, up: _Up, station: _Station) -> tuple[float, float, _Up]:
        """Return what a case there sets up and loses, in seconds, and what is up after it."""
        known = self._known.get((up, station))
        if known is None:
            used, around = station
            families = {self._family[each] for each in used}
            kept = frozenset(each for each in up & around if self._family[each] not in families)
            after = used | kept
            known = self._cost(used - up), self._cost(up - after), after
            self._known[up, station] = known
        return known

    def _cost(self, fixtures: _Up) -> float:
        return sum(self._seconds[each] for each in sorted(fixtures))

    def _locate(self, kits: Kits, nodeids: Sequence[str]) -> Iterator[_Station]:
        costly = [frozenset(each for each in kit if each in self._seconds) for kit in kits.kits]
        by_scope: dict[str, set[int]] = {}
        for number, scope in self._scopes.items():
            by_scope.setdefault(scope, set()).add(number)
        around: dict[str, _Up] = {}
        for case, nodeid in enumerate(nodeids):
            place = nodeid.partition("[")[0].rpartition("::")[0]
            if place not in around:
                where = ("", *directories(place.partition("::")[0]), *scopes(nodeid))
                around[place] = frozenset(each for at in where for each in by_scope.get(at, ()))
            yield costly[kits.of_case[case]] if kits.of_case else _NOTHING, around[place]


class Benches:
    """Which expensive fixtures are up on which worker."""

    def __init__(self, setups: SetUps, workers: Iterable[str]) -> None:
        self._setups: Final = setups
        self._up: Final = dict.fromkeys(workers, _NOTHING)

    def move(self, worker: str, case: int) -> float:
        """Let ``worker`` run ``case`` next; return the seconds that it sets up fixtures for."""
        charge, self._up[worker] = self._setups.after(self._up[worker], case)
        return charge


def _goes_down(fixture: tuple[str, str]) -> bool:
    name, scope = fixture
    return bool(scope) or "[" in name
