from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from histories import EPOCH, HOUR, attempt, case, run, traces

from pytest_orchestra.history.archive import Archive
from pytest_orchestra.history.assessing import MOST_JUDGED, Assessment, assess, suite_runs
from pytest_orchestra.history.judgement.association import Factor, Kind
from pytest_orchestra.model.evidence import CaseEvidence, RunEvidence
from pytest_orchestra.model.flakes import Standing
from pytest_orchestra.model.verdict import Verdict

PASS, FAIL = attempt(), attempt(Verdict.FAILED)
X, POLLUTER = "a.py::test_x", "a.py::test_polluter"
FILLER = tuple(case(f"a.py::test_{number}") for number in range(10))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Return a history without runs."""
    return Archive(tmp_path / "history.sqlite3", "history", pytest.fail)


def go(archive: Archive, evidence: RunEvidence, *asked: str) -> Assessment:
    """Return what is said at the end of a run, and add it."""
    found = assess(archive, evidence, {}, asked)
    archive.keep(replace(evidence, flaky=found.flaky), {}, found.rates)
    return found


def follow(archive: Archive, letters: str) -> Assessment:
    """Let a test pass and fail on one commit, and return what is said after the last run."""
    found = Assessment()
    for number, letter in enumerate(letters):
        attempts = {"p": (PASS,), "f": (FAIL,), "r": (FAIL, PASS)}[letter]
        found = go(archive, run(number, case(X, *attempts), *FILLER))
    return found


def test_the_first_run_says_nothing_of_anybody(archive: Archive) -> None:
    """It may be the first time that there is this test."""
    found = go(archive, run(0, case(X, FAIL), *FILLER), X)
    assert found.before[X].runs == 0
    assert found.after[X].runs == 1
    assert found.after[X].standing is not Standing.FLAKY
    assert found.flaky == 0


def test_pass_and_fail_of_one_commit_is_flaky(archive: Archive) -> None:
    """The run itself counts, and the next one knows the rate beforehand."""
    found = follow(archive, "pppfppf")
    assert found.after[X].standing is Standing.FLAKY
    assert found.after[X].runs == 7
    recalled = archive.recall(traces(X, POLLUTER), "", lambda _: False).flaking
    assert recalled == {X: pytest.approx(found.after[X].posterior.mean)}
    assert 0.1 < recalled[X] < 0.6


def test_who_is_asked_for_is_judged_by_what_was_before(archive: Archive) -> None:
    """Only if it failed: a pass needs no judgement."""
    follow(archive, "pppfpp")
    found = go(archive, run(9, case(X, FAIL), *FILLER), X, "a.py::test_1", "a.py::test_unknown")
    assert found.before.keys() == {X}
    assert (found.before[X].runs, found.after[X].runs) == (6, 7)


def test_what_passes_is_judged_again_once_it_was_flaky(archive: Archive) -> None:
    """So that its rate does not stand for ever; it says nothing in the summary."""
    follow(archive, "pfpfpfpf")
    before = archive.recall(traces(X), "", lambda _: False).flaking[X]
    for number in range(20, 50):
        found = go(archive, run(number, case(X), *FILLER))
        assert not found.after
    assert archive.recall(traces(X), "", lambda _: False).flaking.get(X, 0.0) < before / 2


def test_a_flake_in_one_run_counts_in_the_rate_of_the_suite(archive: Archive) -> None:
    """Passed after a failure, or failed where the same code has passed."""
    found = follow(archive, "prf")
    assert found.suite is not None
    assert found.flaky == 1
    assert found.suite.latest.mean == pytest.approx(1 / 11)
    assert found.suite.overall.mean == pytest.approx(2 / 33)
    assert [each.flaky for each in suite_runs(archive)] == [0, 1, 1]


def test_an_outage_is_not_judged(archive: Archive) -> None:
    """But those who are asked for are, by what was before; and it is no run of the suite's."""
    follow(archive, "pfp")
    everything = [case(each.nodeid, FAIL) for each in FILLER]
    found = go(archive, run(5, case(X, FAIL), *everything), X)
    assert found.before.keys() == {X}
    assert not found.after
    assert found.suite is None
    assert found.flaky == 0
    assert len(suite_runs(archive)) == 3


def test_of_many_failures_those_that_are_known_to_fail_are_judged(archive: Archive) -> None:
    """There is nothing to say of the others, and nobody would read so much."""
    many = [case(f"a.py::test_{number:03}") for number in range(300)]
    known = {many[number].nodeid for number in range(100, 100 + MOST_JUDGED)}

    def cases(failing: Sequence[str] | set[str]) -> list[CaseEvidence]:
        return [case(each.nodeid, FAIL if each.nodeid in failing else PASS) for each in many]

    go(archive, run(0, *cases(known)))
    found = go(archive, run(1, *cases([each.nodeid for each in many[:60]] + sorted(known))))
    assert found.after.keys() == known


def test_what_ran_before_is_found_out(archive: Archive) -> None:
    """From workers and times of all tests, in runs that the history has and in this one."""
    found = Assessment()
    for number in range(14):
        is_polluted = number % 2 == 1
        start = EPOCH + number * HOUR
        victim = replace(FAIL if is_polluted else PASS, started=start + 2)
        polluter = replace(PASS, started=start + (1 if is_polluted else 3))
        found = go(archive, run(number, case(X, victim), case(POLLUTER, polluter)))
    (association,) = found.after[X].associations
    assert association.kind is Kind.ORDER
    evidence = {each.factor: each for each in association.evidence}[Factor.AFTER]
    assert (evidence.what, evidence.with_failed, evidence.with_total) == (POLLUTER, 7, 7)


def test_what_others_claimed_is_found_out(archive: Archive) -> None:
    """A test fails while others have a resource, of which it may know nothing."""
    found = Assessment()
    for number in range(14):
        is_hit = number % 2 == 1
        start = EPOCH + number * HOUR
        victim = replace(FAIL if is_hit else PASS, started=start)
        other = attempt(worker="gw1")
        user = replace(
            case("a.py::test_user", replace(other, started=start + (0 if is_hit else 5))),
            claims=("port",),
        )
        found = go(archive, run(number, case(X, victim), user))
    (association,) = found.after[X].associations
    assert association.kind is Kind.CONTENTION
    assert {"port"} <= {each.what for each in association.evidence}


def test_a_renamed_test_is_judged_by_its_past(archive: Archive) -> None:
    """Under the name that it has now."""
    follow(archive, "pfpf")
    new = "b.py::test_x"
    found = assess(archive, run(9, case(new, FAIL), *FILLER), {new: X}, [new])
    assert found.before.keys() == found.after.keys() == {new}
    assert found.after[new].standing is Standing.FLAKY


def test_skips_are_no_runs(archive: Archive) -> None:
    """A test that was skipped neither passed nor failed."""
    follow(archive, "pp")
    for number in range(5, 9):
        go(archive, run(number, case(X, attempt(Verdict.SKIPPED)), *FILLER))
    found = go(archive, run(9, case(X, FAIL), *FILLER))
    assert found.after[X].runs == 3


def test_a_history_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    """The run is judged by itself, and one line says why."""
    told: list[str] = []
    path = tmp_path / "history.sqlite3"
    path.mkdir()
    found = assess(Archive(path, "history", told.append), run(0, case(X, FAIL), *FILLER), {}, ())
    assert found.after[X].runs == 1
    assert len(told) == 1
