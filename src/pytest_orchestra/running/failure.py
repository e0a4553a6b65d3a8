"""What is to be known of a failure, from what pytest's report says of it."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprExceptionInfo

from pytest_orchestra.history.signature import make_signature
from pytest_orchestra.model.attempt import Failure
from pytest_orchestra.running.raised import raised_by

#: The last line of a traceback as Python writes it, or of a text: ``package.Error: message``.
_RAISED: Final = re.compile(r"(?:[A-Za-z_]\w*\.)*([A-Z]\w*)(?:: (.*))?\Z", re.DOTALL)


def failure_of(report: pytest.TestReport) -> Failure:
    """Return what ``report``, of a phase that did not pass, says."""
    longrepr = report.longrepr
    crash = getattr(longrepr, "reprcrash", None)
    text = report.longreprtext
    kind, message = _split(crash.message if crash else text.rstrip().rpartition("\n")[2].strip())
    return Failure(report.when or "", kind, message, text)


def reason_of(report: pytest.TestReport) -> str:
    """Return why a test was skipped, or was expected to fail; empty if it was neither."""
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail).removeprefix("reason: ")
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return ""


def signature_of(report: pytest.TestReport) -> str:
    """Return what failures of one kind share, whatever the style of tracebacks is."""
    raised, place = raised_by(report)
    longrepr: Any = report.longrepr
    if isinstance(longrepr, ExceptionChainRepr | ReprExceptionInfo) and longrepr.reprcrash:
        kind, message = _split(longrepr.reprcrash.message)
        return make_signature(kind or raised, message, place)
    text = str(longrepr).strip()
    kind, message = _split(text.rpartition("\n")[2])
    return make_signature(kind, message or text, "")


def _split(message: str) -> tuple[str, str]:
    """Take the name of the exception off a message, if it begins with one."""
    found = _RAISED.match(message)
    return (found[1], found[2] or "") if found else ("", message)
