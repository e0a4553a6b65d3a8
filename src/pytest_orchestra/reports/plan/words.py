"""What is predicted of a run, in sentences that all forms of a plan share."""

from __future__ import annotations

from collections import Counter
from typing import Final

from pytest_orchestra.model.plan import BoundRecord, GainRecord, PlanRecord, Source
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.html.words import count, seconds, share
from pytest_orchestra.scheduling.bound import CRITICAL_PATH, WORK
from pytest_orchestra.scheduling.quantity import format_quantity, round_bytes

#: A chain of more tests than this is told by its first and its last.
_MOST_LINKS: Final = 3

#: A run that takes this share more than its greatest bound is held up by something else as well.
_LOOSE: Final = 0.1

#: What would save less than this share of the run saves nothing that one could rely on.
_NOTHING: Final = 0.005


def headline(plan: PlanRecord) -> str:
    """Return ``46 tests are predicted to take 1.32 s on 4 workers``."""
    run = plan.run
    tests = len(plan.order)
    what = f"{count(tests, 'test')} {'is' if tests == 1 else 'are'} predicted to take"
    text = f"{what} {seconds(plan.seconds)} on {count(len(run.workers), 'worker')}"
    blocked = sum(case.verdict is Verdict.BLOCKED for case in run.cases)
    return f"{text}; {blocked:,} cannot run" if blocked else text


def basis(plan: PlanRecord) -> str:
    """Return from where it is known what tests take, and what is assumed of the others."""
    counts = Counter(plan.sources)
    total = len(plan.sources)
    if counts[Source.NOTHING] == total:
        return (
            f"nothing is known of what tests take: each counts as {seconds(plan.expected[0])}, so "
            "these are proportions rather than times (a run leaves what it saw in the history)"
            if total
            else "there are no tests"
        )
    known = [f"{counts[each]:,} by the {each}" for each in (Source.HISTORY,) if counts[each]]
    known += [f"{counts[each]:,} by {each}" for each in (Source.FILE,) if counts[each]]
    guessed = [
        f"{counts[each]:,} {words}"
        for each, words in (
            (Source.OTHER_PARAMETERS, "as with other parameters"),
            (Source.SAME_FILE, "as others of their file"),
            (Source.OTHER_TESTS, "as tests in general"),
        )
        if counts[each]
    ]
    text = f"what tests take is known of {', '.join(known)}"
    return f"{text}; {', '.join(guessed)}, for want of a past" if guessed else text


def set_ups(plan: PlanRecord) -> str:
    """Return what shared fixtures take; empty if that is nothing."""
    if plan.set_ups < _NOTHING * plan.seconds:
        return ""
    return (
        f"setting up shared fixtures takes {seconds(plan.set_ups)} of that, on all workers together"
    )


def bound_words(plan: PlanRecord, bound: BoundRecord) -> str:
    """Return why no order takes less than ``bound``."""
    run = plan.run
    if bound.reason == CRITICAL_PATH:
        return _path_words(plan, bound)
    if bound.reason == WORK:
        workers = len(run.workers)
        ran = sum(plan.expected[case] for case in plan.order)
        work = f"all the work, {seconds(ran)}"
        if plan.least_set_ups:
            work += f", and setting up shared fixtures once, {seconds(plan.least_set_ups)}"
        return f"{work}, {'on one worker' if workers == 1 else f'shared by {workers} workers'}"
    users = sum(any(lease.resource == bound.reason for lease in case.leases) for case in run.cases)
    return f"what {count(users, 'test')} {'takes' if users == 1 else 'take'} of {bound.reason!r}{_there(plan, bound.reason)}"


def _path_words(plan: PlanRecord, bound: BoundRecord) -> str:
    return _chain_words(plan, bound) + _behind_gates(plan, bound)


def _behind_gates(plan: PlanRecord, bound: BoundRecord) -> str:
    """Return how long that takes which waits for the gate behind a path, if it takes longer than any of it."""
    rest = bound.seconds - sum(plan.expected[case] for case in bound.cases)
    if rest <= _NOTHING * bound.seconds:
        return ""
    return f", then {seconds(rest)} of what waits for its gate, shared by the workers"


