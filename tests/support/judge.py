"""Judges what an engine commands, by its promises and not by how it keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from engines import Edges
from uses import fixtures_of, used_on_worker

from pytest_orchestra.model.capacity import UNBOUNDED, Capacity, Scope
from pytest_orchestra.model.case import CaseSpec, Claim, Hold, Mode
from pytest_orchestra.model.events import (
    Acquire,
    Assign,
    CaseBlocked,
    CaseFinished,
    CasesReturned,
    Command,
    Conclude,
    DispatchLimited,
    Event,
    Fixture,
    FixturesDown,
    GiveBack,
    GiveUp,
    Recall,
    Relinquish,
    StopRequested,
    TokensGranted,
    VerdictAmended,
    WorkerLost,
    WorkersDismissed,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import FAILURE, SUCCESS, Cause, Verdict
from pytest_orchestra.scheduling.retries import RetryPolicy


@dataclass
class Judge:
    """What was said to an engine and by it, recomputed from scratch; a broken promise asserts."""

    specs: Sequence[CaseSpec]
    edges: Edges
    capacities: Mapping[str, Capacity]
    hosts: Mapping[str, Mapping[str, Capacity]] = field(default_factory=dict)
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
    host_of: dict[str, str] = field(default_factory=dict)
    #: Per worker, the fixtures that are up as far as is known, and those that were asked for.
    kept: dict[str, dict[Fixture, Hold]] = field(default_factory=dict)
    asked: dict[str, set[Fixture]] = field(default_factory=dict)
    #: The fixtures that cases which workers have count on.
    counted: dict[int, set[Fixture]] = field(default_factory=dict)
    #: The fixtures that such cases will not leave up.
    gone: dict[int, set[Fixture]] = field(default_factory=dict)
    #: Cases that wait for what other runs share, those that got it, and who uses it.
    acquiring: set[int] = field(default_factory=set)
    granted: set[int] = field(default_factory=set)
    using: set[int] = field(default_factory=set)
    #: Workers that were told to go home and are still there.
    dismissed: set[str] = field(default_factory=set)
    #: How many workers may be busy at a time.
    most: int | None = None
    now: float = 0.0
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    #: Where cases have failed that are to be tried again, what they came to, and when it is time.
    failed: dict[int, list[str]] = field(default_factory=dict)
    failure: dict[int, Verdict] = field(default_factory=dict)
    due: dict[int, float] = field(default_factory=dict)
    #: How many first attempts have failed, and whether these were ever too many.
    failed_firsts: int = 0
    is_outage: bool = False
    #: Whether somebody may be waited for, since a run that is gone by had more workers.
    waits_for_crew: bool = False
    #: Whether cases are given out in an order that is settled, which may be that of one that rests.
    is_scripted: bool = False
    #: Whether such a run comes to its end with what the engine is about to say.
    is_stopping: bool = False

    # what the judge hears

    def hear(self, event: Event) -> None:  # noqa: C901, PLR0912 - some lines for each kind of event
        """Take note of what happened, before the engine's commands are judged."""
        match event:
            case WorkersJoined(workers, host):
                self.given.update({worker: [] for worker in workers})
                self.host_of.update(dict.fromkeys(workers, host))
                self.kept.update({worker: {} for worker in workers})
                self.asked.update({worker: set() for worker in workers})
            case WorkerLost(worker, culprit, verdict, again):
                left = self.given.pop(worker)
                self.dismissed.discard(worker)
                del self.host_of[worker], self.kept[worker], self.asked[worker]
                self.torn.update(left[:1] if culprit is None else ())
                self.homes = {group: home for group, home in self.homes.items() if home != worker}
                if culprit is not None and culprit in left:
                    self._hear_end(culprit, verdict, worker, again=again)
                elif culprit is not None:
                    self._hear_amendment(culprit, verdict)
            case WorkersDismissed(workers):
                self.dismissed.update(workers)
            case DispatchLimited(most):
                self.most = most
            case CaseBlocked(case, cause):
                self.barred[case] = cause
            case CaseFinished(case, verdict, _, again):
                self.given[self.ran_on[case]].remove(case)
                self._hear_end(case, verdict, self.ran_on[case], again=again)
                for fixture, hold in fixtures_of(self.specs[case]).items():
                    if fixture not in self.gone[case]:
                        self.kept[self.ran_on[case]].setdefault(fixture, hold)
            case FixturesDown(worker, fixtures, case):
                for fixture in fixtures:
                    self.kept[worker].pop(fixture, None)
                    self.asked[worker].discard(fixture)
                if case is not None:
                    self.gone[case].update(fixtures)
            case TokensGranted(case) if case in self.acquiring:
                self.acquiring.remove(case)
                self.granted.add(case)
            case VerdictAmended(case, verdict):
                self._hear_amendment(case, verdict)
            case CasesReturned(worker, cases):
                for case in cases:
                    self.given[worker].remove(case)
            case StopRequested(reason, cleaning):
                self._hear_stop(reason, cleaning=cleaning)

    def _hear_end(self, case: int, verdict: Verdict, worker: str, *, again: bool) -> None:
        if case not in self.failed:
            policy = self.retries
            self.failed_firsts += verdict in FAILURE
            self.is_outage |= bool(policy.budgets) and (
                self.failed_firsts >= policy.outage_failures
                and self.failed_firsts > policy.outage_share * (len(self.specs) - len(self.causes))
            )
        if again:
            workers = self.failed.setdefault(case, [])
            workers.append(worker)
            assert len(workers) <= self.retries.budgets.get(case, 0), "it was tried too often"
            self.failure[case] = verdict
            self.due[case] = self.now + self.retries.delay(len(workers))
            return
        has_failed = self.failed.pop(case, None)
        self.verdicts[case] = Verdict.FLAKY if has_failed and verdict in SUCCESS else verdict

    def _hear_amendment(self, case: int, verdict: Verdict) -> None:
        (self.failure if case in self.failed else self.verdicts)[case] = verdict

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
                case GiveUp(case, verdict):
                    self._judge_surrender(case, verdict)
                case Relinquish(worker, fixtures):
                    self._judge_request(worker, fixtures)
                case Acquire(case, wants):
                    self._judge_acquisition(case, wants)
                case GiveBack(case):
                    self._judge_return(case)
        self._judge_omissions()

    # commands

    def _judge_assignment(self, worker: str, case: int) -> None:
        is_late = self.stopped is not None and not self.is_stopping
        assert not is_late or self.is_owed(case), "it was started after the stop"
        assert worker in self.given, "work was given to a worker that is not there"
        assert worker not in self.dismissed, "work was given to a worker that goes home"
        assert self.given[worker] or self.has_room, "more workers were given work than may be busy"
        assert self.is_waiting(case), "a case was started twice, or has its verdict"
        assert self.is_ready(case), "a case was started before its prerequisites were over"
        assert self.host_of[worker] not in self._barred[case], "that is not there on its host"
        assert not self.short_of(case, worker), "a resource is overdrawn"
        assert self._has_outside(case, worker), "others share that, and it was not acquired"
        self._judge_retry(worker, case)
        group = self.specs[case].group
        if group is not None:
            assert self.homes.setdefault(group, worker) == worker, "a group was torn apart"
        self.counted[case] = self._countable(case, worker)
        self.gone[case] = set()
        if case in self.granted:
            self.granted.remove(case)
            self.using.add(case)
        self.given[worker].append(case)
        self.ran_on[case] = worker

    @property
    def has_room(self) -> bool:
        """Whether one more worker may be busy."""
        return self.most is None or sum(map(bool, self.given.values())) < self.most

    @property
    def takers(self) -> list[str]:
        """The workers that may be given something."""
        idle = [name for name, given in self.given.items() if not given]
        return [name for name in idle if name not in self.dismissed] if self.has_room else []

    def _judge_retry(self, worker: str, case: int) -> None:
        if case not in self.failed:
            return
        assert self.now >= self.due[case], "it was tried again too soon"
        assert not self.in_flight, "it was tried again beside others"
        if self.specs[case].group is None and worker in self.failed[case]:
            able = [each for each in self.given if self.host_of[each] not in self._barred[case]]
            assert set(able) <= {*self.failed[case]}, "somebody else could have tried it"

    def _judge_surrender(self, case: int, verdict: Verdict) -> None:
        assert self.is_waiting(case), "a case was given up that is given out or over"
        assert case in self.failed, "a case was given up that has not failed"
        assert verdict is self.failure[case]
        assert self.stopped is not None or self.is_outage or self._possible_causes(case), (
            "a case was given up for no reason"
        )
        self.verdicts[case] = verdict
        del self.failed[case]

    def is_alone(self, case: int) -> bool:
        """Whether nothing else may run beside ``case``."""
        return self.specs[case].alone or case in self.failed

    def _judge_request(self, worker: str, fixtures: tuple[Fixture, ...]) -> None:
        assert fixtures, "nothing was asked for"
        for fixture in fixtures:
            assert fixture in self.kept[worker], "that is not up, as far as is known"
            assert fixture not in self.asked[worker], "it was asked for twice"
            self.asked[worker].add(fixture)

    def _judge_acquisition(self, case: int, wants: tuple[tuple[str, int], ...]) -> None:
        assert self.is_waiting(case), "something was acquired for a case that is given out or over"
        assert case not in self.acquiring | self.granted | self.using, "it was acquired twice"
        assert {name for name, _ in wants} == {
            claim.resource for claim in self._claims(case) if self.is_outside(claim.resource)
        }
        self.acquiring.add(case)

    def _judge_return(self, case: int) -> None:
        assert case in self.acquiring | self.granted | self.using, "it has nothing to give back"
        for each in (self.acquiring, self.granted, self.using):
            each.discard(case)

    def _judge_recall(self, worker: str, cases: tuple[int, ...]) -> None:
        sent_ahead = self.given[worker][1:]
        assert cases, "nothing was recalled"
        assert set(cases) <= set(sent_ahead), "what runs, or is not there, was recalled"
        if self.stopped is None:
            assert not any(self.specs[case].group for case in cases), "nobody else may run it"

    def _judge_conclusion(self, case: int, verdict: Verdict, cause: Cause) -> None:
        assert self.is_waiting(case), "a case that is given out or over was concluded"
        assert case not in self.failed, "a case that has run was concluded as if it had not"
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
                assert case not in self.failed or not self.is_outage, "it should be given up"
        waits_for_rest = self.is_scripted and any(map(self._rests, self.failed))
        is_idle = not (self.waits_for_crew or self._is_anybody_at_work or waits_for_rest)
        if self.given and self.stopped is None and is_idle:
            open_cases = [case for case in range(len(self.specs)) if self.is_waiting(case)]
            assert not open_cases or all(
                not self.is_ready(case) or self._runs_nowhere(case) or self._rests(case)
                for case in open_cases
            ), "there is work and nobody works"

    def _rests(self, case: int) -> bool:
        return case in self.failed and self.due[case] > self.now

    @property
    def _is_anybody_at_work(self) -> bool:
        """Whether something is bound to happen: a case ends, a fixture goes down, a token comes, one leaves."""
        return any((*self.given.values(), *self.asked.values(), self.acquiring, self.dismissed))

    def _runs_nowhere(self, case: int) -> bool:
        return all(host in self._barred[case] for host in self.host_of.values())

    @cached_property
    def _barred(self) -> list[set[str]]:
        """Per case, the hosts that lack something for it or for another of its group."""
        found = [self._lack(spec) for spec in self.specs]
        groups: dict[str | None, set[str]] = {}
        for spec, hosts in zip(self.specs, found, strict=True):
            groups.setdefault(spec.group, set()).update(hosts)
        return [
            hosts if spec.group is None else groups[spec.group]
            for spec, hosts in zip(self.specs, found, strict=True)
        ]

    def _lack(self, spec: CaseSpec) -> set[str]:
        return {
            host
            for host in self.hosts
            for name in self.resources
            if self.is_local(name)
            and used_on_worker(name, max(1, self.capacity(name, host)), [spec], ())
            > self.capacity(name, host)
        }

    @cached_property
    def resources(self) -> list[str]:
        """All that somebody claims."""
        return sorted({claim.resource for claim in self._all_claims})

    @cached_property
    def _all_claims(self) -> list[Claim]:
        return [claim for case in range(len(self.specs)) for claim in self._claims(case)]

    @cached_property
    def _counted_ones(self) -> set[str]:
        return {claim.resource for claim in self._all_claims if claim.mode is Mode.COUNT}

    # what follows from what was heard

    @property
    def is_over(self) -> bool:
        """Whether every case has its verdict."""
        return len(self.verdicts) == len(self.specs)

    def is_owed(self, case: int) -> bool:
        """Whether ``case`` cleans up after one that ran, or may have when its worker died."""
        ran = (each for each in self.verdicts if each not in self.causes)
        return self.cleans and bool(
            {*ran, *self.torn, *self.failed} & set(self.cleaners.get(case, ()))
        )

    def _cannot_clean(self, case: int) -> bool:
        """Whether ``case`` need not clean up, or needs something that was not run itself."""
        if not self.cleans or not self._may_clean(case):
            return True
        needed = self.edges.get(case, {})
        refused = [each for each, accepts in needed.items() if Verdict.NOT_RUN not in accepts]
        return any(self.verdicts.get(each) is Verdict.NOT_RUN for each in refused)

    def _may_clean(self, case: int) -> bool:
        """Whether ``case`` cleans up after one that may have begun, or that cleans up itself and will begin."""
        has_begun = not {*self.in_flight}.isdisjoint(self.cleaners.get(case, ()))
        return (
            has_begun
            or self.is_owed(case)
            or any(
                self.is_waiting(each) and self._may_clean(each)
                for each in self.cleaners.get(case, ())
            )
        )

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
        """Whether ``worker`` could run ``case`` now, if nobody else is to be considered.

        What fixtures keep there for it does not count, nor do instances that several share.
        """
        home = self.homes.get(self.specs[case].group or "", worker)
        names = {claim.resource for claim in self._claims(case)}
        return (
            self.is_waiting(case)
            and case not in self.failed
            and self.is_ready(case)
            and home == worker
            and not self.granted
            and not any(self.is_outside(name) or self._has_slots(name) for name in names)
            and self.host_of[worker] not in self._barred[case]
            and not self.short_of(case, worker, is_counting=False)
        )

    def short_of(self, case: int, worker: str, *, is_counting: bool = True) -> list[str]:
        """Return of what too little would be left for ``case``, if it ran on ``worker`` now."""
        is_crowded = bool(self.in_flight) and any(map(self.is_alone, (case, *self.in_flight)))
        counted = self._countable(case, worker) if is_counting else set()
        return ["*"] * is_crowded + [
            name
            for name in sorted({claim.resource for claim in self._claims(case)})
            if not self.is_outside(name)
            and self._used(name, case, worker, counted) > self.capacity(name, self.host_of[worker])
        ]

    def _used(self, name: str, case: int, worker: str, counted: set[Fixture]) -> int:
        """Return how much of it would be in use where ``worker`` is, with ``case`` on that."""
        host = self.host_of[worker]
        is_local = self.is_local(name)
        total = 0
        for each, given in self.given.items():
            if is_local and self.host_of[each] != host:
                continue
            cases = [*given, case] if each == worker else given
            in_use = {fixture for one in given for fixture in self.counted[one]}
            in_use |= counted if each == worker else set()
            idle = [hold for fixture, hold in self.kept[each].items() if fixture not in in_use]
            capacity = self.capacity(name, host)
            mine = used_on_worker(name, capacity, [self.specs[one] for one in cases], idle)
            if each == worker and not counted and case not in given:
                others = used_on_worker(name, capacity, [self.specs[one] for one in given], idle)
                alone = used_on_worker(name, capacity, [self.specs[case]], ())
                mine = max(mine, others + alone)
            total += mine
        return total

    def _claims(self, case: int) -> list[Claim]:
        spec = self.specs[case]
        return [*spec.claims, *(claim for hold in spec.holds for claim in hold.claims)]

    def _countable(self, case: int, worker: str) -> set[Fixture]:
        return fixtures_of(self.specs[case]).keys() & (
            self.kept[worker].keys() - self.asked[worker]
        )

    def _has_outside(self, case: int, worker: str) -> bool:
        """Whether ``case`` has what others share, or fixtures on ``worker`` keep it for it."""
        spec = self.specs[case]
        names = {claim.resource for claim in self._claims(case) if self.is_outside(claim.resource)}
        counted = self._countable(case, worker)
        holds = [hold for fixture, hold in self.kept[worker].items() if fixture in counted]
        return case in self.granted or all(
            used_on_worker(name, self.capacity(name, ""), [], holds)
            >= used_on_worker(name, self.capacity(name, ""), [spec], [])
            for name in names
        )

    def capacity(self, name: str, host: str) -> int:
        """Return how much there is for a worker on ``host``; there is no end of an undeclared lock."""
        here = self.hosts.get(host, {}).get(name, self.capacities.get(name))
        if here is not None:
            return here.tokens
        return 1 if name in self._counted_ones else UNBOUNDED

    def is_local(self, name: str) -> bool:
        """Whether each host has its own of it."""
        return len(self.hosts) > 1 and self._scope(name) is Scope.HOST

    def is_outside(self, name: str) -> bool:
        """Whether other runs share it."""
        return self._scope(name) is Scope.MACHINE

    def _scope(self, name: str) -> Scope:
        known = self.capacities.get(name)
        return Scope.RUN if known is None else known.scope

    def _has_slots(self, name: str) -> bool:
        return name in self.capacities and self.capacities[name].slots > 1

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
