from __future__ import annotations

from dataclasses import replace

import pytest
from histories import EPOCH, HERE, attempt, case, run

from pytest_orchestra.history.observing import (
    PastCase,
    PastRun,
    choose_runs,
    flaked,
    head_of,
    observe,
    spans_of,
    tried,
    worth_a_look,
)
from pytest_orchestra.history.surroundings import Scene, Span
from pytest_orchestra.model.verdict import Verdict

PASS, FAIL, ERROR = attempt(), attempt(Verdict.FAILED), attempt(Verdict.ERROR)


def past_run(number: int, tests: int = 10, failed: int = 0, **more: object) -> PastRun:
    """Return the run of that number."""
    made = PastRun(f"run-{number}", EPOCH + number, "c0ffee", True, HERE, tests, failed)  # noqa: FBT003
    return replace(made, **more)  # type: ignore[arg-type]


def history(letters: str) -> list[PastCase]:
    """Return a run for each letter, with f for failed."""
    return [
        PastCase(past_run(number), (FAIL if letter == "f" else PASS,))
        for number, letter in enumerate(letters)
    ]


def test_a_skip_says_nothing() -> None:
    """All else does, an expected failure like a pass."""
    xfail = attempt(Verdict.XFAILED)
    assert tried([attempt(Verdict.SKIPPED), xfail, FAIL]) == (xfail, FAIL)
    (seen,) = observe([PastCase(past_run(1), (FAIL, xfail))])
    assert [each.passed for each in seen.attempts] == [False, True]


def test_a_run_is_counted_by_its_first_attempts() -> None:
    """As the store does."""
    head = head_of(run(3, case("x", FAIL, PASS), case("y", PASS, FAIL), case("z", ERROR)))
    assert (head.tests, head.failed, head.commit, head.environment) == (3, 2, "c0ffee", HERE)
    assert not head.is_outage
    assert past_run(1, tests=10, failed=5).is_outage


def test_what_is_known_of_the_run_is_seen() -> None:
    """Commit, cleanness, environment, outage; times and errors of the attempts."""
    here = past_run(1, failed=9, commit="abc", is_clean=False)
    (seen,) = observe([PastCase(here, (FAIL,))])
    assert (seen.run, seen.commit, seen.is_clean, seen.environment) == ("run-1", "abc", False, HERE)
    assert seen.is_outage
    (trial,) = seen.attempts
    assert (trial.signature, trial.seconds) == ("ValueError | N", 0.5)
    assert trial.before is None
    assert trial.beside is None
    assert trial.contended is None


def test_what_went_on_around_is_seen() -> None:
    """Where a scene of that run is known and the attempt has a time."""
    here = PastCase(past_run(1), (FAIL, replace(PASS, started=None)))
    scene = Scene(
        [
            Span("polluter", "gw0", EPOCH - 1, EPOCH),
            Span("t", "gw0", EPOCH, EPOCH + 0.5),
            Span("other", "gw1", EPOCH + 0.1, EPOCH + 0.2, ("port",)),
        ]
    )
    (seen,) = observe([here], {"run-1": scene})
    first, second = seen.attempts
    assert first.before == frozenset({"polluter"})
    assert first.beside
    assert first.contended == frozenset({"port"})
    assert second.before is None
    (elsewhere,) = observe([here], {"run-2": scene})
    assert elsewhere.first.before is None


def test_when_and_where_tests_ran() -> None:
    """Every attempt that has a time, with what its test claims."""
    cases = [replace(case("x", FAIL, replace(PASS, started=None)), claims=("db",))]
    assert spans_of(cases) == [Span("x", "gw0", EPOCH, EPOCH + 0.5, ("db",))]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [("", False), ("pppp", False), ("pppf", False), ("ffff", False), ("pffp", True)],
)
def test_one_failure_goes_together_with_nothing(letters: str, *, expected: bool) -> None:
    """Neither do failures without any pass: nothing is to be told apart."""
    assert worth_a_look(history(letters)) is expected


def test_outages_are_no_failures() -> None:
    """They say nothing about one test."""
    past = history("ppff")
    out = [replace(each, run=replace(each.run, failed=9)) for each in past]
    assert not worth_a_look(out)
    assert choose_runs([out], 1000) == set()


def test_half_of_what_is_looked_at_are_failures() -> None:
    """The newest first, as far as they fit; what one half leaves the other may have."""
    past = history("fpfpfppp")
    assert choose_runs([past], 40) == {"run-4", "run-2", "run-7", "run-6"}
    assert choose_runs([past], 1000) == {each.run.uuid for each in past}
    assert choose_runs([history("pppf")], 40) == {"run-3", "run-2", "run-1", "run-0"}
    assert choose_runs([past], 5) == set()


def test_a_run_too_big_to_look_at_is_left_out() -> None:
    """Smaller ones may still fit."""
    past = history("ffpp")
    past[1] = replace(past[1], run=replace(past[1].run, tests=1_000))
    assert choose_runs([past], 40) == {"run-0", "run-2", "run-3"}


def test_who_flakes_passes_after_a_failure() -> None:
    """Or fails where the same code has passed: same commit, clean, same environment."""
    now = PastCase(past_run(9), (FAIL,))
    same = history("p")
    assert flaked(same, now)
    assert not flaked([], now)
    assert not flaked(history("f"), now)
    assert flaked([], PastCase(past_run(9), (FAIL, PASS)))
    assert not flaked(same, PastCase(past_run(9), (PASS,)))
    for other in ({"commit": "abc"}, {"is_clean": False}, {"environment": "elsewhere"}):
        assert not flaked([replace(same[0], run=past_run(1, **other))], now)
    nowhere = {"commit": None}
    unknown = [replace(same[0], run=past_run(1, **nowhere))]  # type: ignore[arg-type]
    assert not flaked(unknown, PastCase(past_run(9, **nowhere), (FAIL,)))  # type: ignore[arg-type]
