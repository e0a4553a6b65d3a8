"""The data that tests provided so far, where those who need it can be given it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.data import Pairing


class Values:
    """JSON in UTF-8, for each case that provides it and each name.

    Kept by the process that the user started, so no worker takes it along when it dies.
    """

    def __init__(self, specs: Sequence[CaseSpec], pairing: Pairing) -> None:
        self._specs: Final = specs
        self._pairing: Final = pairing
        self._known: Final[dict[tuple[int, str], bytes]] = {}

    def put(self, provider: int, name: str, value: bytes | None) -> None:
        """``provider`` has provided ``value`` as ``name``; None: it takes back what it had."""
        if value is None:
            self._known.pop((provider, name), None)
        else:
            self._known[provider, name] = value

    def forget(self, provider: int) -> None:
        """``provider`` begins anew: what it provided before does not count."""
        for name in self._specs[provider].provides:
            self._known.pop((provider, name), None)

    def lacking(self, provider: int) -> tuple[str, ...]:
        """Return the names that ``provider`` is marked with and has not provided."""
        names = self._specs[provider].provides
        return tuple(name for name in names if (provider, name) not in self._known)

    def meant_for(self, case: int) -> Iterator[tuple[int, str, bytes]]:
        """Yield provider, name and value of all that ``case`` takes and that is there."""
        for name, provider in self._pairing.sources.get(case, {}).items():
            value = self._known.get((provider, name))
            if value is not None:
                yield provider, name, value
