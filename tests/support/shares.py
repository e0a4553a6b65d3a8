"""What several runs share, added up from scratch: who has how much, and who waits, in order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

#: Tokens of each resource.
Wants: TypeAlias = tuple[tuple[str, int], ...]


@dataclass
class Shares:
    """Tokens that somebody else counts: all or nothing, first come first served."""

    capacities: Mapping[str, int]
    held: dict[Hashable, Wants] = field(default_factory=dict)
    waiting: dict[Hashable, Wants] = field(default_factory=dict)

    def out(self, resource: str) -> int:
        """Return how many tokens of ``resource`` somebody has."""
        return sum(
            tokens for wants in self.held.values() for name, tokens in wants if name == resource
        )

    def ask(self, holder: Hashable, wants: Wants) -> None:
        """Let ``holder`` wait for its turn."""
        assert holder not in self.held, "it has something already"
        assert holder not in self.waiting, "it waits already"
        assert wants, "it wants nothing"
        self.waiting[holder] = wants

    def leave(self, holder: Hashable) -> None:
        """Take back what ``holder`` has, or let it wait no more."""
        assert (self.held.pop(holder, None) is None) is not (
            self.waiting.pop(holder, None) is None
        ), "it has both, or neither"

    def next(self) -> Hashable | None:
        """Return whose turn it is; None if nobody's: none waits, or the first finds too little."""
        passed: set[str] = set()
        for holder, wants in self.waiting.items():
            if passed.isdisjoint(name for name, _ in wants) and all(
                self.out(name) + tokens <= self.capacities[name] for name, tokens in wants
            ):
                return holder
            passed.update(name for name, _ in wants)
        return None

    def grant(self, holder: Hashable) -> None:
        """Let ``holder`` have what it waits for."""
        self.held[holder] = self.waiting.pop(holder)

    def wanted(self) -> set[str]:
        """Return what somebody waits for."""
        return {name for wants in self.waiting.values() for name, _ in wants}
