from __future__ import annotations

from dataclasses import replace

from observations import history

from pytest_orchestra.history.judgement.steps import put_together


def test_runs_of_one_commit_are_one_step() -> None:
    """Also when another commit ran in between."""
    first, other, again = history("p p f")
    steps = put_together([first, other, replace(again, commit=first.commit)], recent=20)
    assert [(step.failed, step.total) for step in steps.all] == [(1, 2), (0, 1)]
    assert [step.disagrees for step in steps.all] == [True, False]
    assert [step.place for step in steps.all] == [0, 1]


def test_every_environment_has_a_chain_of_its_own() -> None:
    """What fails in one only is no disagreement."""
    steps = put_together(
        history("ppp", environment="a") + history("fff", environment="b"), recent=3
    )
    assert [len(chain) for chain in steps.chains] == [3, 3]
    assert not any(step.disagrees for step in steps.all)
    assert steps.recent == (1,)


def test_uncommitted_changes_stand_alone() -> None:
    """The same commit with other code may do other things."""
    runs = history("pf")
    steps = put_together([runs[0], replace(runs[1], commit="c0", is_clean=False)], recent=20)
    assert [len(chain) for chain in steps.chains] == [1]
    assert [step.failed for step in steps.detached] == [1]
    assert not any(step.disagrees for step in steps.all)
    assert steps.runs == 2


def test_without_a_commit_every_run_stands_for_itself() -> None:
    """Nobody knows whether the code was the same."""
    steps = put_together([replace(run, commit=None) for run in history("pfp")], recent=20)
    assert [len(chain) for chain in steps.chains] == [3]
    assert not any(step.disagrees for step in steps.all)


def test_attempts_of_one_run_ran_the_same_code() -> None:
    """A failure that recovered disagrees with itself, committed or not."""
    (run,) = history("l")
    step = put_together([replace(run, is_clean=False)], recent=20).all[0]
    assert (step.failed, step.total, step.repeated, step.recovered) == (1, 1, 1, 1)
    assert step.disagrees


def test_a_failure_that_never_passes_does_not_disagree() -> None:
    """However often it is tried."""
    assert not put_together(history("aa a"), recent=20).all[0].disagrees


def test_outages_are_left_out_and_counted() -> None:
    """They say nothing about one test."""
    runs = history("pfp")
    steps = put_together([runs[0], replace(runs[1], is_outage=True), runs[2]], recent=20)
    assert (steps.runs, steps.outages) == (2, 1)
