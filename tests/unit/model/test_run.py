import pytest

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.run import CaseRecord, RunRecord, WorkerRecord
from pytest_orchestra.model.verdict import Verdict

SPEC = CaseSpec("test_a.py::test_x")


def test_a_case_waited_from_being_ready_to_being_assigned() -> None:
    """Both times are on the same clock."""
    record = CaseRecord(SPEC, Verdict.PASSED, "gw0", ready_at=1.0, assigned_at=3.5)
    assert record.waited == 2.5


@pytest.mark.parametrize("ready_at", [None, 1.0])
def test_a_case_that_was_never_assigned_did_not_wait(ready_at: float | None) -> None:
    """Waiting is counted only where it came to an end."""
    assert CaseRecord(SPEC, Verdict.BLOCKED, ready_at=ready_at).waited == 0.0


def test_a_case_was_held_up_from_its_refusal_to_being_assigned() -> None:
    """Only from when tokens were lacking, not while it waited for a worker."""
    record = CaseRecord(SPEC, Verdict.PASSED, ready_at=1.0, refused_at=2.0, assigned_at=3.5)
    assert record.held_up == 1.5


@pytest.mark.parametrize(("refused_at", "assigned_at"), [(None, 3.0), (2.0, None)])
def test_a_case_that_was_never_refused_or_never_assigned_was_not_held_up(
    refused_at: float | None, assigned_at: float | None
) -> None:
    """Being held up is counted only where it began and came to an end."""
    record = CaseRecord(SPEC, Verdict.PASSED, refused_at=refused_at, assigned_at=assigned_at)
    assert record.held_up == 0.0


@pytest.mark.parametrize(
    ("busy", "present", "share"),
    [
        pytest.param(3.0, 4.0, 0.75, id="a share of its time"),
        pytest.param(0.0, 0.0, 0.0, id="a worker that was never there"),
        pytest.param(4.0, 3.9, 1.0, id="clocks that differ a little"),
    ],
)
def test_utilisation_is_the_busy_share(busy: float, present: float, share: float) -> None:
    """It is between nothing and all of the time."""
    assert WorkerRecord("gw0", 1, busy, present).utilisation == share


def test_counts_add_up_to_what_was_collected() -> None:
    """Every case is counted under its verdict; what did not occur counts zero."""
    verdicts = [Verdict.PASSED, Verdict.BLOCKED, Verdict.PASSED]
    run = RunRecord(tuple(CaseRecord(SPEC, each) for each in verdicts), (), (), 0, 1.0)
    assert run.counts == {Verdict.PASSED: 2, Verdict.BLOCKED: 1}
    assert run.counts[Verdict.FAILED] == 0
