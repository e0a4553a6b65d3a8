"""What is to be known of a failure, from what pytest's report says of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprEntry, ReprExceptionInfo

from pytest_orchestra.history.signature import make_signature
from pytest_orchestra.model.attempt import Failure

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


def signature_of(longrepr: Any) -> str:
    """Return what failures of one kind share; ``longrepr`` is that of a report."""
    if isinstance(longrepr, ExceptionChainRepr | ReprExceptionInfo) and longrepr.reprcrash:
        frame = _own_frame(longrepr)
        crash = longrepr.reprcrash
        kind, message = _split(crash.message)
        if frame is None or frame.reprfileloc is None:  # a style that shows no source
            return make_signature(kind, message, "")
        told = frame.reprfileloc.message
        place = _place(frame.reprfileloc.path, frame.lines)
        return make_signature(kind or told.split(":")[0], message, place)
    text = str(longrepr).strip()
    kind, message = _split(text.rpartition("\n")[2])
    return make_signature(kind, message or text, "")


def _split(message: str) -> tuple[str, str]:
    """Take the name of the exception off a message, if it begins with one."""
    found = _RAISED.match(message)
    return (found[1], found[2] or "") if found else ("", message)


def _own_frame(longrepr: ExceptionChainRepr | ReprExceptionInfo) -> ReprEntry | None:
    """Return the last frame that is the project's own, or else the last of all."""
    frames = [each for each in longrepr.reprtraceback.reprentries if isinstance(each, ReprEntry)]
    own = [each for each in frames if each.reprfileloc and _is_own(each.reprfileloc.path)]
    return next(iter(reversed(own or frames)), None)


def _is_own(path: str) -> bool:
    """Whether a path in a traceback is the project's: pytest shortens those below its directory."""
    return (
        not path.startswith(("/", "..", "<")) and "site-packages" not in path and path[1:2] != ":"
    )


def _place(path: str, lines: Sequence[str]) -> str:
    """Return file and source of the line, since its number changes with what is above it."""
    marked = [line[1:] for line in lines if line.startswith(">")]
    plain = [line for line in lines if line.strip(" ^~") and not line.startswith("E")]
    source = (marked or plain or [""])[-1]
    return f"{path}: {' '.join(source.split())}"
