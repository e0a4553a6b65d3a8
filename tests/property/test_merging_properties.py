"""Merging runs: neither order, nor repetition, nor earlier merges make a difference."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st
from runs import EPOCH, became, run_of, verdicts

from pytest_orchestra.merging.combine import combine, parts_of
from pytest_orchestra.model.requirement import Kind, Requirement
from pytest_orchestra.model.run import ResourceRecord, RunRecord
from pytest_orchestra.model.stage import Check, StageRecord, StageSpec
from pytest_orchestra.model.verdict import Verdict

#: What a run of pytest's says of a test that it ran once.
_ENDS = st.sampled_from(
    [
        Verdict.PASSED,
        Verdict.FAILED,
        Verdict.ERROR,
        Verdict.SKIPPED,
        Verdict.BLOCKED,
        Verdict.NOT_RUN,
    ]
)

#: Names of the stages of a run; somebody may have changed them between two runs.
_STAGES = st.sampled_from(["", "xy", "yx", "y", "xz"])


@st.composite
def runs(draw: st.DrawFn) -> list[RunRecord]:
    """Return one to five runs of some of six tests, at any times, with dependencies among them."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        started = EPOCH + draw(st.integers(0, 3)) * 60
        tests = draw(st.lists(st.integers(0, 5), unique=True))
        cases = [
            became(f"test_{test}", draw(_ENDS), started + place) for place, test in enumerate(tests)
        ]
        tied = [
            replace(case, requirements=(Requirement(Kind.ORDER, "x", (place - 1,)),))
            if place and draw(st.booleans())
            else case
            for place, case in enumerate(cases)
        ]
        stages = tuple(_stage(name, number) for name in draw(_STAGES))
        staged = [
            replace(case, spec=replace(case.spec, stage=place % len(stages)))
            if draw(st.booleans()) and stages
            else case
            for place, case in enumerate(tied)
        ]
        run = run_of(*staged, uuid=f"run-{number}", started=started)
        found.append(replace(run, stages=stages))
    return found


def _stage(name: str, number: int) -> StageRecord:
    """Return what became of a stage in the run of that ``number``."""
    check = Check("max_failures", is_met=bool(number % 2), detail="one")
    times = {"opened_at": number / 3, "ended_at": number + 0.7} if number % 3 else {}
    return StageRecord(StageSpec(name, match="m" * (number % 2) or None), **times, checks=(check,))


@given(runs(), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(given: list[RunRecord], random: object) -> None:
    """The same runs come to the same, however they are given."""
    whole = combine(given)
    other = [*given, *given[:2]]
    random.shuffle(other)  # type: ignore[attr-defined]
    assert combine(other) == whole
    assert combine([*other, whole]) == whole


@given(runs(), st.integers(0, 5), st.integers(0, 5))
def test_what_was_merged_before_makes_no_difference(
    given: list[RunRecord], first: int, second: int
) -> None:
    """To each test, that is; the two may overlap."""
    left = given[: first + 1]
    right = [*given[second:], given[-1]]
    both = combine([combine(left), combine(right)])
    plain = combine([*left, *right])
    assert verdicts(both) == verdicts(plain)
    assert {part.uuid for part in parts_of(both)} == {part.uuid for part in parts_of(plain)}


@given(
    st.lists(
        st.tuples(st.floats(0.0, 0.9), st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.booleans()),
        min_size=2,
        max_size=6,
    )
)
def test_how_runs_were_merged_before_makes_no_difference(
    told: list[tuple[float, float, float, bool]],
) -> None:
    """To nothing at all: neither to the order of workers, nor to the last digit of a sum."""
    given = [
        _timed(number, begun, at, waited) for number, (begun, at, waited, _) in enumerate(told)
    ]
    left = [run for run, (*_, is_left) in zip(given, told, strict=True) if is_left]
    right = [run for run, (*_, is_left) in zip(given, told, strict=True) if not is_left]
    halves = [combine(half) for half in (left, right) if half]
    assert combine(halves) == combine(given)


def _timed(number: int, begun: float, at: float, waited: float) -> RunRecord:
    """Return a run that began at ``begun`` of its minute, and whose test had to wait."""
    started = EPOCH + number * 60 + begun
    case = replace(became(f"test_{number}", at=started), assigned_at=at)
    run = run_of(case, uuid=f"run-{number}", started=started)
    worker = replace(run.workers[0], joined_at=at)
    return replace(
        run,
        workers=(worker,),
        resources=(ResourceRecord("db", 1, 1, waited),),
        stages=(replace(_stage("x", 0), opened_at=at, ended_at=begun),),
    )


@given(runs())
def test_no_attempt_is_lost_or_made_up(given: list[RunRecord]) -> None:
    """What ran so often has so many attempts, and a test that ever failed is not just passed."""
    whole = combine(given)
    for case in whole.cases:
        nodeid = case.spec.nodeid
        own = [each for run in given for each in run.cases if each.spec.nodeid == nodeid]
        assert len(case.attempts) == sum(len(each.attempts) for each in own)
        ever_failed = any(each.verdict in (Verdict.FAILED, Verdict.ERROR) for each in own)
        assert case.verdict is not Verdict.PASSED or not ever_failed
    assert {case.spec.nodeid for case in whole.cases} == {
        case.spec.nodeid for run in given for case in run.cases
    }


@given(runs())
def test_tests_stay_in_their_stages(given: list[RunRecord]) -> None:
    """Whatever the order of the stages, and a gate that failed in any run has failed."""
    whole = combine(given)
    assume(len(given) > 1)

    def stages(run: RunRecord) -> set[tuple[str, str]]:
        return {
            (case.spec.nodeid, run.stages[case.spec.stage].spec.name)
            for case in run.cases
            if case.spec.stage is not None
        }

    assert stages(whole) <= set().union(*map(stages, given))
    failed = {stage.spec.name for run in given for stage in run.stages if stage.has_failed}
    assert {stage.spec.name for stage in whole.stages if stage.has_failed} == failed


@given(runs())
def test_dependencies_stay_between_the_same_tests(given: list[RunRecord]) -> None:
    """Whatever their numbers are."""

    def edges(run: RunRecord) -> set[tuple[str, str]]:
        return {
            (case.spec.nodeid, run.cases[other].spec.nodeid)
            for case in run.cases
            for requirement in case.requirements
            for other in requirement.cases
        }

    assert edges(combine(given)) <= set().union(*map(edges, given))
