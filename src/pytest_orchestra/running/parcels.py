"""The data that a worker was sent for its tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


class Parcels:
    """Values by their numbers, and which of them each test takes under which names.

    Filled by the thread that receives, before the test that takes them is told to run.
    """

    def __init__(self) -> None:
        self._values: Final[dict[int, bytes]] = {}
        self._numbers: Final[dict[int, Mapping[str, int]]] = {}

    def keep(self, number: int, value: bytes) -> None:
        """Keep ``value`` (JSON in UTF-8), which tests will be given."""
        self._values[number] = value

    def address(self, index: int, numbers: Mapping[str, int]) -> None:
        """The test at ``index`` takes the values of these ``numbers``."""
        self._numbers[index] = numbers

    def for_test(self, index: int) -> dict[str, bytes]:
        """Return what the test at ``index`` was given, by name."""
        numbers = self._numbers.get(index, {})
        return {name: self._values[number] for name, number in numbers.items()}
