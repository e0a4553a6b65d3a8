"""What the sections of a report are told from: the record, and what was worked out from it once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.html.bounds import Bound, TimeUse, lower_bound, time_use
from pytest_orchestra.reports.html.causes import Causes
from pytest_orchestra.reports.html.extras import Gate, ReportExtras
from pytest_orchestra.reports.html.markup import Markup, el, one_line
from pytest_orchestra.reports.html.spans import Timeline
from pytest_orchestra.reports.html.words import BAD, badge
from pytest_orchestra.reports.own_failures import conditions

#: Of so many failures all is told; the others have a line each, up to MOST_LINES, then a number.
MOST_TOLD: Final = 80
MOST_LINES: Final = 200


@dataclass(frozen=True)
class Story:
    """Everything that the sections look at. ``told`` are the failures that have an article of their own.

    ``is_plan``: nothing has run, and what is told is what is predicted.
    """

    run: RunRecord
    extras: ReportExtras
    timeline: Timeline
    causes: Causes
    use: TimeUse
    bound: Bound
    failures: tuple[int, ...]
    is_plan: bool = False

    @classmethod
    def of(cls, run: RunRecord, extras: ReportExtras, *, is_plan: bool = False) -> Story:
        """Work out what several sections need."""
        timeline = Timeline(run)
        causes = Causes(run)
        return cls(
            run,
            extras,
            timeline,
            causes,
            time_use(timeline),
            lower_bound(run, timeline, causes),
            _failures(run, causes),
            is_plan,
        )

    def word(self, verdict: Verdict) -> str:
        """Return what to call ``verdict``: what has not run yet, in a plan, will."""
        return "planned" if self.is_plan and verdict is Verdict.NOT_RUN else verdict.value

    @property
    def told(self) -> tuple[int, ...]:
        """The failures of which all is told."""
        return self.failures[:MOST_TOLD]

    @cached_property
    def gates(self) -> tuple[Gate, ...]:
        """The conditions on the run: its own, and those of others; what was not met first.

        Without what gates of stages ask for, which is told with the stages.
        """
        own = (
            Gate(each.name, each.is_met, each.detail)
            for each in conditions(self.run)
            if not each.is_of_stage
        )
        return tuple(sorted((*self.extras.gates, *own), key=lambda gate: gate.is_met))

    @cached_property
    def is_met(self) -> bool:
        """Whether all conditions on the run were met, those of stages included."""
        own = all(each.is_met for each in conditions(self.run))
        return own and all(gate.is_met for gate in self.extras.gates)

    def case(self, number: int) -> CaseRecord:
        """Return the record of case ``number``."""
        return self.run.cases[number]

    def link(self, number: int) -> Markup:
        """Return the name of a case: a link to what is told of it, which the script finds for all others."""
        case = self.run.cases[number]
        name = one_line(case.spec.nodeid)
        if number in self._anchors:
            return el("a", name, href=f"#c{number}", class_="id")
        return el("a", name, href="#tests", class_="id")

    def named(self, number: int) -> Markup:
        """Return verdict and name of a case."""
        return el(
            "span", badge(self.run.cases[number].verdict), " ", self.link(number), class_="named"
        )

    @cached_property
    def _anchors(self) -> frozenset[int]:
        return frozenset(self.told)


def _failures(run: RunRecord, causes: Causes) -> tuple[int, ...]:
    """Return what failed: those first that kept most others from running."""
    found = [number for number, case in enumerate(run.cases) if case.verdict in BAD]
    return tuple(sorted(found, key=lambda number: -len(causes.blocked_by.get(number, ()))))


def section(name: str, title: str, *content: Markup, note: str = "") -> Markup:
    """Return a part of the page that has a heading and can be linked to; nothing, if there is no content."""
    if not any(content):
        return Markup()
    head = el("h2", title, el("small", note) if note else None, id=f"{name}-h")
    return el("section", head, *content, id=name, aria_labelledby=f"{name}-h")
