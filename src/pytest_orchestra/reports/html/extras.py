"""What a report can show besides the record of its run."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_orchestra.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class FlakyTrend:
    """What is known of a test over several runs.

    ``judgement`` is a word such as ``flaky`` or ``suspect``, ``rate`` the share of runs in which it fails by chance, and ``low`` and
    ``high`` bound it, all 0.0 to 1.0. ``outcomes`` are those of its last runs, the oldest first. ``note`` says
    more in a sentence.
    """

    nodeid: str
    judgement: str
    rate: float
    low: float
    high: float
    outcomes: tuple[Verdict, ...] = ()
    note: str = ""


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

    flaky: tuple[FlakyTrend, ...] = ()
    gates: tuple[Gate, ...] = ()
    folder: str = ""
