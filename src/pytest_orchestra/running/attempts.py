"""What each attempt at each test was like, from pytest's reports, for those who come after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Final, TypeAlias

import pytest

from pytest_orchestra.model.attempt import Attempt, Failure
from pytest_orchestra.model.verdict import FAILURE, Verdict
from pytest_orchestra.running.failure import failure_of, reason_of, signature_of
from pytest_orchestra.running.outcome import Outcome

#: What an attempt came to that got no further than its setup, by what its reports say.
_WITHOUT_CALL: Final[Mapping[Verdict | None, Verdict]] = {
    **{verdict: verdict for verdict in Verdict},
    Verdict.PASSED: Verdict.FAILED,
}

#: When it began, and the seconds of setup, call and teardown; the worker.
_Plain: TypeAlias = tuple[float, float, float, float, str]


class AttemptLog:
    """Takes reports as they come; tests that only passed, which are most, cost next to nothing."""

    def __init__(self) -> None:
        self._plain: dict[int, _Plain] = {}
        self._notes: dict[int, list[_Notes]] = {}

    def passed(self, case: int, spans: Sequence[float], worker: str) -> None:
        """``case`` passed; ``spans`` are start, stop and duration of its three phases."""
        plain = spans[0], spans[2], spans[5], spans[8], worker
        if case in self._notes:
            self._notes[case].append(_Notes.of(plain))
        else:
            self._plain[case] = plain

    def add(self, case: int, report: pytest.TestReport, worker: str) -> None:
        """Take in a report; a new setup begins a new attempt."""
        notes = self._notes.get(case)
        if notes is None:
            plain = self._plain.pop(case, None)
            notes = self._notes[case] = [] if plain is None else [_Notes.of(plain)]
        if not notes or notes[-1].is_followed_by(report):
            notes.append(_Notes(worker))
        notes[-1].add(report)

    def close(self, case: int) -> None:
        """The attempt under way at ``case`` is over: what comes next is another one."""
        notes = self._notes.get(case)
        if notes:
            notes[-1].is_closed = True

    def has_failed(self, case: int) -> bool:
        """Whether ``case`` has failed before the last attempt."""
        notes = self._notes.get(case)
        return notes is not None and any(each.verdict in FAILURE for each in notes[:-1])

    def last_start(self, case: int) -> float | None:
        """Return when the last attempt at ``case`` began, in seconds since the epoch, if that is known."""
        plain = self._plain.get(case)
        if plain is not None:
            return plain[0]
        notes = self._notes.get(case)
        return notes[-1].started if notes else None

    def last_failure(self, case: int) -> Failure | None:
        """Return the first failure of the last attempt at ``case``, if that did not go well."""
        notes = self._notes.get(case)
        return notes[-1].failure if notes else None

    def of(self, case: int, verdict: Verdict) -> tuple[Attempt, ...]:
        """Return the attempts at ``case``, which ended with ``verdict`` in the end."""
        plain = self._plain.get(case)
        if plain is not None:
            return (Attempt(verdict, *plain),)
        *earlier, last = self._notes.get(case) or [_Notes("")]
        final = Verdict.PASSED if verdict is Verdict.FLAKY else verdict
        return (*(each.attempt(each.verdict) for each in earlier), last.attempt(final))


class _Notes:
    """One attempt, as its reports tell it; what is costly to put into words waits for the end."""

    __slots__ = (
        "_failed",
        "_last",
        "_outcome",
        "_phases",
        "_reason",
        "_repeated",
        "_started",
        "_worker",
        "is_closed",
    )

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._outcome = Outcome()
        self._started: float | None = None
        self._phases: dict[str, float] = {}
        self._failed: list[pytest.TestReport] = []
        self._last: pytest.TestReport | None = None
        self._reason = ""
        self._repeated: Verdict | None = None
        self.is_closed = False

    def is_followed_by(self, report: pytest.TestReport) -> bool:
        """Whether ``report`` is of another attempt.

        Each begins with a setup, but for one whose worker died before it told of that, and for
        pytest-retry, which tells of the last call right after the first.
        """
        if report.when == "setup":
            return True
        return report.when != "teardown" and (self.is_closed or self._repeated is not None)

    @classmethod
    def of(cls, plain: _Plain) -> _Notes:
        """Return what one would have noted of an attempt that passed."""
        started, setup, call, teardown, worker = plain
        notes = cls(worker)
        notes._started = started
        notes._phases = {"setup": setup, "call": call, "teardown": teardown}
        notes._outcome.verdict = Verdict.PASSED
        return notes

    def add(self, report: pytest.TestReport) -> None:
        """Take in one report of this attempt."""
        self._outcome.add(report)
        when = report.when or "call"
        # A plugin that repeats tests makes up an outcome for the failure that made it do so.
        is_repeated = report.outcome not in ("passed", "failed", "skipped")
        if is_repeated:
            self._repeated = Verdict.FAILED if when == "call" else Verdict.ERROR
        if is_repeated or report.failed:
            # pytest-retry makes the report of its last attempt out of that of the first.
            self._failed.append(copy(report) if is_repeated else report)
        self._reason = self._reason or reason_of(report)
        if type(report) is pytest.TestReport:
            self._last = report
            self._phases[when] = self._phases.get(when, 0.0) + report.duration
            if self._started is None:
                self._started = getattr(report, "start", None) or None

    @property
    def started(self) -> float | None:
        """When it began, in seconds since the epoch, if that is known."""
        return self._started

    @property
    def failure(self) -> Failure | None:
        """The first failure of it, if there is any."""
        return failure_of(self._failed[0]) if self._failed else None

    @property
    def verdict(self) -> Verdict:
        """What this attempt came to; the plugin flaky does not tell of a call that it repeats."""
        if self._repeated is None and "setup" in self._phases and "call" not in self._phases:
            return _WITHOUT_CALL.get(self._outcome.verdict, Verdict.ERROR)
        return self._repeated or self._outcome.verdict or Verdict.ERROR

    def attempt(self, verdict: Verdict) -> Attempt:
        """Return the attempt, which came to ``verdict``."""
        phases, last = self._phases, self._last
        return Attempt(
            verdict=verdict,
            started=self._started,
            setup=phases.get("setup"),
            call=phases.get("call"),
            teardown=phases.get("teardown"),
            worker=self._worker,
            signature=signature_of(self._failed[0]) if self._failed else "",
            failures=tuple(map(failure_of, self._failed)),
            reason=self._reason,
            # pytest gives each report of a test all that was captured up to then.
            sections=tuple((str(title), str(text)) for title, text in last.sections)
            if last
            else (),
            properties=tuple((str(name), str(value)) for name, value in last.user_properties)
            if last
            else (),
        )
