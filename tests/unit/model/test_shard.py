"""Whether shards are all of one partition."""

from __future__ import annotations

import pytest

from pytest_orchestra.model.shard import ShardRecord, misfits


def shard(index: int, count: int = 3, digest: str = "same") -> ShardRecord:
    """Return the record of a shard."""
    return ShardRecord(index, count, digest, (4, 5, 6), (1.0, 1.0, 1.0))


def test_all_shards_of_one_partition_fit() -> None:
    """In whatever order they are, and if one was run again."""
    assert not list(misfits([shard(3), shard(1), shard(2), shard(1)]))
    assert shard(1).collected == 15


def test_none_fit() -> None:
    """Where there are no shards nothing is missing."""
    assert not list(misfits([]))


@pytest.mark.parametrize(
    ("shards", "complaint"),
    [
        ([shard(1), shard(3)], "missing of 3 shards: 2"),
        ([shard(1), shard(2, 4)], "they are of different numbers of shards: 3, 4"),
        (
            [shard(1), shard(2, digest="other"), shard(3)],
            "cut otherwise than the rest (same): 2 (other)",
        ),
    ],
)
def test_what_does_not_fit_is_named(shards: list[ShardRecord], complaint: str) -> None:
    """A shard that is missing, one too many, or one that cut otherwise."""
    (found,) = misfits(shards)
    assert found.startswith(complaint)
