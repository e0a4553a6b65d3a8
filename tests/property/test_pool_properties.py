"""The pool against a model that remembers who holds what and adds up from scratch.

Not checked: claims for more than there is, and amounts below one; they never come so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engines import make_pool
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pytest_orchestra.model.capacity import UNBOUNDED
from pytest_orchestra.model.case import Claim, Mode
from pytest_orchestra.scheduling.pool import EXCLUSIVE

CAPACITIES: Final = {"db": 4, "gpu": 1, "schema": UNBOUNDED}

COUNTS: Final = st.one_of(
    st.builds(Claim, st.just("db"), st.integers(1, 4)), st.just(Claim("gpu", 1))
)
LOCKS: Final = st.builds(
    Claim, st.sampled_from(("db", "schema")), mode=st.sampled_from((Mode.READ, Mode.WRITE))
)
WISHES: Final = st.tuples(
    st.lists(st.one_of(COUNTS, LOCKS), max_size=3, unique_by=lambda claim: claim.resource),
    st.sampled_from((False, False, False, True)),
)


class Model:
    """One resource: everybody's claims on it, in a list."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.claims: dict[int, Claim] = {}

    def has_room(self, claim: Claim, keep: int) -> bool:
        """Whether ``claim`` can be met so that ``keep`` tokens are left."""
        if claim.mode is Mode.WRITE:
            return not self.claims and not keep
        wanted = claim.amount if claim.mode is Mode.COUNT else 1
        return self.used + wanted + keep <= self.capacity

    @property
    def used(self) -> int:
        """The tokens that are out."""
        if any(claim.mode is Mode.WRITE for claim in self.claims.values()):
            return self.capacity
        counts = [claim.amount for claim in self.claims.values() if claim.mode is Mode.COUNT]
        return sum(counts) + sum(claim.mode is Mode.READ for claim in self.claims.values())


class PoolMachine(RuleBasedStateMachine):
    """Holders come and go; each asks first, and most take only what they may."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = make_pool(**CAPACITIES)
        self.model = {name: Model(each) for name, each in self.pool.capacities.items()}
        self.holders: list[int] = []
        self.next = 0

    @rule(wish=WISHES, keep=st.one_of(st.none(), WISHES))
    def ask(self, wish: tuple[list[Claim], bool], keep: tuple[list[Claim], bool] | None) -> None:
        """A demand fits exactly if there is room for each claim; else one is named that lacks."""
        claims, alone = wish
        demand = self.pool.demand(claims, alone=alone)
        kept = None if keep is None else dict(self.pool.demand(keep[0], alone=keep[1]))
        short = self.short_of(claims, alone=alone, kept=kept or {})
        lacking = self.pool.lacks(demand, kept)
        assert lacking in short if short else lacking is None
        if not short:
            self.take(wish)

    def take(self, wish: tuple[list[Claim], bool]) -> None:
        """Let a new holder have what it wants."""
        claims, alone = wish
        self.pool.take(self.next, self.pool.demand(claims, alone=alone))
        for claim in self.with_exclusive(claims, alone=alone):
            self.model[claim.resource].claims[self.next] = claim
        self.holders.append(self.next)
        self.next += 1

    @precondition(lambda self: self.holders)
    @rule(pick=st.integers(0, 1000))
    def give_back(self, pick: int) -> None:
        """A holder gives back all that it has."""
        holder = self.holders.pop(pick % len(self.holders))
        returned = self.pool.give_back(holder)
        had = [name for name, each in self.model.items() if each.claims.pop(holder, None)]
        assert sorted(had) == [name for name, _ in returned]

    @invariant()
    def books_agree(self) -> None:
        """Nothing is overdrawn, and everybody is known who holds anything."""
        for name, model in self.model.items():
            assert 0 <= model.used <= model.capacity
            assert self.pool.holders(name) == tuple(sorted(model.claims))
            out = len(model.claims) if model.capacity == UNBOUNDED else model.used
            assert self.pool.peak[name] >= out
        assert self.pool.idle == (not self.holders)

    def teardown(self) -> None:
        """When all have given back, there is room for whoever wants everything."""
        for holder in self.holders:
            self.pool.give_back(holder)
        everything = [Claim(name, mode=Mode.WRITE) for name in CAPACITIES]
        assert self.pool.lacks(self.pool.demand(everything, alone=True)) is None

    def short_of(self, claims: list[Claim], *, alone: bool, kept: Mapping[str, int]) -> list[str]:
        """Return the resources in which there is no room."""
        return [
            claim.resource
            for claim in self.with_exclusive(claims, alone=alone)
            if not self.model[claim.resource].has_room(claim, kept.get(claim.resource, 0))
        ]

    def with_exclusive(self, claims: list[Claim], *, alone: bool) -> list[Claim]:
        """Add the lock that a case writes which runs alone, and all others read."""
        return [*claims, Claim(EXCLUSIVE, mode=Mode.WRITE if alone else Mode.READ)]


PoolMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestPool = PoolMachine.TestCase
