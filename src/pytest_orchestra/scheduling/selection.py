"""Which case a worker should run next: scores, tokens, groups and reservations together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.events import Command, Fixture, Relinquish
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.scheduling.estimates import Estimates
from pytest_orchestra.scheduling.fixtures import Taste
from pytest_orchestra.scheduling.keeps import Keeps
from pytest_orchestra.scheduling.overtaking import Overtaking
from pytest_orchestra.scheduling.parking import Parking
from pytest_orchestra.scheduling.placement import Barred
from pytest_orchestra.scheduling.pool import EXCLUSIVE, Demand, Pool
from pytest_orchestra.scheduling.ready import Key, ReadyQueue
from pytest_orchestra.scheduling.score import Scores
from pytest_orchestra.scheduling.signatures import Signatures
from pytest_orchestra.scheduling.tickets import Tickets
from pytest_orchestra.scheduling.waits import Waits

#: Says which signatures want a resource.
_Wanting: TypeAlias = Callable[[str, Sequence[int]], Iterable[int]]


class Selection:
    """Ready cases and tokens.

    A case whose tokens are not free is overtaken by others (skip-ahead). A signature found
    lacking is parked until tokens of that resource come back, so it costs nothing meanwhile.
    When a case has been overtaken for ``patience`` seconds it gets a reservation: from then
    on others may only take what it leaves over. There is at most one reservation, and it
    holds nothing, so it cannot deadlock. A case is overtaken by what ranks after it and takes
    something that it wants.

    Fixtures that stay up keep tokens. Their worker is asked to tear them down when somebody has
    nothing else to do, when what waits for them is more urgent than what runs instead, or for a
    reservation. Nobody is asked who is needed to finish a case, so this cannot deadlock either.
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
    ) -> None:
        """Take what is known of the cases; none of them is ready yet."""
        self._groups: Final = [spec.group for spec in specs]
        self._tiers: Final = scores.tier
        self._levels: Final = scores.level
        self._pool: Final = pool
        self._segments: Final = estimates.segments
        self._estimates: Final = estimates
        self._fixtures: Final = estimates.fixtures
        self._signs: Final = Signatures(specs, pool, barred)
        self._signatures: Final = self._signs.of_case
        self._hosts: Final = self._signs.hosts
        self._ready: Final = ReadyQueue(
            scores.level, self._signatures, estimates.segments, self._hosts
        )
        self.waits: Final = Waits(len(specs))
        self._parking: Final = Parking(self._hosts, self._signs.wants, self.waits)
        self.tickets: Final = Tickets()
        self._keeps: Final = Keeps(specs, pool, self.tickets)
        #: Ready cases per signature.
        self._waiting: Final = [0] * len(self._signs.all)
        #: Ready cases that only one worker may run, and that it had to leave lying.
        self._left_lying: Final[set[int]] = set()
        self._overtaking: Final = Overtaking(patience)
        self._reserved: int | None = None
        self._kept: Mapping[str, int] | None = None
        self._segment_of: Final[dict[str, int | None]] = {}
        self._host_of: Final[dict[str, str]] = {}
        self._cases_at: Final[dict[str, int]] = {}
        self._worker_of: Final[dict[int, str]] = {}
        self._home_of: Final[dict[str, str]] = {}
        self._group_ready: Final[dict[str, set[int]]] = {}
        self._commands: Final[list[Command]] = []
        #: What nobody may wait for longer than so many seconds, while nobody gets any.
        self.limits: Final = pool.stock.limits()

    # workers

    def join(self, worker: str, host: str = "") -> None:
        """``worker`` may be picked for from now on."""
        host = host if len(self._hosts) > 1 else ""
        assert host in self._hosts, f"nothing is known of host {host!r}"  # noqa: S101
        self._segment_of[worker] = None
        self._host_of[worker] = host
        self._cases_at[worker] = 0
        self._keeps.join(worker, host)

    def lose(self, worker: str, now: float) -> None:
        """``worker`` is gone: groups that were bound to it may go anywhere again."""
        segment = self._segment_of.pop(worker)
        if segment is not None:
            self._ready.leave(segment)
        del self._host_of[worker], self._cases_at[worker]
        self._ready.forget(worker)
        self._fixtures.lose(worker)
        self._came_back(self._keeps.lose(worker), now)
        for group in [group for group, home in self._home_of.items() if home == worker]:
            del self._home_of[group]
            for case in sorted(self._group_ready.get(group, ())):
                self._ready.add(case)
        if self._reserved is not None:
            self._end_reservation(now)

    def host_of(self, worker: str) -> str:
        """Return the host of ``worker``; empty where there is only one."""
        return self._host_of[worker]

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
        group = self._groups[case]
        if group is None:
            self._ready.add(case)
        else:
            self._group_ready.setdefault(group, set()).add(case)
            self._ready.add(case, self._home_of.get(group))

    def withdraw(self, case: int, now: float) -> None:
        """``case`` must not be picked any more."""
        self._ready.remove(case)
        self._overtaking.forget(case)
        self._left_lying.discard(case)
        group = self._groups[case]
        if group is not None:
            self._group_ready[group].discard(case)
        signature = self._signatures[case]
        self._waiting[signature] -= 1
        if self.tickets.cancel(case) or not self._waiting[signature]:
            self._look_again(signature, now)
        if case == self._reserved:
            self._end_reservation(now)

    def release(self, case: int, now: float, *, has_run: bool = True) -> None:
        """``case`` is off its worker's desk: its tokens come back, but for what is kept."""
        self._fixtures.release(case)
        self._cases_at[self._worker_of.pop(case)] -= 1
        self._keeps.end(case, has_run=has_run)
        self._came_back((resource for resource, _ in self._pool.give_back(case)), now)

    def fixtures_down(self, worker: str, fixtures: Iterable[Fixture], now: float) -> None:
        """``fixtures`` are not up on ``worker``: what they kept comes back."""
        for fixture in fixtures:
            self._fixtures.drop(worker, fixture)
        self._came_back(self._keeps.down(worker, fixtures), now)

    def granted(self, case: int, now: float) -> None:
        """What was acquired for ``case`` is there: it runs as soon as it fits otherwise."""
        if self.tickets.grant(case) and self._reserved is None:
            self._reserve(case)
        self._overtaking.look_again(now)

    def wanted_outside(self, resource: str) -> None:
        """Others wait for ``resource``: let fixtures that keep it go down."""
        self._ask({resource: 1}, in_use=True, in_part=True)

    def kept_from_others(self) -> frozenset[str]:
        """Return what fixtures here keep of that which is shared with other runs."""
        return self._keeps.from_others()

    def lacking(self, case: int) -> str | None:
        """Return the resource that keeps ``case`` waiting, as far as anybody has asked."""
        signature = self._signatures[case]
        found = (parked[signature] for parked in self._parking.on.values() if signature in parked)
        return next(found, None)

    def is_bound(self, case: int) -> bool:
        """Whether only one worker may run ``case``."""
        return self._groups[case] is not None

    def would_suit(self, worker: str, case: int, now: float) -> bool:
        """Whether ``case``, which another worker is to run, could be for ``worker`` as well."""
        return not self.is_bound(case) and self._taste(worker, now, case) is not None

    def runs_nowhere(self, case: int) -> bool:
        """Whether ``case`` cannot run on any host on which workers are left."""
        hosts = set(self._host_of.values())
        return all(self._signatures[case] in self._signs.hopeless[host] for host in hosts)

    def leases(self, case: int) -> tuple[Lease, ...]:
        """Return what the running ``case`` has here, fixtures that are up for it included."""
        amounts: dict[str, int] = {}
        names: dict[str, tuple[str, ...]] = {}
        keepers = self._keeps.serving(self._worker_of[case], case)
        for holder in (case, *keepers):
            for key, tokens in self._pool.held(holder):
                amounts[key] = amounts.get(key, 0) + tokens
            for key, found in self._pool.names(holder).items():
                names[key] = tuple(dict.fromkeys((*names.get(key, ()), *found)))
        return tuple(
            Lease(self._pool.resource_of(key), amounts[key], names.get(key, ()))
            for key in sorted(amounts)
            if key != EXCLUSIVE
        )

    def tickets_of(self, case: int) -> tuple[int, ...]:
        """Return the cases for which was acquired what the running ``case`` has from others."""
        keepers = self._keeps.serving(self._worker_of[case], case)
        found = [
            case,
            *(each for keeper in keepers if (each := self.tickets.of(keeper)) is not None),
        ]
        return tuple(dict.fromkeys(each for each in found if self.tickets.has(each)))

    def drain(self) -> list[Command]:
        """Return what is to be said to workers about fixtures, and to those who share with us."""
        found = [*self._commands, *self.tickets.commands]
        self._commands.clear()
        self.tickets.commands.clear()
        return found

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
        if self._keeps.are_there:
            if case is None:
                self._ask_for_want_of_work(worker)
            else:
                self._ask_for_the_urgent(worker, case)
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

    def _choose(self, worker: str, now: float) -> int | None:
        if self._overtaking.is_due(now):
            self._reserve_if_starving(now)
        reserved = self._granted_for(worker)
        if reserved is None:
            reserved = self._reserved_for(worker)
        if reserved is not None:
            self._note_overtaken(worker, reserved, self._rivals(reserved), now)
            return reserved
        key = self._best(worker, now)
        return None if key is None else key[2]

    def _best(self, worker: str, now: float) -> Key | None:
        segment = self._segment_of[worker]
        host = self._host_of[worker]
        taste = partial(self._taste, worker, now) if self._fixtures.matter else None
        best = self._ready.best(worker, segment, partial(self._fits, host, now), taste, host)
        if self._keeps.are_there:
            best = self._best_with_keeps(worker, segment, best)
        alone = self._signs.alone
        if alone and self._reserved is None and self._pool.idle and len(self._segment_of) > 1:
            lone = self._best_alone(worker, segment)
            if lone is not None and (best is None or self._tiers[lone[2]] <= self._tiers[best[2]]):
                return lone
        if best is not None and self._parking.on[host]:
            self._note_overtaken(worker, best[2], self._parked_rivals(best[2]), now)
        return best

    def _best_with_keeps(self, worker: str, segment: int | None, best: Key | None) -> Key | None:
        """Return what goes before ``best`` of the cases that count on fixtures up on ``worker``.

        Their signatures may be parked, since others would need tokens for them.
        """
        for fixture in self._keeps.usable(worker):
            for signature in self._signs.using.get(fixture, ()):
                head = self._ready.best_of(worker, segment, signature)
                if head is None or (best is not None and best <= head):
                    continue
                demand = self._demand_of(worker, head[2])
                if self._needs_outside(worker, head[2]) or self._pool.lacks(demand, self._kept):
                    continue
                best = head
        return best

    def _taste(self, worker: str, now: float, case: int) -> int | None:
        taste = self._fixtures.taste(worker, case, self._estimates.expected(case), now)
        return None if taste is Taste.NOT_WORTH_IT else int(taste)

    def _best_alone(self, worker: str, segment: int | None) -> Key | None:
        """While nothing runs, cases that want to be alone cost no waiting: they go first."""
        heads = [
            head
            for signature in self._signs.alone
            if (head := self._ready.best_of(worker, segment, signature)) is not None
            and self._may_run(worker, head[2])
            and self._pool.lacks(self._demand_of(worker, head[2])) is None
            and not self._needs_outside(worker, head[2])
        ]
        return min(heads, default=None)

    def _fits(self, host: str, now: float, signature: int, key: Key) -> bool:
        if signature in self._signs.hopeless[host]:
            return False
        is_parked = signature in self._parking.on[host]
        if not is_parked:
            demand = self._signs.demands[host][signature]
            resource = self._pool.lacks(demand, self._kept)
            outside = self._signs.outside[signature]
            if resource is None and not outside:
                return True
            if resource is None:
                self.tickets.ask(signature, key[2], outside)
                resource = outside[0][0]
            self._parking.park(host, signature, resource, now)
            self.waits.refused(key[2], resource, now)
        if self.is_bound(key[2]):
            self._left_lying.add(key[2])
        return False

    def _demand_of(self, worker: str, case: int) -> Demand:
        demand = self._signs.demands[self._host_of[worker]][self._signatures[case]]
        if not self._keeps.has(worker):
            return demand
        return self._keeps.still_needs(worker, case, demand)

    def _needs_outside(self, worker: str, case: int) -> Demand:
        """Return what ``case`` still has to acquire before it can run on ``worker``."""
        outside = self._signs.outside[self._signatures[case]]
        if not outside or case in self.tickets.granted:
            return ()
        return self._keeps.still_needs_outside(worker, case, outside)

    def _take(self, worker: str, case: int, now: float) -> None:
        demand = self._demand_of(worker, case)
        signature = self._signatures[case]
        if self.limits:
            self._note_got(case, demand, now)
        if self.tickets.begin(case):
            self._look_again(signature, now)
        self.withdraw(case, now)
        self._pool.take(case, demand)
        self.waits.assigned(case, now)
        self._fixtures.assign(worker, case)
        self._keeps.begin(worker, case)
        self._worker_of[case] = worker
        self._cases_at[worker] += 1
        if self._left_lying:  # this worker may never have asked for them
            self._mark_overtaken(case, self._left_lying, now)
        segment = self._segments[case]
        self._ready.attend(self._segment_of[worker], segment)
        self._segment_of[worker] = segment
        group = self._groups[case]
        if group is not None and group not in self._home_of:
            self._home_of[group] = worker
            for other in sorted(self._group_ready[group]):
                self._ready.add(other, worker)

    def _note_got(self, case: int, demand: Demand, now: float) -> None:
        """Somebody got what others wait for, whose patience begins anew."""
        for name, _ in (*demand, *self._signs.outside[self._signatures[case]]):
            if name in self.limits:
                self.waits.got(name, now)

    # tokens that come back

    def _came_back(self, resources: Iterable[str], now: float) -> None:
        for resource in resources:
            for host, signature in self._parking.lacking(resource):
                self._unpark(host, signature, now)

    def _unpark(self, host: str, signature: int, now: float) -> None:
        self._parking.leave(host, signature, now)
        self._ready.wake(signature, host)

    def _look_again(self, signature: int, now: float) -> None:
        for host, _ in self._parking.spots(signature):
            self._unpark(host, signature, now)

    # fixtures that keep tokens

    def _ask(self, short: Mapping[str, int], *, in_use: bool, in_part: bool = False) -> bool:
        """Ask workers for what is ``short``; say whether there was anybody to ask."""
        idle = {worker for worker, cases in self._cases_at.items() if not cases}
        found = self._keeps.to_ask(short, idle, in_use=in_use, in_part=in_part)
        self._commands.extend(
            Relinquish(worker, tuple(fixtures)) for worker, fixtures in found.items()
        )
        return bool(found)

    def _ask_for_want_of_work(self, worker: str) -> None:
        """``worker`` finds nothing: ask for what keeps the best of the parked cases from it."""
        for key in self._parked_heads(worker):
            if self._ask(self._short_of(worker, key[2]), in_use=False):
                return

    def _ask_for_the_urgent(self, worker: str, chosen: int) -> None:
        """Ask for what keeps cases waiting that are more urgent than what ``worker`` runs instead."""
        for key in self._parked_heads(worker):
            if key[0] >= self._levels[chosen]:
                return
            self._ask(self._short_of(worker, key[2]), in_use=True)

    def _parked_heads(self, worker: str) -> list[Key]:
        segment = self._segment_of[worker]
        heads = (
            self._ready.best_of(worker, segment, signature)
            for signature in self._parking.on[self._host_of[worker]]
        )
        return sorted(head for head in heads if head is not None)

    def _short_of(self, worker: str, case: int) -> Mapping[str, int]:
        """Return what is lacking for ``case`` at ``worker``, who would tear down what it keeps."""
        demand = self._signs.demands[self._host_of[worker]][self._signatures[case]]
        return self._pool.short_of(demand)

    # overtaking and reservations

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
        segment = self._segment_of[worker]
        heads = (self._ready.best_of(worker, segment, rival) for rival in rivals)
        self._mark_overtaken(chosen, (key[2] for key in heads if key is not None), now)

    def _mark_overtaken(self, chosen: int, cases: Iterable[int], now: float) -> None:
        """Mark those of ``cases`` that rank before ``chosen`` and want something of what it takes."""
        rank = self._rank(chosen)
        taken = self._signs.wants[self._signatures[chosen]] | {EXCLUSIVE}
        for case in cases:
            wanted = self._signs.wants[self._signatures[case]]
            if self._rank(case) < rank and not taken.isdisjoint(wanted):
                self._overtaking.mark(case, now)

    def _rank(self, case: int) -> tuple[int, int]:
        return self._levels[case], case

    def _reserve_if_starving(self, now: float) -> None:
        """Keep tokens for the best of the cases that have been overtaken for too long.

        Those that share tokens with other runs have to get these first: nothing is kept for a
        case while it is not known when it can run.
        """
        if self._reserved is not None:
            return
        able: list[int] = []
        for case in self._overtaking.starving(now):
            signature = self._signatures[case]
            outside = self._signs.outside[signature]
            if outside and case not in self.tickets.granted:
                self.tickets.ask(signature, case, outside)
            elif self._best_host(case) is not None:
                able.append(case)
        if able:
            self._reserve(min(able, key=self._rank))

    def _reserve(self, case: int) -> None:
        host = self._best_host(case)
        if host is not None:
            self._reserved = case
            self._kept = dict(self._signs.demands[host][self._signatures[case]])

    def _best_host(self, case: int) -> str | None:
        """Return the host with a worker on which the least is lacking for ``case``; None if none."""
        signature = self._signatures[case]
        home = self._home_of.get(self._groups[case] or "")
        hosts = [self._host_of[home]] if home else dict.fromkeys(self._host_of.values())
        able = [host for host in hosts if signature not in self._signs.hopeless[host]]
        return min(
            able,
            key=lambda host: len(self._pool.short_of(self._signs.demands[host][signature])),
            default=None,
        )

    def _granted_for(self, worker: str) -> int | None:
        """Return a case that ``worker`` may run and whose shared tokens are there."""
        for case in self.tickets.granted:
            kept = None if case == self._reserved else self._kept
            demand = self._demand_of(worker, case)
            if self._may_run(worker, case) and self._pool.lacks(demand, kept) is None:
                return case
        return None

    def _reserved_for(self, worker: str) -> int | None:
        """Return the reserved case if there is one, it fits by now, and ``worker`` may run it."""
        case = self._reserved
        if case is None or not self._may_run(worker, case):
            return None
        if self._pool.lacks(self._demand_of(worker, case)) is not None:
            if self._keeps.are_there:
                self._ask(self._short_of(worker, case), in_use=True, in_part=True)
            return None
        return case

    def _may_run(self, worker: str, case: int) -> bool:
        if self._signatures[case] in self._signs.hopeless[self._host_of[worker]]:
            return False
        group = self._groups[case]
        return group is None or self._home_of.get(group, worker) == worker

    def _end_reservation(self, now: float) -> None:
        self._reserved = None
        self._kept = None
        self._overtaking.look_again(now)
        for host, signature in self._parking.all():
            self._unpark(host, signature, now)
        granted = next(iter(self.tickets.granted), None)
        if granted is not None:
            self._reserve(granted)
