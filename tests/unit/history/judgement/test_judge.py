from __future__ import annotations

from dataclasses import replace

import pytest
from observations import FAIL, PASS, history

from pytest_orchestra.history.judgement.judge import judge
from pytest_orchestra.history.judgement.observation import Observation
from pytest_orchestra.history.judgement.thresholds import DEFAULTS
from pytest_orchestra.model.flakes import Standing

RARE = "p" * 19


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("", Standing.NEW),
        ("p" * 9, Standing.NEW),
        ("p" * 10, Standing.HEALTHY),
        ("p" * 60 + "r" + "p" * 60, Standing.SUSPECT),
        ((RARE + "r") * 3, Standing.FLAKY),
        ((RARE + "f") * 6 + "p", Standing.FLAKY),
        ("p" * 50 + "a" * 6 + "p" * 50, Standing.HEALTHY),
        ("p" * 50 + "f" + "p" * 50, Standing.HEALTHY),
        ("p" * 50 + "f" * 3, Standing.BROKEN),
        ("f" * 30, Standing.BROKEN),
        ((RARE + "r") * 3 + "a" * 4, Standing.BROKEN),
    ],
)
def test_what_a_history_makes_of_a_test(text: str, standing: Standing) -> None:
    """Streaks are regressions, flips are flakes, and what is broken now is that first of all."""
    assert judge(history(text)).standing is standing


def test_one_commit_that_passes_and_fails_often_is_flaky() -> None:
    """Reruns of the same code need no retries to show it."""
    judgement = judge(history("ppfp ppp fppp pppf pp pfp"))
    assert judgement.standing is Standing.FLAKY
    assert judgement.disagreements == 4


def test_outages_prove_nothing() -> None:
    """The same failures in runs where everything failed leave the test healthy."""
    runs = [
        run if run.passed and run.first.passed else replace(run, is_outage=True)
        for run in history((RARE + "r") * 5)
    ]
    judgement = judge(runs)
    assert judgement.standing is Standing.HEALTHY
    assert (judgement.runs, judgement.outages, judgement.disagreements) == (95, 5, 0)


def test_failures_before_committing_are_the_developers() -> None:
    """Uncommitted changes that fail do not make a test flaky or broken."""
    runs = [
        replace(run, is_clean=run.passed, run=str(number))
        for number, run in enumerate(history("ppf" * 20))
    ]
    assert judge(runs).standing is Standing.HEALTHY


def test_a_test_broken_in_one_environment_is_broken() -> None:
    """Passes elsewhere do not speak for it, but are no disagreement either."""
    pairs = zip(
        history("p" * 30, environment="a"),
        history("p" * 25 + "f" * 5, environment="b"),
        strict=True,
    )
    judgement = judge([run for pair in pairs for run in pair])
    assert judgement.standing is Standing.BROKEN
    assert judgement.disagreements == 0


def test_an_environment_that_runs_no_longer_is_forgotten() -> None:
    """What was broken on a Python that is not tested any more is not broken now."""
    old = history("p" * 25 + "f" * 5, environment="a")
    assert judge(old + history("p" * 40, environment="b")).standing is Standing.HEALTHY


def test_what_was_flaky_and_passes_for_long_is_mended() -> None:
    """Then only what came after counts for the bound."""
    judgement = judge(history((RARE + "r") * 10 + "p" * 300))
    assert judgement.standing is Standing.HEALTHY
    assert judgement.is_mended
    assert judgement.upper == pytest.approx(0.00994, abs=1e-5)


@pytest.mark.parametrize("text", ["fff", "aaa", "f" * 6, "a" * 10])
@pytest.mark.parametrize("commit", [None, "c"])
@pytest.mark.parametrize("is_clean", [True, False])
def test_what_never_passed_is_broken(text: str, commit: str | None, *, is_clean: bool) -> None:
    """Where nobody knows which code ran, too: a flake passes now and then."""
    runs = [replace(run, commit=commit, is_clean=is_clean) for run in history(text)]
    judgement = judge(runs)
    assert judgement.standing is Standing.BROKEN
    assert judgement.posterior.probability == 0.0
    assert judgement.impact.red_builds == 0
    assert not judgement.signatures
    assert judge([*runs, *history("p" * 9)]).posterior.probability > 0.0


@pytest.mark.parametrize("text", ["f", "a", "ff"])
def test_few_failed_runs_say_nothing_yet(text: str) -> None:
    """Neither that a test is broken for good, nor that it is flaky."""
    judgement = judge([replace(run, is_clean=False) for run in history(text)])
    assert judgement.standing is Standing.NEW


def test_a_mended_test_that_breaks_is_broken() -> None:
    """That it was flaky once does not excuse it."""
    judgement = judge(history((RARE + "r") * 10 + "p" * 300 + "aa"))
    assert judgement.standing is Standing.BROKEN
    assert not judgement.is_mended


def test_where_nothing_failed_there_is_an_upper_bound() -> None:
    """Never none: 300 clean runs mean below 1 % at 95 %."""
    posterior = judge(history("p" * 300)).posterior
    assert posterior.low == 0.0
    assert posterior.high == pytest.approx(0.00994, abs=1e-5)
    assert 0 < posterior.mean < posterior.high


def test_the_rate_is_that_of_first_attempts() -> None:
    """One in twenty, whether or not retries recover; regressions have no part in it."""
    for text in ((RARE + "r") * 10, (RARE + "f") * 10 + "p", (RARE + "r") * 10 + "a" * 9 + RARE):
        posterior = judge(history(text)).posterior
        assert posterior.low < 0.05 < posterior.high
        assert posterior.mean == pytest.approx(0.05, abs=0.015)


def test_the_impact_is_what_failed_by_chance() -> None:
    """Seconds of failed attempts and red runs, without those of a regression."""
    judgement = judge(history((RARE + "r") * 9 + "f" + "p" * 20 + "a" * 8 + "p" * 20))
    assert judgement.impact.seconds == pytest.approx(20.0)
    assert judgement.impact.red_builds == 1


def test_unknown_seconds_cost_nothing() -> None:
    """A history without times is judged as well."""
    run = Observation("1", (replace(FAIL, seconds=None), PASS), commit="c")
    assert judge([run, *history(RARE + "r")]).impact.seconds == pytest.approx(2.0)


def test_errors_of_a_regression_are_not_known_to_quarantine() -> None:
    """Only what failed by chance is how the test usually fails."""
    broken = replace(FAIL, signature="SyntaxError")
    runs = [
        replace(run, attempts=(broken,) * 3) if len(run.attempts) == 3 else run
        for run in history((RARE + "r") * 5 + "a" * 6 + "p" * 9)
    ]
    assert judge(runs).signatures == {"ValueError"}


def test_lately_tells_the_latest_runs_from_those_before() -> None:
    """The first attempts of good code, split where the thresholds say."""
    lately = judge(history((RARE + "r") * 5)).lately
    assert (lately.failed, lately.total) == (1, DEFAULTS.recent)
    assert (lately.earlier_failed, lately.earlier_total) == (4, 80)


def test_associations_are_told_of_flaky_tests_and_suspects_only() -> None:
    """A broken test fails with everything."""
    runs = [
        replace(run, attempts=(replace(run.first, beside=not run.first.passed),))
        for run in history("p" * 30 + "f" * 3)
    ]
    assert judge(runs).associations == ()
