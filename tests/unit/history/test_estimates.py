from __future__ import annotations

from random import Random
from statistics import fmean, pstdev

import pytest

from pytest_orchestra.history.estimates import (
    Guesses,
    Likeness,
    Observed,
    expected_seconds,
    failure_probability,
    function_of,
    guess,
    recent_median,
)
from pytest_orchestra.history.recent import KEPT
from pytest_orchestra.model.verdict import Verdict


def seen(*seconds: float, verdict: Verdict = Verdict.PASSED, here: bool = True) -> list[Observed]:
    """Return runs that took so long, one after the other."""
    return [Observed(float(at), each, verdict, here) for at, each in enumerate(seconds)]


def outcomes(text: str) -> list[Observed]:
    """Return runs by letters: passed, failed, error, skipped, xfailed."""
    verdicts = {
        "p": Verdict.PASSED,
        "f": Verdict.FAILED,
        "e": Verdict.ERROR,
        "s": Verdict.SKIPPED,
        "x": Verdict.XFAILED,
    }
    return [Observed(float(at), 1.0, verdicts[each]) for at, each in enumerate(text)]


def test_one_run_is_believed() -> None:
    """A second run knows what the first one saw."""
    assert expected_seconds(seen(3.0)) == 3.0
    assert expected_seconds(()) is None


@pytest.mark.parametrize("factor", [0.1, 5.0])
def test_a_step_is_followed_within_three_runs(factor: float) -> None:
    """A test that has become faster or slower is known to be so the third time at the latest."""
    trace = [1.0] * 9
    for run in range(1, 4):
        trace.append(factor)
        expected = expected_seconds(seen(*trace[-KEPT:]))
        assert expected == (factor if run == 3 else 1.0)


@pytest.mark.parametrize("place", range(9))
def test_outliers_are_resisted_wherever_they_are(place: int) -> None:
    """Two runs in which a test took a hundred times as long change nothing."""
    trace = [1.0] * 9
    trace[place] = 100.0
    trace[(place + 4) % 9] = 80.0
    assert expected_seconds(seen(*trace)) == 1.0


def test_noise_is_averaged_out() -> None:
    """With log-normal noise the estimate scatters less than half as much as single runs do."""
    random = Random(7)  # noqa: S311 - no secrets
    estimates, singles = [], []
    for _ in range(400):
        trace = [random.lognormvariate(0.0, 0.3) for _ in range(KEPT)]
        estimates.append(expected_seconds(seen(*trace)) or 0.0)
        singles.append(trace[-1])
    assert pstdev(estimates) < 0.5 * pstdev(singles)
    assert fmean(estimates) == pytest.approx(1.0, rel=0.1)


def test_it_beats_a_mean_that_adapts_as_fast() -> None:
    """With one outlier in ten runs, and a step now and then, its errors are smaller."""
    random = Random(11)  # noqa: S311 - no secrets
    ours = theirs = 0.0
    level, mean = 1.0, 1.0
    trace: list[float] = [1.0]
    for run in range(1, 2000):
        if run % 40 == 0:
            level = random.choice([0.5, 1.0, 2.0, 4.0])
        expected = expected_seconds(seen(*trace[-KEPT:]))
        assert expected is not None
        ours += abs(expected - level)
        theirs += abs(mean - level)
        seconds = level * random.lognormvariate(0.0, 0.1)
        if random.random() < 0.1:
            seconds *= 10.0
        trace.append(seconds)
        mean += 0.5 * (seconds - mean)
    assert ours < 0.5 * theirs


def test_failures_count_only_without_anything_else() -> None:
    """A failure may come early, so what a test took then says little."""
    failed = seen(0.1, verdict=Verdict.FAILED)
    assert expected_seconds([*seen(5.0), *failed]) == 5.0
    assert expected_seconds(failed) == 0.1


def test_another_environment_counts_only_without_anything_else() -> None:
    """Other machines and Pythons take other times."""
    elsewhere = seen(9.0, 9.0, 9.0, here=False)
    assert expected_seconds([*seen(5.0), *elsewhere]) == 5.0
    assert expected_seconds(elsewhere) == 9.0


def test_the_median_is_one_of_the_values() -> None:
    """Nothing is made up between two values, and of none there is none."""
    assert recent_median([]) is None
    assert recent_median([1.0, 2.0]) == 2.0
    assert recent_median([2.0, 1.0]) == 1.0
    assert recent_median([1.0, 5.0, 2.0]) == 2.0


def test_unknown_tests_are_guessed_from_their_nearest() -> None:
    """Other parameters first, then the file, then the suite; what is known is left alone."""
    known = {
        "a.py::test_p[1]": 1.0,
        "a.py::test_p[2]": 2.0,
        "a.py::test_p[3]": 90.0,
        "a.py::test_q": 7.0,
        "b.py::test_r": 100.0,
    }
    nodeids = [*known, "a.py::test_p[4]", "a.py::test_new", "c.py::test_new"]
    assert guess(nodeids, known) == {
        "a.py::test_p[4]": 2.0,
        "a.py::test_new": 25.0,
        "c.py::test_new": 40.0,
    }
    assert guess(nodeids, {}) == {}


def test_a_guess_says_what_it_goes_by() -> None:
    """So that people can tell how much it is worth; of nothing nothing is guessed."""
    guesses = Guesses({"a.py::test_p[1]": 1.0, "a.py::test_q": 2.0})
    assert guesses.of("a.py::test_p[2]") == (1.0, Likeness.PARAMETERS)
    assert guesses.of("a.py::test_new") == (1.5, Likeness.FILE)
    assert guesses.of("b.py::test_new") == (1.5, Likeness.ALL)
    assert Guesses({}).of("a.py::test_new") is None


def test_only_what_is_at_the_end_are_parameters() -> None:
    """Directories may have brackets in their names."""
    assert function_of("a[1].py::TestA::test_x[b[c]]") == "a[1].py::TestA::test_x"
    assert function_of("a[1].py::test_x") == "a[1].py::test_x"


def test_new_and_changed_tests_are_likelier_to_fail() -> None:
    """And the longer a test has passed the less likely it is to fail."""
    new = failure_probability(())
    fresh = failure_probability(outcomes("p"))
    steady = failure_probability(outcomes("p" * 12))
    changed = failure_probability(outcomes("p" * 12), is_changed=True)
    assert steady < fresh < changed < new
    assert steady < 0.01


def test_what_failed_last_fails_next() -> None:
    """A broken test is likelier to fail than any other, and a failure fades with time."""
    broken = failure_probability(outcomes("pppfff"))
    lately = failure_probability(outcomes("ppppppppppf"))
    long_ago = failure_probability(outcomes("fpppppppppp"))
    assert broken > 0.5
    assert lately > long_ago > failure_probability(outcomes("ppppppppppp"))
    assert failure_probability(outcomes("ppeeee")) > 0.5
    assert failure_probability(outcomes("ffff"), is_changed=True) > 0.7


def test_what_was_skipped_says_nothing() -> None:
    """Neither that it would have passed nor that a failure is long ago."""
    assert failure_probability(outcomes("fpsss")) == failure_probability(outcomes("fp"))
    assert failure_probability(outcomes("ss")) == failure_probability(())
    assert failure_probability(outcomes("xx")) == failure_probability(outcomes("pp"))
