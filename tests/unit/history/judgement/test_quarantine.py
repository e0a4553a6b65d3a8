from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from observations import FAIL, PASS, history

from pytest_orchestra.history.judgement.judge import judge
from pytest_orchestra.history.judgement.observation import Trial
from pytest_orchestra.history.judgement.quarantine import Cause, Entry, is_candidate, rule

LAST_DAY = date(2027, 1, 31)
TODAY = date(2027, 1, 1)
ENTRY = Entry("test_a.py::test_a", "ana", "ticket 512", LAST_DAY)
FLAKY = judge(history(("p" * 19 + "r") * 10))
NEW_ERROR = replace(FAIL, signature="KeyError")


def test_a_flake_as_usual_is_let_through_and_told() -> None:
    """With the owner and the reason, so that it is not forgotten."""
    ruling = rule(ENTRY, FLAKY, (FAIL, PASS), TODAY)
    assert not ruling.gates
    assert ruling.sentence == "in quarantine until 2027-01-31 (ana: ticket 512)"


def test_a_reason_of_several_lines_is_told_in_one() -> None:
    """TOML has texts of several lines, and the summary has one for each test."""
    entry = replace(ENTRY, reason="ticket 512:\n  the mailer\n")
    ruling = rule(entry, FLAKY, (FAIL, PASS), TODAY)
    assert ruling.sentence == "in quarantine until 2027-01-31 (ana: ticket 512: the mailer)"


def test_a_pass_needs_no_words() -> None:
    """Also on the day after the entry expired."""
    ruling = rule(ENTRY, FLAKY, (PASS,), date(2028, 1, 1))
    assert (ruling.gates, ruling.sentence) == (False, "")


@pytest.mark.parametrize(
    ("attempts", "today", "cause", "words"),
    [
        ((FAIL, FAIL, FAIL), TODAY, Cause.ALWAYS, "all 3 attempts failed"),
        ((FAIL,), TODAY, Cause.ALWAYS, "without retries a regression looks the same"),
        ((NEW_ERROR, PASS), TODAY, Cause.SIGNATURE, "never failed like this by chance: KeyError"),
        ((FAIL, PASS), date(2027, 2, 1), Cause.EXPIRED, "the entry expired on 2027-01-31"),
    ],
)
def test_what_is_unlike_the_test_fails_the_run(
    attempts: tuple[Trial, ...], today: date, cause: Cause, words: str
) -> None:
    """Each cause is enough, and is told."""
    ruling = rule(ENTRY, FLAKY, attempts, today)
    assert ruling.causes == (cause,)
    assert words in ruling.sentence
    assert ruling.sentence.startswith("in quarantine, but fails the run: ")


def test_where_nothing_is_known_every_error_is_new() -> None:
    """Which is told in these words, and not as if there had been others."""
    ruling = rule(ENTRY, judge(()), (FAIL, PASS), TODAY)
    assert ruling.causes == (Cause.SIGNATURE,)
    assert ruling.sentence.endswith("so nothing is known of how it fails")


def test_the_last_day_still_counts() -> None:
    """An entry that expires today holds today."""
    assert not rule(ENTRY, FLAKY, (FAIL, PASS), LAST_DAY).gates


def test_failing_more_often_than_before_fails_the_run() -> None:
    """What was known of the rate does not explain so many failures of late."""
    worse = judge(history(("p" * 19 + "r") * 10 + "ppr" * 6))
    ruling = rule(ENTRY, worse, (FAIL, PASS), TODAY)
    assert ruling.causes == (Cause.OFTEN,)
    assert "it failed in 8 of the latest 21 runs, and in 9 of 198 before" in ruling.sentence


def test_all_causes_are_told_at_once() -> None:
    """Whoever mends one should know of the others."""
    causes = rule(ENTRY, FLAKY, (NEW_ERROR, NEW_ERROR), date(2027, 2, 1)).causes
    assert causes == (Cause.EXPIRED, Cause.ALWAYS, Cause.SIGNATURE)


def test_only_flaky_tests_are_candidates() -> None:
    """Neither what is broken nor what is merely suspected."""
    assert is_candidate(FLAKY)
    assert not is_candidate(judge(history("p" * 50 + "f" * 3)))
    assert not is_candidate(judge(history("p" * 60 + "r" + "p" * 60)))
