"""Signatures found lacking: they cost nothing until tokens of what they lack come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from pytest_orchestra.scheduling.waits import Waits

#: A host, and the number of a signature that lacks something there.
Spot: TypeAlias = tuple[str, int]


class Parking:
    """Who is parked for which resource; ``wants`` are the resources of each signature."""

    def __init__(self, hosts: Iterable[str], wants: Sequence[frozenset[str]], waits: Waits) -> None:
        #: Per host the parked signatures, and the resource that each lacks.
        self.on: Final[Mapping[str, dict[int, str]]] = {host: {} for host in hosts}
        self._wants: Final = wants
        self._waits: Final = waits
        self._lacking: Final[dict[str, dict[Spot, None]]] = {}
        self._wanting: Final[dict[str, dict[Spot, None]]] = {}

    @property
    def are_there(self) -> bool:
        """Whether anybody is parked."""
        return any(self.on.values())

    def park(self, host: str, signature: int, resource: str, now: float) -> None:
        """``signature`` lacks ``resource`` on ``host``."""
        spot = (host, signature)
        self.on[host][signature] = resource
        self._lacking.setdefault(resource, {})[spot] = None
        for name in self._wants[signature]:
            self._wanting.setdefault(name, {})[spot] = None
        self._waits.parked(resource, now)

    def leave(self, host: str, signature: int, now: float) -> None:
        """``signature`` may fit on ``host`` again."""
        spot = (host, signature)
        resource = self.on[host].pop(signature)
        del self._lacking[resource][spot]
        for name in self._wants[signature]:
            del self._wanting[name][spot]
        self._waits.unparked(resource, now)

    def lacking(self, resource: str) -> tuple[Spot, ...]:
        """Return who is parked for ``resource``."""
        return tuple(self._lacking.get(resource, ()))

    def wanting(self, resource: str) -> Iterable[int]:
        """Return the parked signatures that want ``resource`` among other things."""
        return [signature for _, signature in self._wanting.get(resource, ())]

    def spots(self, signature: int) -> tuple[Spot, ...]:
        """Return where ``signature`` is parked."""
        return tuple((host, signature) for host, parked in self.on.items() if signature in parked)

    def all(self) -> tuple[Spot, ...]:
        """Return all that are parked."""
        return tuple((host, signature) for host, parked in self.on.items() for signature in parked)
