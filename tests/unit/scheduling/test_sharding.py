"""Cutting a suite into shards."""

from __future__ import annotations

import pytest

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.scheduling.sharding import Partition, split


def suite(*files: int) -> list[CaseSpec]:
    """Return cases of files that have so many tests each."""
    return [
        CaseSpec(f"test_{letter}.py::test_{number:03}")
        for letter, count in zip("abcdefgh", files, strict=False)
        for number in range(count)
    ]


def alone(specs: list[CaseSpec]) -> list[list[int]]:
    """Return that nobody waits for anybody."""
    return [[] for _ in specs]


def shards_of(specs: list[CaseSpec], partition: Partition) -> dict[str, set[int]]:
    """Return in which shards each file has tests."""
    found: dict[str, set[int]] = {}
    for spec, shard in zip(specs, partition.shard_of, strict=True):
        found.setdefault(spec.nodeid.partition("::")[0], set()).add(shard)
    return found


def test_long_tests_are_spread() -> None:
    """Shards take about as long as one another, whatever the number of tests in them."""
    specs = suite(4)
    found = split(specs, alone(specs), [9.0, 3.0, 3.0, 3.0], 2)
    assert found.seconds == (9.0, 9.0)
    assert sorted(found.sizes) == [1, 3]
    assert found.share == 9.0
    assert found.is_timed


def test_where_nothing_is_known_files_stay_together() -> None:
    """Tests count alike, and no more files are cut than must be."""
    specs = suite(10, 10, 10)
    found = split(specs, alone(specs), [None] * 30, 3)
    assert found.sizes == (10, 10, 10)
    assert shards_of(specs, found) == {"test_a.py": {1}, "test_b.py": {2}, "test_c.py": {3}}
    assert not found.is_timed


def test_small_tests_stay_with_their_file() -> None:
    """What is large is spread by length, and what is small fills up the shards in order."""
    specs = suite(500, 500, 2)
    found = split(specs, alone(specs), [*[0.01] * 1000, 6.0, 1.0], 2)
    assert max(found.seconds) <= 1.02 * found.share
    files = shards_of(specs, found)
    assert sum(map(len, files.values())) <= 5


def test_an_unknown_test_is_taken_for_a_mean_one() -> None:
    """It has a place in the balance."""
    specs = suite(3)
    found = split(specs, alone(specs), [2.0, 4.0, None], 3)
    assert sorted(found.seconds) == [2.0, 3.0, 4.0]


def test_what_cannot_be_split_is_named() -> None:
    """A unit that takes more than a share is told of, the largest first; a single test is not."""
    specs = suite(7)
    ties = [[], [0], [], [2], [], [], []]
    found = split(specs, ties, [10.0, 10.0, 15.0, 15.0, 1.0, 1.0, 12.0], 6)
    assert [(unit.cases, unit.seconds) for unit in found.oversized] == [
        ((2, 3), 30.0),
        ((0, 1), 20.0),
    ]
    assert found.share == pytest.approx(64 / 6)


def kits_by_file(specs: list[CaseSpec]) -> Kits:
    """Return kits in which each file has a fixture ``db`` of its own."""
    files = sorted({spec.nodeid.partition("::")[0] for spec in specs})
    of_case = tuple(files.index(spec.nodeid.partition("::")[0]) for spec in specs)
    fixtures = tuple(("db", file) for file in files)
    return Kits(fixtures, tuple((number,) for number in range(len(files))), of_case)


def test_users_of_an_expensive_fixture_stay_together() -> None:
    """It is set up once, where that costs no balance."""
    specs = suite(8, 8, 8, 8)
    kits = kits_by_file(specs)
    costs = {("db", f"test_{letter}.py"): 10.0 for letter in "abcd"}
    found = split(specs, alone(specs), [1.0] * 32, 2, kits, costs)
    assert all(len(each) == 1 for each in shards_of(specs, found).values())
    assert found.seconds == (36.0, 36.0)


def test_a_cheap_fixture_keeps_nobody_together() -> None:
    """What is set up in no time is no reason."""
    specs = suite(3, 1)
    costs = {("db", "test_a.py"): 0.001}
    found = split(specs, alone(specs), [2.0, 1.0, 1.0, 2.0], 2, kits_by_file(specs), costs)
    assert found.seconds == (3.0, 3.0)


def test_a_fixture_is_set_up_again_where_one_shard_would_take_too_long() -> None:
    """Its cost is weighed, and constrains nothing."""
    specs = suite(40)
    costs = {("db", "test_a.py"): 2.0}
    found = split(specs, alone(specs), [1.0] * 40, 4, kits_by_file(specs), costs)
    assert found.seconds == (12.0,) * 4


def test_a_session_fixture_is_paid_by_every_shard() -> None:
    """It is part of what they take, and keeps nothing together."""
    specs = suite(4)
    kits = Kits((("env", ""),), ((0,),), (0,) * 4)
    found = split(specs, alone(specs), [1.0] * 4, 2, kits, {("env", ""): 5.0})
    assert found.seconds == (7.0, 7.0)


def test_more_shards_than_tests() -> None:
    """Some stay empty; nothing else would be without loss."""
    specs = suite(2)
    found = split(specs, alone(specs), [1.0, 1.0], 4)
    assert sorted(found.sizes) == [0, 0, 1, 1]
    assert [found.cases(shard) for shard in range(1, 5)].count(()) == 2


def test_no_tests() -> None:
    """Nothing is cut into nothing."""
    found = split([], [], [], 3)
    assert found.sizes == (0, 0, 0)
    assert found.seconds == (0.0, 0.0, 0.0)


def test_the_digest_tells_partitions_apart() -> None:
    """It changes with the tests, the shards and what is where, and with nothing else."""
    specs = suite(4)
    one = split(specs, alone(specs), [4.0, 3.0, 2.0, 1.0], 2)
    assert one.digest == split(specs, alone(specs), [4.1, 3.1, 2.1, 1.1], 2).digest
    others = (
        split(specs, alone(specs), [1.0, 2.0, 3.0, 6.0], 2),
        split(specs, alone(specs), [4.0, 3.0, 2.0, 1.0], 3),
        split(specs[:3], alone(specs[:3]), [4.0, 3.0, 2.0], 2),
    )
    assert len({one.digest, *(other.digest for other in others)}) == 4
