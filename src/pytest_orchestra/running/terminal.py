"""What the user sees: a line at the start, words while tests run, a summary at the end."""

from __future__ import annotations

from collections.abc import Container, Generator, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_orchestra.model.capacity import Scope
from pytest_orchestra.model.host import Host
from pytest_orchestra.model.order import Order
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.advice_words import advice_lines
from pytest_orchestra.running.flakes import flake_lines
from pytest_orchestra.running.matrix_words import matrix_lines
from pytest_orchestra.running.overuse import overuse_lines
from pytest_orchestra.running.retry_words import Notice, retry_lines, too_flaky
from pytest_orchestra.running.stage_words import gate_failures, stage_lines, summary_of_stages
from pytest_orchestra.running.withheld import RERUN
from pytest_orchestra.scheduling.explain import blocked_text, waited_for_text
from pytest_orchestra.scheduling.quantity import format_quantity, round_bytes

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from pytest_orchestra.running.run import Run
    from pytest_orchestra.scheduling.crew_size import CrewSize
    from pytest_orchestra.scheduling.foresight import Foresight

#: So many lines of one kind are printed, unless ``-v`` asks for all.
MOST_LINES: Final = 20

#: Waits shorter than this many seconds are not worth a line.
SHORTEST_WAIT: Final = 0.05

#: Differences among predictions of less than this many seconds are none.
SHORTEST_SHIFT: Final = 0.05

#: The name of the plugin that has a say only while tests run.
_WAIT_WORDS: Final = "orchestra-wait-words"

#: So many of the longest waits are printed.
LONGEST_WAITS: Final = 5


class WaitWords:
    """Plugin that says with ``-v`` how long each test waited."""

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> Generator[None, Any, Any]:
        """Add it to the word that the terminal prints."""
        status = yield
        waited = getattr(report, "orchestra_waited", None)
        if waited is None or status is None or not hasattr(report, "when"):
            return status
        category, letter, word = status
        if isinstance(word, str) and word:
            return category, letter, (f"{word} (waited {waited:.2f}s)", _markup(report))
        return status


