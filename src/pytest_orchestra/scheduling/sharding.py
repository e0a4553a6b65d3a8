"""Cuts a suite into shards that take about as long as one another, and lose and duplicate nothing.

The partition hangs on what it is given and on nothing else, not even on the order of the
collection, so that runs which know nothing of one another find the same. All sums are of whole
microseconds, which are the same in every order.

Cases that hang together are a unit. Units that share an expensive fixture, and small ones of one
file, are kept together if that costs no balance: their fixtures need not be set up in every shard.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.bins import Bins
from pytest_orchestra.scheduling.fixtures import NEGLIGIBLE, Kits
from pytest_orchestra.scheduling.levelling import fill_empty, level
from pytest_orchestra.scheduling.units import bundle, find_units

#: In microseconds; also what a case is taken to need where nothing is known of any.
_SECOND: Final = 1_000_000

#: What takes less than this share of a shard goes where its file is: any order of it balances.
SMALL: Final = 0.01

#: So much more than the bound a shard may take to keep together what shares fixtures.
TOLERANCE: Final = 1.02

#: Characters of a digest.
_DIGEST: Final = 12


@dataclass(frozen=True, slots=True)
class Unit:
    """Cases that must stay together, and the seconds that they are expected to take."""

    cases: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Partition:
    """Which case is in which shard.

    ``shard_of`` has the shard of each case, from 1, and ``seconds`` what each shard is expected to take in
    one process. ``oversized`` are units that take more than the ``share`` of a shard, in seconds,
    the largest first. ``digest`` is the same for the same partition. ``is_timed``: what
    tests take is known of some; otherwise every test counts as one second.
    """

    shard_of: tuple[int, ...]
    seconds: tuple[float, ...]
    share: float
    oversized: tuple[Unit, ...]
    digest: str
    is_timed: bool

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of cases in each shard."""
        sizes = [0] * len(self.seconds)
        for shard in self.shard_of:
            sizes[shard - 1] += 1
        return tuple(sizes)

    def cases(self, shard: int) -> tuple[int, ...]:
        """Return the cases of ``shard``, in the order of the collection."""
        return tuple(case for case, each in enumerate(self.shard_of) if each == shard)


def split(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of the suite
    specs: Sequence[CaseSpec],
    prerequisites: Sequence[Iterable[int]],
    seconds: Sequence[float | None],
    shards: int,
    kits: Kits | None = None,
    costs: Mapping[tuple[str, str], float] | None = None,
) -> Partition:
    """Cut ``specs`` into so many ``shards``; a case stays with its ``prerequisites`` and its group.

    ``seconds`` are expected of each case, None where nothing is known. ``costs`` are seconds of
    fixtures by name and scope, and ``kits`` tell which case uses which.
    """
    units = find_units(specs, prerequisites)
    known = [_micro(each) for each in seconds if each is not None]
    mean = round(sum(known) / len(known)) if known else _SECOND
    of_case = [mean if each is None else _micro(each) for each in seconds]
    weights = [sum(of_case[case] for case in unit) for unit in units]
    load = _Load(weights, *_fixtures(units, kits or Kits(), costs or {}))
    bins = _spread(load, shards, is_timed=bool(known))
    shard_of = [0] * len(specs)
    for unit, where in zip(units, bins.bin_of, strict=True):
        for case in unit:
            shard_of[case] = where + 1
    share = sum(weights) / shards
    oversized = sorted(
        (
            Unit(unit, weight / _SECOND)
            for unit, weight in zip(units, weights, strict=True)
            if weight > share and len(unit) > 1
        ),
        key=lambda unit: -unit.seconds,
    )
    return Partition(
        tuple(shard_of),
        tuple(each / _SECOND for each in bins.loads),
        share / _SECOND,
        tuple(oversized),
        _digest(specs, shard_of, shards),
        bool(known),
    )


@dataclass(frozen=True, slots=True)
class _Load:
    """What there is to spread: weights of units, the fixtures of each, and what those cost.

    ``joining`` are the fixtures that stay up for less than a session.
    """

    weights: Sequence[int]
    kits: Sequence[tuple[int, ...]]
    costs: Sequence[int]
    joining: frozenset[int]


