"""A run without processes, for the tests of what is told while it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from engines import Edges, make_engine

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.moments import Moment
from pytest_orchestra.running.ordering import Expectations
from pytest_orchestra.running.plan import Plan
from pytest_orchestra.running.run import Run
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.graph import arrange
from pytest_orchestra.scheduling.score import score


class Watched:
    """A run of tests ``a.py::test_0`` and so on, in which they are said to have run."""

    def __init__(
        self,
        specs: Sequence[CaseSpec],
        edges: Edges | None = None,
        seconds: Sequence[float | None] | None = None,
        **options: Any,
    ) -> None:
        specs = tuple(replace(spec, nodeid=f"a.py::test_{case}") for case, spec in enumerate(specs))
        known = [None] * len(specs) if seconds is None else seconds
        self.engine: Engine = make_engine(specs, edges, seconds=known, **options)
        graph = arrange([(edges or {}).get(case, {}) for case in range(len(specs))])
        pool = self.engine._selection._pool
        scores = score(specs, graph, known, 2)
        plan = Plan(
            specs,
            graph,
            pool,
            self.engine,
            {},
            (),
            known=known,
            scores=scores,
            expected=Expectations(),
            make_engine=lambda *_: self.engine,
        )
        self.run = Run(plan)
        self.moments: list[Moment] = []
        self.run.telling.listeners.append(self.moments.append)

    def begin(self, *workers: str) -> None:
        """Begin with ``workers``."""
        self.run.begin({"": workers})

    def passes(self, case: int, seconds: float = 1.0) -> None:
        """Let ``case``, which a worker has, pass."""
        spans = [100.0, 100.1, 0.1, 100.1, 100.2, 0.1, 100.2, 100.3, 0.1]
        self.run.note_passed(case, spans, self.engine.worker_of[case])
        self.run.finish({case: seconds})

    def fails(self, case: int, when: str = "call", seconds: float = 1.0) -> None:
        """Let ``case``, which a worker has, fail."""
        self.say(case, "setup", "passed")
        self.say(case, when, "failed", "E   ValueError: no such user\nValueError: no such user")
        self.run.finish({case: seconds})

    def say(self, case: int, when: str, outcome: Any, text: str | None = None) -> None:
        """Take a report of ``case``."""
        report = pytest.TestReport(
            self.run.nodeid(case),
            ("a.py", 0, "test"),
            {},
            outcome,
            text,
            when,  # type: ignore[arg-type]
            start=100.0,
        )
        self.run.add_report(case, report)

    def told(self, kind: type[Moment]) -> list[Any]:
        """Return the moments of this kind."""
        return [moment for moment in self.moments if isinstance(moment, kind)]


def verdicts(counts: Mapping[Any, int]) -> dict[str, int]:
    """Return counts by the names of verdicts, without zeros."""
    return {str(verdict): count for verdict, count in counts.items() if count}
