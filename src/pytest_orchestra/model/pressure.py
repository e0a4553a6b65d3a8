"""That workers were held back, since the machine was short of something."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scarce(StrEnum):
    """What the machine was short of."""

    MEMORY = "memory"
    CPU = "cpu"

    @property
    def label(self) -> str:
        """What people call it."""
        return "CPU" if self is Scarce.CPU else "memory"


@dataclass(frozen=True, slots=True)
class PressureRecord:
    """For ``seconds`` from ``began`` on fewer workers got tests than there were, and ``fewest`` at least.

    ``began`` is in seconds since the run began.
    """

    scarce: Scarce
    began: float
    seconds: float = 0.0
    fewest: int = 1
