from __future__ import annotations

from dataclasses import replace

import pytest
from observations import FAIL, PASS, history

from pytest_orchestra.history.judgement.association import Association, Contrast, Factor, Kind
from pytest_orchestra.history.judgement.judge import judge
from pytest_orchestra.history.judgement.observation import Observation
from pytest_orchestra.history.judgement.sentence import describe, per_cent

RARE = "p" * 19


def said(text: str) -> str:
    """Return what is said of a history."""
    return describe(judge(history(text)))


def test_a_healthy_test_has_a_bound() -> None:
    """Nobody is told that a test is not flaky."""
    assert said("p" * 300) == "healthy: 300 runs, flake rate below 0.99 % at 95 %"
    assert said("p") == "new: 1 run so far, flake rate below 95 % at 95 %"


def test_a_flaky_test_has_a_rate_its_evidence_and_its_cost() -> None:
    """Everything that one needs to decide what to do."""
    assert said((RARE + "r") * 5).endswith(
        "in 100 runs, passed and failed on the same code 5 times, 10 s lost"
    )
    assert said((RARE + "r") * 5).startswith("flaky: fails by chance in 5")
    assert "its failures come and go too fast for regressions, 6 red runs" in said(
        (RARE + "f") * 6 + "p"
    )


def test_a_flake_may_have_cost_nothing() -> None:
    """What is not known to have cost time is not told to."""
    quick = Observation("1", (replace(FAIL, seconds=None), PASS), commit="c")
    runs = [replace(quick, commit=f"c{number}") for number in range(3)]
    assert describe(judge([*runs, *history("p" * 30)])).endswith("on the same code 3 times")


def test_a_suspect_says_how_sure_that_is() -> None:
    """One failure that recovered is a suspicion."""
    assert said("p" * 60 + "r" + "p" * 60).startswith("suspect: flaky with ")


def test_what_is_broken_or_mended_says_so() -> None:
    """The present comes first."""
    assert said("p" * 50 + "f" * 3) == (
        "broken: the latest code fails it, which is no chance with over 99.9 %"
    )
    assert said((RARE + "r") * 10 + "p" * 300) == (
        "healthy: was flaky, but has not failed by chance for long; flake rate below 0.99 % at 95 %"
    )


def test_what_never_passed_says_so() -> None:
    """There is no rate of something that always happens."""
    runs = [replace(run, is_clean=False) for run in history("ffffff")]
    assert describe(judge(runs)) == "broken: has passed in none of 6 runs"
    assert describe(judge(runs[:1])) == "new: failed in its only run so far"


def test_outages_are_mentioned() -> None:
    """What was left out is told."""
    runs = history("p" * 30 + "f")
    runs[-1] = replace(runs[-1], is_outage=True)
    assert describe(judge(runs)).endswith("; 1 run in outages left out")


@pytest.mark.parametrize(
    ("factor", "what", "where"),
    [
        (Factor.AFTER, "test_a", "after test_a"),
        (Factor.NOT_AFTER, "test_a", "when test_a did not run before it"),
        (Factor.BESIDE, "", "beside other tests"),
        (Factor.CONTENDED, "port", "while others use 'port'"),
        (Factor.NEAR_LIMIT, "", "near its time limit"),
    ],
)
def test_an_association_gives_its_evidence(factor: Factor, what: str, where: str) -> None:
    """The counts with and without, so that one can judge for oneself."""
    association = Association(Kind.ORDER, (Contrast(factor, what, 6, 7, 1, 30, 0.0001),))
    judgement = replace(judge(history((RARE + "r") * 5)), associations=(association,))
    expected = f"; associated with order-dependent: failed 6 of 7 {where}, 1 of 30 otherwise"
    assert describe(judgement).endswith(expected)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.0, "below 0.01 %"),
        (0.0012, "0.12 %"),
        (0.5, "50 %"),
        (0.987, "98.7 %"),
        (1.0, "over 99.9 %"),
    ],
)
def test_a_rate_is_never_nothing_or_all(rate: float, text: str) -> None:
    """Two digits that count, three near certainty."""
    assert per_cent(rate) == text
