"""Why a test is where it is in the order of a run that has not begun."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.plan import PlanRecord, Source
from pytest_orchestra.model.run import CaseRecord, ResourceRecord
from pytest_orchestra.model.stage import StageRecord, Strategy
from pytest_orchestra.model.verdict import ANY_VERDICT, SUCCESS, Verdict
from pytest_orchestra.reports.html.words import count, seconds
from pytest_orchestra.running.foretelling import Foretelling
from pytest_orchestra.running.ordering import FLAKING_WEIGHT, OFTEN
from pytest_orchestra.running.precedence import Precedence
from pytest_orchestra.scheduling.chain import chain_from
from pytest_orchestra.scheduling.explain import blocked_text, waited_for_text
from pytest_orchestra.scheduling.pool import EXCLUSIVE
from pytest_orchestra.scheduling.quantity import format_quantity, round_bytes
from pytest_orchestra.scheduling.score import FILLER_SHARE

if TYPE_CHECKING:
    from pytest_orchestra.history.archive import Recollection

#: So many tests are named where there may be any number.
_NAMED: Final = 5

_SOURCES: Final = {
    Source.HISTORY: "by the history",
    Source.FILE: "by .test_durations",
    Source.OTHER_PARAMETERS: "as it does with other parameters",
    Source.SAME_FILE: "as others of its file do",
    Source.OTHER_TESTS: "as tests in general do",
    Source.NOTHING: "which is assumed, since nothing is known of any test",
}

_SUFFIXES: Final = {1: "st", 2: "nd", 3: "rd"}


@dataclass(frozen=True)
class Explanation:
    """Tells of one ``case`` of a ``plan``; ``recalled`` is what earlier runs say, None for nothing."""

    foretelling: Foretelling
    plan: PlanRecord
    case: int
    recalled: Recollection | None = None

    def lines(self) -> Iterator[str]:
        """Yield all that there is to be said."""
        record = self._record
        if record.verdict is Verdict.BLOCKED:
            cause = "" if record.cause is None else blocked_text(record.cause, self._name)
            yield f"it cannot run: {cause.removeprefix('blocked: ')}"
        else:
            yield self._place()
        yield self._estimate()
        yield from self._past()
        yield from self._constraints()
        yield from self._prerequisites()
        if record.verdict is not Verdict.BLOCKED:
            yield self._priority()
            yield self._urgency()
            yield from self._tokens()
            yield from Precedence(self.foretelling, self.plan, self.case).lines()

    # what all parts look at

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

    def _end(self, case: int) -> float:
        return self._start(case) + (self.plan.run.cases[case].seconds or 0.0)

    # its place, and what is known of it

    def _place(self) -> str:
        place = self.plan.order.index(self.case) + 1
        record = self._record
        return (
            f"{_ordinal(place)} of {count(len(self.plan.order), 'test')} to begin: at "
            f"{seconds(self._start(self.case))} on {record.worker}, to end at {seconds(self._end(self.case))}"
        )

    def _estimate(self) -> str:
        expected = self.plan.expected[self.case]
        text = f"it is expected to take {seconds(expected)}, {self._source()}"
        extra = (self._record.seconds or 0.0) - expected
        if extra > 0.0 and self._record.verdict is not Verdict.BLOCKED:
            text += f", and {seconds(extra)} for shared fixtures that it is the first to need there"
        return text

    def _source(self) -> str:
        source = self.plan.sources[self.case]
        past = self.recalled.tests.get(self._spec.nodeid) if self.recalled else None
        if source is not Source.HISTORY or past is None or not past.observed:
            return _SOURCES[source]
        times = [each.seconds for each in past.observed]
        runs = count(len(times), "run")
        if len(times) == 1:
            return f"by {runs} in the history"
        span = f"{seconds(min(times))} to {seconds(max(times))}"
        return f"by {runs} in the history ({span}; the latest count most)"

    def _past(self) -> Iterator[str]:
        expected, nodeid = self.foretelling.plan.expected, self._spec.nodeid
        renamed = self.recalled.renamed.get(nodeid) if self.recalled else None
        if renamed is not None:
            yield f"the history knows it as {renamed}"
        if nodeid in expected.failing:
            text = f"it is {expected.failing[nodeid]:.1%} likely to fail"
            rate = expected.flaking.get(nodeid)
            yield (
                text
                if rate is None
                else f"{text}; it was judged to flake in {rate:.1%} of its runs"
            )
        if self._spec.retries:
            yield f"if it fails it is tried again up to {count(self._spec.retries, 'time')}, after all else"
        shard = self.plan.run.shard
        if shard is not None:
            yield f"it is in shard {shard.index}/{shard.count}"

    def _constraints(self) -> Iterator[str]:
        spec = self._spec
        if spec.stage is not None and self.plan.run.stages:
            yield self._stage(self.plan.run.stages[spec.stage])
        if spec.alone:
            yield "it runs alone: nothing else runs meanwhile"
        if spec.group is not None:
            others = sum(each.group == spec.group for each in self.foretelling.plan.specs) - 1
            yield f"it shares a worker with {count(others, 'other test')} of the group {spec.group!r}"

    def _stage(self, stage: StageRecord) -> str:
        spec = stage.spec
        text = f"it belongs to the stage {spec.name!r} ({spec.strategy})"
        if spec.needs:
            at = "" if stage.opened_at is None else f", at {seconds(stage.opened_at)}"
            text += f", which begins when the gates of {', '.join(spec.needs)} have passed{at}"
        if spec.strategy is Strategy.SEQUENTIAL:
            text += "; its tests take turns, in the order of the collection"
        return text

    # why not earlier

    def _prerequisites(self) -> Iterator[str]:
        plan = self.foretelling.plan
        needed = plan.data.join(plan.links.prerequisites)[self.case]
        if not needed:
            return
        yield "it waits for"
        latest = sorted(needed, key=lambda each: -self._end(each))
        for each in latest[:_NAMED]:
            accepts = needed[each]
            until = "to end" if accepts == ANY_VERDICT else "to pass"
            if accepts not in (ANY_VERDICT, SUCCESS):
                until = f"to be {' or '.join(sorted(accepts))}"
            if self.plan.run.cases[each].verdict is Verdict.BLOCKED:
                yield f"  {self._name(each)} {until}, which cannot run"
            else:
                yield f"  {self._name(each)} {until}, at {seconds(self._end(each))}"
        if len(latest) > _NAMED:
            yield f"  and {count(len(latest) - _NAMED, 'other')} before that"

    def _priority(self) -> str:
        plan = self.foretelling.plan
        own, inherited = self._own_priority(self.case), plan.scores.priority[self.case]
        text = f"its priority is {inherited:g}"
        if plan.expected.flaking.get(self._spec.nodeid, 0.0) > OFTEN:
            text += f", with {FLAKING_WEIGHT:g} for flaking often"
        if inherited > own:
            heirs = self._from_whom(inherited)
            more = f" and {len(heirs) - 1} more" if len(heirs) > 1 else ""
            text += f", inherited from {self._name(heirs[0])}{more} (its own is {own:g})"
        return text

    def _own_priority(self, case: int) -> float:
        plan = self.foretelling.plan
        spec = plan.specs[case]
        flaking = plan.expected.flaking.get(spec.nodeid, 0.0) > OFTEN
        return spec.priority + (FLAKING_WEIGHT if flaking else 0.0)

    def _from_whom(self, priority: float) -> list[int]:
        """Return the nearest cases that wait for this one and have that ``priority`` themselves."""
        plan = self.foretelling.plan
        seen, front = {self.case}, [self.case]
        found: list[int] = []
        while front and not found:
            after = {
                each
                for case in front
                for each, _ in plan.graph.dependents[case]
                if each not in seen and plan.scores.priority[each] == priority
            }
            seen |= after
            front = sorted(after)
            found = [each for each in front if self._own_priority(each) == priority]
        return found

    def _urgency(self) -> str:
        scores = self.foretelling.plan.scores
        if len(self.plan.run.workers) == 1:
            return "with one worker nothing is urgent: every order takes the same time"
        urgency, tail = scores.urgency[self.case], scores.tail[self.case]
        bound = scores.bound
        if urgency > tail:
            text = f"its urgency is {seconds(urgency)}: so much work still waits for a resource that it takes, or that what depends on it takes"
        else:
            text = f"its urgency is {seconds(urgency)}: {self._chain()}"
        if urgency <= FILLER_SHARE * bound:
            return f"{text}; that is so little that it fills gaps, in the order of the collection"
        return text

    def _chain(self) -> str:
        plan = self.foretelling.plan
        told = self.foretelling
        path = chain_from(self.case, plan.graph, told.tails, told.spent)
        if len(path) == 1:
            return "nothing that takes long waits for it"
        names = [f"{self._name(each)} ({seconds(self.plan.expected[each])})" for each in path[1:]]
        if len(names) > _NAMED:
            names = [*names[: _NAMED - 2], "...", names[-1]]
        return f"after it come {' -> '.join(names)}"

    def _tokens(self) -> Iterator[str]:
        record = self._record
        known = {each.name: each for each in self.plan.run.resources}
        for lease in record.leases:
            yield self._claim(known[lease.resource], lease.amount)
        if record.refused_at is None or record.waited_for is None:
            return
        what = waited_for_text(record.waited_for, alone=record.spec.alone)
        start = self._start(self.case)
        holders = [
            self._name(each)
            for each in self.plan.order
            if each != self.case
            and self._start(each) < start
            and self._end(each) > record.refused_at
            and self._takes(each, record.waited_for)
        ]
        by = f", while these have it: {', '.join(holders[:_NAMED])}" if holders else ""
        more = f" and {len(holders) - _NAMED} more" if len(holders) > _NAMED else ""
        yield f"it waits {seconds(start - record.refused_at)} for {what}, from {seconds(record.refused_at)} on{by}{more}"

    def _takes(self, case: int, resource: str) -> bool:
        record = self.plan.run.cases[case]
        if resource == EXCLUSIVE:
            return self._spec.alone or record.spec.alone
        return any(lease.resource == resource for lease in record.leases)

    def _claim(self, resource: ResourceRecord, amount: int) -> str:
        cases = self.plan.run.cases
        rivals = [
            number
            for number, case in enumerate(cases)
            if number != self.case and any(each.resource == resource.name for each in case.leases)
        ]
        show = round_bytes if resource.is_quantity else format_quantity
        there = "any number" if resource.capacity is None else show(resource.capacity)
        amount = amount if resource.capacity is None else min(amount, resource.capacity)
        text = f"it claims {show(amount) if resource.capacity else 'all'} of {resource.name!r} (there is {there})"
        if not rivals:
            return f"{text}, which no other test does"
        spent = sum(cases[each].seconds or 0.0 for each in rivals)
        do = "does" if len(rivals) == 1 else "do"
        return (
            f"{text}, and so {do} {count(len(rivals), 'other test')}, for {seconds(spent)} in all"
        )


def explain_lines(
    foretelling: Foretelling, plan: PlanRecord, case: int, recalled: Recollection | None
) -> Iterator[str]:
    """Yield why ``case`` is where it is in ``plan``; ``recalled`` is what earlier runs say."""
    return Explanation(foretelling, plan, case, recalled).lines()


def _ordinal(number: int) -> str:
    if number % 100 in {11, 12, 13}:
        return f"{number:,}th"
    return f"{number:,}{_SUFFIXES.get(number % 10, 'th')}"
