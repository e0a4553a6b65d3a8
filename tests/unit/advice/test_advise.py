"""Each recommendation where it is due, and where it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from advised import Made, advice_on, findings_of

from pytest_orchestra.advice.advise import advise
from pytest_orchestra.advice.findings import Findings
from pytest_orchestra.model.advice import Coverage, Recommendation, Topic
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.flakes import FlakeRecord, Rate, Standing
from pytest_orchestra.model.run import CaseRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.fixtures import Kits


def only(findings: Findings, topic: Topic) -> Recommendation:
    """Return the only recommendation on a topic."""
    (found,) = [each for each in advice_on(findings).recommendations if each.topic is topic]
    return found


def topics(findings: Findings) -> set[Topic]:
    """Return on what there is anything to say."""
    return {each.topic for each in advice_on(findings).recommendations}


# resources


def test_a_second_token_is_worth_half_the_run() -> None:
    """Four tests of a second with one token take four seconds, and two with two."""
    findings = findings_of([Made(claims=("db",))] * 4)
    found = only(findings, Topic.RESOURCE)
    assert found.gain == pytest.approx(2.0)
    assert found.text == (
        "one more of 'db' would save about 2.00 s: 3 tests waited for it, during 3.00 s"
    )
    assert "declare db = 2 in" in found.remedy
    assert (found.total, found.cases) == (3, (1, 2, 3))


def test_a_token_that_nobody_can_use_is_not_recommended() -> None:
    """Other work keeps the workers busy for as long as tests wait."""
    findings = findings_of([Made(claims=("db",)), Made(claims=("db",)), Made(2.0)])
    assert Topic.RESOURCE not in topics(findings)


def test_what_other_runs_share_is_not_judged() -> None:
    """What they have of it nobody knows."""
    findings = findings_of([Made(claims=("db",))] * 4)
    shared = {"db": Capacity(1, scope=Scope.MACHINE)}
    stock = replace(findings.stock, capacities=shared)
    assert Topic.RESOURCE not in topics(replace(findings, stock=stock))


def test_of_slots_a_whole_instance_is_one_more() -> None:
    """An instance with two slots gives two tests a place."""
    findings = findings_of(
        [Made(claims=("db",))] * 8, workers=4, capacities={"db": Capacity(2, slots=2)}
    )
    found = only(findings, Topic.RESOURCE)
    assert found.gain == pytest.approx(2.0)
    assert "declare db = 2 in" in found.remedy


# workers


def test_more_workers_are_recommended_up_to_where_they_gain_little() -> None:
    """Eight tests on two workers: four would take half as long, if there are cores."""
    findings = findings_of([Made()] * 8, cpus=8)
    found = only(findings, Topic.WORKERS)
    assert found.gain == pytest.approx(2.0)
    assert found.remedy == "run with -n 4"


def test_workers_without_cores_are_not_recommended() -> None:
    """Tests that compute all the time are not faster on more workers than cores."""
    findings = findings_of([Made()] * 8, cpus=2)
    busy = tuple(replace(case, cpu_seconds=case.seconds) for case in findings.run.cases)
    assert Topic.WORKERS not in topics(replace(findings, run=replace(findings.run, cases=busy)))


@pytest.mark.parametrize("cpus", [None, 8])
def test_workers_that_are_not_needed_are_named(cpus: int | None) -> None:
    """A chain of tests takes one worker, however many there are."""
    chain = [Made(), Made(needs=(0,)), Made(needs=(1,))]
    found = only(findings_of(chain, workers=3, cpus=cpus), Topic.WORKERS)
    assert found.gain == pytest.approx(0.0)
    assert found.remedy == "run with -n 1, which leaves 2 for something else"


def test_workers_are_no_matter_in_short_runs() -> None:
    """Below two seconds starting them takes longer than what they do."""
    assert Topic.WORKERS not in topics(findings_of([Made(0.1)], workers=4))


# long tests and prerequisites


def test_a_test_that_lasts_as_long_as_the_run_is_to_be_split() -> None:
    """Two workers could share it."""
    found = only(findings_of([Made(4.0), Made(), Made()]), Topic.SPLIT)
    assert found.cases == (0,)
    assert found.gain == pytest.approx(1.0)
    assert found.text.startswith("a.py::test_0 takes 4.00 s")


def test_a_long_test_beside_as_much_work_is_let_be() -> None:
    """The other worker has as much to do."""
    assert Topic.SPLIT not in topics(findings_of([Made(4.0), Made(2.0), Made(2.0)]))


def test_halves_come_before_their_dependants_and_after_their_prerequisites() -> None:
    """Splitting a test does not cut what it hangs on, so here it gains its half and no more."""
    chain = [Made(2.0), Made(4.0, needs=(0,)), Made(2.0, needs=(1,))]
    assert only(findings_of(chain), Topic.SPLIT).gain == pytest.approx(2.0)


def test_the_costliest_prerequisite_on_the_longest_path_is_named() -> None:
    """Without it, the others could run beside it."""
    tests = [Made(3.0), Made(1.5, needs=(0,)), Made(1.5, needs=(0,))]
    found = only(findings_of(tests), Topic.PREREQUISITE)
    assert found.gain == pytest.approx(1.5)
    assert found.text.startswith(
        "a.py::test_0 (3.00 s) is on the longest path and 2 tests wait for it"
    )
    assert (found.cases, found.total) == ((0, 1, 2), 3)


def test_a_prerequisite_that_never_failed_puts_its_dependencies_in_question() -> None:
    """Twelve runs without a failure are evidence that they blocked nothing."""
    tests = [Made(3.0), Made(1.5, needs=(0,)), Made(1.5, needs=(0,))]
    found = only(findings_of(tests, clean_runs=lambda _: 12), Topic.DEPENDENCY)
    assert "kept nothing from running in its last 12 runs" in found.text


@pytest.mark.parametrize(
    ("claims", "verdict", "runs"),
    [
        (("db",), Verdict.PASSED, 12),
        ((), Verdict.FAILED, 12),
        ((), Verdict.PASSED, 9),
    ],
)
def test_a_dependency_with_a_reason_is_not_put_in_question(
    claims: tuple[str, ...], verdict: Verdict, runs: int
) -> None:
    """They share a resource, or the prerequisite failed just now, or too little is known."""
    tests = [Made(3.0, claims, verdict=verdict), Made(1.5, claims, (0,)), Made(1.5, (), (0,))]
    findings = findings_of(tests, capacities={"db": Capacity(2)}, clean_runs=lambda _: runs)
    assert Topic.PREREQUISITE in topics(findings)
    assert Topic.DEPENDENCY not in topics(findings)


def test_who_uses_data_has_to_wait_for_it() -> None:
    """Where data goes nothing is recommended, and a prerequisite off the longest path is none."""
    tests = [Made(3.0), Made(1.5, needs=(0,)), Made(1.5, needs=(0,))]
    found = topics(findings_of(tests, may_go=lambda _one, _other: False))
    assert not found & {Topic.PREREQUISITE, Topic.DEPENDENCY}


def test_a_prerequisite_off_the_longest_path_is_let_be() -> None:
    """The run ends with something else."""
    tests = [Made(0.5), Made(0.5, needs=(0,)), Made(4.0)]
    assert Topic.PREREQUISITE not in topics(findings_of(tests))


# fixtures

FIXTURE = ("world", "a.py")


def kits_of(*kits: int) -> Kits:
    """Return which cases use the fixture: 1 for those that do."""
    return Kits((FIXTURE,), ((), (0,)), kits)


def test_a_fixture_that_one_worker_could_have_set_up_for_all() -> None:
    """Two set-ups of 1.5 s for two tests: one worker would have done both in its share of the time."""
    findings = findings_of(
        [Made(1.6), Made(1.6), Made(2.0), Made(2.0)],
        kits=kits_of(1, 1, 0, 0),
        set_ups={FIXTURE: {"gw0": 1.5, "gw1": 1.5}},
    )
    found = only(findings, Topic.FIXTURE)
    assert found.gain == pytest.approx(0.75)
    assert found.text.startswith("fixture 'world' was set up on 2 workers for 2 tests")
    assert found.cases == (0, 1)


def test_a_fixture_that_all_tests_use_may_be_up_everywhere() -> None:
    """On one worker they would take longer than on all, set-ups included."""
    findings = findings_of(
        [Made(2.5), Made(2.5), Made(), Made()],
        kits=kits_of(1, 1, 1, 1),
        set_ups={FIXTURE: {"gw0": 1.5, "gw1": 1.5}},
    )
    assert Topic.FIXTURE not in topics(findings)


def test_a_fixture_that_takes_longer_than_what_is_done_with_it() -> None:
    """Two seconds of set-up for a test that takes no time."""
    findings = findings_of(
        [Made(2.1), Made(0.5)], kits=kits_of(1, 0), set_ups={FIXTURE: {"gw0": 2.0}}
    )
    found = only(findings, Topic.FIXTURE)
    assert found.gain == pytest.approx(1.6)
    assert "takes 2.00 s for 0.10 s of work in 1 test" in found.text


def test_a_fixture_that_is_worth_its_set_up() -> None:
    """Its test takes longer than itself."""
    findings = findings_of(
        [Made(5.0), Made(0.5)], kits=kits_of(1, 0), set_ups={FIXTURE: {"gw0": 2.0}}
    )
    assert Topic.FIXTURE not in topics(findings)


# trust


def flaky(case: CaseRecord, lost: float) -> CaseRecord:
    """Return the case as one that failed first, which took so long."""
    attempts = Attempt(Verdict.FAILED, call=lost), Attempt(Verdict.PASSED, call=1.0)
    return replace(case, verdict=Verdict.FLAKY, attempts=attempts)


def test_flaky_tests_come_by_what_they_cost() -> None:
    """The one whose failed attempts took longest is to be mended first."""
    findings = findings_of([Made(), Made(), Made()])
    first, second, third = findings.run.cases
    run = replace(findings.run, cases=(flaky(first, 0.5), second, flaky(third, 1.5)))
    found = only(replace(findings, run=run), Topic.FLAKY)
    assert (found.cases, found.total, found.gain) == ((2, 0), 2, 1.0)
    assert found.remedy.startswith("mend a.py::test_2 first")


def judged(case: int, standing: Standing, seconds: float, red_builds: int) -> FlakeRecord:
    """Return what the history says of a test."""
    rate = Rate(0.1, 0.05, 0.2)
    return FlakeRecord(case, standing, "", 50, rate, 0.2, 1.0, 3, (), seconds, red_builds)


def test_red_builds_cost_more_than_seconds() -> None:
    """What the history says of a test counts, if it says that it is flaky."""
    flakes = (
        judged(0, Standing.FLAKY, 90.0, 1),
        judged(1, Standing.BROKEN, 500.0, 9),
        judged(2, Standing.FLAKY, 10.0, 3),
    )
    findings = findings_of([Made(), Made(verdict=Verdict.FAILED), Made()], run={"flakes": flakes})
    found = only(findings, Topic.FLAKY)
    assert found.cases == (2, 0)
    assert found.text.endswith("have cost 1 min 40 s of workers and 4 red builds")
    assert found.gain == 0.0


def test_tests_that_passed_at_once_are_not_flaky() -> None:
    """There is nothing to say of a run without flaky tests."""
    assert Topic.FLAKY not in topics(findings_of([Made()]))


@pytest.mark.parametrize(("percent", "is_low"), [(69.9, True), (70.0, False)])
def test_coverage_below_its_threshold_is_told(percent: float, is_low: bool) -> None:  # noqa: FBT001
    """At the threshold it is enough."""
    findings = findings_of([Made()], run={"coverage": Coverage(percent, 70.0, ".coverage")})
    assert (Topic.COVERAGE in topics(findings)) is is_low


# all together


def test_what_is_worth_most_comes_first() -> None:
    """The order is that of the gains, whoever was asked first."""
    findings = findings_of([Made(claims=("db",))] * 4)
    cases = (flaky(findings.run.cases[0], 0.5), *findings.run.cases[1:])
    advice = advice_on(replace(findings, run=replace(findings.run, cases=cases)))
    found = [each.topic for each in advice.recommendations]
    assert found.index(Topic.RESOURCE) < found.index(Topic.FLAKY)


def test_without_time_nothing_is_predicted_and_that_is_said() -> None:
    """What needs no prediction is told nevertheless."""
    findings = findings_of(
        [Made(claims=("db",))] * 4, run={"coverage": Coverage(10.0, 70.0, ".coverage")}
    )
    advice = advise(findings, lambda: 0.0)
    assert [each.topic for each in advice.recommendations] == [Topic.COVERAGE]
    assert advice.unadvised == ("resources", "long tests", "numbers of workers")


def test_time_that_runs_out_ends_the_search() -> None:
    """A prediction is not begun if the last one took longer than what is left."""
    left = iter([1.0, 0.4, 0.4, 0.4, 0.4])
    advice = advise(findings_of([Made(claims=("db",))] * 4), lambda: next(left))
    assert not advice.recommendations
    assert advice.unadvised == ("resources", "long tests", "numbers of workers")


def test_a_run_in_which_nothing_ran_gives_no_advice() -> None:
    """Neither is there anything to say, nor does it fail."""
    assert not advice_on(findings_of([])).recommendations
