"""How good a suite was in a run: a score whose formula can be shown.

A weighted mean of five parts, each 0.0 to 1.0. A part without evidence is left out, which is said.
None of them rises when a test fails that would have passed: bad news never make a better score.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_orchestra.advice.words import count
from pytest_orchestra.model.advice import Grade, Quality, QualityPart
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.verdict import FAILURE, SUCCESS, Verdict

PASSING: Final = "passing"
STABLE: Final = "stable"
COMPLETE: Final = "complete"
EFFICIENT: Final = "efficient"
PROMPT: Final = "prompt"

#: What each part counts.
WEIGHTS: Final = {PASSING: 40, STABLE: 20, COMPLETE: 15, EFFICIENT: 15, PROMPT: 10}

#: Where so large a share of the tests is flaky nobody looks at a failure any more.
WORST_FLAKY: Final = 0.05

#: The least score of each grade but the last.
GRADES: Final = ((90.0, Grade.A), (80.0, Grade.B), (70.0, Grade.C), (60.0, Grade.D))

#: In runs shorter than this many seconds starting and ending decides how busy workers were.
SHORTEST_RUN: Final = 1.0

_LEFT_OUT: Final = frozenset({Verdict.BLOCKED, Verdict.NOT_RUN})


def judge_quality(
    run: RunRecord, bound: float | None = None, flaky_rate: float | None = None
) -> Quality | None:
    """Return the quality of the suite in ``run``, None where no test passed or failed.

    ``bound`` is the time that its tests take at least, in seconds, whatever the order; ``flaky_rate``
    the share of tests that fail by chance, by history. None for what is not known.
    """
    passing = _passing(run)
    if passing is None:
        return None
    judged = (
        passing,
        _stable(run, flaky_rate),
        _complete(run),
        _efficient(run, bound),
        _prompt(run),
    )
    parts = tuple(each for each in judged if isinstance(each, QualityPart))
    unknown = tuple(each for each in judged if not isinstance(each, QualityPart))
    weight = sum(part.weight for part in parts)
    score = 100.0 * sum(part.weight * part.value for part in parts) / weight
    return Quality(score, _grade(score), parts, unknown)


def _grade(score: float) -> Grade:
    return next((grade for least, grade in GRADES if score >= least), Grade.E)


def _part(name: str, value: float, why: str) -> QualityPart:
    return QualityPart(name, min(1.0, max(0.0, value)), WEIGHTS[name], why)


def _passing(run: RunRecord) -> QualityPart | None:
    """Half for a run in which nothing failed, half for the share of tests that passed.

    Tests that were skipped or expected to fail count neither way.
    """
    counts = run.counts
    good = sum(counts[verdict] for verdict in SUCCESS)
    bad = sum(counts[verdict] for verdict in FAILURE)
    if not good + bad:
        return None
    share = good / (good + bad)
    why = f"{good:,} of {good + bad:,} tests passed"
    if bad:
        return _part(PASSING, share / 2, f"{why}; halved, since some failed")
    return _part(PASSING, share, why)


def _stable(run: RunRecord, flaky_rate: float | None) -> QualityPart | tuple[str, str]:
    counts = run.counts
    tried = sum(counts[verdict] for verdict in SUCCESS | FAILURE)
    seen = counts[Verdict.FLAKY] / tried
    if flaky_rate is None and not seen and _failed_untried(run):
        return STABLE, "tests failed that were tried only once, and there is no history of them"
    rate = max(seen, flaky_rate or 0.0)
    source = "by history" if flaky_rate is not None and flaky_rate >= seen else "in this run"
    why = f"{rate:.2%} of the tests flaky, {source}; {WORST_FLAKY:.0%} would be nothing"
    return _part(STABLE, 1.0 - rate / WORST_FLAKY, why)


def _failed_untried(run: RunRecord) -> bool:
    """Whether tests failed, and none of them was tried again: each may have failed by chance."""
    failed = [case for case in run.cases if case.verdict in FAILURE]
    return bool(failed) and all(len(case.attempts) <= 1 for case in failed)


def _complete(run: RunRecord) -> QualityPart:
    left_out = sum(run.counts[verdict] for verdict in _LEFT_OUT)
    total = len(run.cases)
    errors = sum(not each.is_skipped for each in run.uncollected)
    why = f"{total - left_out:,} of {total:,} tests were neither blocked nor left out"
    if errors:
        why += f", {count(errors, 'file')} could not be collected"
    return _part(COMPLETE, (total - left_out) / (total + errors), why)


def _efficient(run: RunRecord, bound: float | None) -> QualityPart | tuple[str, str]:
    if bound is None:
        return EFFICIENT, "it is not known what the tests need at least"
    if len(run.workers) < 2:  # noqa: PLR2004 - one worker has nothing to lose
        return EFFICIENT, "there was one worker, so there was nothing to arrange"
    if run.seconds < SHORTEST_RUN:
        return EFFICIENT, "the run was too short to tell"
    why = f"it took {run.seconds:.1f} s, at least {bound:.1f} s were needed"
    return _part(EFFICIENT, bound / run.seconds, why)


def _prompt(run: RunRecord) -> QualityPart:
    """How early all failures were known: by the last of them, since a mean would rise with each early one."""
    last = max(_waits(run), default=None)
    if last is None:
        return _part(PROMPT, 1.0, "no failure to wait for")
    return _part(PROMPT, 1.0 - last, f"all failures were known after {last:.0%} of the run")


def _waits(run: RunRecord) -> Iterator[float]:
    """Yield for each failed test after which share of the run that was known."""
    for case in run.cases:
        if case.verdict in FAILURE:
            yield min(1.0, _end(case, run) / run.seconds) if run.seconds > 0 else 1.0


def _end(case: CaseRecord, run: RunRecord) -> float:
    """Return when a test had failed, in seconds since the run began: at its end if nobody knows."""
    if case.assigned_at is None or case.seconds is None:
        return run.seconds
    return case.assigned_at + case.seconds
