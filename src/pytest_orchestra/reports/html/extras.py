"""What a report can show besides the record of its run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition on the run: ``detail`` says by which figures it was met, or was not."""

    name: str
    is_met: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReportExtras:
    """Sections of which the record knows nothing; what is empty is not shown.

    ``folder`` is where the page will be, from which links to files count; empty if that is not known.
    """

    gates: tuple[Gate, ...] = ()
    folder: str = ""
