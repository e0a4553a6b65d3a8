"""Which case a worker should run next: scores, tokens, groups and reservations together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.events import Command, Fixture
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.scheduling.asking import Asking
from pytest_orchestra.scheduling.backlog import Backlog
from pytest_orchestra.scheduling.crew import Crew
from pytest_orchestra.scheduling.estimates import Estimates
from pytest_orchestra.scheduling.fixtures import Taste
from pytest_orchestra.scheduling.holdings import Holdings
from pytest_orchestra.scheduling.parking import Parking
from pytest_orchestra.scheduling.placement import Barred
from pytest_orchestra.scheduling.pool import EXCLUSIVE, Pool
from pytest_orchestra.scheduling.ready import Key, ReadyQueue
from pytest_orchestra.scheduling.reservation import Reservation
from pytest_orchestra.scheduling.score import Scores
from pytest_orchestra.scheduling.signatures import Signatures
from pytest_orchestra.scheduling.standing import Lack
from pytest_orchestra.scheduling.tickets import Tickets
from pytest_orchestra.scheduling.waits import Waits

#: Says which signatures want a resource.
_Wanting: TypeAlias = Callable[[str, Sequence[int]], Iterable[int]]


class Selection:
    """Ready cases and tokens.

    A case whose tokens are not free is overtaken by others (skip-ahead); see :class:`.Reservation`
    for how it gets its turn. A signature found lacking is parked until tokens of that resource
    come back, so it costs nothing meanwhile. Fixtures that stay up keep tokens; see
    :class:`.Asking` for how these come back.
    """

    def __init__(  # noqa: PLR0913 - each is a different thing that is known of the run
        self,
        specs: Sequence[CaseSpec],
        scores: Scores,
        pool: Pool,
        estimates: Estimates,
        *,
        patience: float,
        barred: Barred = (),
        retried: Iterable[int] = (),
    ) -> None:
        """Take what is known of the cases, and which may be ``retried``; none of them is ready yet."""
        self._levels: Final = [*scores.level]
        self._tiers: Final = [*scores.tier]
        self._pool: Final = pool
        self._estimates: Final = estimates
        self._fixtures: Final = estimates.fixtures
        self._signs: Final = Signatures(specs, pool, barred, retried)
        self._signatures: Final = self._signs.of_case
        self._hosts: Final = self._signs.hosts
        self._ready: Final = ReadyQueue(
            self._levels, self._signatures, estimates.segments, self._hosts
        )
        self.waits: Final = Waits(len(specs))
        self._parking: Final = Parking(self._hosts, self._signs.wants, self.waits)
        self._crew: Final = Crew(specs, self._hosts)
        self._groups: Final = self._crew.groups
        self._holdings: Final = Holdings(specs, pool, self._signs, self._crew)
        self._keeps: Final = self._holdings.keeps
        self.tickets: Final[Tickets] = self._holdings.tickets
        self._reservation: Final = Reservation(
            self._signs, self._holdings, self._crew, self._levels, patience
        )
        self._asking: Final = Asking(
            self._holdings,
            self._crew,
            self._ready,
            self._parking,
            self._reservation,
            self._levels,
            self._tiers,
            self._fixtures.cost,
        )
        #: Per host the parked signatures, the hopeless ones and the demands of all.
        self._views: Final = {
            host: (self._parking.on[host], self._signs.hopeless[host], self._signs.demands[host])
            for host in self._hosts
        }
        #: Ready cases per signature.
        self._waiting: Final = [0] * len(self._signs.all)
        #: Those of them that belong to no group.
        self._loose: Final = [0] * len(self._signs.all)
        self._backlog: Final = Backlog(estimates)
        #: Ready cases that only one worker may run, and that it had to leave lying.
        self._left_lying: Final[set[int]] = set()
        self._group_ready: Final[dict[str, set[int]]] = {}
        #: Cases that are tried again, and the workers on which each has failed.
        self._tried: Final[dict[int, frozenset[str]]] = {}
        #: Those of them that cannot have tokens from others before fixtures give back theirs.
        self._ticketed: Final[set[int]] = set()
        #: Cases that were picked since somebody last asked for fixtures.
        self._taken: Final[dict[int, str]] = {}
        #: Level and tier of what goes after everything else.
        self._last: Final = (max(scores.level, default=0) + 1, max(scores.tier, default=0) + 1)
        #: What nobody may wait for longer than so many seconds, while nobody gets any.
        self.limits: Final = pool.stock.limits()

    # workers

    def join(self, worker: str, host: str = "") -> None:
        """``worker`` may be picked for from now on."""
        self._keeps.join(worker, self._crew.join(worker, host))
        self._rebind()

    def lose(self, worker: str, now: float) -> None:
        """``worker`` is gone: groups that were bound to it may go anywhere again."""
        segment = self._crew.segment_of[worker]
        if segment is not None:
            self._ready.leave(segment)
        self._ready.forget(worker)
        self._fixtures.lose(worker)
        self._came_back(self._keeps.lose(worker), now)
        for group in self._crew.lose(worker):
            for case in sorted(self._group_ready.get(group, ())):
                self._ready.add(case)
        self._rebind()
        if self._reservation.case is not None:
            self._end_reservation(now)

    def host_of(self, worker: str) -> str:
        """Return the host of ``worker``; empty where there is only one."""
        return self._crew.host_of[worker]

    def is_like_others(self, worker: str) -> bool:
        """Whether what ``worker`` finds nothing of, no other on its host finds either."""
        return not self._fixtures.matter and not self._keeps.has(worker)

    @property
    def are_all_alike(self) -> bool:
        """Whether all workers find the same."""
        return len(self._hosts) == 1 and not self._fixtures.matter and not self._keeps.are_there

    # cases

    def offer_again(self, case: int, now: float) -> None:
        """``case`` was picked but has not run."""
        self._fixtures.take_back(case)
        self.offer(case, now)

    def offer(self, case: int, now: float) -> None:
        """``case`` may run as soon as there are tokens and a worker."""
        self.waits.became_ready(case, now)
        self._waiting[self._signatures[case]] += 1
        self._backlog.add(case)
        group = self._groups[case]
        if group is not None:
            self._group_ready.setdefault(group, set()).add(case)
        else:
            self._loose[self._signatures[case]] += 1
            if case in self._tried:
                self._bind(case)
        self._ready.add(case, self._crew.home(case))

    def try_again(self, case: int, tried: frozenset[str], now: float, *, is_last: bool) -> None:
        """``case`` failed on the workers ``tried``: it may run again, alone, and on another one.

        ``is_last``: when there is nothing else to run.
        """
        if case not in self._tried:
            self._signs.isolate(case)
            if is_last:
                self._levels[case], self._tiers[case] = self._last
        self._tried[case] = tried
        self.waits.begin_anew(case)
        self.offer(case, now)
        if self.tickets.has(case):
            self._ticketed.add(case)
            self._asking.for_ticket(case)

    def _bind(self, case: int) -> None:
        """Let ``case`` run where it has not failed yet, if there is anybody who may run it.

        It runs alone, so all others are as idle as that worker by then.
        """
        signature = self._signatures[case]
        fresh = (
            worker
            for worker, host in self._crew.host_of.items()
            if worker not in self._tried[case] and signature not in self._signs.hopeless[host]
        )
        self._crew.bind(case, next(fresh, None))

    def _rebind(self) -> None:
        """Workers came or went: see who may run what is to be tried again."""
        for case in self._tried:
            if self._groups[case] is None and self._ready.where[case] is not None:
                home = self._crew.home(case)
                self._bind(case)
                if self._crew.home(case) != home:
                    self._ready.add(case, self._crew.home(case))

    def withdraw(self, case: int, now: float) -> None:
        """``case`` must not be picked any more."""
        self._ready.remove(case)
        self._reservation.forget(case)
        self._left_lying.discard(case)
        group = self._groups[case]
        signature = self._signatures[case]
        if group is not None:
            self._group_ready[group].discard(case)
        else:
            self._loose[signature] -= 1
        self._waiting[signature] -= 1
        self._backlog.remove(case)
        has_asked = bool(self._signs.outside[signature]) and self.tickets.cancel(case)
        if has_asked or not self._waiting[signature]:
            self._look_again(signature, now)
        if case == self._reservation.case:
            self._end_reservation(now)

    def release(self, case: int, now: float, *, has_run: bool = True) -> None:
        """``case`` is off its worker's desk: its tokens come back, but for what is kept."""
        self._fixtures.release(case)
        worker = self._crew.worker_of.pop(case)
        self._came_back(self._holdings.release(worker, case, now, has_run=has_run), now)

    # fixtures and other runs

    def fixtures_down(
        self, worker: str, fixtures: Iterable[Fixture], case: int | None, now: float
    ) -> None:
        """``fixtures`` are not up on ``worker``: what they kept comes back.

        ``case``, if given, runs there and leaves none of them up.
        """
        for fixture in fixtures:
            self._fixtures.drop(worker, fixture)
        self._came_back(self._keeps.down(worker, fixtures, case), now)

    def granted(self, case: int) -> None:
        """What was acquired for ``case`` is there: it runs as soon as it fits otherwise."""
        if self.tickets.grant(case):
            self._reservation.granted(case)

    def wanted_outside(self, resource: str, idle: Iterable[str]) -> None:
        """Others wait for ``resource``: let fixtures that keep it go down."""
        self._asking.for_others(resource, frozenset(idle))

    def make_way(self, worker: str, case: int, now: float) -> bool:
        """Ask for what ``case`` lacks on ``worker`` to be given up; false if that will never come.

        Then it waits no more for what other runs have, and nothing is kept for it.
        """
        self._asking.for_case(self._crew.host_of[worker], case)
        if self.expects_tokens:
            return True
        self.tickets.cancel(case)
        if case == self._reservation.case:
            self._end_reservation(now)
        return False

    def ask_for(self, worker: str, fixtures: Iterable[Fixture]) -> tuple[Fixture, ...]:
        """Count no more on ``fixtures`` on ``worker``; return those that it is to take down for that."""
        return self._keeps.ask_for(worker, fixtures)

    @property
    def expects_tokens(self) -> bool:
        """Whether tokens are about to come: from fixtures that are to go down, or from other runs."""
        return self.tickets.are_awaited or self._keeps.are_asked

    def kept_from_others(self) -> frozenset[str]:
        """Return what fixtures here keep of that which is shared with other runs."""
        return self._keeps.from_others()

    def ask(self, idle: Mapping[str, object], now: float) -> None:
        """Everybody has got the work there is but ``idle`` workers: ask for fixtures to go down."""
        if self._keeps.are_there:
            self._asking.look(idle, self._taken, now)
        self._taken.clear()

    def drain(self, commands: Iterable[Command]) -> tuple[Command, ...]:
        """Return ``commands`` with what is to be said of fixtures, and to those who share with us."""
        early, late = self._asking.drain()
        if not (early or late or self.tickets.commands):
            return tuple(commands)
        shared = tuple(self.tickets.commands)
        self.tickets.commands.clear()
        return (*early, *commands, *late, *shared)

    # what is known

    def lacking(self, case: int) -> str | None:
        """Return the resource that keeps ``case`` waiting, as far as anybody has asked."""
        signature = self._signatures[case]
        found = (parked[signature] for parked in self._parking.on.values() if signature in parked)
        return next(found, None)

    @property
    def ready(self) -> int:
        """How many cases are ready."""
        return sum(self._waiting)

    def lacks(self) -> tuple[Lack, ...]:
        """Return what ready cases wait for, as far as anybody has asked; costs the number of signatures."""
        found: dict[tuple[str, bool], int] = {}
        counted: set[int] = set()
        for parked in self._parking.on.values():
            for signature, resource in parked.items():
                if signature not in counted:
                    counted.add(signature)
                    key = (resource, signature in self._signs.alone)
                    found[key] = found.get(key, 0) + self._waiting[signature]
        return tuple(
            Lack(resource, cases, self.waits.since(resource), alone)
            for (resource, alone), cases in found.items()
        )

    def home_of(self, case: int) -> str | None:
        """Return the only worker that may run ``case`` since others of its group ran there."""
        return self._crew.home(case) if self._groups[case] is not None else None

    def is_bound(self, case: int) -> bool:
        """Whether only one worker may run ``case``."""
        return self._crew.is_bound(case)

    def would_suit(self, worker: str, case: int, now: float) -> bool:
        """Whether ``case``, which another worker is to run, could be for ``worker`` as well."""
        return not self.is_bound(case) and self._taste(worker, now, case) is not None

    def runs_nowhere(self, case: int) -> bool:
        """Whether ``case`` cannot run on any host on which workers are left."""
        hosts = set(self._crew.host_of.values())
        return all(self._signatures[case] in self._signs.hopeless[host] for host in hosts)

    def leases(self, case: int) -> tuple[Lease, ...]:
        """Return what the running ``case`` has here, fixtures that are up for it included."""
        return self._holdings.leases(case)

    def tickets_of(self, case: int) -> tuple[int, ...]:
        """Return the cases for which was acquired what the running ``case`` has from others."""
        return self._holdings.tickets_of(case)

    @property
    def backlog(self) -> float:
        """What all ready cases are expected to cost, in seconds; infinity where nothing is known."""
        return self._backlog.seconds

    def startable(self, most: int) -> int:
        """Return how many ready cases another worker could begin, counted up to ``most``.

        Tokens that several signatures want count for each, so there may be fewer.
        """
        host = self._hosts[0]
        parked, demands = self._parking.on[host], self._signs.demands[host]
        found = sum(
            self._pool.fits_times(demands[signature], waiting)
            for signature, waiting in enumerate(self._loose)
            if waiting and signature not in parked
        )
        found += sum(
            bool(cases) and not self._crew.has_home(group)
            for group, cases in self._group_ready.items()
        )
        return min(most, found)

    @property
    def owners(self) -> tuple[str, ...]:
        """The workers for which there may be ready cases that only they may run."""
        return self._ready.owners

    # picks

    def pick(self, worker: str, now: float) -> int | None:
        """Return the case that the idle ``worker`` should run, its tokens taken; None if none."""
        case = self._choose(worker, now)
        if case is not None:
            self._take(worker, case, now)
        return case

    def pick_free(self, worker: str, now: float) -> int | None:
        """Return what the busy ``worker`` should run next if that claims nothing; None if not.

        Only such a case is sent ahead of time: the tokens of another would lie idle until its
        turn. Where another is next, nothing is sent, so that it finds an idle worker soon.
        """
        if self._signs.free is None:
            return None
        case = self._choose(worker, now)
        if case is None or self._signatures[case] != self._signs.free:
            return None
        self._take(worker, case, now)
        return case

    def take_if_it_fits(self, worker: str, case: int, now: float) -> bool:
        """Let ``worker`` have the ready ``case``, whatever others there are, if its tokens are there."""
        home = self._crew.home(case)
        if case in self._tried and self._groups[case] is None:
            self._crew.bind(case, worker)
        if self._holdings.fits(worker, case, None):
            self._take(worker, case, now)
            del self._taken[case]  # nobody asks on behalf of what is more urgent
            return True
        if case in self._tried and self._groups[case] is None:
            self._crew.bind(case, home)
        demand, outside = self._holdings.needs(worker, case), self._holdings.outside(case)
        lacking = self._pool.lacks(demand)
        if lacking is None and outside:
            self.tickets.ask(self._signatures[case], case, outside)
            lacking = outside[0][0]
        if lacking is not None:
            self.waits.refused(case, lacking, now)
        return False

    def _choose(self, worker: str, now: float) -> int | None:
        self._reservation.look(now)
        case = self._whose_turn(worker)
        if case is not None:
            self._note_overtaken(worker, case, self._rivals(case), now)
            return case
        key = self._best(worker, now)
        return None if key is None else key[2]

    def _whose_turn(self, worker: str) -> int | None:
        """Return what ``worker`` must run before all else: its shared tokens are there, or it is reserved."""
        reservation, fits = self._reservation, self._holdings.fits
        for case in self.tickets.granted:
            if fits(worker, case, None if case == reservation.case else reservation.kept):
                return case
        reserved = reservation.case
        return reserved if reserved is not None and fits(worker, reserved, None) else None

    def _best(self, worker: str, now: float) -> Key | None:
        segment = self._crew.segment_of[worker]
        host = self._crew.host_of[worker]
        taste = partial(self._taste, worker, now) if self._fixtures.matter else None
        best = self._ready.best(worker, segment, partial(self._fits, host, now), taste, host)
        if taste is not None and best is not None and taste(best[2]) == Taste.OUSTS_OTHERS:
            best = self._best_staying(best, partial(self._fits, host, now), taste)
        if self._keeps.are_there:
            best = self._best_with_keeps(worker, segment, best)
        if (
            self._signs.alone
            and self._reservation.case is None
            and self._pool.idle
            and len(self._crew.host_of) > 1
        ):
            lone = self._best_alone(worker, segment)
            if lone is not None and (best is None or self._tiers[lone[2]] <= self._tiers[best[2]]):
                return lone
        if best is not None and self._parking.on[host]:
            self._note_overtaken(worker, best[2], self._parked_rivals(best[2]), now)
        return best

    def _best_staying(
        self, best: Key, fits: Callable[[int, Key], bool], taste: Callable[[int], int | None]
    ) -> Key:
        """Return what goes before ``best``, of the same priority, since what it needs is up on the worker.

        Else two workers that take turns by urgency alone would set up the same fixtures again and again.
        """
        tier, found = self._tiers[best[2]], best
        for signature, key in self._ready.lane_heads():
            is_first = found is best or key < found
            if (
                is_first
                and self._tiers[key[2]] == tier
                and taste(key[2]) == Taste.HAS_ITS_FIXTURES
                and fits(signature, key)
            ):
                found = key
        return found

    def _best_with_keeps(self, worker: str, segment: int | None, best: Key | None) -> Key | None:
        """Return what goes before ``best`` of the cases that count on fixtures up on ``worker``.

        Their signatures are parked, since others would need tokens for them.
        """
        parked = self._parking.on[self._crew.host_of[worker]]
        for fixture in self._keeps.usable(worker) if parked else ():
            for signature in self._signs.using[fixture]:
                if signature in parked:
                    for head in self._ready.heads_of(worker, segment, signature):
                        if (best is None or head < best) and self._holdings.fits(
                            worker, head[2], self._reservation.kept
                        ):
                            best = head
        return best

    def _best_alone(self, worker: str, segment: int | None) -> Key | None:
        """While nothing runs, cases that want to be alone cost no waiting: they go first."""
        heads = [
            head
            for signature in self._signs.alone
            if (head := self._ready.best_of(worker, segment, signature)) is not None
            and self._holdings.fits(worker, head[2], None)
        ]
        return min(heads, default=None)

    def _taste(self, worker: str, now: float, case: int) -> int | None:
        taste = self._fixtures.taste(worker, case, self._estimates.expected(case), now)
        return None if taste is Taste.NOT_WORTH_IT else int(taste)

    def _fits(self, host: str, now: float, signature: int, key: Key) -> bool:
        parked, hopeless, demands = self._views[host]
        if signature not in parked:
            if signature in hopeless:
                return False
            lacking = self._pool.lacks(demands[signature], self._reservation.kept)
            outside = self._signs.outside[signature]
            if lacking is None:
                if not outside:
                    return True
                self.tickets.ask(signature, key[2], outside)
                lacking = outside[0][0]
            self._parking.park(host, signature, lacking, now)
            self.waits.refused(key[2], lacking, now)
        if self.is_bound(key[2]):
            self._left_lying.add(key[2])
        return False

    def _take(self, worker: str, case: int, now: float) -> None:
        if self.limits:
            self._note_got(worker, case, now)
        if self._holdings.take(worker, case):
            self._look_again(self._signatures[case], now)
        self.withdraw(case, now)
        self.waits.assigned(case, now)
        self._fixtures.assign(worker, case, now)
        self._crew.worker_of[case] = self._taken[case] = worker
        if self._left_lying:  # this worker may never have asked for them
            self._reservation.mark(case, self._left_lying, now)
        segment = self._estimates.segments[case]
        self._ready.attend(self._crew.segment_of[worker], segment)
        self._crew.segment_of[worker] = segment
        if self._crew.settle(case, worker):
            for other in sorted(self._group_ready[self._groups[case] or ""]):
                self._ready.add(other, worker)

    def _note_got(self, worker: str, case: int, now: float) -> None:
        """Somebody got what others wait for, whose patience begins anew."""
        for name, _ in (*self._holdings.needs(worker, case), *self._holdings.outside(case)):
            if name in self.limits:
                self.waits.got(name, now)

    # tokens that come back

    def _came_back(self, resources: Iterable[str], now: float) -> None:
        for case in [case for case in self._ticketed if not self.tickets.has(case)]:
            self._ticketed.discard(case)
            self._look_again(self._signatures[case], now)
        for resource in resources:
            for host, signature in self._parking.lacking(resource):
                self._unpark(host, signature, now)

    def _unpark(self, host: str, signature: int, now: float) -> None:
        self._parking.leave(host, signature, now)
        self._ready.wake(signature, host)

    def _look_again(self, signature: int, now: float) -> None:
        for host, _ in self._parking.spots(signature):
            self._unpark(host, signature, now)

    def _end_reservation(self, now: float) -> None:
        self._reservation.end(now)
        for host, signature in self._parking.all():
            self._unpark(host, signature, now)

    # who is overtaken

    def _rivals(self, chosen: int) -> Iterator[int]:
        """Yield the signatures that want something which ``chosen`` takes away."""
        return self._each_once(chosen, self._signs.wanting.get)

    def _parked_rivals(self, chosen: int) -> Iterator[int]:
        return self._each_once(chosen, lambda name, _: self._parking.wanting(name))

    def _each_once(self, chosen: int, wanting: _Wanting) -> Iterator[int]:
        wants = self._signs.wants[self._signatures[chosen]]
        return iter({rival for name in (*wants, EXCLUSIVE) for rival in wanting(name, ())})

    def _note_overtaken(self, worker: str, chosen: int, rivals: Iterable[int], now: float) -> None:
        """``worker`` takes ``chosen``: the best case of each of ``rivals`` may rank before it."""
        segment = self._crew.segment_of[worker]
        heads = (self._ready.best_of(worker, segment, rival) for rival in rivals)
        self._reservation.mark(chosen, (key[2] for key in heads if key is not None), now)
