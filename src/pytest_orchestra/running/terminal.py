"""What the user sees: a line at the start, words while tests run, a summary at the end."""

from __future__ import annotations

from collections.abc import Container, Generator, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_orchestra.model.host import Host
from pytest_orchestra.model.order import Order
from pytest_orchestra.running.counts import count
from pytest_orchestra.running.withheld import RERUN

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from pytest_orchestra.model.run import RunRecord
    from pytest_orchestra.running.retry_words import Notice
    from pytest_orchestra.running.run import Run
    from pytest_orchestra.scheduling.crew_size import CrewSize
    from pytest_orchestra.scheduling.foresight import Foresight

#: Differences among predictions of less than this many seconds are none.
SHORTEST_SHIFT: Final = 0.05

#: The name of the plugin that has a say only while tests run.
_WAIT_WORDS: Final = "orchestra-wait-words"


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
        self.line(", ".join(count(number, noun) for number, noun in counts))
        if plan.foresight is not None:
            self.line(_prediction(plan.foresight, workers))
        for text in order_lines(plan.order, plan.foresight):
            self.line(text)
        if plan.graph.staging is not None:
            from pytest_orchestra.running.stage_words import stage_lines  # noqa: PLC0415 - with the run

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
        # The words for it are not needed before, when workers wait to be started.
        from pytest_orchestra.running.summary_words import (  # noqa: PLC0415 - see above
            own_failures,
            summary_lines,
        )

        if self._config.get_verbosity() < 0:
            for text in own_failures(record, fails_on_flaky=self.fails_on_flaky):
                self.alarm(text, red=True)
            return
        is_long = self._config.get_verbosity() > 0
        lines = list(summary_lines(record, is_long=is_long, fails_on_flaky=self.fails_on_flaky))
        terminalreporter.section("orchestra")
        for text in lines:
            terminalreporter.write_line(text)


def _prediction(foresight: Foresight, workers: int) -> str:
    bound = foresight.bound
    text = (
        f"predicted to take {foresight.makespan:.1f} s on {count(workers, 'worker')}, at least "
        f"{bound.seconds:.1f} s ({bound.reason})"
    )
    saved = foresight.rule - foresight.makespan
    if saved >= SHORTEST_SHIFT:
        text += f"; {saved:.1f} s saved by trying {count(foresight.rounds, 'other order')}"
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
    text = f"{count(crew.first, 'worker')} of {limit} that -n auto allows"
    if crew.first < crew.most:
        text += ", more as work appears"
    yield f"{text}: {crew.reason}" if crew.reason else text


def _shift(seconds: float) -> str:
    """Return how much earlier something ends that would otherwise end ``seconds`` later."""
    if abs(seconds) < SHORTEST_SHIFT:
        return "at the same time"
    return f"{abs(seconds):.1f} s {'earlier' if seconds > 0 else 'later'}"


def _markup(report: pytest.CollectReport | pytest.TestReport) -> dict[str, bool]:
    if report.failed:
        return {"red": True}
    if report.skipped or hasattr(report, "wasxfail"):
        return {"yellow": True}
    return {"green": True}
