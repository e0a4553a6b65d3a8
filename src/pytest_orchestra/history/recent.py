"""The most recent outcomes of one test, or costs of one fixture, in a few bytes.

Each entry holds, little-endian and without padding, the start of the run (float64, seconds since
the epoch), the seconds that it took (float32), the outcome (uint8) and the number of the environment
(int32). They are sorted, oldest first, so that two histories of the same runs hold the same
however they came to know of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Final, TypeAlias

from pytest_orchestra.model.verdict import Verdict

#: So many are kept: older ones have next to no weight in any estimate.
KEPT: Final = 12

_ENTRY: Final = Struct("<dfBi")

#: Start of the run, seconds, number of the outcome, number of the environment.
Entry: TypeAlias = tuple[float, float, int, int]

#: The numbers that stand for outcomes; never changed, only added to.
OUTCOMES: Final[tuple[Verdict, ...]] = (
    Verdict.PASSED,
    Verdict.FAILED,
    Verdict.ERROR,
    Verdict.SKIPPED,
    Verdict.XFAILED,
    Verdict.XPASSED,
)
NUMBERS: Final = {verdict: number for number, verdict in enumerate(OUTCOMES)}

#: The numbers of those that make a run fail.
FAILURES: Final = frozenset({NUMBERS[Verdict.FAILED], NUMBERS[Verdict.ERROR]})


def unpack(recent: bytes) -> list[Entry]:
    """Return the entries, oldest first; raises struct.error for what cannot be entries."""
    return list(_ENTRY.iter_unpack(recent))


def extend(recent: bytes, entries: Iterable[Entry]) -> bytes:
    """Return ``recent`` with more entries, of which the newest are kept."""
    every = sorted([*_ENTRY.iter_unpack(recent), *entries]) if recent else sorted(entries)
    return b"".join([_ENTRY.pack(*entry) for entry in every[-KEPT:]])
