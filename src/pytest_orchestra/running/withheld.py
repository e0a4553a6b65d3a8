"""Failures that are not reported as such, since their tests are to be tried again."""

from __future__ import annotations

from copy import copy
from typing import Final

import pytest

#: The outcome of their reports, as pytest-rerunfailures has it: neither pytest nor ``--lf`` counts it.
RERUN: Final = "rerun"


class Withheld:
    """Takes the place of failures with reports of another outcome, and gives them back if need be."""

    def __init__(self) -> None:
        self._reports: Final[dict[int, list[pytest.TestReport]]] = {}
        #: The cases whose attempt under way has failed, and will be followed by another.
        self._promised: Final[set[int]] = set()

    def is_promised(self, case: int) -> bool:
        """Whether the attempt under way at ``case`` has failed and was not reported as failed."""
        return case in self._promised

    def keep(self, case: int, report: pytest.TestReport, *, is_late: bool = False) -> None:
        """Let ``report`` be no failure; ``is_late``: it belongs to an attempt that is over."""
        if not is_late and case not in self._promised:
            self._promised.add(case)
            self._reports[case] = []
        self._reports.setdefault(case, []).append(report)
        report.outcome = RERUN  # type: ignore[assignment]  # pytest passes by what it does not know

    def end_attempt(self, case: int) -> bool:
        """The attempt under way at ``case`` is over; return what ``is_promised`` was."""
        is_promised = case in self._promised
        self._promised.discard(case)
        return is_promised

    def take(self, case: int) -> tuple[pytest.TestReport, ...]:
        """Return the failures of the last attempt at ``case`` as they were."""
        reports = tuple(map(copy, self._reports.pop(case, ())))
        for report in reports:
            report.outcome = "failed"
        return reports
