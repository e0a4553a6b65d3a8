"""Fixtures that stay up when their test is over, and the tokens that they keep meanwhile.

Tokens of a fixture belong to the case that sets it up, then to the worker on which it stays up,
until it is torn down. A case that uses it there needs no tokens for it. A worker may be asked
to tear it down; from then on no case may count on it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_orchestra.model.case import CaseSpec, Hold
from pytest_orchestra.model.events import Fixture
from pytest_orchestra.scheduling.pool import Demand, Pool
from pytest_orchestra.scheduling.tickets import Keeper, Tickets


@dataclass(slots=True, eq=False)
class Keep:
    """One fixture that is up on one worker.

    ``share`` is what it takes here, and ``outside`` what of that which other runs share. It has
    less where other fixtures of that worker have all there is; once they go down, they leave it
    the rest. ``since`` is when the case ended that set it up, and ``users`` are cases that
    count on it.
    """

    share: Demand
    outside: Demand
    since: float
    users: int = 0
    is_asked: bool = False
    tickets: set[int] = field(default_factory=set)

    @property
    def resources(self) -> Iterator[str]:
        """The names of what it keeps."""
        return (name for name, _ in (*self.share, *self.outside))


@dataclass(slots=True, eq=False)
class Visit:
    """A case in the hands of a worker: what it counts on there.

    ``gone`` are fixtures that it will not leave up; ``left`` are those that it counted on and that
    went down before it ended: until then it has what they kept.
    """

    counted: dict[Fixture, Keep]
    gone: set[Fixture] = field(default_factory=set)
    left: list[tuple[Fixture, Keep]] = field(default_factory=list)


@dataclass(slots=True)
class _Place:
    """One worker: what is up on it, and which cases that may leave something up are there."""

    host: str
    up: dict[Fixture, Keep] = field(default_factory=dict)
    visits: dict[int, Visit] = field(default_factory=dict)


class Keeps:
    """Which worker keeps what."""

    def __init__(self, specs: Sequence[CaseSpec], pool: Pool, tickets: Tickets) -> None:
        self._pool: Final = pool
        self._tickets: Final = tickets
        self._holds: Final[dict[int, dict[Fixture, Hold]]] = {}
        for case, spec in enumerate(specs):
            lasting = {
                (hold.fixture, hold.scope): hold for hold in spec.holds if hold.scope is not None
            }
            if lasting:
                self._holds[case] = lasting
        self._places: Final[dict[str, _Place]] = {}
        #: Who keeps something of a resource.
        self._keepers: Final[dict[str, dict[Keeper, Keep]]] = {}
        self._count = 0

    def join(self, worker: str, host: str) -> None:
        """``worker`` keeps nothing yet."""
        self._places[worker] = _Place(host)

    @property
    def are_possible(self) -> bool:
        """Whether any case may leave anything up."""
        return bool(self._holds)

    @property
    def are_there(self) -> bool:
        """Whether anybody keeps anything."""
        return self._count > 0

    @property
    def are_asked(self) -> bool:
        """Whether anything that is up was asked to go down."""
        return any(keep.is_asked for place in self._places.values() for keep in place.up.values())

    def has(self, worker: str) -> bool:
        """Whether ``worker`` keeps anything."""
        return bool(self._places[worker].up)

    def usable(self, worker: str) -> Iterator[str]:
        """Yield the names of the fixtures that cases may count on at ``worker``."""
        for (name, _), keep in self._places[worker].up.items():
            if not keep.is_asked:
                yield name

    def from_others(self) -> frozenset[str]:
        """Return what comes back to other runs when fixtures go down: whole tickets, used or not."""
        return frozenset(
            name
            for place in self._places.values()
            for keep in place.up.values()
            if not keep.is_asked
            for ticket in keep.tickets
            for name, _ in self._tickets.wants(ticket)
        )

    # cases

    def still_needs(self, worker: str, case: int, demand: Demand) -> Demand:
        """Return what of ``demand`` is lacking for ``case`` at ``worker``, who may keep some of it.

        Where instances have slots it is all or nothing, since who takes several wants different ones.
        """
        kept: dict[str, int] = {}
        for _, keep in self._countable(worker, case):
            for resource, tokens in keep.share:
                kept[resource] = kept.get(resource, 0) + tokens
        if not kept:
            return demand
        return tuple(
            (resource, tokens if self._pool.has_slots(resource) else tokens - kept.get(resource, 0))
            for resource, tokens in demand
            if tokens > kept.get(resource, 0)
        )

    def has_outside(self, worker: str, case: int, demand: Demand) -> bool:
        """Whether fixtures up on ``worker`` keep all of ``demand``, which other runs share."""
        kept: dict[str, int] = {}
        for _, keep in self._countable(worker, case):
            for resource, tokens in keep.outside:
                kept[resource] = kept.get(resource, 0) + tokens
        return all(tokens <= kept.get(resource, 0) for resource, tokens in demand)

    def serving(self, worker: str, case: int) -> Iterator[tuple[Keeper, Keep]]:
        """Yield the fixtures up on ``worker`` that ``case``, which was given to it, counts on."""
        visit = self._places[worker].visits.get(case)
        for fixture, keep in visit.counted.items() if visit else ():
            yield (worker, fixture), keep

    def begin(self, worker: str, case: int) -> None:
        """``case`` was given to ``worker``."""
        if case in self._holds:
            counted = dict(self._countable(worker, case))
            self._places[worker].visits[case] = Visit(counted)
            for keep in counted.values():
                keep.users += 1

    def end(self, worker: str, case: int, now: float, *, has_run: bool) -> list[str]:
        """``case`` is over: what it set up and what outlives it keeps its tokens.

        Return of which resources tokens came back, but for those that the case has left.
        """
        place = self._places[worker]
        visit = place.visits.pop(case, None)
        freed: list[str] = []
        if visit is not None:
            for keep in visit.counted.values():
                keep.users -= 1
            if has_run:
                for fixture, hold in self._holds[case].items():
                    if fixture not in place.up and fixture not in visit.gone:
                        self._set_up(worker, fixture, hold, case, visit, now)
            self._fill(worker, case)
            for fixture, keep in visit.left:
                freed += self._drop((worker, fixture), keep)
        self._tickets.end(case)
        return freed

    def _countable(self, worker: str, case: int) -> Iterator[tuple[Fixture, Keep]]:
        up = self._places[worker].up
        for fixture in self._holds.get(case, ()) if up else ():
            keep = up.get(fixture)
            if keep is not None and not keep.is_asked:
                yield fixture, keep

    def _set_up(  # noqa: PLR0913, PLR0917 - who set up what, and with whose tokens
        self, worker: str, fixture: Fixture, hold: Hold, case: int, visit: Visit, now: float
    ) -> None:
        place, keeper = self._places[worker], (worker, fixture)
        keep = Keep(self._pool.kept(hold, place.host), self._pool.outside(hold.claims), now)
        place.up[fixture] = keep
        self._count += 1
        self._pool.hand_over(case, keeper, ())
        for resource in keep.resources:
            self._keepers.setdefault(resource, {})[keeper] = keep
        if keep.outside:
            others = (*visit.counted.values(), *(each for _, each in visit.left))
            theirs = {ticket for each in others for ticket in each.tickets}
            keep.tickets = {case} if self._tickets.has(case) else theirs
            for ticket in sorted(keep.tickets):
                self._tickets.keep(ticket, keeper)

    def _fill(self, worker: str, holder: Keeper | int) -> None:
        """Let the fixtures up on ``worker`` have what they lack of what ``holder`` has."""
        for fixture, keep in self._places[worker].up.items():
            has = dict(self._pool.held((worker, fixture)))
            spare = dict(self._pool.held(holder))
            lacking = tuple(
                (resource, min(tokens - has.get(resource, 0), spare[resource]))
                for resource, tokens in keep.share
                if tokens > has.get(resource, 0) and resource in spare
            )
            if lacking:
                self._pool.hand_over(holder, (worker, fixture), lacking)

    # fixtures

    def down(self, worker: str, fixtures: Iterable[Fixture], case: int | None = None) -> list[str]:
        """``fixtures`` are not up on ``worker``; return of which resources tokens came back.

        ``case``, if given, runs there and leaves none of them up.
        """
        place = self._places.get(worker)
        if place is None:
            return []
        freed: list[str] = []
        visit = None if case is None else place.visits.get(case)
        for fixture in fixtures:
            if visit is not None:
                visit.gone.add(fixture)
            keep = place.up.pop(fixture, None)
            if keep is None:
                continue
            self._count -= 1
            keeper = (worker, fixture)
            for resource in keep.resources:
                del self._keepers[resource][keeper]
            user = self._user(place, fixture, keep)
            if user is None:
                freed += self._drop(keeper, keep)
            else:
                user.gone.add(fixture)
                user.left.append((fixture, keep))
        return freed

    def lose(self, worker: str) -> list[str]:
        """``worker`` is gone, and what it kept; no case is there any more."""
        freed = self.down(worker, tuple(self._places[worker].up))
        del self._places[worker]
        return freed

    @staticmethod
    def _user(place: _Place, fixture: Fixture, keep: Keep) -> Visit | None:
        return next(
            (each for each in place.visits.values() if each.counted.get(fixture) is keep), None
        )

    def _drop(self, keeper: Keeper, keep: Keep) -> list[str]:
        """Give back what ``keeper`` has, but for what others on its worker lack."""
        self._fill(keeper[0], keeper)
        for ticket in sorted(keep.tickets):
            self._tickets.leave(ticket, keeper)
        return [resource for resource, _ in self._pool.give_back(keeper)]

    # who is to give up what

    def choose(
        self, short: Mapping[str, int], idle: Collection[str], may: Callable[[Fixture, Keep], bool]
    ) -> tuple[list[Keeper], bool]:
        """Choose fixtures that are to go down, so that the tokens that are ``short`` come back.

        Those on ``idle`` workers go first, and those that no case counts on; but only such as
        ``may`` go. Return also whether they suffice, with those that were asked before.
        """
        chosen: dict[Keeper, None] = {}
        suffice = True
        for resource, missing in short.items():
            left = missing
            able: list[tuple[bool, bool, list[Keeper], int]] = []
            for tokens, keepers in self._units(resource):
                keeps = [self._places[worker].up[fixture] for worker, fixture in keepers]
                if all(
                    keep.is_asked or keeper in chosen
                    for keeper, keep in zip(keepers, keeps, strict=True)
                ):
                    left -= tokens
                elif all(
                    keep.is_asked or may(fixture, keep)
                    for (_, fixture), keep in zip(keepers, keeps, strict=True)
                ):
                    is_used = any(keep.users for keep in keeps)
                    is_busy = any(worker not in idle for worker, _ in keepers)
                    able.append((is_used, is_busy, sorted(keepers), tokens))
            for _, _, keepers, tokens in sorted(able):
                if left > 0:
                    chosen.update(dict.fromkeys(keepers))
                    left -= tokens
            suffice = suffice and left <= 0
        return [keeper for keeper in chosen if not self._is_asked(keeper)], suffice

    def ask(self, keepers: Iterable[Keeper]) -> dict[str, list[Fixture]]:
        """Count on ``keepers`` no more; return their fixtures by worker."""
        found: dict[str, list[Fixture]] = {}
        for worker, fixture in keepers:
            self._places[worker].up[fixture].is_asked = True
            found.setdefault(worker, []).append(fixture)
        return found

    def ask_for(self, worker: str, fixtures: Iterable[Fixture]) -> tuple[Fixture, ...]:
        """Count no more on those of ``fixtures`` that are up on ``worker``; return those not asked before."""
        up = self._places[worker].up
        fresh = tuple(each for each in fixtures if each in up and not up[each].is_asked)
        self.ask((worker, each) for each in fresh)
        return fresh

    def keeping(self, ticket: int) -> list[Keeper]:
        """Return who keeps something of ``ticket`` and has not been asked for it."""
        return [
            (worker, fixture)
            for worker, fixture in self._tickets.keepers(ticket)
            if fixture in self._places[worker].up and not self._is_asked((worker, fixture))
        ]

    def is_used(self, keeper: Keeper) -> bool:
        """Whether a case counts on ``keeper``."""
        worker, fixture = keeper
        return self._places[worker].up[fixture].users > 0

    def _is_asked(self, keeper: Keeper) -> bool:
        worker, fixture = keeper
        return self._places[worker].up[fixture].is_asked

    def _units(self, resource: str) -> Iterator[tuple[int, Collection[Keeper]]]:
        """Yield how many tokens of ``resource`` come back when who goes down."""
        for keeper in self._keepers.get(resource, ()):
            tokens = dict(self._pool.held(keeper)).get(resource, 0)
            if tokens:
                yield tokens, (keeper,)
        for tokens, keepers in self._tickets.kept(resource):
            # One that is down already has them only until the case ends that counts on it.
            yield tokens, [each for each in keepers if each[1] in self._places[each[0]].up]
