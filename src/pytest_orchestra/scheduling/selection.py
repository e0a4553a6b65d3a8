"""Which case a worker should run next: scores, tokens, groups and reservations together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.estimates import Estimates
from pytest_orchestra.scheduling.fixtures import Taste
from pytest_orchestra.scheduling.pool import EXCLUSIVE, Demand, Pool
from pytest_orchestra.scheduling.ready import Key, ReadyQueue
from pytest_orchestra.scheduling.score import Scores
from pytest_orchestra.scheduling.waits import Waits


class Selection:
    """Ready cases and tokens.

    A case whose tokens are not free is overtaken by others (skip-ahead). A signature found
    lacking is parked until tokens of that resource come back, so it costs nothing meanwhile.
    When a case has been overtaken for ``patience`` seconds it gets a reservation: from then
    on others may only take what it leaves over. There is at most one reservation, and it
    holds nothing, so it cannot deadlock. A case is overtaken by what ranks after it and takes
    something that it wants.
    """

    def __init__(
        self,
        specs: Sequence[CaseSpec],
        scores: Scores,
        pool: Pool,
        estimates: Estimates,
        *,
        patience: float,
    ) -> None:
        """Take what is known of the cases; none of them is ready yet."""
        self._groups: Final = [spec.group for spec in specs]
        self._tiers: Final = scores.tier
        self._levels: Final = scores.level
        self._pool: Final = pool
        self._segments: Final = estimates.segments
        self._estimates: Final = estimates
        self._fixtures: Final = estimates.fixtures
        self._patience: Final = patience
        self._demands, self._signatures = _sign(specs, pool)
        #: What each signature wants and others may take away; all take the lock of all cases.
        self._wants: Final = [
            frozenset(name for name, tokens in demand if name != EXCLUSIVE or tokens > 1)
            for demand in self._demands
        ]
        self._wanting: Final[dict[str, list[int]]] = {}
        for number, wanted in enumerate(self._wants):
            for name in wanted:
                self._wanting.setdefault(name, []).append(number)
        self._alone: Final = tuple(self._wanting.get(EXCLUSIVE, ()))
        free = pool.demand((), alone=False)
        self._free: Final = self._demands.index(free) if free in self._demands else None
        self._ready: Final = ReadyQueue(scores.level, self._signatures, estimates.segments)
        self.waits: Final = Waits(len(specs))
        self._parked: Final[dict[int, str]] = {}
        self._parked_on: Final[dict[str, set[int]]] = {}
        self._parked_wanting: Final[dict[str, dict[int, None]]] = {}
        #: Ready cases per signature.
        self._waiting: Final = [0] * len(self._demands)
        #: Ready cases that only one worker may run, and that it had to leave lying.
        self._left_lying: Final[set[int]] = set()
        #: Since when ready cases have been overtaken.
        self._overtaken: Final[dict[int, float]] = {}
        self._reserved: int | None = None
        self._kept: Mapping[str, int] | None = None
        self._starving_at = math.inf
        self._segment_of: Final[dict[str, int | None]] = {}
        self._home_of: Final[dict[str, str]] = {}
        self._group_ready: Final[dict[str, set[int]]] = {}

    # workers

    def join(self, worker: str) -> None:
        """``worker`` may be picked for from now on."""
        self._segment_of[worker] = None

    def lose(self, worker: str) -> None:
        """``worker`` is gone: groups that were bound to it may go anywhere again."""
        segment = self._segment_of.pop(worker)
        if segment is not None:
            self._ready.leave(segment)
        self._ready.forget(worker)
        self._fixtures.lose(worker)
        for group in [group for group, home in self._home_of.items() if home == worker]:
            del self._home_of[group]
            for case in sorted(self._group_ready.get(group, ())):
                self._ready.add(case)

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
        self._overtaken.pop(case, None)
        self._left_lying.discard(case)
        group = self._groups[case]
        if group is not None:
            self._group_ready[group].discard(case)
        signature = self._signatures[case]
        self._waiting[signature] -= 1
        if not self._waiting[signature] and signature in self._parked:
            self._unpark(signature, now)
        if case == self._reserved:
            self._end_reservation(now)

    def release(self, case: int, now: float) -> None:
        """``case`` is over: its tokens come back."""
        self._fixtures.release(case)
        for resource, _ in self._pool.give_back(case):
            self._unpark_all(resource, now)

    def lacking(self, case: int) -> str | None:
        """Return the resource that keeps ``case`` waiting, as far as anybody has asked."""
        return self._parked.get(self._signatures[case])

    def is_bound(self, case: int) -> bool:
        """Whether only one worker may run ``case``."""
        return self._groups[case] is not None

    def would_suit(self, worker: str, case: int, now: float) -> bool:
        """Whether ``case``, which another worker is to run, could be for ``worker`` as well."""
        return not self.is_bound(case) and self._taste(worker, now, case) is not None

    @property
    def minds_fixtures(self) -> bool:
        """Whether workers may leave cases to others for their fixtures."""
        return self._fixtures.matter

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
        if self._free is None:
            return None
        case = self._choose(worker, now)
        if case is None or self._signatures[case] != self._free:
            return None
        self._take(worker, case, now)
        return case

    def _choose(self, worker: str, now: float) -> int | None:
        if now >= self._starving_at:
            self._reserve(now)
        reserved = self._reserved_for(worker)
        if reserved is not None:
            self._note_overtaken(worker, reserved, self._rivals(reserved, self._wanting), now)
            return reserved
        key = self._best(worker, now)
        return None if key is None else key[2]

    def _best(self, worker: str, now: float) -> Key | None:
        segment = self._segment_of[worker]
        taste = partial(self._taste, worker, now) if self._fixtures.matter else None
        best = self._ready.best(worker, segment, partial(self._fits, now), taste)
        if self._alone and self._reserved is None and self._pool.idle and len(self._segment_of) > 1:
            lone = self._best_alone(worker, segment)
            if lone is not None and (best is None or self._tiers[lone[2]] <= self._tiers[best[2]]):
                return lone
        if best is not None and self._parked:
            self._note_overtaken(worker, best[2], self._rivals(best[2], self._parked_wanting), now)
        return best

    def _taste(self, worker: str, now: float, case: int) -> int | None:
        taste = self._fixtures.taste(worker, case, self._estimates.expected(case), now)
        return None if taste is Taste.NOT_WORTH_IT else int(taste)

    def _best_alone(self, worker: str, segment: int | None) -> Key | None:
        """While nothing runs, cases that want to be alone cost no waiting: they go first."""
        heads = (self._ready.best_of(worker, segment, signature) for signature in self._alone)
        return min((head for head in heads if head is not None), default=None)

    def _fits(self, now: float, signature: int, key: Key) -> bool:
        is_parked = signature in self._parked
        resource = None if is_parked else self._pool.lacks(self._demands[signature], self._kept)
        if resource is not None:
            self._park(signature, resource, now)
            self.waits.refused(key[2], resource, now)
        elif not is_parked:
            return True
        if self.is_bound(key[2]):
            self._left_lying.add(key[2])
        return False

    def _take(self, worker: str, case: int, now: float) -> None:
        self.withdraw(case, now)
        self._pool.take(case, self._demands[self._signatures[case]])
        self.waits.assigned(case, now)
        self._fixtures.assign(worker, case)
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

    # parking and reservations

    def _park(self, signature: int, resource: str, now: float) -> None:
        self._parked[signature] = resource
        self._parked_on.setdefault(resource, set()).add(signature)
        for name in self._wants[signature]:
            self._parked_wanting.setdefault(name, {})[signature] = None
        self.waits.parked(resource, now)

    def _unpark(self, signature: int, now: float) -> None:
        resource = self._parked.pop(signature)
        self._parked_on[resource].discard(signature)
        for name in self._wants[signature]:
            del self._parked_wanting[name][signature]
        self.waits.unparked(resource, now)
        self._ready.wake(signature)

    def _unpark_all(self, resource: str, now: float) -> None:
        for signature in tuple(self._parked_on.get(resource, ())):
            self._unpark(signature, now)

    def _rivals(self, chosen: int, wanting: Mapping[str, Iterable[int]]) -> set[int]:
        """Return the signatures that want something which ``chosen`` takes away."""
        wants = self._wants[self._signatures[chosen]]
        return {rival for name in (*wants, EXCLUSIVE) for rival in wanting.get(name, ())}

    def _note_overtaken(self, worker: str, chosen: int, rivals: Iterable[int], now: float) -> None:
        """``worker`` takes ``chosen``: the best case of each of ``rivals`` may rank before it."""
        segment = self._segment_of[worker]
        heads = (self._ready.best_of(worker, segment, rival) for rival in rivals)
        self._mark_overtaken(chosen, (key[2] for key in heads if key is not None), now)

    def _mark_overtaken(self, chosen: int, cases: Iterable[int], now: float) -> None:
        """Mark those of ``cases`` that rank before ``chosen`` and want something of what it takes."""
        rank = self._rank(chosen)
        taken = self._wants[self._signatures[chosen]] | {EXCLUSIVE}
        for case in cases:
            wanted = self._wants[self._signatures[case]]
            if self._rank(case) < rank and not taken.isdisjoint(wanted):
                since = self._overtaken.setdefault(case, now)
                self._starving_at = min(self._starving_at, since + self._patience)

    def _rank(self, case: int) -> tuple[int, int]:
        return self._levels[case], case

    def _reserve(self, now: float) -> None:
        """Keep tokens for the best of the cases that have been overtaken for too long."""
        self._starving_at = math.inf
        if self._reserved is not None:
            return
        starving: list[int] = []
        for case, since in self._overtaken.items():
            if since + self._patience <= now:
                starving.append(case)
            else:
                self._starving_at = min(self._starving_at, since + self._patience)
        if starving:
            self._reserved = min(starving, key=self._rank)
            self._kept = dict(self._demands[self._signatures[self._reserved]])

    def _reserved_for(self, worker: str) -> int | None:
        """Return the reserved case if there is one, it fits by now, and ``worker`` may run it."""
        case = self._reserved
        if case is None or self._pool.lacks(self._demands[self._signatures[case]]) is not None:
            return None
        group = self._groups[case]
        return case if group is None or self._home_of.get(group, worker) == worker else None

    def _end_reservation(self, now: float) -> None:
        self._reserved = None
        self._kept = None
        self._starving_at = now
        for signature in tuple(self._parked):
            self._unpark(signature, now)


def _sign(specs: Sequence[CaseSpec], pool: Pool) -> tuple[list[Demand], list[int]]:
    """Number the distinct demands; return them, and the number of each case's demand."""
    numbers: dict[Demand, int] = {}
    known: dict[tuple[object, bool], int] = {}
    signatures: list[int] = []
    for spec in specs:
        key = (spec.claims, spec.alone)
        if key not in known:
            demand = pool.demand(spec.claims, alone=spec.alone)
            known[key] = numbers.setdefault(demand, len(numbers))
        signatures.append(known[key])
    return list(numbers), signatures