def _chain_words(plan: PlanRecord, bound: BoundRecord) -> str:
    names = [plan.run.cases[case].spec for case in bound.cases]
    if len(names) < 2:  # noqa: PLR2004 - a chain has two links
        return f"the longest test: {names[0].nodeid}" if names else "the longest test"
    group = names[0].group
    if group is not None and all(each.group == group for each in names):
        return f"{count(len(names), 'test')} of the group {group!r}, which share a worker"
    shown = [each.nodeid for each in names]
    if len(shown) > _MOST_LINKS:
        shown = [shown[0], "...", shown[-1]]
    return f"the longest chain, {count(len(names), 'test')}: {' -> '.join(shown)}"


def _there(plan: PlanRecord, name: str) -> str:
    resource = next(each for each in plan.run.resources if each.name == name)
    if resource.capacity is None:
        return ""
    show = round_bytes if resource.is_quantity else format_quantity
    verb = "is" if resource.is_quantity or resource.capacity == 1 else "are"
    return f", of which there {verb} {show(resource.capacity)}"


def bottleneck(plan: PlanRecord) -> str:
    """Return in a sentence what keeps the run from ending earlier."""
    if not plan.bounds or plan.seconds <= 0.0:
        return ""
    bound = plan.bounds[0]
    filled = share(bound.seconds, plan.seconds)
    if bound.reason == CRITICAL_PATH:
        text = _path_bottleneck(plan, bound)
    elif bound.reason == WORK:
        text = _work_bottleneck(plan)
    else:
        there = _there(plan, bound.reason)
        text = f"{bound.reason!r}{there}: in use for {filled} of the run"
    over = plan.seconds - bound.seconds
    if over <= _LOOSE * bound.seconds:
        return text
    return f"{text}; another {seconds(over)} {_lost_to(plan, bound)}"


def _path_bottleneck(plan: PlanRecord, bound: BoundRecord) -> str:
    behind = _behind_gates(plan, bound)
    if behind:
        return f"{_chain_words(plan, bound)}{behind}: what comes before the gate keeps the rest waiting"
    if len(bound.cases) < 2:  # noqa: PLR2004 - as above
        longest = plan.run.cases[bound.cases[0]].spec.nodeid if bound.cases else "one test"
        return (
            f"{longest}, which takes {seconds(bound.seconds)} by itself: more workers do not help"
        )
    return (
        f"{count(len(bound.cases), 'test')} that run one after the other for {seconds(bound.seconds)}: "
        "more workers do not help"
    )


def _work_bottleneck(plan: PlanRecord) -> str:
    workers = plan.run.workers
    busy = sum(each.busy for each in workers)
    used = share(busy, plan.seconds * len(workers))
    if len(workers) == 1:
        return "the only worker; -n gives more"
    return f"the work: the {len(workers)} workers are busy for {used} of the time"


def _lost_to(plan: PlanRecord, bound: BoundRecord) -> str:
    """Return to what a run loses that takes much longer than its greatest ``bound``."""
    workers = len(plan.run.workers)
    if plan.set_ups / workers >= _LOOSE * bound.seconds:
        return f"since setting up shared fixtures takes {seconds(plan.set_ups)} in all"
    if any(case.held_up > 0.0 for case in plan.run.cases):
        return "since tests wait for tokens and for one another"
    return "since tests do not fill the workers evenly to the end"


def gain_words(plan: PlanRecord, gain: GainRecord) -> tuple[str, str]:
    """Return what there would be more of, and what that would save."""
    if gain.resource is None:
        there = len(plan.run.workers)
        what = f"{count(there + 1, 'worker')} instead of {there}"
    else:
        resource = next(each for each in plan.run.resources if each.name == gain.resource)
        show = round_bytes if resource.is_quantity else format_quantity
        had = resource.capacity or 0
        what = f"{gain.resource} = {show(had + gain.amount)} instead of {show(had)}"
    if gain.gain < _NOTHING * plan.seconds:
        return what, "nothing"
    return what, f"{seconds(gain.gain)} ({share(gain.gain, plan.seconds)})"
