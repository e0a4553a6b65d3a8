"""What must hold of the judgement whatever a test's history is.

Not checked: that it is right; the benchmark ``flakes`` measures that.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import isfinite
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from observations import FAIL, PASS, history

from pytest_orchestra.history.judgement.judge import Judgement, judge
from pytest_orchestra.history.judgement.observation import Observation, Trial
from pytest_orchestra.history.judgement.quarantine import Entry, rule
from pytest_orchestra.history.judgement.quarantine_file import read_entries, write_entries
from pytest_orchestra.history.judgement.sentence import describe
from pytest_orchestra.model.flakes import Standing

#: What a sum in another order may differ by.
ROUNDING = 1e-9

WORDS = st.lists(st.text("pppppfral", min_size=1, max_size=4), min_size=1, max_size=25)


@st.composite
def histories(draw: st.DrawFn) -> list[Observation]:
    """Draw runs, some before committing, some without commit, some in outages."""
    runs = history(" ".join([*draw(WORDS), "p"]))
    return [
        replace(
            run,
            run=str(number),
            is_clean=draw(st.integers(0, 9)) > 0,
            is_outage=draw(st.integers(0, 9)) == 0,
            commit=run.commit if draw(st.integers(0, 9)) else None,
            environment=draw(st.sampled_from("aab")),
        )
        for number, run in enumerate(runs)
    ]


@settings(deadline=None)
@given(histories())
def test_every_history_has_a_sound_judgement(runs: list[Observation]) -> None:
    """Probabilities are probabilities, the interval has an order, and there are words for it."""
    found = judge(runs)
    posterior = found.posterior
    assert 0 <= posterior.low <= posterior.high <= 1
    assert 0 <= posterior.mean <= 1
    assert 0 <= posterior.probability <= 1
    assert 0 <= posterior.bad_now <= 1 + ROUNDING
    assert isfinite(found.impact.seconds)
    assert found.runs + found.outages == len(runs)
    assert found.lately.total + found.lately.earlier_total <= found.runs
    assert "not flaky" not in describe(found)


@settings(deadline=None)
@given(histories(), st.data())
def test_more_disagreement_never_makes_a_test_less_flaky(
    runs: list[Observation], data: st.DataObject
) -> None:
    """One more run that failed and recovered, on any commit, is evidence in one direction only."""
    like = data.draw(st.sampled_from(runs))
    more = replace(like, run="more", attempts=(FAIL, PASS), is_outage=False)
    before = judge(runs).posterior.probability
    assert judge([*runs, more]).posterior.probability >= before - ROUNDING


@settings(deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_runs_within_a_commit_changes_nothing(
    runs: list[Observation], random: Random
) -> None:
    """They ran the same code."""
    assert same(judge(runs), judge(shuffled(runs, random)))


def shuffled(runs: list[Observation], random: Random) -> list[Observation]:
    """Return ``runs`` with those of the same code exchanged among each other."""
    places: dict[tuple[object, ...], list[int]] = {}
    for number, run in enumerate(runs):
        if run.is_clean and run.commit is not None and not run.is_outage:
            places.setdefault((run.commit, run.environment), []).append(number)
    found = list(runs)
    for group in places.values():
        for place, source in zip(group, random.sample(group, len(group)), strict=True):
            found[place] = runs[source]
    return found


def same(one: Judgement, other: Judgement) -> bool:
    """Whether two judgements are equal; nothing of it depends on how sums are rounded."""
    return one == other


@settings(deadline=None)
@given(histories(), histories())
def test_outages_change_nothing_but_their_number(
    runs: list[Observation], others: list[Observation]
) -> None:
    """Whatever happened in them."""
    outages = [replace(run, is_outage=True) for run in others]
    left = [run for run in runs if not run.is_outage]
    expected = replace(judge(left), outages=len(outages))
    assert judge([*outages, *left]) == expected


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 400))
def test_more_clean_runs_lower_the_bound(one: int, other: int) -> None:
    """And the probability of being flaky."""
    fewer, more = sorted((one, other))
    first, second = judge(history("p" * fewer)), judge(history("p" * more))
    assert second.upper <= first.upper
    assert second.posterior.probability <= first.posterior.probability


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(20, 60), st.integers(20, 60))
def test_one_streak_of_failures_is_never_flaky(streak: int, before: int, after: int) -> None:
    """A commit broke the test, and another mended it, however long that took."""
    text = "p" * before + "a" * streak
    assert judge(history(text)).standing is Standing.BROKEN
    assert judge(history(text + "p" * after)).standing is Standing.HEALTHY


@settings(deadline=None)
@given(histories(), st.lists(st.sampled_from([FAIL, replace(FAIL, signature="x")]), min_size=1))
def test_quarantine_never_hides_a_test_that_always_fails(
    runs: list[Observation], attempts: list[Trial]
) -> None:
    """Whatever its history is."""
    entry = Entry("t", "o", "r", date.max)
    assert rule(entry, judge(runs), attempts, date(2027, 1, 1)).gates


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
ENTRIES = st.builds(Entry, TEXTS, TEXTS, TEXTS, st.dates())


@settings(deadline=None)
@given(st.lists(ENTRIES, unique_by=lambda entry: entry.nodeid))
def test_the_file_gives_back_what_was_written(entries: list[Entry]) -> None:
    """Whatever people write into it."""
    found, problems = read_entries(write_entries(entries), "q.toml")
    assert not problems
    assert list(found) == sorted(entries, key=lambda entry: entry.nodeid)
