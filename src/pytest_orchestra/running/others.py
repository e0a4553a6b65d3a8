"""A line that says what this run waits for and who has it, when other runs keep it waiting."""

from __future__ import annotations

import time
from typing import Final

from pytest_orchestra.running.run import Run

#: Seconds of waiting after which the first line is due; each further one doubles it.
PATIENCE: Final = 3.0


class OthersWatch:
    """Decides when a line is due for each resource that other runs have."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._since: dict[str, float] = {}
        self._due_after: dict[str, float] = {}

    def check(self) -> list[str]:
        """Return the lines that are due now."""
        now = time.monotonic()
        held = self._run.wanted_from_others()
        for resource in [each for each in self._since if each not in held]:
            del self._since[resource], self._due_after[resource]
        lines: list[str] = []
        for resource in held:
            since = self._since.setdefault(resource, now)
            due_after = self._due_after.setdefault(resource, PATIENCE)
            if now - since >= due_after:
                self._due_after[resource] = due_after * 2
                who = self._run.held_by_others(resource)
                if who:
                    lines.append(f"waiting for {resource!r} for {now - since:.0f} s, held by {who}")
        return lines