def _spread(load: _Load, shards: int, *, is_timed: bool) -> Bins:
    """Return the better of two ways: with what belongs together in one piece, or by length alone."""
    apart = Bins(load.weights, load.kits, load.costs, shards)
    for unit in sorted(range(len(load.weights)), key=lambda unit: -load.weights[unit]):
        apart.put((unit,), apart.best_for((unit,)))
    together = Bins(load.weights, load.kits, load.costs, shards)
    _spread_bundles(load, together, is_timed=is_timed)
    bound = max(sum(load.weights) / shards, max(load.weights, default=0))
    for bins in (apart, together):
        fill_empty(bins)
        level(bins, bound)
    return together if together.most <= max(TOLERANCE * bound, apart.most) else apart


def _spread_bundles(load: _Load, bins: Bins, *, is_timed: bool) -> None:
    """Spread the large bundles, longest first, then fill up with small ones in their order."""
    count = len(bins.loads)
    share = sum(load.weights) / count
    pieces: list[tuple[int, list[int]]] = []
    small: list[tuple[int, list[int]]] = []
    for units in bundle([[each for each in kit if each in load.joining] for kit in load.kits]):
        for piece in _pieces(units, load, share):
            weight = _weight(piece, load)
            is_small = weight <= SMALL * share or not is_timed
            (small if is_small else pieces).append((weight, piece))
    pieces.sort(key=lambda each: -each[0])
    for _, piece in pieces:
        bins.put(piece, bins.best_for(piece))
    _pour(small, bins)


def _pieces(units: Sequence[int], load: _Load, share: float) -> list[list[int]]:
    """Return a bundle in as few pieces as fit into a share each, if its units are no larger."""
    pieces: list[list[int]] = []
    weight = 0
    up: set[int] = set()
    for unit in units:
        fresh = _joining(unit, load) - up
        added = load.weights[unit] + sum(load.costs[each] for each in fresh)
        if not pieces or weight + added > share:
            pieces.append([])
            up = _joining(unit, load)
            weight, added = 0, load.weights[unit] + sum(load.costs[each] for each in up)
        pieces[-1].append(unit)
        up |= fresh
        weight += added
    return pieces


def _joining(unit: int, load: _Load) -> set[int]:
    return {each for each in load.kits[unit] if each in load.joining}


def _weight(units: Iterable[int], load: _Load) -> int:
    fixtures: set[int] = set()
    weight = 0
    for unit in units:
        weight += load.weights[unit]
        fixtures |= _joining(unit, load)
    return weight + sum(load.costs[each] for each in fixtures)


def _pour(pieces: Sequence[tuple[int, list[int]]], bins: Bins) -> None:
    """Fill ``bins`` up to one level with ``pieces``, in their order, one bin after the other."""
    total = sum(weight for weight, _ in pieces)
    surface = _surface(bins.loads, total)
    wanted = poured = 0.0
    where = -1
    for weight, piece in pieces:
        while where < 0 or (poured + weight / 2 > wanted and where < len(bins.loads) - 1):
            where += 1
            wanted += max(0.0, surface - bins.loads[where])
        bins.put(piece, where)
        poured += weight


def _surface(loads: Sequence[int], amount: int) -> float:
    """Return up to which level ``amount`` more fills what is filled up to ``loads``."""
    total = amount
    surface = math.inf
    for number, load in enumerate(sorted(loads), 1):
        if load >= surface:
            break
        total += load
        surface = total / number
    return surface


def _fixtures(
    units: Sequence[Sequence[int]], kits: Kits, costs: Mapping[tuple[str, str], float]
) -> tuple[list[tuple[int, ...]], list[int], frozenset[int]]:
    """Return the expensive fixtures of each unit, what all fixtures cost, and which are of no session."""
    micro = [_micro(costs.get(each, 0.0)) for each in kits.fixtures]
    dear = {number for number, cost in enumerate(micro) if cost >= NEGLIGIBLE * _SECOND}
    joining = frozenset(number for number in dear if kits.fixtures[number][1])
    of_kit = [dear.intersection(kit) for kit in kits.kits]
    if not dear:
        return [()] * len(units), micro, joining
    # In the order of their names: a fixture's number hangs on the order of the collection.
    of_unit = [
        tuple(
            sorted(
                {each for case in unit for each in of_kit[kits.of_case[case]]},
                key=kits.fixtures.__getitem__,
            )
        )
        for unit in units
    ]
    return of_unit, micro, joining


def _micro(seconds: float) -> int:
    """Return whole microseconds, at least one."""
    return max(1, round(seconds * _SECOND))


def _digest(specs: Sequence[CaseSpec], shard_of: Sequence[int], shards: int) -> str:
    lines = sorted(f"{shard} {spec.nodeid}\n" for spec, shard in zip(specs, shard_of, strict=True))
    text = "".join((f"{shards}\n", *lines)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:_DIGEST]
