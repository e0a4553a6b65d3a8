"""Cases that could start now but for tokens, kept so that a pick is cheap.

Ready cases lie on shelves, one for each distinct demand for tokens (a signature), since what
holds back one case of a shelf holds back all of them. On a shelf they lie in lanes, one for
each segment: a run of neighbours in the collection that share their module and its fixtures.
A worker stays in its segment while nothing more urgent waits, then opens one that no other
worker is in, and only then joins another worker's. A pick looks at the head of each shelf, so
it costs the number of signatures, not of cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from heapq import heappop, heappush, heapreplace
from itertools import islice
from typing import Final, TypeAlias

#: (level, nearness, case): the smaller goes first.
Key: TypeAlias = tuple[int, int, int]


#: Cases of one shelf and one segment: a heap of level and case.
Lane: TypeAlias = list[tuple[int, int]]

#: Says how well a case suits a worker, 0 best; None: not at all.
Taste: TypeAlias = Callable[[int], int | None]

#: So many lanes of a shelf, and so many shelves, are compared where tastes differ.
MOST_COMPARED: Final = 256


class _Nearness(IntEnum):
    OWN = 0
    UNATTENDED = 1
    ATTENDED = 2


_OWN: Final = int(_Nearness.OWN)


class Shelf:
    """Ready cases of one signature, by level, then nearness to the worker, then collection."""

    def __init__(self, queue: ReadyQueue) -> None:
        self._queue: Final = queue
        self.lanes: Final[dict[int, Lane]] = {}
        self._heads: Final[list[tuple[int, int, int, int]]] = []
        #: The case that stands for its lane in ``_heads``; other entries of the lane are dead.
        self._stands_for: Final[dict[int, int]] = {}

    def push(self, case: int) -> bool:
        """Lay ``case`` on the shelf; say whether it is the first of its lane now."""
        queue = self._queue
        queue.where[case] = self
        segment, level = queue.segments[case], queue.levels[case]
        lane = self.lanes.setdefault(segment, [])
        heappush(lane, (level, case))
        if lane[0] != (level, case):
            return False
        self._stands_for[segment] = case
        heappush(self._heads, (level, queue.nearness(segment), case, segment))
        return True

    def head(self, segment: int | None) -> Key | None:
        """Return the key of the best case for a worker in ``segment``; None if there is none."""
        best = self.shared_head()
        own = None if segment is None else self.own_head(segment)
        return best if own is None or best is None else min(best, own)

    def own_head(self, segment: int) -> Key | None:
        """Return the key of the best case of ``segment`` for a worker that is in it."""
        lane = self.lanes.get(segment)
        head = self._lane_head(lane) if lane else None
        return None if head is None else (head[0], _OWN, head[1])

    def shared_head(self) -> Key | None:
        """The best for any worker. Entries go stale, and are mended when they come to the top."""
        heads, queue = self._heads, self._queue
        while heads:
            level, nearness, case, segment = heads[0]
            actual = self._lane_head(self.lanes[segment])
            if actual is None or self._stands_for[segment] != case:
                heappop(heads)
                continue
            attended = queue.nearness(segment)
            if actual[1] == case and attended == nearness:
                return level, nearness, case
            self._stands_for[segment] = actual[1]
            heapreplace(heads, (actual[0], attended, actual[1], segment))
        return None

    def lane_heads(self) -> Iterator[Key]:
        """Yield the keys of the best cases of some lanes, the best of all among them."""
        for _, _, case, segment in self._heads[:MOST_COMPARED]:
            head = self._lane_head(self.lanes[segment])
            if head is not None and self._stands_for[segment] == case:
                yield head[0], self._queue.nearness(segment), head[1]

    def _lane_head(self, lane: Lane) -> tuple[int, int] | None:
        where = self._queue.where
        while lane and where[lane[0][1]] is not self:
            heappop(lane)
        return lane[0] if lane else None


class _Order:
    """Heads of the shared shelves as one host sees them: what does not fit there is left out."""

    def __init__(self) -> None:
        self.heads: Final[list[tuple[Key, int]]] = []
        #: The case that stands for each shelf; other entries are dead.
        self.stands_for: Final[dict[int, int]] = {}

    def push(self, head: Key, signature: int) -> None:
        """Let ``head`` stand for the shelf of ``signature``."""
        if self.stands_for.get(signature) != head[2]:
            self.stands_for[signature] = head[2]
            heappush(self.heads, (head, signature))


class ReadyQueue:
    """All ready cases: shared ones, and for each worker those that only it may run."""

    def __init__(
        self,
        levels: Sequence[int],
        signatures: Sequence[int],
        segments: Sequence[int],
        hosts: Iterable[str] = ("",),
    ) -> None:
        """Take level, signature and segment of every case, and where there are workers."""
        self.levels: Final = levels
        self.signatures: Final = signatures
        self.segments: Final = segments
        self.where: Final[list[Shelf | None]] = [None] * len(levels)
        self._shared: Final[dict[int, Shelf]] = {}
        self._orders: Final = {host: _Order() for host in hosts}
        #: Signatures of the shared cases of each segment.
        self._in_segment: Final[dict[int, dict[int, tuple[Shelf, Lane]]]] = {}
        self._homes: Final[dict[str, dict[int, Shelf]]] = {}
        self._attendance: Final[dict[int, int]] = {}

    def add(self, case: int, home: str | None = None) -> None:
        """Let ``case`` wait for a worker, or for the worker ``home`` alone."""
        shelves = self._shared if home is None else self._homes.setdefault(home, {})
        signature = self.signatures[case]
        shelf = shelves.get(signature)
        if shelf is None:
            shelf = shelves[signature] = Shelf(self)
        if shelf.push(case) and home is None:
            segment = self.segments[case]
            self._in_segment.setdefault(segment, {})[signature] = shelf, shelf.lanes[segment]
            self.wake(signature)

    def wake(self, signature: int, host: str | None = None) -> None:
        """Look at cases of ``signature`` again, on ``host`` or everywhere: they may fit now."""
        shelf = self._shared.get(signature)
        head = shelf.shared_head() if shelf else None
        if head is not None:
            for order in self._orders.values() if host is None else (self._orders[host],):
                order.push(head, signature)

    def remove(self, case: int) -> None:
        """Forget ``case``; its place on the shelf is cleared when it comes to the front."""
        self.where[case] = None

    def forget(self, worker: str) -> None:
        """Drop the shelves of a worker that is gone; their cases have been removed before."""
        self._homes.pop(worker, None)

    @property
    def owners(self) -> tuple[str, ...]:
        """The workers that cases ever waited for alone."""
        return tuple(self._homes)

    def best(
        self,
        worker: str,
        segment: int | None,
        fits: Callable[[int, Key], bool],
        taste: Taste | None = None,
        host: str = "",
    ) -> Key | None:
        """Return the key of the case that ``worker`` on ``host`` should run next, or None.

        ``fits(signature, key)`` says whether the tokens for a case are there; it is asked of
        none that ranks after one that fits. Once it says no, it need not be asked again before
        the signature is woken there. ``taste`` decides between cases of one level that are not in the
        worker's own segment.
        """
        best: Key | None = None
        homes = self._homes.get(worker)
        if homes:
            for signature, shelf in tuple(homes.items()):
                head = shelf.head(segment)
                if head is None:
                    del homes[signature]
                elif (best is None or head < best) and fits(signature, head):
                    best = head
        if segment is not None:
            best = self._best_near(best, segment, fits)
        shared = self._best_shared(best, fits, self._orders[host])
        if taste is None or shared is None or shared is best:
            return shared
        suits = taste(shared[2])
        if suits == 0:
            return shared
        # Not all shelves are compared: what is known to fit and to suit is never passed over.
        known = [(best[0], 0, best)] if best is not None else []
        if suits is not None:
            known.append((shared[0], suits, shared))
        return self._most_suitable(min(known, default=None), fits, taste)

    def _best_near(
        self, best: Key | None, segment: int, fits: Callable[[int, Key], bool]
    ) -> Key | None:
        """Return what goes before ``best`` in the worker's own segment, or else ``best``."""
        near = self._in_segment.get(segment)
        if not near:
            return best
        where = self.where
        emptied: list[int] = []
        for signature, (shelf, lane) in near.items():
            while lane and where[lane[0][1]] is not shelf:
                heappop(lane)
            if not lane:
                emptied.append(signature)
                continue
            level, case = lane[0]
            head = (level, _OWN, case)
            if (best is None or head < best) and fits(signature, head):
                best = head
        for signature in emptied:
            del near[signature]
        return best

    def _best_shared(
        self, best: Key | None, fits: Callable[[int, Key], bool], order: _Order
    ) -> Key | None:
        """Return what goes before ``best`` on any shared shelf, or else ``best``."""
        heads, stands_for = order.heads, order.stands_for
        while heads:
            stated, signature = heads[0]
            shelf = self._shared[signature]
            head = shelf.shared_head()
            if head is None or stands_for.get(signature) != stated[2]:
                heappop(heads)
                if head is None:
                    stands_for.pop(signature, None)
            elif head != stated:
                stands_for[signature] = head[2]
                heapreplace(heads, (head, signature))
            elif best is not None and best < head:
                return best
            elif fits(signature, head):
                return head
            else:
                heappop(heads)
                del stands_for[signature]
        return best

    def _most_suitable(
        self, found: tuple[int, int, Key] | None, fits: Callable[[int, Key], bool], taste: Taste
    ) -> Key | None:
        """Return what suits best of the best level there is, or else what was ``found`` already."""
        for signature, shelf in tuple(islice(self._shared.items(), MOST_COMPARED)):
            for key in shelf.lane_heads():
                if found is not None and key[0] > found[0]:
                    continue
                suits = taste(key[2])
                if suits is None or (found is not None and (key[0], suits, key) > found):
                    continue
                if not fits(signature, key):
                    break
                found = key[0], suits, key
        return None if found is None else found[2]

    def lane_heads(self) -> Iterator[tuple[int, Key]]:
        """Yield signature and key of the best cases of some lanes of some shelves that all share."""
        for signature, shelf in tuple(islice(self._shared.items(), MOST_COMPARED)):
            for key in shelf.lane_heads():
                yield signature, key

    def best_of(self, worker: str, segment: int | None, signature: int) -> Key | None:
        """Return the best case of one signature for ``worker``, whether or not it fits."""
        heads = [
            head
            for shelves in (self._homes.get(worker), self._shared)
            if shelves and (shelf := shelves.get(signature)) and (head := shelf.head(segment))
        ]
        return min(heads, default=None)

    def heads_of(self, worker: str, segment: int | None, signature: int) -> Iterator[Key]:
        """Yield the best case of one signature for ``worker``, and the best of its own segment."""
        for shelves in (self._homes.get(worker), self._shared):
            shelf = shelves.get(signature) if shelves else None
            if shelf is not None:
                for head in (shelf.head(segment), segment is not None and shelf.own_head(segment)):
                    if head:
                        yield head

    def attend(self, old: int | None, new: int) -> None:
        """Note that a worker went from segment ``old`` to ``new``."""
        if old == new:
            return
        if old is not None:
            self.leave(old)
        self._attendance[new] = self._attendance.get(new, 0) + 1

    def leave(self, segment: int) -> None:
        """Note that a worker left ``segment``."""
        self._attendance[segment] -= 1
        if not self._attendance[segment]:
            del self._attendance[segment]

    def nearness(self, segment: int) -> int:
        """Return how ``segment`` looks to a worker that is elsewhere."""
        return _Nearness.ATTENDED if segment in self._attendance else _Nearness.UNATTENDED