class TerminalReport:
    """Plugin for the process that the user started."""

    def __init__(self, config: pytest.Config) -> None:
        self.record: RunRecord | None = None
        #: Whether a flaky test makes the run fail.
        self.fails_on_flaky = bool(config.getoption("orchestrate_fail_on_flaky"))
        self._config = config
        if config.get_verbosity(config.VERBOSITY_TEST_CASES) > 0:
            config.pluginmanager.register(WaitWords(), _WAIT_WORDS)

    # while tests run

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, Any] | None:
        """Give words of their own to blocked and flaky tests, and to attempts that are not the last."""
        if getattr(report, "orchestra_blocked", False):
            return "blocked", "b", ("BLOCKED", {"yellow": True})
        if report.outcome == RERUN:  # type: ignore[comparison-overlap]
            return RERUN, "R", ("RERUN", {"yellow": True})
        if report.when == "call" and report.passed and getattr(report, "orchestra_flaky", False):
            return "flaky", "~", ("FLAKY", {"yellow": True})
        return None

    def finished(self, record: RunRecord) -> None:
        """Keep ``record`` for the summary."""
        self.record = record
        if self._config.pluginmanager.has_plugin(_WAIT_WORDS):
            self._config.pluginmanager.unregister(name=_WAIT_WORDS)

    def line(self, text: str, **markup: bool) -> None:
        """Print a line of ours, unless ``-q`` was given."""
        if self._config.get_verbosity() >= 0:
            self.alarm(text, **markup)

    def alarm(self, text: str, **markup: bool) -> None:
        """Print a line of ours, come what may."""
        reporter = self._reporter
        if reporter is not None:
            writer = self._config.get_terminal_writer()
            if writer.width_of_current_line:
                writer.line()
            reporter.write_line(f"orchestra: {text}", **markup)

    def tell(self, notices: Iterable[Notice]) -> None:
        """Print what there is to be told while tests run."""
        is_curious = self._config.get_verbosity() > 0
        for notice in notices:
            if not notice.is_detail:
                self.line(notice.text, **({notice.color: True} if notice.color else {}))
            elif is_curious:
                self.line(notice.text)

    def left_out(self, nodeids: Sequence[str]) -> None:
        """Count tests of other shards as pytest counts what it deselects in its own process."""
        reporter = self._reporter
        if reporter is not None and nodeids:
            left_out = [SimpleNamespace(nodeid=nodeid) for nodeid in nodeids]
            reporter.stats.setdefault("deselected", []).extend(left_out)

    def started(self, run: Run, workers: int) -> None:
        """Print what is about to run."""
        plan = run.plan
        resources = len(plan.pool.stock.counted())
        counts = (
            (len(plan.specs), "test"),
            (plan.graph.edges, "dependency"),
            (resources, "resource"),
            (workers, "worker"),
        )
        self.line(", ".join(_count(number, noun) for number, noun in counts))
        if plan.foresight is not None:
            self.line(_prediction(plan.foresight, workers))
        for text in order_lines(plan.order, plan.foresight):
            self.line(text)
        if plan.graph.staging is not None:
            for text in stage_lines(plan.graph.staging):
                self.line(text)
        for note in plan.notes:
            self.line(note, yellow=True)

    def sized(self, crew: CrewSize, limit: int) -> None:
        """Print how many of the workers that may be there are of use, if not all of them are."""
        for text in crew_lines(crew, limit):
            self.line(text)

    def on_hosts(self, hosts: Mapping[str, Host]) -> None:
        """Print where each worker runs, if that is not the same for all."""
        workers: dict[str, list[str]] = {}
        for worker, host in sorted(hosts.items(), key=lambda item: (len(item[0]), item[0])):
            workers.setdefault(host.name, []).append(worker)
        if len(workers) > 1:
            places = ", ".join(f"{name} ({', '.join(of)})" for name, of in workers.items())
            self.line(f"{len(workers)} hosts: {places}")

    def stopping(self, run: Run, reason: str, ended: Container[int]) -> None:
        """Name the tests that are in flight when the run is to stop, but for those that ended."""
        engine = run.engine
        heads = [
            (next((case for case in engine.queue_of(worker) if case not in ended), None), worker)
            for worker in engine.workers
        ]
        running = [f"{run.nodeid(case)} ({worker})" for case, worker in heads if case is not None]
        if running:
            self.line(f"{reason}; still running: {', '.join(running)}", yellow=True)

    @property
    def _reporter(self) -> TerminalReporter | None:
        reporter: TerminalReporter | None = self._config.pluginmanager.getplugin("terminalreporter")
        return reporter

    # at the end

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Print what the record says."""
        record = self.record
        if record is None:
            return
        if self._config.get_verbosity() < 0:
            for text in _own_failures(record, fails_on_flaky=self.fails_on_flaky):
                self.alarm(text, red=True)
            return
        is_long = self._config.get_verbosity() > 0
        lines = list(summary_lines(record, is_long=is_long, fails_on_flaky=self.fails_on_flaky))
        terminalreporter.section("orchestra")
        for text in lines:
            terminalreporter.write_line(text)


def _own_failures(record: RunRecord, *, fails_on_flaky: bool) -> Iterable[str]:
    """Yield why the run has failed although no test may have, which nobody else says."""
    yield from _denied(record)
    yield from gate_failures(record)
    if fails_on_flaky:
        yield from too_flaky(record)
    for each in record.gating:
        yield f"{record.cases[each.case].spec.nodeid}  {each.sentence}"


def _prediction(foresight: Foresight, workers: int) -> str:
    bound = foresight.bound
    text = (
        f"predicted to take {foresight.makespan:.1f} s on {_count(workers, 'worker')}, at least "
        f"{bound.seconds:.1f} s ({bound.reason})"
    )
    saved = foresight.rule - foresight.makespan
    if saved >= SHORTEST_SHIFT:
        text += f"; {saved:.1f} s saved by trying {_count(foresight.rounds, 'other order')}"
    return text


def order_lines(order: Order | None, foresight: Foresight | None) -> Iterable[str]:
    """Yield what is to be said of the order, which is nothing where it makes no difference."""
    gain = None if foresight is None else foresight.gain
    if order is None or order is Order.MAKESPAN:
        return
    if gain is None:
        aim = "what is likely to fail goes first"
        if order is Order.BALANCED:
            aim += " for as long as the run should end at most 2 % later for it"
        yield f"{order} order: {aim}"
    elif gain.showed - gain.shows >= SHORTEST_SHIFT:
        yield (
            f"{order} order: a failure is expected to show after {gain.shows:.1f} s; makespan order "
            f"would take {gain.showed:.1f} s for that, and end {_shift(gain.longer)}"
        )


def crew_lines(crew: CrewSize, limit: int) -> Iterable[str]:
    """Yield how many of ``limit`` workers are of use, if not all of them are."""
    if crew.most >= limit and crew.first >= limit:
        return
    text = f"{_count(crew.first, 'worker')} of {limit} that -n auto allows"
    if crew.first < crew.most:
        text += ", more as work appears"
    yield f"{text}: {crew.reason}" if crew.reason else text


def _shift(seconds: float) -> str:
    """Return how much earlier something ends that would otherwise end ``seconds`` later."""
    if abs(seconds) < SHORTEST_SHIFT:
        return "at the same time"
    return f"{abs(seconds):.1f} s {'earlier' if seconds > 0 else 'later'}"


def summary_lines(
    record: RunRecord, *, is_long: bool, fails_on_flaky: bool = False
) -> Iterable[str]:
    """Yield the lines of the summary; ``is_long`` leaves nothing out.

    ``fails_on_flaky``: a flaky test makes the run fail.
    """
    yield _verdicts(record)
    yield from summary_of_stages(record)
    yield from retry_lines(record, is_long=is_long, fails_on_flaky=fails_on_flaky)
    yield from _not_run(record, is_long=is_long)
    yield from _blocked(record, is_long=is_long)
    yield from _resources(record)
    yield from _workers(record)
    yield from _held_back(record)
    yield from _longest_waits(record)
    yield from overuse_lines(record, most=None if is_long else MOST_LINES)
    yield from _unclaimed(record)
    yield from matrix_lines(record, most=None if is_long else MOST_LINES)
    yield from flake_lines(record, most=None if is_long else MOST_LINES)
    yield from advice_lines(record, is_long=is_long)


def _verdicts(record: RunRecord) -> str:
    counts = record.counts
    parts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if verdict in counts)
    return f"{_count(len(record.cases), 'test')} collected: {parts or 'none'}"


def _not_run(record: RunRecord, *, is_long: bool) -> Iterable[str]:
    cases = [case for case in record.cases if case.verdict is Verdict.NOT_RUN]
    in_flight = [case for case in cases if case.cause is not None and case.cause.worker]
    if not cases:
        return
    yield f"not run: {_count(len(cases), 'test')} ({record.stopped})"
    for case in in_flight:
        assert case.cause is not None  # noqa: S101 - that is what makes it one in flight
        yield f"  {case.spec.nodeid}  was running on {case.cause.worker}"
    if is_long:
        yield from (f"  {case.spec.nodeid}" for case in cases if case not in in_flight)


def _blocked(record: RunRecord, *, is_long: bool) -> Iterable[str]:
    blocked = [case for case in record.cases if case.verdict is Verdict.BLOCKED]
    if not blocked:
        return
    yield from _denied(record)
    cases = [case for case in blocked if not _is_held(case)]
    yield from _held(record, [case for case in blocked if _is_held(case)], is_long=is_long)
    if not cases:
        return
    shown = cases if is_long else cases[:MOST_LINES]
    yield "blocked:"
    for case in shown:
        assert case.cause is not None  # noqa: S101 - every blocked case has one
        text = blocked_text(case.cause, lambda number: record.cases[number].spec.nodeid)
        yield f"  {case.spec.nodeid}  {text}"
    if len(shown) < len(cases):
        yield f"  and {len(cases) - len(shown)} more (-v shows all)"


def _is_held(case: CaseRecord) -> bool:
    return case.cause is not None and case.cause.stage is not None


def _held(record: RunRecord, cases: Sequence[CaseRecord], *, is_long: bool) -> Iterable[str]:
    """Yield how many tests each gate has blocked that failed; if ``is_long``, which ones."""
    by_stage: dict[int, list[CaseRecord]] = {}
    for case in cases:
        if case.cause is not None and case.cause.stage is not None:
            by_stage.setdefault(case.cause.stage, []).append(case)
    for stage, held in sorted(by_stage.items()):
        name = record.stages[stage].spec.name
        yield f"blocked by the gate of stage {name}: {_count(len(held), 'test')}"
        if is_long:
            yield from (f"  {case.spec.nodeid}" for case in held)


def _denied(record: RunRecord) -> Iterable[str]:
    if record.denied:
        tests = _count(record.denied, "test")
        yield f"{tests} could not be given what they claim, so the run has failed"


def _resources(record: RunRecord) -> Iterable[str]:
    used = [resource for resource in record.resources if resource.peak]
    if not used:
        return
    rows = [("resource", "capacity", "peak use", "tests waited for it")]
    for resource in used:
        show = round_bytes if resource.is_quantity else format_quantity
        capacity = "unbounded" if resource.capacity is None else show(resource.capacity)
        shared = " (of the machine)" if resource.scope is Scope.MACHINE else ""
        rows.append(
            (resource.name + shared, capacity, show(resource.peak), f"{resource.held_up:.2f} s")
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, *figures in rows:
        cells = (text.rjust(width) for text, width in zip(figures, widths[1:], strict=True))
        yield "  ".join([name.ljust(widths[0]), *cells])


def _workers(record: RunRecord) -> Iterable[str]:
    if not record.workers:
        return
    busy = ", ".join(
        f"{worker.name} {worker.utilisation:.0%} ({_count(worker.cases, 'test')})"
        for worker in record.workers
    )
    yield f"workers busy for {record.seconds:.2f} s: {busy}"


def _held_back(record: RunRecord) -> Iterable[str]:
    for each in record.pressure:
        yield (
            f"held back by {each.scarce.label} pressure for {each.seconds:.1f} s from {each.began:.1f} s on: no "
            f"more than {_count(each.fewest, 'worker')} got tests at its height"
        )


def _longest_waits(record: RunRecord) -> Iterable[str]:
    held_up = [case for case in record.cases if case.held_up >= SHORTEST_WAIT]
    held_up.sort(key=lambda case: -case.held_up)
    if held_up:
        yield "longest waits:"
        for case in held_up[:LONGEST_WAITS]:
            yield _wait_line(case)


def _unclaimed(record: RunRecord) -> Iterable[str]:
    for fixture, case in record.unclaimed:
        yield (
            f"fixture {fixture!r} was asked for by {record.cases[case].spec.nodeid} while it ran, so "
            f"nobody took its resources: use @pytest.mark.usefixtures({fixture!r})"
        )


def _wait_line(case: CaseRecord) -> str:
    what = waited_for_text(case.waited_for, alone=case.spec.alone)
    return f"  {case.held_up:.2f} s  {case.spec.nodeid}  for {what}"


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def _markup(report: pytest.CollectReport | pytest.TestReport) -> dict[str, bool]:
    if report.failed:
        return {"red": True}
    if report.skipped or hasattr(report, "wasxfail"):
        return {"yellow": True}
    return {"green": True}
