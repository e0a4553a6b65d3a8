"""Tokens that are shared with other runs: what was asked for, granted and given back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pytest_orchestra.model.events import Acquire, Command, GiveBack
from pytest_orchestra.scheduling.pool import Demand

#: A worker and a fixture that is up on it.
Keeper = tuple[str, tuple[str, str]]


class Tickets:
    """At most one case of a signature waits for others at a time, and it holds nothing meanwhile.

    Once granted, a ticket belongs to its case until that is over, and then to the fixtures that
    stay up.
    """

    def __init__(self) -> None:
        #: What is to be said to those who share.
        self.commands: Final[list[Command]] = []
        #: Cases whose tokens are there, and that have not begun.
        self.granted: Final[dict[int, None]] = {}
        #: Most tokens in use here at a time, by resource.
        self.peak: Final[dict[str, int]] = {}
        self._asked: Final[dict[int, int]] = {}
        self._signature_of: Final[dict[int, int]] = {}
        self._wants: Final[dict[int, Demand]] = {}
        self._keepers: Final[dict[int, set[Keeper]]] = {}
        self._in_use: Final[dict[str, int]] = {}

    def ask(self, signature: int, case: int, wants: Demand) -> None:
        """Ask for what ``case`` wants, unless another of its signature is waiting already."""
        if signature not in self._asked:
            self._asked[signature] = case
            self._signature_of[case] = signature
            self._wants[case] = wants
            self.commands.append(Acquire(case, wants))

    def grant(self, case: int) -> bool:
        """Take in that the tokens for ``case`` are there; false if nobody waits for them."""
        if case not in self._signature_of:
            return False
        self.granted[case] = None
        return True

    def cancel(self, case: int) -> bool:
        """``case`` will not run, or not now; say whether it had asked."""
        signature = self._signature_of.pop(case, None)
        if signature is None:
            return False
        del self._asked[signature]
        del self._wants[case]
        self.granted.pop(case, None)
        self.commands.append(GiveBack(case))
        return True

    def begin(self, case: int) -> bool:
        """``case`` uses what was granted to it, if anything was; then another may ask."""
        if case not in self.granted:
            return False
        del self.granted[case]
        del self._asked[self._signature_of.pop(case)]
        for resource, tokens in self._wants[case]:
            used = self._in_use.get(resource, 0) + tokens
            self._in_use[resource] = used
            self.peak[resource] = max(self.peak.get(resource, 0), used)
        return True

    def end(self, case: int, keepers: Iterable[Keeper]) -> None:
        """``case`` is over; its tokens are given back, or stay with ``keepers``."""
        if case in self._wants and case not in self._signature_of:
            heirs = set(keepers)
            if heirs:
                self._keepers[case] = heirs
            else:
                self._give_back(case)

    def leave(self, case: int, keeper: Keeper) -> None:
        """``keeper`` does not need the tokens of ``case`` any more."""
        heirs = self._keepers[case]
        heirs.discard(keeper)
        if not heirs:
            del self._keepers[case]
            self._give_back(case)

    def has(self, case: int) -> bool:
        """Whether tokens that were acquired for ``case`` are in use."""
        return case in self._wants and case not in self._signature_of

    def of(self, keeper: Keeper) -> int | None:
        """Return the case whose tokens ``keeper`` has."""
        return next((case for case, heirs in self._keepers.items() if keeper in heirs), None)

    @property
    def in_use(self) -> Mapping[str, int]:
        """How many tokens of each resource are in use here."""
        return self._in_use

    def _give_back(self, case: int) -> None:
        for resource, tokens in self._wants.pop(case):
            self._in_use[resource] -= tokens
        self.commands.append(GiveBack(case))
