"""Cases that others have overtaken, and how long they put up with it."""

from __future__ import annotations

import math
from typing import Final


class Overtaking:
    """Since when ready cases have been overtaken; after ``patience`` seconds they starve."""

    def __init__(self, patience: float) -> None:
        self._patience: Final = patience
        self._since: Final[dict[int, float]] = {}
        self._due_at = math.inf

    def mark(self, case: int, now: float) -> None:
        """``case`` was overtaken at ``now``."""
        since = self._since.setdefault(case, now)
        self._due_at = min(self._due_at, since + self._patience)

    def forget(self, case: int) -> None:
        """``case`` waits no more."""
        self._since.pop(case, None)

    def is_due(self, now: float) -> bool:
        """Whether some case may starve by now."""
        return now >= self._due_at

    def look_again(self, now: float) -> None:
        """Somebody may have starved meanwhile who could not be helped."""
        self._due_at = now

    def starving(self, now: float) -> list[int]:
        """Return the cases that have been overtaken for too long."""
        self._due_at = math.inf
        found: list[int] = []
        for case, since in self._since.items():
            if since + self._patience <= now:
                found.append(case)
            else:
                self._due_at = min(self._due_at, since + self._patience)
        return found
