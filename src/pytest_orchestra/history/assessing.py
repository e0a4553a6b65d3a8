"""Judges tests by what the history has of them, before and after a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from pytest_orchestra.history.judgement.judge import Judgement, judge
from pytest_orchestra.history.judgement.suite import RunFlakes, summarise
from pytest_orchestra.history.observing import (
    PastCase,
    choose_runs,
    ended,
    flaked,
    has_failed,
    head_of,
    observe,
    spans_of,
    tried,
    worth_a_look,
)
from pytest_orchestra.history.store import Store
from pytest_orchestra.history.surroundings import Scene
from pytest_orchestra.model.evidence import CaseEvidence, RunEvidence
from pytest_orchestra.model.flakes import Standing, SuiteFlakes
from pytest_orchestra.model.verdict import Verdict

_T = TypeVar("_T")

#: After a run so many of the tests that failed are judged, beside those in quarantine: each may
#: take 30 ms, and nobody reads more.
MOST_JUDGED: Final = 10

#: Of so many it is looked up whether the same code has passed before.
_MOST_READ: Final = 100

#: Tests that were judged flaky or have failed lately, and have passed now, are judged again: so many
#: after each run.
_MOST_AGAIN: Final = 3

#: Results that are read, at some 2 us each, to see what went on around tests after a run.
RESULTS: Final = 100_000

#: Of so many latest runs it is told what a test came to.
_OUTCOMES: Final = 40

#: Runs that the flaky rate of a suite is taken of.
SUITE_RUNS: Final = 50

#: What is known of tests, by node id; oldest run first.
Pasts = Mapping[str, Sequence[PastCase]]


class Sources(Protocol):
    """The files of one history; :class:`.Archive` is one."""

    def ask(self, question: Callable[[Store], _T]) -> list[_T]:
        """Put a ``question`` to every file, and return the answers."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the history says at the end of a run.

    ``before`` judges the tests that were asked for by the runs before this one, ``after`` those that
    failed in it, by all runs. Both have node ids. ``suite`` is how flaky the suite is, None where that
    cannot be said. ``flaky`` is how many tests flaked in this run, and ``rates`` how often those
    fail by chance that have been judged anew; None for those that are not flaky. ``outcomes`` are what the
    tests in ``after`` came to in their latest runs, this one the last.
    """

    before: Mapping[str, Judgement] = field(default_factory=dict)
    after: Mapping[str, Judgement] = field(default_factory=dict)
    suite: SuiteFlakes | None = None
    flaky: int = 0
    rates: Mapping[str, float | None] = field(default_factory=dict)
    outcomes: Mapping[str, tuple[Verdict, ...]] = field(default_factory=dict)


def assess(
    sources: Sources, run: RunEvidence, renamed: Mapping[str, str], asked: Collection[str]
) -> Assessment:
    """Return what the history says after ``run``, which it does not have yet.

    ``renamed`` maps node ids to former ones. ``asked`` are tests that are to be judged by what was
    before the run, too, if they failed in it.
    """
    head = head_of(run)
    cases = {case.nodeid: case for case in run.cases}
    failed = [case.nodeid for case in run.cases if has_failed(case.attempts)]
    asked = [nodeid for nodeid in failed if nodeid in asked]
    if len(failed) > MOST_JUDGED:
        failed = _most_failed(sources, failed, renamed)[:_MOST_READ]
    again = _flaky_once(sources, renamed, set(cases) - set(failed))
    pasts = read_pasts(sources, {*failed, *asked, *again}, renamed)
    before = {nodeid: judge(observe(pasts.get(nodeid, ()))) for nodeid in asked}
    if head.is_outage:
        return Assessment(before)
    now = {
        nodeid: PastCase(head, said)
        for nodeid in {*failed, *again}
        if (said := tried(cases[nodeid].attempts))
    }
    flaky = sum(flaked(pasts.get(nodeid, ()), now[nodeid]) for nodeid in failed)
    judged = [*failed[:MOST_JUDGED], *(nodeid for nodeid in again if nodeid in now)]
    all_runs = {nodeid: (*pasts.get(nodeid, ()), now[nodeid]) for nodeid in judged}
    after = judge_all(sources, all_runs, RESULTS, (head.uuid, run.cases))
    return Assessment(
        before,
        {nodeid: after[nodeid] for nodeid in failed[:MOST_JUDGED]},
        _suite(sources, RunFlakes(head.tests, flaky)) if head.tests else None,
        flaky,
        dict(_rates(after)),
        {
            nodeid: tuple([ended(past.attempts) for past in all_runs[nodeid][-_OUTCOMES:]])
            for nodeid in failed[:MOST_JUDGED]
        },
    )


def read_pasts(
    sources: Sources, nodeids: Iterable[str], renamed: Mapping[str, str] | None = None
) -> dict[str, tuple[PastCase, ...]]:
    """Return what these tests did in earlier runs, as far as it says something."""
    former = {nodeid: (renamed or {}).get(nodeid, nodeid) for nodeid in nodeids}
    if not former:
        return {}
    found: dict[str, list[PastCase]] = {}
    for answer in sources.ask(lambda store: store.cases(former.values())):
        for nodeid, past in answer.items():
            said = ((each, tried(each.attempts)) for each in past)
            found.setdefault(nodeid, []).extend(
                [replace(each, attempts=attempts) for each, attempts in said if attempts]
            )
    return {
        nodeid: tuple(sorted(found[old], key=lambda past: (past.run.started, past.run.uuid)))
        for nodeid, old in former.items()
        if old in found
    }


def judge_all(
    sources: Sources,
    pasts: Pasts,
    results: int,
    now: tuple[str, Iterable[CaseEvidence]] | None = None,
) -> dict[str, Judgement]:
    """Return what is to be said of each test by its past.

    At most so many ``results`` are read to see what went on around them. ``now`` is the run that is
    not in the history yet.
    """
    worthy = [past for past in pasts.values() if worth_a_look(past)]
    scenes: dict[str, Scene] = {}
    if worthy:
        if now is not None:
            scenes[now[0]] = Scene(spans_of(now[1]))
        chosen = choose_runs(worthy, results) - scenes.keys()
        for answer in sources.ask(lambda store: store.spans(chosen)):
            scenes |= {uuid: Scene(spans) for uuid, spans in answer.items()}
    return {
        nodeid: judge(observe(past, scenes) if worth_a_look(past) else observe(past))
        for nodeid, past in pasts.items()
    }


def suite_runs(sources: Sources) -> list[RunFlakes]:
    """Return how many tests flaked in the latest runs, oldest first, without outages."""
    heads = [
        head for answer in sources.ask(lambda store: store.heads(SUITE_RUNS)) for head in answer
    ]
    heads.sort(key=lambda head: (head[0].started, head[0].uuid))
    return [
        RunFlakes(run.tests, flaky)
        for run, flaky in heads[-SUITE_RUNS:]
        if run.tests and not run.is_outage
    ]


def _suite(sources: Sources, now: RunFlakes) -> SuiteFlakes:
    return summarise([*suite_runs(sources), now], SUITE_RUNS)


def _most_failed(sources: Sources, nodeids: Sequence[str], renamed: Mapping[str, str]) -> list[str]:
    """Sort tests by how often they have failed before: of others there is hardly anything to say."""
    counts: dict[str, int] = {}
    for answer in sources.ask(lambda store: store.failing()):
        for nodeid, count in answer.items():
            counts[nodeid] = counts.get(nodeid, 0) + count
    return sorted(nodeids, key=lambda nodeid: -counts.get(renamed.get(nodeid, nodeid), 0))


def _flaky_once(sources: Sources, renamed: Mapping[str, str], among: Collection[str]) -> list[str]:
    """Return some tests that may be flaky and have not failed in this run."""
    former = {renamed.get(nodeid, nodeid): nodeid for nodeid in among}
    answers = sources.ask(lambda store: store.flaking())
    found = (former[old] for answer in answers for old in answer if old in former)
    return list(dict.fromkeys(found))[:_MOST_AGAIN]


def _rates(judged: Mapping[str, Judgement]) -> Iterator[tuple[str, float | None]]:
    for nodeid, each in judged.items():
        is_flaky = each.standing is Standing.FLAKY
        yield nodeid, each.posterior.mean if is_flaky else None
