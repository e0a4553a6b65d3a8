from __future__ import annotations

from dataclasses import replace

import pytest
from runs import became, run_of, shards_of

from pytest_orchestra.merging.combine import combine
from pytest_orchestra.merging.fitting import duplicates, losses, mark_losses


def test_shards_that_fit_have_lost_nothing() -> None:
    """Whether they are merged yet or not, and beside runs that are no shards."""
    runs = shards_of(2, 3, 1)
    assert not list(losses(runs))
    assert not list(losses([combine(runs)]))
    assert not list(losses([combine(runs[:2]), runs[2]]))
    assert not list(losses([run_of(became("test"))]))
    assert not list(duplicates(runs))


def test_missing_shards_are_named() -> None:
    """By their numbers."""
    runs = shards_of(1, 1, 1, 1)
    assert list(losses([runs[0], runs[2]])) == ["missing of 4 shards: 2, 4"]
    assert list(losses([combine(runs[:2])])) == ["missing of 4 shards: 3, 4"]


def test_shards_that_were_cut_otherwise_are_named() -> None:
    """Tests may be lost or there twice."""
    runs = [*shards_of(1, 1, 1)[:2], shards_of(1, 1, 1, digest="d2")[2]]
    (text,) = losses(runs)
    assert "3 (d2)" in text


def test_a_shard_without_some_of_its_tests_is_named() -> None:
    """With how many it should have."""
    one, two = shards_of(2, 2)
    assert list(losses([one, replace(two, cases=two.cases[:1])])) == [
        "shard 2 has 1 tests, and should have 2"
    ]


@pytest.mark.parametrize("index", [0, -1, 3])
def test_a_record_that_does_not_know_its_own_shard_is_named(index: int) -> None:
    """A file may be damaged, or made by anybody."""
    run = shards_of(1, 1)[0]
    assert run.shard is not None
    odd = replace(run, shard=replace(run.shard, index=index))
    assert (
        f"shard {index} is none of the 2 whose sizes its record has: write it again, or restore it"
        in list(losses([odd]))
    )


def test_tests_in_two_shards_are_named() -> None:
    """But not those of one that was repeated."""
    one, two = shards_of(2, 2)
    assert list(duplicates([one, replace(two, cases=one.cases)])) == [
        "in shard 1 and in shard 2: a.py::test_0, a.py::test_1"
    ]
    assert not list(duplicates([one, two, replace(two, uuid="again")]))


def test_what_is_lacking_is_said_until_it_is_there() -> None:
    """Behind why a run was stopped."""
    run = replace(run_of(), stopped="-x")
    marked = mark_losses(run, ["missing of 4 shards: 2", "and more; much"])
    assert marked.stopped == "-x; incomplete: missing of 4 shards: 2; and more; much"
    assert mark_losses(marked, ["other"]).stopped == "-x; incomplete: other"
    assert mark_losses(marked, []) == run
    assert mark_losses(mark_losses(run_of(), ["lost"]), []).stopped is None
