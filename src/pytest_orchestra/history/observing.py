"""From what is stored of tests to what is judged: pure.

What went on around a test is put together from all results of its run. These are many, so it is done for
tests that may turn out flaky, and for some of their runs: those in which they failed, and as many
others. That says the same as all runs would, with less certainty: which runs are looked at depends on how
they ended, and never on what went on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.history.judgement.observation import Observation, Trial, is_outage
from pytest_orchestra.history.surroundings import Scene, Span
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.evidence import CaseEvidence, RunEvidence
from pytest_orchestra.model.verdict import FAILURE, Verdict

#: With fewer failures nothing goes together.
_FEWEST: Final = 2

_NOBODY: Final[Mapping[str, Scene]] = {}


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as it was; see :class:`~pytest_orchestra.model.evidence.RunEvidence`.

    ``tests`` ran, of which ``failed`` failed in their first attempt.
    """

    uuid: str
    started: float
    commit: str | None
    is_clean: bool
    environment: str
    tests: int
    failed: int

    @property
    def is_outage(self) -> bool:
        """Whether so many tests failed that it says nothing about one."""
        return is_outage(self.failed, self.tests)


@dataclass(frozen=True, slots=True)
class PastCase:
    """All attempts of one test in one run."""

    run: PastRun
    attempts: tuple[Attempt, ...]


def tried(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """Return the attempts that say something: not those that were skipped."""
    return tuple([each for each in attempts if each.verdict is not Verdict.SKIPPED])


def ended(attempts: Sequence[Attempt]) -> Verdict:
    """Return what these came to: flaky if the last passed, and an earlier one did not."""
    last = attempts[-1].verdict
    return Verdict.FLAKY if last not in FAILURE and has_failed(attempts) else last


def has_failed(attempts: Iterable[Attempt]) -> bool:
    """Whether any of these did not pass."""
    return any(each.verdict in FAILURE for each in attempts)


def head_of(run: RunEvidence) -> PastRun:
    """Return the coming past: ``run`` as it will be."""
    firsts = [case.attempts[0].verdict for case in run.cases if case.attempts]
    return PastRun(
        run.uuid,
        run.started,
        run.commit,
        run.is_clean,
        run.environment,
        len(firsts),
        sum(verdict in FAILURE for verdict in firsts),
    )


def spans_of(cases: Iterable[CaseEvidence]) -> list[Span]:
    """Return when and where these tests ran, as far as that is known."""
    return [
        Span(case.nodeid, each.worker, each.started, each.started + each.seconds, case.claims)
        for case in cases
        for each in case.attempts
        if each.started is not None
    ]


def worth_a_look(past: Sequence[PastCase]) -> bool:
    """Whether something might be found that the failures of a test go together with."""
    counted = [each for each in past if not each.run.is_outage]
    failed = sum(each.attempts[0].verdict in FAILURE for each in counted)
    return _FEWEST <= failed < len(counted)


def choose_runs(pasts: Iterable[Sequence[PastCase]], results: int) -> set[str]:
    """Return the runs to look at for some tests, which have no more ``results`` in all than this.

    Half of these are for runs in which one of the tests failed at first, the newest first; the rest
    is for others.
    """
    runs: dict[str, PastRun] = {}
    failures: Counter[str] = Counter()
    for past in pasts:
        for each in past:
            if not each.run.is_outage:
                runs[each.run.uuid] = each.run
                failures[each.run.uuid] += each.attempts[0].verdict in FAILURE
    newest = sorted(runs.values(), key=lambda run: (-run.started, run.uuid))
    chosen, left = _take([run for run in newest if failures[run.uuid]], results // 2)
    others, _ = _take([run for run in newest if not failures[run.uuid]], results // 2 + left)
    return chosen | others


def _take(runs: Iterable[PastRun], results: int) -> tuple[set[str], int]:
    taken: set[str] = set()
    for run in runs:
        if run.tests <= results:
            taken.add(run.uuid)
            results -= run.tests
    return taken, results


def observe(
    past: Iterable[PastCase], scenes: Mapping[str, Scene] = _NOBODY
) -> tuple[Observation, ...]:
    """Return what was seen of one test in these runs; ``scenes`` are known of some of them."""
    return tuple(
        [
            Observation(
                run=each.run.uuid,
                attempts=observe_attempts(each.attempts, scenes.get(each.run.uuid)),
                commit=each.run.commit,
                is_clean=each.run.is_clean,
                environment=each.run.environment,
                is_outage=each.run.is_outage,
            )
            for each in past
        ]
    )


def observe_attempts(attempts: Iterable[Attempt], scene: Scene | None = None) -> tuple[Trial, ...]:
    """Return ``attempts`` of one test in one run as they are judged."""
    return tuple([_trial(each, scene) for each in attempts])


def _trial(attempt: Attempt, scene: Scene | None) -> Trial:
    passed = attempt.verdict not in FAILURE
    if scene is None or attempt.started is None:
        return Trial(passed, attempt.signature, attempt.seconds)
    began, ended = attempt.started, attempt.started + attempt.seconds
    beside = scene.beside(attempt.worker, began, ended)
    return Trial(
        passed,
        attempt.signature,
        attempt.seconds,
        bool(beside),
        scene.before(attempt.worker, began),
        frozenset([name for span in beside for name in span.claims]),
    )


def flaked(past: Sequence[PastCase], now: PastCase) -> bool:
    """Whether a test passed after a failure, or failed where the same code has passed."""
    if not has_failed(now.attempts):
        return False
    if now.attempts[-1].verdict not in FAILURE:
        return True
    return any(
        _is_same_code(each.run, now.run) and each.attempts[-1].verdict not in FAILURE
        for each in past
    )


def _is_same_code(one: PastRun, other: PastRun) -> bool:
    return (
        one.commit is not None
        and one.is_clean
        and other.is_clean
        and (one.commit, one.environment) == (other.commit, other.environment)
    )
