"""Tokens that are shared with other runs: what was asked for, granted and given back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, TypeAlias

from pytest_orchestra.model.events import Acquire, Command, Fixture, GiveBack
from pytest_orchestra.scheduling.pool import Demand

#: A worker and a fixture that is up on it.
Keeper: TypeAlias = tuple[str, Fixture]


class Tickets:
    """At most one case of a signature waits for others at a time, and it holds nothing meanwhile.

    Once granted, a ticket belongs to its case until that is over, and then to the fixtures that
    stay up. It is given back as a whole, when the last of them is down.
    """

    def __init__(self) -> None:
        #: What is to be said to those who share.
        self.commands: Final[list[Command]] = []
        #: Cases whose tokens are there, and that have not begun.
        self.granted: Final[dict[int, None]] = {}
        #: Most tokens in use here at a time, by resource.
        self.peak: Final[dict[str, int]] = {}
        #: How many tokens of each resource are in use here.
        self.in_use: Final[dict[str, int]] = {}
        self._asked: Final[dict[int, int]] = {}
        self._signature_of: Final[dict[int, int]] = {}
        self._wants: Final[dict[int, Demand]] = {}
        self._keepers: Final[dict[int, dict[Keeper, None]]] = {}

    def ask(self, signature: int, case: int, wants: Demand) -> None:
        """Ask for what ``case`` wants, unless another of its signature is waiting already.

        Nor does a case ask again while fixtures keep what it had when it ran before.
        """
        if signature not in self._asked and not self.has(case):
            self._asked[signature] = case
            self._signature_of[case] = signature
            self._wants[case] = wants
            self.commands.append(Acquire(case, wants))

    @property
    def are_awaited(self) -> bool:
        """Whether anything that was asked for may still come."""
        return len(self._asked) > len(self.granted)

    def grant(self, case: int) -> bool:
        """Take in that the tokens for ``case`` are there; false if nobody waits for them."""
        if case not in self._signature_of:
            return False
        self.granted[case] = None
        return True

    def cancel(self, case: int) -> bool:
        """``case`` will not run, or not with what it asked for; say whether it had asked."""
        signature = self._signature_of.pop(case, None)
        if signature is None:
            return False
        del self._asked[signature]
        self.granted.pop(case, None)
        request = Acquire(case, self._wants.pop(case))
        if request in self.commands:  # nobody has heard of it yet
            self.commands.remove(request)
        else:
            self.commands.append(GiveBack(case))
        return True

    def begin(self, case: int) -> bool:
        """``case`` uses what was granted to it, if anything was; then another may ask."""
        if case not in self.granted:
            return False
        del self.granted[case]
        del self._asked[self._signature_of.pop(case)]
        for resource, tokens in self._wants[case]:
            used = self.in_use.get(resource, 0) + tokens
            self.in_use[resource] = used
            self.peak[resource] = max(self.peak.get(resource, 0), used)
        return True

    def has(self, case: int) -> bool:
        """Whether tokens that were acquired for ``case`` are in use."""
        return case in self._wants and case not in self._signature_of

    def wants(self, case: int) -> Demand:
        """Return what was asked for, and acquired, for ``case``."""
        return self._wants[case]

    # who has them

    def keepers(self, case: int) -> Collection[Keeper]:
        """Return the fixtures that keep tokens of ``case``."""
        return self._keepers.get(case, {}).keys()

    def keep(self, case: int, keeper: Keeper) -> None:
        """``keeper`` needs the tokens of ``case`` too."""
        self._keepers.setdefault(case, {})[keeper] = None

    def end(self, case: int) -> None:
        """``case`` is over; its tokens are given back, but for what fixtures keep."""
        if self.has(case) and not self._keepers.get(case):
            self._give_back(case)

    def leave(self, case: int, keeper: Keeper) -> None:
        """``keeper`` does not need the tokens of ``case`` any more."""
        del self._keepers[case][keeper]
        if not self._keepers[case]:
            self._give_back(case)

    def kept(self, resource: str) -> Iterator[tuple[int, Collection[Keeper]]]:
        """Yield how many tokens of ``resource`` come back together, and who has to go down for it."""
        for case, keepers in self._keepers.items():
            for name, tokens in self._wants[case]:
                if name == resource:
                    yield tokens, keepers

    def _give_back(self, case: int) -> None:
        self._keepers.pop(case, None)
        for resource, tokens in self._wants.pop(case):
            self.in_use[resource] -= tokens
        self.commands.append(GiveBack(case))
