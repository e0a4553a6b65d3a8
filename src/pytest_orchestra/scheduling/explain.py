"""Why a case waits, waited, or did not run, in words."""

from __future__ import annotations

from collections.abc import Callable

from pytest_orchestra.model.verdict import Cause, Verdict
from pytest_orchestra.scheduling.pool import EXCLUSIVE


def blocked_text(cause: Cause, nodeid_of: Callable[[int], str]) -> str:
    """Return ``blocked: tests/test_a.py::test_login failed (gw1)``."""
    if cause.case is None:
        return f"blocked: {cause.reason}"
    place = f" ({cause.worker})" if cause.worker else ""
    return f"blocked: {nodeid_of(cause.case)} {_past_tense(cause.reason)}{place}"


def _past_tense(reason: str) -> str:
    match reason:
        case Verdict.ERROR:
            return "had an error"
        case Verdict.SKIPPED | Verdict.NOT_RUN:
            return f"was {reason}"
        case _:
            return reason


def waited_for_text(resource: str | None, *, alone: bool) -> str:
    """Return what a case waits for: ``resource``, or a worker if there is enough of everything.

    ``alone`` says whether the case itself wants to run alone.
    """
    if resource is None:
        return "a free worker"
    if resource == EXCLUSIVE:
        return "all others to end, to run alone" if alone else "a test that runs alone"
    return repr(resource)
