"""How much there is of a resource, and for whom."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: The tokens of a lock that nobody declared: any number of readers at a time.
UNBOUNDED: Final = sys.maxsize


#: What every host has, whether it is declared or not: cores, and bytes of memory.
CPU: Final = "cpu"
MEMORY: Final = "memory"

#: Instances of what has more of them than this are not told apart.
MOST_NUMBERED: Final = 10_000


class Scope(StrEnum):
    """Who shares the tokens: one run, every host by itself, or all runs on this machine."""

    RUN = "run"
    HOST = "host"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Capacity:
    """What there is of one resource.

    ``tokens`` counts all of them, in bytes for a quantity; with several ``slots`` each instance
    has so many tokens. ``names`` are those of the instances; without any they are numbered.
    ``max_wait`` is for how many seconds a test may wait while nobody gets any.
    """

    tokens: int
    names: tuple[str, ...] = ()
    slots: int = 1
    scope: Scope = Scope.RUN
    max_wait: float | None = None
    is_quantity: bool = False

    @property
    def instances(self) -> int:
        """How many things there are that a test can have one of."""
        return self.tokens // self.slots

    @property
    def is_numbered(self) -> bool:
        """Whether its instances are told apart: a quantity has none, and a lock any number."""
        return not self.is_quantity and self.instances <= MOST_NUMBERED
