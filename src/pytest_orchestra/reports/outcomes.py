"""What the attempts at a test come to, in the words of reports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pytest_orchestra.model.attempt import Attempt, Failure
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.run import CaseRecord, RunRecord, UncollectedRecord
from pytest_orchestra.model.verdict import SUCCESS, Verdict
from pytest_orchestra.reports.text import MOST_TEXT, cut
from pytest_orchestra.scheduling.explain import blocked_text

#: Verdicts that make a run fail.
BAD: Final = frozenset({Verdict.FAILED, Verdict.ERROR})

#: Of what a test wrote that did not fail so many characters are kept.
MOST_IF_GOOD: Final = 10_000

_STDERR: Final = "stderr"


@dataclass(frozen=True, slots=True)
class Blame:
    """Why an attempt failed: name of the exception, what it says, and all that pytest tells."""

    kind: str
    message: str
    text: str


def with_uncollected(run: RunRecord) -> RunRecord:
    """Return ``run`` with a case more for each file that could not be collected, as pytest's JUnit has it."""
    if not run.uncollected:
        return run
    return replace(run, cases=(*run.cases, *map(_uncollected_case, run.uncollected)))


def _uncollected_case(record: UncollectedRecord) -> CaseRecord:
    verdict = Verdict.SKIPPED if record.is_skipped else Verdict.ERROR
    failure = Failure("collect", "", "collection failure", record.text)
    attempt = Attempt(
        verdict,
        failures=() if record.is_skipped else (failure,),
        reason="collection skipped" if record.is_skipped else "",
    )
    spec = CaseSpec(record.nodeid, file=record.nodeid.partition("::")[0])
    return CaseRecord(spec, verdict, attempts=(attempt,))


def is_bad(attempt: Attempt) -> bool:
    """Whether the attempt failed."""
    return attempt.verdict in BAD


def failed_attempts(case: CaseRecord) -> tuple[Attempt, ...]:
    """Return the attempts that failed, in their order."""
    return tuple(filter(is_bad, case.attempts))


def is_flaky(case: CaseRecord) -> bool:
    """Whether the test passed after it had failed, whoever tried it again."""
    return case.verdict is Verdict.FLAKY or (
        case.verdict in SUCCESS and bool(failed_attempts(case))
    )


def deciding_attempt(case: CaseRecord) -> Attempt | None:
    """Return the attempt that a case is told by, None if it never ran.

    A test that failed throughout is told by its first failure, any other by how it ended.
    """
    if not case.attempts:
        return None
    if case.verdict in BAD:
        return next(filter(is_bad, case.attempts), case.attempts[-1])
    return case.attempts[-1]


def seconds_of(case: CaseRecord) -> float:
    """Return what the attempt took that the case is told by; 0.0 if it never ran."""
    attempt = deciding_attempt(case)
    return attempt.seconds if attempt is not None else 0.0


def blame(attempt: Attempt) -> Blame:
    """Return why ``attempt``, which failed, did so; the texts of several phases are joined."""
    failures = attempt.failures
    if not failures:
        return Blame("", attempt.verdict, "")
    first = failures[0]
    if len(failures) == 1:
        return Blame(first.kind, _message(first), first.text)
    text = "\n\n".join(f"[{each.phase}]\n{each.text}" for each in failures)
    return Blame(first.kind, _message(first), text)


def _message(failure: Failure) -> str:
    """Say what pytest's own JUnit file says."""
    raised = ": ".join(part for part in (failure.kind, failure.message) if part)
    if failure.phase in ("setup", "teardown"):
        return f'failed on {failure.phase} with "{raised}"'
    return raised


def outputs(attempt: Attempt) -> tuple[str, str]:
    """Return what the attempt wrote to standard output, logs included, and to standard error.

    Of what is long only the ends: more of them where it failed, and somebody will read them.
    """
    most = MOST_TEXT if is_bad(attempt) else MOST_IF_GOOD
    out: list[str] = []
    err: list[str] = []
    for title, text in attempt.sections:
        (err if _STDERR in title else out).append(f"--- {title} ---\n{text}")
    return cut("\n".join(out), most), cut("\n".join(err), most)


def cause_text(run: RunRecord, case: CaseRecord) -> str:
    """Return why a case was blocked, not run or skipped, or expected to fail; empty if nobody said."""
    cause = case.cause
    if cause is None:
        return next((each.reason for each in reversed(case.attempts) if each.reason), "")
    if case.verdict is Verdict.BLOCKED:
        return blocked_text(cause, lambda number: run.cases[number].spec.nodeid)
    place = f" ({cause.worker})" if cause.worker else ""
    return f"{case.verdict}: {cause.reason}{place}"
