"""One time that a test ran: what came of it, and what it said."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_orchestra.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one phase of an attempt did not pass.

    ``phase`` is setup, call or teardown (or crash, if its worker went down with it), ``kind`` the name of the exception, empty where none is
    known; ``message`` is what the exception says, and ``text`` all that pytest has to tell.
    """

    phase: str
    kind: str
    message: str
    text: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that a test ran.

    ``started`` is in seconds since the epoch, ``setup``, ``call`` and ``teardown`` are what the
    phases took in seconds; None for what never happened. ``signature`` says how it failed, alike
    for failures of one kind, and is empty where it did not.

    ``failures`` are there for what failed, one for each phase that did. ``reason`` is why it was skipped or expected to fail.
    ``sections`` are titles and texts of what was captured (``Captured stdout call``), and
    ``properties`` what the test recorded with ``record_property``.
    """

    verdict: Verdict
    started: float | None = None
    setup: float | None = None
    call: float | None = None
    teardown: float | None = None
    worker: str = ""
    signature: str = ""
    failures: tuple[Failure, ...] = ()
    reason: str = ""
    sections: tuple[tuple[str, str], ...] = ()
    properties: tuple[tuple[str, str], ...] = ()

    @property
    def seconds(self) -> float:
        """What its phases took together."""
        return sum(each for each in (self.setup, self.call, self.teardown) if each is not None)
