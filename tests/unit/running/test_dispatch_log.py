"""What is noted of a run: what workers were given and ran, not what they gave back."""

from __future__ import annotations

from pytest_orchestra.model.dispatch import Deed, Step
from pytest_orchestra.model.events import (
    Assign,
    CaseFinished,
    CasesReturned,
    Conclude,
    Recall,
    Relinquish,
    VerdictAmended,
    WorkerLost,
    WorkersJoined,
)
from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.running.dispatch_log import DispatchLog


def test_what_is_noted() -> None:
    """Each thing in its order, with workers and verdicts; what says nothing of the dispatch is left out."""
    log = DispatchLog()
    log.note((WorkersJoined(("gw0", "gw1")),))
    log.note((Assign("gw0", 3), Conclude(5, Verdict.BLOCKED, Cause("gone"))))
    log.note(())
    log.note((CaseFinished(3, Verdict.PASSED, 0.1),))
    log.note((Relinquish("gw0", (("db", ""),)),))
    log.note((VerdictAmended(3, Verdict.ERROR),))
    assert tuple(log.close()) == (
        Step(Deed.JOINED, "gw0"),
        Step(Deed.JOINED, "gw1"),
        Step(Deed.RUN, "gw0", 3),
        Step(Deed.ENDED, "gw0", 3, Verdict.PASSED),
        Step(Deed.DOWN, "gw0", fixtures=(("db", ""),)),
        Step(Deed.AMENDED, "gw0", 3, Verdict.ERROR),
    )


def test_what_was_never_begun_was_never_given() -> None:
    """Whether a worker gave it back or died before; who went down with it has run it."""
    log = DispatchLog()
    log.note((Assign("gw0", 0), Assign("gw0", 1), Assign("gw0", 2)))
    log.note((Recall("gw0", (2,)),))
    log.note((CasesReturned("gw0", (2,)), Assign("gw1", 2)))
    log.note((WorkerLost("gw0", 0, Verdict.FAILED),))
    log.note((Assign("gw1", 1),))
    log.note((WorkerLost("gw1"), WorkerLost("gw2")))
    assert tuple(log.close()) == (
        Step(Deed.RUN, "gw0", 0),
        Step(Deed.LOST, "gw0", 0, Verdict.FAILED),
        Step(Deed.LOST, "gw1"),
        Step(Deed.LOST, "gw2"),
    )


def test_nothing_is_noted_after_the_end() -> None:
    """What the run does to come to an end is no part of it."""
    log = DispatchLog()
    log.note((Assign("gw0", 0),))
    once = log.close()
    log.note((WorkerLost("gw0"),))
    assert tuple(once) == (Step(Deed.RUN, "gw0", 0),)
    assert not tuple(log.close())
