"""Who waits for whom: the dependencies of a run, its critical path, and what each failure blocked."""

from __future__ import annotations

from collections import defaultdict, deque
from functools import cached_property

from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.verdict import Verdict


class Causes:
    """The dependencies of a run as a graph of case numbers."""

    def __init__(self, run: RunRecord) -> None:
        self._run = run

    @cached_property
    def prerequisites(self) -> tuple[tuple[int, ...], ...]:
        """What each case comes after."""
        return tuple(
            tuple(dict.fromkeys(other for need in case.requirements for other in need.cases))
            for case in self._run.cases
        )

    @cached_property
    def dependants(self) -> dict[int, list[int]]:
        """What comes after each case that something comes after."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for number, others in enumerate(self.prerequisites):
            for other in others:
                found[other].append(number)
        return dict(found)

    @cached_property
    def blocked_by(self) -> dict[int, list[int]]:
        """The blocked cases by the case at the root of it."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for number, case in enumerate(self._run.cases):
            if (
                case.verdict is Verdict.BLOCKED
                and case.cause is not None
                and case.cause.case is not None
            ):
                found[case.cause.case].append(number)
        return dict(found)

    @cached_property
    def critical_path(self) -> tuple[int, ...]:
        """The chain of dependencies that takes longest, by what its tests took, in their order."""
        best: dict[int, float] = {}
        via: dict[int, int] = {}
        left = [len(others) for others in self.prerequisites]
        ready = deque(number for number, amount in enumerate(left) if not amount)
        while ready:
            number = ready.popleft()
            seconds = best.get(number, 0.0) + (self._run.cases[number].seconds or 0.0)
            best[number] = seconds
            for other in self.dependants.get(number, ()):
                if seconds > best.get(other, 0.0):
                    best[other], via[other] = seconds, number
                left[other] -= 1
                if not left[other]:
                    ready.append(other)
        if not best:
            return ()
        path = [max(best, key=lambda number: (best[number], -number))]
        while path[-1] in via:
            path.append(via[path[-1]])
        return tuple(reversed(path))

    @property
    def critical_seconds(self) -> float:
        """How long the critical path is."""
        return sum(self._run.cases[number].seconds or 0.0 for number in self.critical_path)
