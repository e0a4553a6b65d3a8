"""One of several runs that share the tests of a suite between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shard:
    """Number ``index`` of ``count`` shards, from 1."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """Which shard a run was: ``index`` of ``count``, from 1.

    ``digest`` is of the whole partition: which test is in which shard. Shards that have the same
    lose and duplicate no test. ``sizes`` are the tests and ``seconds`` the predicted seconds of each
    shard; where nothing was known of any test (not ``is_timed``) each counts as one second.
    """

    index: int
    count: int
    digest: str
    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    is_timed: bool = True

    @property
    def collected(self) -> int:
        """The number of tests in all shards together."""
        return sum(self.sizes)


def misfits(shards: Sequence[ShardRecord]) -> Iterator[str]:
    """Yield why ``shards`` are not all of one partition; nothing if they prove to be.

    The same shard may be there several times, since a run may be repeated.
    """
    counts = sorted({shard.count for shard in shards})
    if len(counts) > 1:
        yield f"they are of different numbers of shards: {', '.join(map(str, counts))}"
        return
    missing = sorted(set(range(1, max(counts, default=0) + 1)) - {each.index for each in shards})
    if missing:
        yield f"missing of {counts[0]} shards: {', '.join(map(str, missing))}"
    digests = Counter(shard.digest for shard in shards)
    if len(digests) > 1:
        usual = max(digests, key=lambda digest: (digests[digest], digest))
        others = ", ".join(
            f"{shard.index} ({shard.digest})" for shard in shards if shard.digest != usual
        )
        yield (
            f"cut otherwise than the rest ({usual}): {others}; tests may be lost or there twice, so "
            "give all shards the same tests and the same durations"
        )
