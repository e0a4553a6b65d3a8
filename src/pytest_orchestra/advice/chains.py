"""What the end of a run waits for: long tests, and prerequisites on the longest path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_orchestra.advice.findings import MOST_NAMED, Findings, WhatIf
from pytest_orchestra.advice.words import count, seconds
from pytest_orchestra.model.advice import Recommendation, Topic
from pytest_orchestra.model.verdict import SUCCESS

#: A test is long if it takes this share of the run.
LONG_SHARE: Final = 0.25

#: So many recorded runs without a failure say that a prerequisite keeps nothing from running.
CLEAN_RUNS: Final = 10


def long_tests(findings: Findings, what_if: WhatIf) -> Iterator[Recommendation]:
    """Yield the longest test, if the run would be shorter with two of half the length."""
    taken = findings.seconds
    if findings.workers == 1 or not taken:
        return
    case = max(range(len(taken)), key=taken.__getitem__)
    if taken[case] < LONG_SHARE * findings.run.seconds:
        return
    gain = what_if.as_it_was - what_if.with_halves(case)
    if findings.is_worth_it(gain):
        share = sum(taken) / findings.workers
        yield Recommendation(
            topic=Topic.SPLIT,
            text=f"{findings.nodeid(case)} takes {seconds(taken[case])}; as two tests of half the "
            f"length it would save about {seconds(gain)}",
            remedy="split it, or what makes it slow, so that workers can share it",
            gain=gain,
            figures=(
                ("it takes", seconds(taken[case])),
                ("a worker's share of all the work", seconds(share)),
            ),
            cases=(case,),
            total=1,
        )


def prerequisites(findings: Findings, what_if: WhatIf) -> Iterator[Recommendation]:
    """Yield the prerequisite on the longest path that costs most, if not waiting for it would gain.

    Data is no matter of choice: what uses it has to wait. Where the prerequisite has never failed, and shares
    no resource with its dependants, the dependency itself is in question.
    """
    edges = _costliest(findings)
    if not edges or findings.workers == 1:
        return
    gain = what_if.as_it_was - what_if.without_edges(frozenset(edges))
    if not findings.is_worth_it(gain):
        return
    case = edges[0][0]
    dependants = [each for _, each in edges]
    took = findings.seconds[case]
    runs = _never_failed(findings, case)
    name, waiting = findings.nodeid(case), count(len(dependants), "test")
    figures = [("it takes", seconds(took)), ("tests wait for it", f"{len(dependants):,}")]
    if runs and not _share_resources(findings, case, dependants):
        topic = Topic.DEPENDENCY
        figures.append(("recorded runs in which it never failed", str(runs)))
        text = (
            f"{waiting} depend on {name}, which kept nothing from running in its last {count(runs, 'run')}; "
            f"without that the run would be about {seconds(gain)} shorter"
        )
        remedy = "remove the dependency if they do not need what it leaves behind"
    else:
        topic = Topic.PREREQUISITE
        text = (
            f"{name} ({seconds(took)}) is on the longest path and {waiting} wait for it; if they did not, "
            f"the run would be about {seconds(gain)} shorter"
        )
        remedy = "make it shorter, or let a fixture provide what they need of it"
    yield Recommendation(
        topic,
        text,
        remedy,
        gain,
        tuple(figures),
        (case, *dependants[: MOST_NAMED - 1]),
        1 + len(dependants),
    )


def _costliest(findings: Findings) -> list[tuple[int, int]]:
    """Return the edges that can be done without of the longest prerequisite on the longest path."""
    best: list[tuple[int, int]] = []
    if not findings.graph.edges:
        return best
    longest = 0.0
    for case in _longest_path(findings)[:-1]:
        edges = [
            (case, dependant)
            for dependant, _ in findings.graph.dependents[case]
            if findings.may_go(case, dependant)
        ]
        if edges and findings.seconds[case] > longest:
            best, longest = edges, findings.seconds[case]
    return best


def _longest_path(findings: Findings) -> list[int]:
    tails, dependents = findings.tails, findings.graph.dependents
    path = [max(range(len(tails)), key=tails.__getitem__)]
    while dependents[path[-1]]:
        path.append(max((each for each, _ in dependents[path[-1]]), key=tails.__getitem__))
    return path


def _never_failed(findings: Findings, case: int) -> int:
    """Return in how many runs it never failed, 0 for too few."""
    runs = findings.clean_runs(case)
    passed = findings.run.cases[case].verdict in SUCCESS
    return runs if passed and runs >= CLEAN_RUNS else 0


def _share_resources(findings: Findings, case: int, dependants: list[int]) -> bool:
    own = _resources(findings, case)
    return bool(own) and any(own & _resources(findings, each) for each in dependants)


def _resources(findings: Findings, case: int) -> set[str]:
    spec = findings.specs[case]
    held = (claim for hold in spec.holds for claim in hold.claims)
    return {claim.resource for claim in (*spec.claims, *held)}
