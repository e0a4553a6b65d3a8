"""What people are told of tests that are tried again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Final

from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.verdict import FAILURE, Verdict
from pytest_orchestra.running.counts import count

#: So many tests are named, unless ``-v`` asks for all.
MOST_NAMED: Final = 20

_OUTAGE: Final = "more than 30 % of the tests failed at first"


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the user, in this ``color``, empty for none; ``is_detail``: only for those who want to know more."""

    text: str
    is_detail: bool = False
    color: str = "yellow"


def outage_notice() -> Notice:
    """Return what is said when nothing is tried again any more."""
    return Notice(f"{_OUTAGE}: nothing is tried again from now on")


def retry_notice(nodeid: str, worker: str, tried: Sequence[str], budget: int) -> Notice:
    """Return what is said when a test is tried again that has failed on the workers ``tried``."""
    attempt = f"attempt {len(tried) + 1} of {budget + 1}"
    return Notice(f"retrying {nodeid} on {worker}, {attempt}", is_detail=True)


def retry_lines(record: RunRecord, *, is_long: bool, fails_on_flaky: bool) -> Iterable[str]:
    """Yield what the summary says of retries; ``is_long`` with all that failed attempts said.

    ``fails_on_flaky``: a flaky test makes the run fail, unless it is in quarantine.
    """
    flaky = [case for case in record.cases if case.verdict is Verdict.FLAKY]
    if flaky:
        yield "flaky, passed only when tried again:"
        yield from _tests(flaky, is_long=is_long)
    skipped = [case for case in record.cases if case.was_skipped_later]
    if skipped:
        yield "failed, then skipped or xfailed when tried again:"
        yield from _tests(skipped, is_long=is_long)
    if fails_on_flaky:
        yield from too_flaky(record)
    broken = [case for case in record.cases if case.verdict in FAILURE and len(case.attempts) > 1]
    if broken:
        yield "failed at every attempt:"
        yield from _tests(broken, is_long=is_long)
    if record.has_given_up_retrying:
        yield f"{_OUTAGE}, so nothing was tried again from then on"


def too_flaky(record: RunRecord) -> Iterable[str]:
    """Yield that the run has failed since tests are flaky, if any is that is not in quarantine."""
    told = [
        f"{count(len(cases), 'test')} {what}"
        for cases, what in (
            (record.flaky, "is flaky" if len(record.flaky) == 1 else "are flaky"),
            (record.skipped_later, "failed and then skipped or xfailed"),
        )
        if cases
    ]
    if told:
        yield f"{' and '.join(told)}, so the run has failed (--orchestrate-fail-on-flaky)"


def _tests(cases: Sequence[CaseRecord], *, is_long: bool) -> Iterable[str]:
    shown = cases if is_long else cases[:MOST_NAMED]
    for case in shown:
        attempts = ", ".join(_attempt(each) for each in case.attempts)
        yield f"  {case.spec.nodeid}  {attempts}"
        for number, attempt in enumerate(case.attempts, 1):
            if attempt.verdict in FAILURE and (is_long or case.verdict not in FAILURE):
                yield from _failures(number, attempt, is_long=is_long)
    if len(shown) < len(cases):
        yield f"  and {len(cases) - len(shown)} more (-v shows all)"


def _attempt(attempt: Attempt) -> str:
    where = f" on {attempt.worker}" if attempt.worker else ""
    return f"{attempt.verdict}{where}"


def _failures(number: int, attempt: Attempt, *, is_long: bool) -> Iterable[str]:
    for failure in attempt.failures:
        if is_long:
            yield f"    attempt {number}, {failure.phase}:"
            yield indent(failure.text.rstrip(), "      ")
        else:
            text = ": ".join(filter(None, (failure.kind, failure.message.partition("\n")[0])))
            yield f"    attempt {number}, {failure.phase}: {text}"
