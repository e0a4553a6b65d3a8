"""Which tests are sent before one that could be sent as well, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.plan import PlanRecord
from pytest_orchestra.model.run import CaseRecord
from pytest_orchestra.reports.html.words import count, seconds
from pytest_orchestra.running.foretelling import Foretelling
from pytest_orchestra.scheduling.explain import waited_for_text
from pytest_orchestra.scheduling.feedback import PRIOR
from pytest_orchestra.scheduling.score import FILLER_SHARE

#: So many tests are named, the last ones.
_NAMED: Final = 5


class Why(StrEnum):
    """Why one test is sent before another that could be sent as well."""

    PRIORITY = "of higher priority"
    URGENT = "more urgent"
    WORTH = "likelier to show a failure, for the time"
    FOUND = "earlier in the order that was found best"
    FITS = "of those that fit while this one waits for tokens"
    NEAR = "in a file that the worker is in already"
    EARLIER = "collected earlier"
    ELSEWHERE = "in a file that no worker is in, or of fixtures that are up"


@dataclass(frozen=True)
class Precedence:
    """What goes before one ``case`` of a ``plan``."""

    foretelling: Foretelling
    plan: PlanRecord
    case: int

    @property
    def _record(self) -> CaseRecord:
        return self.plan.run.cases[self.case]

    @property
    def _spec(self) -> CaseSpec:
        return self.foretelling.plan.specs[self.case]

    def _name(self, case: int) -> str:
        return self.foretelling.plan.specs[case].nodeid

    def _start(self, case: int) -> float:
        return self.plan.run.cases[case].assigned_at or 0.0

    @cached_property
    def _ready(self) -> float:
        return self._record.ready_at or 0.0

    def lines(self) -> Iterator[str]:
        """Yield how many tests begin before it, why, and which were the last."""
        order = self.plan.order
        earlier = order[: order.index(self.case)]
        rivals = [each for each in earlier if self._start(each) >= self._ready]
        if not earlier:
            yield "nothing begins before it"
            return
        begin = (
            f"{count(len(earlier), 'test')} {'begins' if len(earlier) == 1 else 'begin'} before it"
        )
        ready = "at the start" if self._ready == 0.0 else f"at {seconds(self._ready)}"
        if not rivals:
            yield f"{begin}; it is ready {ready}, and the first to begin after that"
            return
        yield f"{begin}; it is ready {ready}, and {len(rivals):,} of them begin after that:"
        reasons = {each: self._why(each) for each in rivals}
        for why, number in Counter(reasons.values()).most_common():
            yield f"  {number:,} {'is' if number == 1 else 'are'} {why}"
        yield "the last of these:"
        for each in rivals[-_NAMED:]:
            detail = self._detail(each, reasons[each])
            yield f"  at {seconds(self._start(each))}  {self._name(each)}  {detail}"

    def _why(self, other: int) -> Why:
        scores = self.foretelling.plan.scores
        record = self._record
        if scores.tier[other] < scores.tier[self.case]:
            return Why.PRIORITY
        if scores.level[other] < scores.level[self.case]:
            return self._why_ahead(other)
        if record.refused_at is not None and record.refused_at <= self._start(other):
            return Why.FITS
        if scores.level[other] > scores.level[self.case]:
            return Why.ELSEWHERE
        if self._previous.get(other) == self._spec_file(other):
            return Why.NEAR
        return Why.EARLIER if other < self.case else Why.ELSEWHERE

    def _why_ahead(self, other: int) -> Why:
        scores = self.foretelling.plan.scores
        threshold = FILLER_SHARE * scores.bound
        if max(scores.urgency[self.case], threshold) < scores.urgency[other]:
            return Why.URGENT
        return Why.WORTH if self._worth(other) > self._worth(self.case) else Why.FOUND

    def _worth(self, case: int) -> float:
        return self._odds(case) / max(self.plan.expected[case], 1e-9)

    def _odds(self, case: int) -> float:
        return self.foretelling.plan.expected.failing.get(self._name(case), PRIOR)

    def _spec_file(self, case: int) -> str:
        return self.foretelling.plan.specs[case].file

    @cached_property
    def _previous(self) -> dict[int, str]:
        """The file of what each case's worker ran before it."""
        last: dict[str, str] = {}
        found: dict[int, str] = {}
        for case in self.plan.order:
            worker = self.plan.run.cases[case].worker or ""
            if worker in last:
                found[case] = last[worker]
            last[worker] = self._spec_file(case)
        return found

    def _detail(self, other: int, why: Why) -> str:
        scores = self.foretelling.plan.scores
        match why:
            case Why.PRIORITY:
                return f"priority {scores.priority[other]:g}"
            case Why.URGENT:
                return f"urgency {seconds(scores.urgency[other])}"
            case Why.WORTH:
                return f"{self._odds(other):.1%} likely to fail, within {seconds(self.plan.expected[other])}"
            case Why.FITS:
                what = waited_for_text(self._record.waited_for, alone=self._spec.alone)
                return f"this one waits for {what}"
            case _:
                return str(why)
