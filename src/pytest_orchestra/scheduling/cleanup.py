"""What must run although the run was stopped: it cleans up after something that has begun."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final


class CleanUp:
    """The cases that clean up, and after which cases.

    ``cleaners`` maps each cleaner to those whose traces it removes. ``may_have_begun`` says
    whether a case runs, ran, or may be running by now.
    """

    def __init__(
        self, cleaners: Mapping[int, Collection[int]], may_have_begun: Callable[[int], bool]
    ) -> None:
        self._cleaners: Final = cleaners
        self._may_have_begun: Final = may_have_begun
        self._torn: Final[set[int]] = set()

    def tear(self, case: int) -> None:
        """``case`` may have begun on a worker that died, and is to run again."""
        self._torn.add(case)

    def is_owed(self, case: int) -> bool:
        """Whether ``case`` cleans up after anything that has begun, as far as is known."""
        return any(
            each in self._torn or self._may_have_begun(each)
            for each in self._cleaners.get(case, ())
        )
