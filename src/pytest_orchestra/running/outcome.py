"""From pytest's reports of one test to its one verdict."""

from __future__ import annotations

import pytest

from pytest_orchestra.model.verdict import Verdict


class Outcome:
    """Takes the reports of one test as they come; a new setup begins a new attempt."""

    __slots__ = ("verdict",)

    def __init__(self) -> None:
        self.verdict: Verdict | None = None

    def add(self, report: pytest.TestReport) -> None:
        """Take in one report.

        A report of another kind (a subtest's, say) counts if it failed; a report whose
        outcome another plugin made up (``rerun``) belongs to an attempt that does not count.
        """
        if type(report) is not pytest.TestReport:
            if report.failed:
                self.verdict = Verdict.FAILED
            return
        if report.when == "setup":
            self.verdict = None
        phase = _phase_verdict(report)
        if phase is Verdict.PASSED:
            if report.when != "setup" and self.verdict is None:
                self.verdict = phase
            return
        if phase is not None and self.verdict not in (Verdict.FAILED, Verdict.ERROR):
            self.verdict = phase


def _phase_verdict(report: pytest.TestReport) -> Verdict | None:
    """What the test would have come to if this were its only phase."""
    if report.outcome == "passed":
        return Verdict.XPASSED if _is_xpass(report) else Verdict.PASSED
    if report.failed:
        return Verdict.ERROR if report.when in ("setup", "teardown") else Verdict.FAILED
    if report.skipped:
        return Verdict.XFAILED if hasattr(report, "wasxfail") else Verdict.SKIPPED
    return None


def _is_xpass(report: pytest.TestReport) -> bool:
    return report.when == "call" and hasattr(report, "wasxfail")
