"""Partitions of random suites. Not checked here: how well expensive fixtures are kept together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.fixtures import NEGLIGIBLE, Kits
from pytest_orchestra.scheduling.sharding import Partition, split
from pytest_orchestra.scheduling.units import find_units

#: How much longer than the best possible the longest shard may be (Graham, 1969).
GRAHAM = 4 / 3


@dataclass(frozen=True)
class Suite:
    """What is cut: ``uses`` are the fixtures of each case, by name and scope."""

    specs: list[CaseSpec]
    ties: list[list[int]]
    seconds: list[float | None]
    uses: list[frozenset[tuple[str, str]]]
    costs: dict[tuple[str, str], float]

    def cut(self, shards: int) -> Partition:
        """Return the partition, by fixtures numbered in the order in which they are come upon."""
        numbers: dict[tuple[str, str], int] = {}
        kits = [
            tuple(sorted(numbers.setdefault(each, len(numbers)) for each in sorted(used)))
            for used in self.uses
        ]
        return split(
            self.specs,
            self.ties,
            self.seconds,
            shards,
            Kits(tuple(numbers), tuple(kits), tuple(range(len(kits)))),
            self.costs,
        )

    def in_order(self, order: Sequence[int]) -> Suite:
        """Return the same suite, collected in another order."""
        place = {case: number for number, case in enumerate(order)}
        return Suite(
            [self.specs[case] for case in order],
            [[place[each] for each in self.ties[case]] for case in order],
            [self.seconds[case] for case in order],
            [self.uses[case] for case in order],
            self.costs,
        )

    @property
    def units(self) -> list[tuple[int, ...]]:
        """What hangs together."""
        return find_units(self.specs, self.ties)


@st.composite
def suites(draw: st.DrawFn, *, most: int = 25, has_fixtures: bool = True) -> Suite:
    """Draw a suite, whose dependencies may go in circles."""
    count = draw(st.integers(1, most))
    group = st.sampled_from([None, None, None, "g", "h"])
    specs = [
        CaseSpec(f"test_{number % 3}.py::test_{number}", group=draw(group))
        for number in range(count)
    ]
    case = st.integers(0, count - 1)
    edges = draw(st.lists(st.tuples(case, case), max_size=count // 2))
    ties = [[b for a, b in edges if a == number] for number in range(count)]
    second = st.none() | st.sampled_from([0.0, 0.001, 0.2, 1.0, 1.5, 4.0, 30.0])
    seconds = draw(st.lists(second, min_size=count, max_size=count))
    fixture = st.sampled_from(
        [("db", "test_0.py"), ("db", "test_1.py"), ("a", "test_1.py"), ("s", "")]
    )
    kit = st.frozensets(fixture, max_size=2) if has_fixtures else st.just(frozenset())
    uses = draw(st.lists(kit, min_size=count, max_size=count))
    cost = st.sampled_from([0.001, 0.5, 3.0])
    costs = draw(st.dictionaries(fixture, cost)) if has_fixtures else {}
    return Suite(specs, ties, seconds, uses, costs)


shards_wanted = st.integers(1, 7)


@settings(deadline=None)
@given(suites(), shards_wanted)
def test_no_test_is_lost_or_duplicated(suite: Suite, shards: int) -> None:
    """The shards together are the suite, and no two have a test in common."""
    found = suite.cut(shards)
    cases = [case for shard in range(1, shards + 1) for case in found.cases(shard)]
    assert sorted(cases) == list(range(len(suite.specs)))
    assert found.sizes == tuple(len(found.cases(shard)) for shard in range(1, shards + 1))


@settings(deadline=None)
@given(suites(), shards_wanted)
def test_what_hangs_together_stays_together(suite: Suite, shards: int) -> None:
    """Nobody is in another shard than what it waits for, or than the rest of its group."""
    found = suite.cut(shards).shard_of
    assert all(found[a] == found[b] for a, each in enumerate(suite.ties) for b in each)
    for group in ("g", "h"):
        assert (
            len({found[case] for case, spec in enumerate(suite.specs) if spec.group == group}) < 2
        )


@settings(deadline=None)
@given(suites(), shards_wanted)
def test_no_shard_is_empty_without_need(suite: Suite, shards: int) -> None:
    """As many shards have tests as there are units, at most all."""
    assert sum(map(bool, suite.cut(shards).sizes)) == min(shards, len(suite.units))


@settings(deadline=None)
@given(suites(), shards_wanted, st.randoms(use_true_random=False))
def test_the_order_of_the_collection_does_not_matter(
    suite: Suite, shards: int, random: Sequence[int]
) -> None:
    """Every shard finds the same partition, in whatever order it collected."""
    order = list(range(len(suite.specs)))
    random.shuffle(order)  # type: ignore[attr-defined]
    found, other = suite.cut(shards), suite.in_order(order).cut(shards)
    assert [found.shard_of[case] for case in order] == list(other.shard_of)
    assert (found.digest, found.seconds) == (other.digest, other.seconds)


@settings(deadline=None)
@given(suites(), shards_wanted)
def test_shards_take_what_is_said(suite: Suite, shards: int) -> None:
    """That is the sum of their tests, and once what each of their expensive fixtures costs."""
    found = suite.cut(shards)
    known = [each for each in suite.seconds if each is not None]
    mean = sum(known) / len(known) if known else 1.0
    for shard in range(1, shards + 1):
        cases = found.cases(shard)
        fixtures = {each for case in cases for each in suite.uses[case]}
        costs = (suite.costs.get(each, 0.0) for each in fixtures)
        tests = sum(mean if (each := suite.seconds[case]) is None else each for case in cases)
        expected = tests + sum(cost for cost in costs if cost >= NEGLIGIBLE)
        assert found.seconds[shard - 1] == pytest.approx(expected, abs=1e-4)


@settings(deadline=None)
@given(suites(most=7, has_fixtures=False), st.integers(1, 3))
def test_the_longest_shard_is_near_the_shortest_possible(suite: Suite, shards: int) -> None:
    """It takes at most four thirds of that, without fixtures; found by trying all partitions."""
    found = suite.cut(shards)
    known = [each for each in suite.seconds if each is not None]
    mean = sum(known) / len(known) if known else 1.0
    of_case = [mean if each is None else each for each in suite.seconds]
    weights = [sum(of_case[case] for case in unit) for unit in suite.units]
    best = min(
        max(
            sum(weight for weight, where in zip(weights, places, strict=True) if where == shard)
            for shard in range(shards)
        )
        for places in product(range(shards), repeat=len(weights))
    )
    assert max(found.seconds) <= GRAHAM * best + 1e-4
