"""JUnit's elements: one testcase for each test, however often it ran.

They are junitparser's. Import this module only when such a report is to be written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from junitparser.junitparser import (
    Attr,
    Element,
    Error,
    Failure,
    Properties,
    Property,
    Result,
    Skipped,
    SystemErr,
    SystemOut,
)
from junitparser.xunit2 import (
    FlakyError,
    FlakyFailure,
    InterimResult,
    JUnitXml,
    RerunError,
    RerunFailure,
    TestCase,
    TestSuite,
)

from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.junit_options import Dialect
from pytest_orchestra.reports.names import junit_names
from pytest_orchestra.reports.outcomes import (
    BAD,
    blame,
    cause_text,
    deciding_attempt,
    failed_attempts,
    outputs,
    seconds_of,
)
from pytest_orchestra.reports.stages import stage_name
from pytest_orchestra.reports.text import cut, shorten, visible
from pytest_orchestra.reports.times import instant

#: The value of the suite's property ``generator``, by which we know files that we wrote.
GENERATOR: Final = "pytest-orchestra"

#: Which attribute of a suite counts the cases that ended so; the others count as passed.
_COUNTED: Final = {
    Verdict.FAILED: "failures",
    Verdict.ERROR: "errors",
    Verdict.SKIPPED: "skipped",
    Verdict.XFAILED: "skipped",
    Verdict.BLOCKED: "skipped",
    Verdict.NOT_RUN: "skipped",
}

#: What kind of skip it was: the first two in pytest's words.
_SKIPS: Final = {
    Verdict.SKIPPED: "pytest.skip",
    Verdict.XFAILED: "pytest.xfail",
    Verdict.BLOCKED: "orchestra.blocked",
    Verdict.NOT_RUN: "orchestra.not_run",
}

#: The order in which Surefire wants what is in a testcase.
_ORDER: Final[Sequence[type[Result]]] = (
    Failure,
    RerunFailure,
    FlakyFailure,
    Skipped,
    Error,
    RerunError,
    FlakyError,
)

#: Waits shorter than this many seconds are not worth a property.
_SHORTEST_WAIT: Final = 0.001


def _waits(record: CaseRecord) -> Iterator[tuple[str, str]]:
    if record.held_up >= _SHORTEST_WAIT:
        yield "wait", f"{record.held_up:.3f}"
        if record.waited_for is not None:
            yield "waited_for", record.waited_for


class PlacedCase(TestCase):
    """A testcase that says where its test stands and when it began."""

    file = Attr()
    line = Attr()
    timestamp = Attr()


class CaseWriter:
    """Makes testcases of one run in one dialect."""

    def __init__(self, run: RunRecord, dialect: Dialect) -> None:
        self._run = run
        self._dialect = dialect
        hosts = {worker.name: worker.host for worker in run.workers if worker.host}
        # Where all ran on one, the suite's hostname says it.
        self._hosts = hosts if len(set(hosts.values())) > 1 else {}
        self._quarantine = {run.cases[each.case].spec.nodeid: each for each in run.quarantine}

    def case(self, record: CaseRecord) -> TestCase:
        """Return the testcase of ``record``."""
        classname, name = junit_names(record.spec.nodeid)
        case = PlacedCase(visible(name), visible(classname), round(seconds_of(record), 3))
        attempt = deciding_attempt(record)
        if self._dialect is Dialect.SUPERSET:
            self._place(case, record, attempt)
        results = [*self._final(record, attempt), *_interim(record)]
        _extend(case, sorted(results, key=lambda each: _ORDER.index(type(each))))
        if attempt is not None:
            _extend(case, _systems(attempt, _attachments(record)))
        return case

    def _place(self, case: PlacedCase, record: CaseRecord, attempt: Attempt | None) -> None:
        if record.spec.file:
            case.file = visible(record.spec.file)
        if record.spec.line:
            case.line = str(record.spec.line)
        if attempt is not None and attempt.started is not None:
            case.timestamp = instant(attempt.started)
        properties = [
            Property(visible(name), visible(cut(value)))
            for name, value in self._properties(record, attempt)
        ]
        if properties:
            group = Properties()
            _extend(group, properties)
            _extend(case, [group])

    def _properties(self, record: CaseRecord, attempt: Attempt | None) -> Iterator[tuple[str, str]]:
        if attempt is not None and attempt.worker:
            yield "worker", attempt.worker
            if attempt.worker in self._hosts:
                yield "host", self._hosts[attempt.worker]
        if self._run.shard is not None:
            yield "shard", f"{self._run.shard.index}/{self._run.shard.count}"
        stage = stage_name(self._run, record.spec.stage)
        if stage:
            yield "stage", stage
        if len(record.attempts) > 1:
            yield "attempts", str(len(record.attempts))
        if record.verdict in (Verdict.FLAKY, Verdict.XPASSED):
            yield "verdict", record.verdict  # no element tells
        yield from _waits(record)
        held = self._quarantine.get(record.spec.nodeid)
        if held is not None:
            yield "quarantine", f"{held.owner}, until {held.expires}: {held.sentence}"
        for path in record.artifacts:
            yield "artifact", path
        if attempt is not None:
            yield from attempt.properties

    def _final(
        self, record: CaseRecord, attempt: Attempt | None
    ) -> Iterator[Failure | Error | Skipped]:
        verdict = record.verdict
        if verdict in BAD:
            element = Failure if verdict is Verdict.FAILED else Error
            told = blame(attempt) if attempt is not None else None
            result = element(_message(told.message if told else verdict))
            result.type = visible((told.kind if told else "") or verdict)
            result.text = visible(cut(told.text)) if told else ""
            yield result
        elif verdict in _SKIPS:
            reason = cause_text(self._run, record) or verdict
            skip = Skipped(_message(reason))
            if self._dialect is Dialect.SUPERSET:
                skip.type = _SKIPS[verdict]
            skip.text = visible(cut(reason))
            yield skip


def _interim(record: CaseRecord) -> Iterator[InterimResult]:
    """Return an element for each failed attempt that is not the one that the case is told by."""
    failed = failed_attempts(record)
    is_bad = record.verdict in BAD
    for attempt in failed[1:] if is_bad else failed:
        if attempt.verdict is Verdict.FAILED:
            element: type[InterimResult] = RerunFailure if is_bad else FlakyFailure
        else:
            element = RerunError if is_bad else FlakyError
        told = blame(attempt)
        result = element(_message(told.message), visible(told.kind or attempt.verdict))
        result.stack_trace = visible(cut(told.text))
        _extend(result, _systems(attempt))
        yield result


def _extend(parent: Element, children: Iterable[Element]) -> None:
    parent.extend(children)


def _message(text: str) -> str:
    return visible(shorten(text))


def _attachments(record: CaseRecord) -> str:
    """Return what makes Jenkins and GitLab show files beside the test; the latter shows the first."""
    return "".join(f"[[ATTACHMENT|{path}]]\n" for path in record.artifacts if path.isprintable())


def _systems(attempt: Attempt, attachments: str = "") -> Iterator[SystemOut | SystemErr]:
    out, err = outputs(attempt)
    if out or attachments:
        yield SystemOut(visible(attachments) + visible(out))
    if err:
        yield SystemErr(visible(err))


def suite_around(
    run: RunRecord, cases: Sequence[CaseRecord], dialect: Dialect
) -> tuple[bytes, bytes]:
    """Return what stands before and after the testcases of ``cases``, in UTF-8."""
    around = run.surroundings
    suite = TestSuite("pytest")
    counts = Counter(_COUNTED.get(case.verdict) for case in cases)
    suite.tests = len(cases)
    suite.failures = counts["failures"]
    suite.errors = counts["errors"]
    suite.skipped = counts["skipped"]
    suite.time = round(sum(map(seconds_of, cases)), 3)
    for name, value in _facts(run):
        suite.add_property(name, visible(value))
    if dialect is Dialect.SUREFIRE:
        whole = suite.tostring()
    else:
        suite.timestamp = instant(run.started)
        suite.hostname = visible(around.host)
        document = JUnitXml("pytest tests")
        document.tests, document.failures, document.errors = (
            suite.tests,
            suite.failures,
            suite.errors,
        )
        document.time = suite.time
        document.append(suite)
        whole = document.tostring()
    head, end, tail = whole.rpartition(b"</testsuite>")
    return b"<?xml version='1.0' encoding='utf-8'?>\n" + head, end + tail


def _facts(run: RunRecord) -> Iterator[tuple[str, str]]:
    around = run.surroundings
    yield "generator", GENERATOR
    yield "wall_seconds", f"{run.seconds:.3f}"
    yield "workers", str(len(run.workers))
    if around.python:
        yield "python", around.python
    yield from around.versions
    if around.commit:
        yield "commit", around.commit
    if run.shard is not None:
        yield "shard", f"{run.shard.index}/{run.shard.count}"
        yield "shard_digest", run.shard.digest
    if run.stopped:
        yield "stopped", run.stopped
