"""What cases are expected to cost, improved by what the run itself shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from pytest_orchestra.scheduling.fixtures import Fixtures

#: Weight of the newest duration in a running mean: a mean follows within about five cases.
NEWEST: Final = 0.3


class Estimates:
    """Expected seconds per case.

    ``segments`` numbers the segment of each case: neighbours in the collection that share a
    module. ``known`` are durations from earlier runs, None where there is none. A case of
    which nothing is known is expected to cost what its segment cost so far in this run, or
    what cases cost in general. ``fixtures`` are those that cases share.
    """

    def __init__(
        self,
        segments: Sequence[int],
        known: Sequence[float | None],
        fixtures: Fixtures | None = None,
    ) -> None:
        self.fixtures: Final = fixtures or Fixtures()
        self.segments: Final = segments
        self.known: Final = known
        self._of_segment: Final[dict[int, float]] = {}
        self._of_any = math.inf

    def expected(self, case: int) -> float:
        """Return the expected seconds of ``case``; infinity where nothing is known of any."""
        known = self.known[case]
        if known is not None:
            return known
        return self._of_segment.get(self.segments[case], self._of_any)

    @property
    def typical(self) -> float:
        """What cases of this run took lately, in seconds; infinity where none has ended."""
        return self._of_any

    def learn(self, case: int, seconds: float) -> None:
        """Take in that ``case`` took ``seconds``."""
        segment = self.segments[case]
        self._of_segment[segment] = _blend(self._of_segment.get(segment, math.inf), seconds)
        self._of_any = _blend(self._of_any, seconds)


def _blend(mean: float, newest: float) -> float:
    return newest if math.isinf(mean) else mean + NEWEST * (newest - mean)


def number_segments(places: Sequence[str]) -> tuple[int, ...]:
    """Number the segments of a collection: neighbours with the same place share a number."""
    numbers: list[int] = []
    number = -1
    last: str | None = None
    for place in places:
        if place != last:
            number += 1
            last = place
        numbers.append(number)
    return tuple(numbers)
