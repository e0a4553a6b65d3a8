"""How much there is of a resource, and which of it somebody gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Supply:
    """What one run takes a resource to be; another run may have declared it otherwise.

    ``capacity`` is in tokens, or bytes for a quantity. A resource with ``instances`` has
    ``slots`` tokens for each of them.
    """

    capacity: int
    instances: tuple[str, ...] = ()
    slots: int = 1

    @classmethod
    def of(cls, declared: int | Sequence[str], slots: int = 1) -> Supply:
        """Return the supply of so many tokens, or of instances with these names.

        With more than one slot a number counts instances, which are named 0, 1 and so on.
        Raises ValueError for what is no supply.
        """
        names = (
            tuple(map(str, range(declared if slots > 1 else 0)))
            if isinstance(declared, int)
            else tuple(declared)
        )
        capacity = len(names) * slots if names else declared
        if not isinstance(capacity, int) or min(capacity, slots) < 1:
            raise ValueError(f"{declared!r} with {slots} slots is no supply")
        if len(set(names)) < len(names):
            raise ValueError(f"{declared!r} names an instance twice")
        return cls(capacity, names, slots)

    def suffices(self, amount: int) -> bool:
        """Whether a claim of ``amount`` can be met when nobody else holds anything.

        On instances it takes a slot on as many different ones, or else everything.
        """
        most = len(self.instances) if self.instances else self.capacity
        return 1 <= amount <= most or amount == self.capacity

    def choose(self, amount: int, out: int, taken: Mapping[str, int]) -> tuple[str, ...] | None:
        """Return the instances for a claim of ``amount``, one for each slot; None: too little.

        ``out`` is what others hold altogether and ``taken`` the slots that they hold on each
        instance, whoever declared it. Those used least come first. Without instances: ().
        """
        if out + amount > self.capacity:
            return None
        if not self.instances:
            return ()
        if amount == self.capacity:
            return self.instances * self.slots
        free = [each for each in self.instances if taken.get(each, 0) < self.slots]
        free.sort(key=lambda each: taken.get(each, 0))
        return tuple(free[:amount]) if len(free) >= amount else None
