"""Judges what an engine commands, by its promises and not by how it keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engines import Edges

from pytest_orchestra.model.case import CaseSpec, Mode
from pytest_orchestra.model.events import (
    Assign,
    CaseBlocked,
    CaseFinished,
    CasesReturned,
    Command,
    Conclude,
    Event,
    Recall,
    StopRequested,
    VerdictAmended,
    WorkerLost,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import Cause, Verdict


@dataclass
class Judge:
    """What was said to an engine and by it, recomputed from scratch; a broken promise asserts."""

    specs: Sequence[CaseSpec]
    edges: Edges
    capacities: Mapping[str, int]
    #: Per worker, the cases that it was given and that are neither over nor returned.
    given: dict[str, list[int]] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    causes: dict[int, Cause] = field(default_factory=dict)
    ran_on: dict[int, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    barred: dict[int, Cause] = field(default_factory=dict)
    stopped: str | None = None
    #: Cases that clean up, each with those after which it does.
    cleaners: Mapping[int, Collection[int]] = field(default_factory=dict)
    cleans: bool = False
    torn: set[int] = field(default_factory=set)

    # what the judge hears

    def hear(self, event: Event) -> None:
        """Take note of what happened, before the engine's commands are judged."""
        match event:
            case WorkersJoined(workers):
                self.given.update({worker: [] for worker in workers})
            case WorkerLost(worker, culprit, verdict):
                left = self.given.pop(worker)
                self.torn.update(left[:1])
                self.homes = {group: home for group, home in self.homes.items() if home != worker}
                if culprit is not None:
                    self.verdicts[culprit] = verdict
            case CaseBlocked(case, cause):
                self.barred[case] = cause
            case CaseFinished(case, verdict, _):
                self.given[self.ran_on[case]].remove(case)
                self.verdicts[case] = verdict
            case VerdictAmended(case, verdict):
                self.verdicts[case] = verdict
            case CasesReturned(worker, cases):
                for case in cases:
                    self.given[worker].remove(case)
            case StopRequested(reason, cleaning):
                self._hear_stop(reason, cleaning=cleaning)

    def _hear_stop(self, reason: str, *, cleaning: bool) -> None:
        is_harder = self.cleans and not cleaning
        if self.stopped is None or (is_harder and not self.is_over):
            self.stopped, self.cleans = reason, cleaning

    def judge(self, commands: Iterable[Command]) -> None:
        """Check the commands one by one, and that none is missing."""
        for command in commands:
            match command:
                case Assign(worker, case):
                    self._judge_assignment(worker, case)
                case Recall(worker, cases):
                    self._judge_recall(worker, cases)
                case Conclude(case, verdict, cause):
                    self._judge_conclusion(case, verdict, cause)
        self._judge_omissions()

    # commands

    def _judge_assignment(self, worker: str, case: int) -> None:
        assert self.stopped is None or self.is_owed(case), "it was started after the stop"
        assert worker in self.given, "work was given to a worker that is not there"
        assert self.is_waiting(case), "a case was started twice, or has its verdict"
        assert self.is_ready(case), "a case was started before its prerequisites were over"
        assert not self.short_of(case), "a resource is overdrawn"
        group = self.specs[case].group
        if group is not None:
            assert self.homes.setdefault(group, worker) == worker, "a group was torn apart"
        self.given[worker].append(case)
        self.ran_on[case] = worker

    def _judge_recall(self, worker: str, cases: tuple[int, ...]) -> None:
        sent_ahead = self.given[worker][1:]
        assert cases, "nothing was recalled"
        assert set(cases) <= set(sent_ahead), "what runs, or is not there, was recalled"
        if self.stopped is None:
            assert not any(self.specs[case].group for case in cases), "nobody else may run it"

    def _judge_conclusion(self, case: int, verdict: Verdict, cause: Cause) -> None:
        assert self.is_waiting(case), "a case that is given out or over was concluded"
        if verdict is Verdict.NOT_RUN:
            assert self.stopped is not None
            assert cause == Cause(self.stopped)
            assert self._cannot_clean(case), "something was left behind"
        else:
            assert verdict is Verdict.BLOCKED
            assert cause in self._possible_causes(case), "it was not blocked by that"
        self.verdicts[case] = verdict
        self.causes[case] = cause

    def _judge_omissions(self) -> None:
        for case in range(len(self.specs)):
            if self.is_waiting(case):
                assert self.stopped is None or self.may_be_owed(case), "a case was left open"
                assert not self._possible_causes(case), "a case should be blocked and is not"
        if self.given and self.stopped is None and not any(self.given.values()):
            assert len(self.verdicts) == len(self.specs), "there is work and nobody works"

    # what follows from what was heard

    @property
    def is_over(self) -> bool:
        """Whether every case has its verdict."""
        return len(self.verdicts) == len(self.specs)

    def is_owed(self, case: int) -> bool:
        """Whether ``case`` cleans up after one that ran, or may have when its worker died."""
        ran = (each for each in self.verdicts if each not in self.causes)
        return self.cleans and bool({*ran, *self.torn} & set(self.cleaners.get(case, ())))

    def _cannot_clean(self, case: int) -> bool:
        """Whether ``case`` need not clean up, or needs something that was not run itself."""
        has_begun = not {*self.in_flight}.isdisjoint(self.cleaners.get(case, ()))
        if not self.cleans or not (has_begun or self.is_owed(case)):
            return True
        needed = self.edges.get(case, {})
        refused = [each for each, accepts in needed.items() if Verdict.NOT_RUN not in accepts]
        return any(self.verdicts.get(each) is Verdict.NOT_RUN for each in refused)

    def may_be_owed(self, case: int) -> bool:
        """Whether it is, or waits for something that workers have."""
        waits_for = set(self.edges.get(case, ()))
        return (
            self.cleans
            and case in self.cleaners
            and (self.is_owed(case) or any(each not in self.verdicts for each in waits_for))
        )

    @property
    def in_flight(self) -> list[int]:
        """The cases that workers have."""
        return [case for cases in self.given.values() for case in cases]

    def is_waiting(self, case: int) -> bool:
        """Whether ``case`` has no verdict and no worker has it."""
        return case not in self.verdicts and case not in self.in_flight

    def is_ready(self, case: int) -> bool:
        """Whether all prerequisites of ``case`` have a verdict that it accepts."""
        needed = self.edges.get(case, {})
        return all(self.verdicts.get(each) in accepts for each, accepts in needed.items())

    def may_run(self, case: int, worker: str) -> bool:
        """Whether ``worker`` could run ``case`` now, if nobody else is to be considered."""
        home = self.homes.get(self.specs[case].group or "", worker)
        return (
            self.is_waiting(case)
            and self.is_ready(case)
            and home == worker
            and not self.short_of(case)
        )

    def short_of(self, case: int) -> list[str]:
        """Return the resources of which too little would be left for ``case``, if it ran now."""
        running = [self.specs[each] for each in (*self.in_flight, case)]
        is_crowded = len(running) > 1 and any(each.alone for each in running)
        return ["*"] * is_crowded + [
            claim.resource
            for claim in self.specs[case].claims
            if self._used(running, claim.resource) > self.capacities.get(claim.resource, 1)
        ]

    def _used(self, running: Iterable[CaseSpec], resource: str) -> int:
        """Return the tokens in use; of a lock that nobody declared, 2 if it is broken."""
        claims = [claim for each in running for claim in each.claims if claim.resource == resource]
        writers = sum(claim.mode is Mode.WRITE for claim in claims)
        if resource not in self.capacities and all(
            claim.mode is not Mode.COUNT for claim in claims
        ):
            return 2 if writers and len(claims) > 1 else 1
        others = sum(claim.amount for claim in claims if claim.mode is Mode.COUNT)
        readers = sum(claim.mode is Mode.READ for claim in claims)
        return others + readers + writers * self.capacities.get(resource, 1)

    def _possible_causes(self, case: int) -> list[Cause]:
        """Return all that may be said to have blocked ``case``: the roots, not what they blocked.

        A prerequisite that ran is a root. One that did not has a root of its own, which was
        checked when it was concluded.
        """
        causes = [self.barred[case]] if case in self.barred else []
        for each, accepts in self.edges.get(case, {}).items():
            verdict = self.verdicts.get(each)
            if verdict is not None and verdict not in accepts:
                known = self.causes.get(each)
                causes.append(known or Cause(str(verdict), each, self.ran_on[each]))
        return causes
