"""One test that is in several runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.run import CaseRecord
from pytest_orchestra.model.verdict import FAILURE, Verdict

#: How much a verdict says of a test, the less the smaller; all others say all there is to say.
_SAYS: Final = {Verdict.NOT_RUN: 0, Verdict.BLOCKED: 1, Verdict.SKIPPED: 2}

_ORDER: Final = {verdict: number for number, verdict in enumerate(Verdict)}

_DIGITS: Final = re.compile(r"(\d+)")


def place_of(spec: CaseSpec) -> tuple[object, ...]:
    """Return what sorts tests by file and line, and numbers in their names as numbers."""
    pieces = _DIGITS.split(spec.nodeid)
    pieces[1::2] = [f"{len(digits):03}{digits}" for digits in pieces[1::2]]
    return spec.file or spec.nodeid.partition("::")[0], spec.line, pieces, spec.nodeid


def _says(verdict: Verdict) -> int:
    return _SAYS.get(verdict, len(_SAYS))


def _rank(found: tuple[int, float, CaseRecord]) -> tuple[int, float, int]:
    _, started, case = found
    says = _says(case.verdict)
    # A record that was merged before began earlier than what it is told by.
    begun = [
        attempt.started
        for attempt in case.attempts
        if attempt.started is not None and _says(attempt.verdict) == says
    ]
    if not begun:
        return says, started, -1
    return says, max(begun), _ORDER[case.verdict]


@dataclass(slots=True)
class Several:
    """What became of one test in some runs, oldest run first."""

    _found: list[tuple[int, float, CaseRecord]] = field(default_factory=list)

    def add(self, run: int, started: float, case: CaseRecord) -> None:
        """Add what came of it in the ``run`` of that number, which began at ``started``."""
        self._found.append((run, started, case))

    @property
    def deciding(self) -> int:
        """The number of the run by which it is told: the last one in which it ran, if it did in any."""
        return self._decide()[0]

    def join(self) -> CaseRecord:
        """Return the one record of the test."""
        _, _, case = self._decide()
        if len(self._found) == 1:
            return case
        attempts = self._attempts()
        verdict = case.verdict
        if verdict is Verdict.PASSED and any(each.verdict in FAILURE for each in attempts):
            verdict = Verdict.FLAKY
        artifacts = {path for *_, each in self._found for path in each.artifacts}
        return replace(case, verdict=verdict, attempts=attempts, artifacts=tuple(sorted(artifacts)))

    def _decide(self) -> tuple[int, float, CaseRecord]:
        """Return what says most, of that the last, and of what began at the same time the worst."""
        # Of what is the same the last one given: files without times come in the order of names.
        return max(reversed(self._found), key=_rank)

    def _attempts(self) -> tuple[Attempt, ...]:
        """Return all attempts, each once, by the time when they began."""
        begun: dict[Attempt, float] = {}
        for _, started, case in self._found:
            latest = started
            for attempt in case.attempts:
                latest = latest if attempt.started is None else attempt.started
                begun.setdefault(attempt, latest)
        return tuple(sorted(begun, key=begun.__getitem__))
