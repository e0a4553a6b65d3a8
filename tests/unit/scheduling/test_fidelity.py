"""What two runs had in common, in words."""

from __future__ import annotations

from pytest_orchestra.model.dispatch import Deed, Dispatch, Recording, Step
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.fidelity import Fidelity, compare

NODEIDS = ("a", "b", "c", "d")


def recording(*steps: str, nodeids: tuple[str, ...] = NODEIDS) -> Recording:
    """Return a recording of ``steps`` such as ``run a gw0``, ``failed a gw0`` or ``lost a gw0``."""
    found: list[Step] = []
    for step in steps:
        word, nodeid, worker = step.split()
        case = nodeids.index(nodeid)
        if word == "run":
            found.append(Step(Deed.RUN, worker, case))
        elif word == "lost":
            found.append(Step(Deed.LOST, worker, case, Verdict.FAILED))
        elif word.startswith("amended-"):
            found.append(Step(Deed.AMENDED, worker, case, Verdict(word.removeprefix("amended-"))))
        else:
            found.append(Step(Deed.ENDED, worker, case, Verdict(word)))
    return Recording(nodeids, Dispatch.of(found))


def one(nodeid: str, *verdicts: str, worker: str = "gw0") -> tuple[str, ...]:
    """Return the steps of a test that ended so."""
    return tuple(
        step
        for each in verdicts
        for step in (f"run {nodeid} {worker}", f"{each} {nodeid} {worker}")
    )


def test_nothing_differs() -> None:
    """A run is like itself."""
    once = recording(*one("a", "failed"), *one("b", "passed"), "run c gw1", "lost c gw1")
    found = compare(once, once)
    assert found == Fidelity(failures=("a", "c"), again=("a", "c"))
    assert not found.differences


def test_other_outcomes() -> None:
    """Each is told with what it had been; tests that are in one run only are no differences."""
    before = recording(
        *one("a", "failed"),
        *one("b", "passed"),
        *one("c", "passed"),
        "amended-error c gw0",
        *one("d", "skipped"),
    )
    now = recording(
        *one("a", "passed"), *one("b", "skipped"), *one("c", "error"), nodeids=("a", "b", "c")
    )
    assert compare(before, now).differences == (
        "a passed, where it had failed (gw0)",
        "b was skipped, where it had passed (gw0)",
    )
    assert compare(before, now).again == ("c",)
    without_a = recording(*one("b", "passed"), nodeids=("b", "c"))
    assert compare(before, without_a).missing == ("a",)
    gone = recording(*one("a", "failed"), *one("b", "passed"), *one("d", "flaky"))
    assert compare(before, gone).outcomes == (
        "c did not run, where it had an error (gw0)",
        "d was flaky, where it had been skipped (gw0)",
    )
    assert (compare(before, gone).unrun, compare(before, without_a).unrun) == (("c",), ("c",))
    assert not compare(before, now).unrun
    assert compare(gone, before).outcomes == (
        "d was skipped, where it had been flaky (gw0)",
        "c had an error (gw0), where it had not come to its end",
    )


def test_attempts_are_counted() -> None:
    """A test that is flaky again, but after more failures, differs."""
    before = recording(*one("a", "failed", "flaky"))
    now = recording(*one("a", "failed", "error", "flaky"))
    found = compare(before, now)
    assert found.again == ("a",)
    assert found.outcomes == ("a failed 2 times, where it had once (gw0)",)


def test_other_places() -> None:
    """Where a test ran, and after which one."""
    before = recording(*one("a", "passed"), *one("b", "passed"), *one("c", "passed", worker="gw1"))
    now = recording(*one("b", "passed"), *one("a", "passed"), *one("c", "passed", worker="gw2"))
    assert compare(before, now).places == (
        "a ran on gw0 after b, where it had on gw0 first of all",
        "b ran on gw0 first of all, where it had on gw0 after a",
        "c ran on gw2 first of all, where it had on gw1 first of all",
    )
    assert not compare(before, recording(*one("a", "passed"), *one("a", "passed"))).places


def test_other_crashes() -> None:
    """Workers that went down in one run only come first of all."""
    before = recording("run a gw0", "lost a gw0", *one("b", "passed", worker="gw1"))
    now = recording(*one("a", "passed"), "run b gw1", "lost b gw1")
    assert compare(before, now).differences == (
        "no worker went down with a, where gw0 had",
        "gw1 went down with b, where no worker had",
        "a passed, where it had failed (gw0)",
        "b failed, where it had passed (gw1)",
    )
