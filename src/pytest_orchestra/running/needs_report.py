"""What ``--collect-only -v`` says of the tests: what each needs, and from whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import pytest

from pytest_orchestra.model.requirement import Kind, Requirement
from pytest_orchestra.running.plan import Plan

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

#: So many of the tests that one need is about are named; the rest is counted.
NAMED_CASES: Final = 3

_WIDTH: Final = max(map(len, Kind))


class NeedsReport:
    """Plugin that prints a section after pytest's tree of tests."""

    def __init__(self, plan: Plan) -> None:
        self._nodeids = [spec.nodeid for spec in plan.specs]
        self._requirements = plan.requirements()

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Print what the tests need, if any of them needs anything."""
        lines = list(needs_lines(self._nodeids, self._requirements))
        if lines:
            terminalreporter.section("orchestra: what tests need")
            for line in lines:
                terminalreporter.write_line(line)


def needs_lines(
    nodeids: Sequence[str], requirements: Sequence[Sequence[Requirement]]
) -> Iterator[str]:
    """Yield each test that needs something, and below it a line for each thing."""
    for nodeid, needed in zip(nodeids, requirements, strict=True):
        if needed:
            yield nodeid
            for each in needed:
                yield f"  {each.kind:<{_WIDTH}}  {_describe(each, nodeids)}"


def _describe(need: Requirement, nodeids: Sequence[str]) -> str:
    match need.kind:
        case Kind.DATA:
            return f"{need.what} from {_named(need, nodeids)}"
        case Kind.DEPENDENCY | Kind.ORDER:
            tests = _named(need, nodeids)
            return tests if tests == need.what else f"{need.what}: {tests}"
        case Kind.RESOURCE:
            return f"{need.what} {need.amount}" if need.amount else "all, to run alone"
        case Kind.SERVICE:
            return f"{need.what} {need.amount} through the fixture {need.fixture}"


def _named(need: Requirement, nodeids: Sequence[str]) -> str:
    names = ", ".join(nodeids[case] for case in need.cases[:NAMED_CASES])
    more = len(need.cases) - NAMED_CASES
    return f"{names} and {more} more" if more > 0 else names
