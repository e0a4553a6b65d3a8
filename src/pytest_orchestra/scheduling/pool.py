"""Tokens: what fits, who holds what, and what each resource was used for."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from pytest_orchestra.model.capacity import UNBOUNDED, Capacity, Scope
from pytest_orchestra.model.case import Claim, Hold, Mode
from pytest_orchestra.scheduling.capacity import Stock
from pytest_orchestra.scheduling.instances import Instances, SharedInstances

#: The lock behind ``resources("*")``: every case reads it, one that runs alone writes it.
EXCLUSIVE: Final = "*"

#: Tokens per resource, sorted by name.
Demand: TypeAlias = tuple[tuple[str, int], ...]


class Pool:
    """Counted tokens. A reader takes one, a writer takes all: one arithmetic for every mode.

    Demands are met all or nothing, so nobody waits for one thing while it holds another and
    no deadlock is possible. What each host has for itself is counted under a name of its own.
    """

    def __init__(self, stock: Stock) -> None:
        """Take what there is of every resource that will be claimed."""
        self.stock: Final = stock
        counted = tuple(_counted(stock))
        found = {key: capacity for key, _, capacity in counted}
        self._resource_of: Final = {key: resource for key, resource, _ in counted}
        self.capacities: Final = {
            **{key: capacity.tokens for key, capacity in found.items()},
            EXCLUSIVE: UNBOUNDED,
        }
        self._capacity_of: Final = found
        self._free: Final = dict(self.capacities)
        self._held: Final[dict[Hashable, Demand]] = {}
        self._holders: Final = dict.fromkeys(self.capacities, 0)
        self._instances: Final = {
            key: Instances(capacity.tokens)
            if capacity.slots == 1
            else SharedInstances(capacity.instances, capacity.slots)
            for key, capacity in found.items()
            if capacity.is_numbered
        }
        self._has: Final[dict[Hashable, dict[str, tuple[int, ...]]]] = {}
        #: What several may use one instance of: free tokens do not tell how many are free.
        self._shared: Final = {
            key: self._instances[key]
            for key, capacity in found.items()
            if capacity.slots > 1 and key in self._instances
        }
        #: Most tokens out at a time; of a resource without bounds, most holders at a time.
        self.peak: Final = dict.fromkeys(self.capacities, 0)

    def demand(
        self,
        claims: Iterable[Claim],
        *,
        alone: bool,
        holds: Iterable[Hold] = (),
        host: str = "",
    ) -> Demand:
        """Return what a case with these claims takes on ``host``, the lock of all included.

        Of a resource that its fixtures hold too it takes what it claims, or what they hold
        in all if that is more. What is shared with other runs is left out.
        """
        tokens = self._merge(claims, holds, host, is_outside=False)
        tokens[EXCLUSIVE] = UNBOUNDED if alone else 1
        return tuple(sorted(tokens.items()))

    def outside(self, claims: Iterable[Claim], holds: Iterable[Hold] = ()) -> Demand:
        """Return what a case takes of that which is shared with other runs."""
        return tuple(sorted(self._merge(claims, holds, "", is_outside=True).items()))

    def kept(self, hold: Hold, host: str) -> Demand:
        """Return what a fixture keeps on ``host`` while it is up."""
        return tuple(sorted(self._merge(hold.claims, (), host, is_outside=False).items()))

    def _merge(
        self, claims: Iterable[Claim], holds: Iterable[Hold], host: str, *, is_outside: bool
    ) -> dict[str, int]:
        tokens = dict(self._tokens(claims, host, is_outside=is_outside))
        held: dict[str, int] = {}
        for hold in holds:
            for key, amount in self._tokens(hold.claims, host, is_outside=is_outside):
                held[key] = min(held.get(key, 0) + amount, self._all_of(key))
        for key, amount in held.items():
            tokens[key] = max(tokens.get(key, 0), amount)
        return tokens

    def _tokens(
        self, claims: Iterable[Claim], host: str, *, is_outside: bool
    ) -> Iterator[tuple[str, int]]:
        for claim in claims:
            capacity = self.stock.capacities[claim.resource]
            if (capacity.scope is Scope.MACHINE) is is_outside:
                key = self.stock.key(claim.resource, host)
                match claim.mode:
                    case Mode.COUNT:
                        yield key, claim.amount
                    case Mode.READ:
                        yield key, 1
                    case _:
                        yield key, self._all_of(key)

    def _all_of(self, key: str) -> int:
        """Return what a writer takes: never nothing, so that it finds out where there is none."""
        known = self.capacities.get(key)
        return max(1, self.stock.capacities[key].tokens if known is None else known)

    def lacks(self, demand: Demand, keep: Mapping[str, int] | None = None) -> str | None:
        """Return a resource of which there is too little for ``demand`` now, or None if it fits.

        ``keep`` is what must stay free for somebody else.
        """
        free = self._free
        if keep is None:
            for resource, tokens in demand:
                if free[resource] < tokens:
                    return resource
        else:
            for resource, tokens in demand:
                if free[resource] - tokens < keep.get(resource, 0):
                    return resource
        return self._lacks_instances(demand, keep or {}) if self._shared else None

    def fits_times(self, demand: Demand, most: int) -> int:
        """Return how many cases with this ``demand`` could have it now, at ``most`` so many."""
        free = self._free
        return min((most, *(free[resource] // tokens for resource, tokens in demand if tokens)))

    def _lacks_instances(self, demand: Demand, keep: Mapping[str, int]) -> str | None:
        """Count instances: whoever takes a few wants different ones."""
        for resource, tokens in demand:
            instances = self._shared.get(resource)
            if instances is None or tokens > instances.count:
                continue
            if instances.free - tokens < min(keep.get(resource, 0), instances.count):
                return resource
        return None

    def short_of(self, demand: Demand) -> dict[str, int]:
        """Return how many tokens, or else instances, of each resource ``demand`` lacks now."""
        free = self._free
        short = {
            resource: tokens - free[resource]
            for resource, tokens in demand
            if free[resource] < tokens
        }
        for resource, tokens in demand if self._shared else ():
            instances = self._shared.get(resource)
            if instances is not None and instances.free < tokens <= instances.count:
                short[resource] = max(short.get(resource, 0), tokens - instances.free)
        return short

    def has_slots(self, resource: str) -> bool:
        """Whether several may use one instance of ``resource``."""
        return resource in self._shared

    def take(self, holder: Hashable, demand: Demand) -> None:
        """Let ``holder`` have what ``demand`` says; it must fit and hold nothing yet."""
        assert holder not in self._held, f"{holder} holds tokens already"  # noqa: S101
        free, holders, peak = self._free, self._holders, self.peak
        has: dict[str, tuple[int, ...]] = {}
        for resource, tokens in demand:
            left = free[resource] - tokens
            assert left >= 0, f"{resource} is overdrawn"  # noqa: S101
            free[resource] = left
            holders[resource] += 1
            capacity = self.capacities[resource]
            used = holders[resource] if capacity == UNBOUNDED else capacity - left
            peak[resource] = max(peak[resource], used)
            if resource in self._instances:
                has[resource] = self._instances[resource].take(tokens)
        if has:
            self._has[holder] = has
        self._held[holder] = demand

    def give_back(self, holder: Hashable) -> Demand:
        """Take back all that ``holder`` has, and return it."""
        demand = self._held.pop(holder)
        for resource, tokens in demand:
            self._free[resource] += tokens
            self._holders[resource] -= 1
        if holder in self._has:
            for resource, instances in self._has.pop(holder).items():
                self._instances[resource].give_back(instances)
        return demand

    def hand_over(self, holder: Hashable, heir: Hashable, demand: Demand) -> None:
        """Let ``heir`` have so much of what ``holder`` has, which keeps the rest."""
        left = dict(self._held[holder])
        gets = dict(self._held.get(heir, ()))
        has = self._has.get(holder, {})
        for resource, tokens in demand:
            rest = left.pop(resource) - tokens
            assert rest >= 0, f"{holder} has less of {resource}"  # noqa: S101
            if rest:
                left[resource] = rest
            self._holders[resource] += bool(rest) - (resource in gets)
            gets[resource] = gets.get(resource, 0) + tokens
            if resource in has:
                mine = has.pop(resource)
                theirs = self._has.setdefault(heir, {})
                theirs[resource] = (*theirs.get(resource, ()), *mine[:tokens])
                if rest:
                    has[resource] = mine[tokens:]
        self._held[holder] = tuple(sorted(left.items()))
        self._held[heir] = tuple(sorted(gets.items()))

    def in_use(self, resource: str) -> int:
        """Return how many tokens of ``resource`` are out; of a resource without bounds, how many hold some."""
        capacity = self.capacities[resource]
        if capacity == UNBOUNDED:
            return self._holders[resource]
        return capacity - self._free[resource]

    def holders(self, resource: str) -> tuple[int, ...]:
        """Return the cases that hold tokens of ``resource``, in ascending order."""
        return tuple(
            sorted(
                holder
                for holder, demand in self._held.items()
                if isinstance(holder, int) and any(name == resource for name, _ in demand)
            )
        )

    def names(self, holder: Hashable) -> dict[str, tuple[str, ...]]:
        """Return the names of the instances that ``holder`` has of each resource."""
        return {
            resource: self.name(resource, instances)
            for resource, instances in self._has.get(holder, {}).items()
        }

    def resource_of(self, key: str) -> str:
        """Return which resource is counted under ``key``."""
        return self._resource_of.get(key, key)

    def held(self, holder: Hashable) -> Demand:
        """Return what ``holder`` has; nothing if it is not known."""
        return self._held.get(holder, ())

    def name(self, resource: str, instances: Sequence[int]) -> tuple[str, ...]:
        """Return the names of ``instances``, each once."""
        names = self._capacity_of[resource].names
        return tuple(names[each] if names else str(each) for each in dict.fromkeys(instances))

    @property
    def idle(self) -> bool:
        """Whether no case holds anything."""
        return self._free[EXCLUSIVE] == UNBOUNDED


def _counted(stock: Stock) -> Iterator[tuple[str, str, Capacity]]:
    """Yield key, resource and capacity of what is counted here; what is shared with other runs is counted for all of them."""
    for resource, capacity in stock.capacities.items():
        if capacity.scope is Scope.RUN:
            yield resource, resource, capacity
        elif capacity.scope is Scope.HOST:
            for host in stock.hosts or ("",):
                yield stock.key(resource, host), resource, stock.on(resource, host)
