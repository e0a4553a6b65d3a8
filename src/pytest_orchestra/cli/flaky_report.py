"""What ``pytest-orchestra flaky`` prints: a table for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any, Final

from pytest_orchestra.history.judgement.judge import Judgement
from pytest_orchestra.history.judgement.quarantine import Entry, is_candidate
from pytest_orchestra.history.judgement.sentence import describe, per_cent, tell_association
from pytest_orchestra.model.flakes import Standing, SuiteFlakes

_HEADER: Final = ("class", "red runs", "lost", "fails by chance in", "at most", "same code", "test")


@dataclass(frozen=True, slots=True)
class Finding:
    """A test, what is concluded about it, and its entry, if it is in quarantine."""

    nodeid: str
    judgement: Judgement
    entry: Entry | None = None

    def rank(self) -> tuple[float, float, float, str]:
        """Return what sorts the costliest first."""
        impact = self.judgement.impact
        return (
            -impact.red_builds,
            -impact.seconds,
            -self.judgement.posterior.mean,
            self.nodeid,
        )

    @property
    def is_candidate(self) -> bool:
        """Whether it may be put into quarantine and is not."""
        return self.entry is None and is_candidate(self.judgement)


@dataclass(frozen=True, slots=True)
class Findings:
    """What the ``history`` says: of tests, costliest first, and of the suite.

    ``unknown`` are entries of tests of which the history has nothing.
    """

    history: Path
    tests: tuple[Finding, ...]
    unknown: tuple[Entry, ...]
    suite: SuiteFlakes | None

    def only_candidates(self) -> Findings:
        """Return these without all that may not be put into quarantine, or is."""
        return replace(
            self, tests=tuple(each for each in self.tests if each.is_candidate), unknown=()
        )


def table_lines(found: Findings, *, only_candidates: bool) -> Iterator[str]:
    """Yield what people are told."""
    if not found.tests:
        what = "no candidates for quarantine" if only_candidates else "no test is known to be flaky"
        yield f"{what}, by {found.history}"
    else:
        yield from _table(found.tests)
    for entry in found.unknown:
        yield f"in quarantine, but the history has no run of it: {entry.nodeid}"
    if only_candidates:
        return
    if found.suite is not None:
        yield ""
        yield _suite_line(found.suite)
    candidates = [each for each in found.tests if each.is_candidate]
    if candidates:
        yield ""
        yield "candidates for quarantine, until they are mended:"
        yield from (
            f"  pytest-orchestra flaky --add {quote(each.nodeid)} --owner WHO --reason WHY"
            for each in candidates
        )


def as_data(found: Findings) -> Mapping[str, Any]:
    """Return the same for programs; rates are shares from 0 to 1, times are seconds."""
    return {
        "history": str(found.history),
        "suite": None if found.suite is None else asdict(found.suite),
        "tests": [_finding_data(each) for each in found.tests],
        "unknown": [_entry_data(entry) for entry in found.unknown],
    }


def write_data(data: Mapping[str, Any]) -> None:
    """Write ``data`` as JSON to standard output."""
    json.dump(data, sys.stdout, indent=2)
    sys.stdout.write("\n")


def _finding_data(each: Finding) -> Mapping[str, Any]:
    judged = each.judgement
    return {
        "nodeid": each.nodeid,
        "class": judged.standing,
        "sentence": describe(judged),
        "runs": judged.runs,
        "outages": judged.outages,
        "probability": judged.posterior.probability,
        "rate": judged.posterior.mean,
        "interval": [judged.posterior.low, judged.posterior.high],
        "upper": judged.upper,
        "disagreements": judged.disagreements,
        "red_builds": judged.impact.red_builds,
        "seconds_lost": judged.impact.seconds,
        "associations": [asdict(association) for association in judged.associations],
        "is_candidate": each.is_candidate,
        "quarantine": None if each.entry is None else _entry_data(each.entry),
    }


def _entry_data(entry: Entry) -> Mapping[str, Any]:
    return {
        "nodeid": entry.nodeid,
        "owner": entry.owner,
        "reason": entry.reason,
        "expires": entry.expires.isoformat(),
    }


def _table(tests: Sequence[Finding]) -> Iterator[str]:
    rows = [_HEADER, *map(_row, tests)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER) - 1)]
    notes = [(), *map(_notes, tests)]
    for row, more in zip(rows, notes, strict=True):
        *cells, name = row
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield "  ".join([*padded, name])
        yield from (f"{'':{sum(widths) + 2 * len(widths)}}  {note}" for note in more)


def _row(each: Finding) -> tuple[str, ...]:
    judged = each.judgement
    of = judged.posterior
    has_rate = judged.standing is Standing.FLAKY
    return (
        judged.standing,
        str(judged.impact.red_builds),
        f"{judged.impact.seconds:.3g} s",
        f"{per_cent(of.mean)} ({per_cent(of.low)} to {per_cent(of.high)})" if has_rate else "",
        per_cent(judged.upper),
        _times(judged.disagreements),
        each.nodeid,
    )


def _notes(each: Finding) -> tuple[str, ...]:
    notes = [tell_association(association) for association in each.judgement.associations]
    if each.entry is not None:
        notes.append(each.entry.told)
    return tuple(notes)


def _suite_line(suite: SuiteFlakes) -> str:
    of = suite.overall
    if not of.mean:
        return f"nothing flaked in the last {suite.runs} runs"
    return (
        f"{per_cent(of.mean)} of the tests of a run flaked ({per_cent(of.low)} to {per_cent(of.high)}) "
        f"in the last {suite.runs} runs; trend: {suite.trend}"
    )


def _times(number: int) -> str:
    return f"{number} times" if number > 1 else "once" if number else "-"
