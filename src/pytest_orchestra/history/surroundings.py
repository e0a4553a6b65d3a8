"""What went on around a test while it ran, from when and where all tests of that run did: pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class Span:
    """One attempt of a test: on which worker, from when to when, in seconds since the epoch.

    ``claims`` are the names of the resources that the test claims.
    """

    nodeid: str
    worker: str
    began: float
    ended: float
    claims: tuple[str, ...] = ()


class Scene:
    """All ``spans`` of one run."""

    def __init__(self, spans: Iterable[Span]) -> None:
        workers: dict[str, list[Span]] = {}
        for span in sorted(spans, key=attrgetter("began")):
            workers.setdefault(span.worker, []).append(span)
        self._workers = workers
        self._began = {name: [span.began for span in each] for name, each in workers.items()}

    def before(self, worker: str, began: float) -> frozenset[str]:
        """Return the tests that had begun earlier in the process of ``worker``."""
        number = bisect_left(self._began.get(worker, []), began)
        return frozenset([span.nodeid for span in self._workers.get(worker, [])[:number]])

    def beside(self, worker: str, began: float, ended: float) -> Sequence[Span]:
        """Return what ran on other workers meanwhile."""
        return [
            span
            for name, spans in self._workers.items()
            if name != worker
            for span in self._overlapping(name, spans, began, ended)
        ]

    def _overlapping(
        self, worker: str, spans: Sequence[Span], began: float, ended: float
    ) -> Iterator[Span]:
        # A worker runs one test at a time: of those that began before only the last may go on.
        starts = self._began[worker]
        first = max(bisect_right(starts, began) - 1, 0)
        yield from (
            span for span in spans[first : bisect_left(starts, ended)] if span.ended > began
        )
