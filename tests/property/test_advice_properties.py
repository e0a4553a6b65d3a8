"""What holds for advice on any run."""

from __future__ import annotations

from dataclasses import replace

from advised import Made, advice_on, findings_of
from hypothesis import given
from hypothesis import strategies as st

from pytest_orchestra.advice.quality import judge_quality
from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.fixtures import Kits


@st.composite
def suites(draw: st.DrawFn) -> list[Made]:
    """Draw tests that claim and depend, also such as take no time."""
    tests: list[Made] = []
    for number in range(draw(st.integers(0, 12))):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        claims = draw(st.sets(st.sampled_from(["db", "gpu"])))
        seconds = draw(st.sampled_from([0.0, 0.01, 1.0, 3.0, 60.0]))
        verdict = draw(st.sampled_from(list(Verdict)))
        tests.append(Made(seconds, tuple(claims), tuple(needs), verdict))
    return tests


@given(suites(), st.integers(1, 4), st.sampled_from([None, 1, 8]), st.data())
def test_advice_never_fails_and_never_promises_a_loss(
    tests: list[Made], workers: int, cpus: int | None, data: st.DataObject
) -> None:
    """Gains are not negative, tests that are named exist, and sentences are whole."""
    uses = data.draw(st.lists(st.integers(0, 1), min_size=len(tests), max_size=len(tests)))
    costs = data.draw(
        st.dictionaries(st.sampled_from(["gw0", "gw1"]), st.floats(0, 50), min_size=1)
    )
    fixture = "world", ""
    findings = findings_of(
        tests,
        workers,
        {"gpu": Capacity(2)},
        cpus=cpus,
        kits=Kits((fixture,), ((), (0,)), tuple(uses)),
        set_ups={fixture: costs},
        clean_runs=lambda case: case,
    )
    advice = advice_on(findings)
    assert not advice.unadvised
    for each in advice.recommendations:
        assert each.gain is None or each.gain >= 0
        assert each.text
        assert each.remedy
        assert not each.text.endswith(".")
        assert len(each.cases) <= each.total
        assert all(0 <= case < len(tests) for case in each.cases)


@given(suites(), st.floats(0, 100) | st.none(), st.floats(0, 1) | st.none(), st.data())
def test_a_failure_never_makes_a_better_score(
    tests: list[Made], bound: float | None, flaky: float | None, data: st.DataObject
) -> None:
    """The score lies between 0 and 100, and falls if a test that passed fails instead."""
    run = findings_of(tests).run
    quality = judge_quality(run, bound, flaky)
    if quality is None:
        return
    assert 0.0 <= quality.score <= 100.0
    passed = [number for number, case in enumerate(run.cases) if case.verdict is Verdict.PASSED]
    if not passed:
        return
    number = data.draw(st.sampled_from(passed))
    cases = list(run.cases)
    cases[number] = replace(cases[number], verdict=Verdict.FAILED)
    worse = judge_quality(replace(run, cases=tuple(cases)), bound, flaky)
    assert worse is not None
    assert worse.score < quality.score
