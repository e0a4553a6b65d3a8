"""A test that passed without anything to tell, in a few bytes.

A record holds, little-endian and without padding, the test's index (int32), the seconds it
took in all, start, stop and duration of setup, call and teardown (ten float64; the first two of
each since the epoch), its CPU seconds (float64), its peak memory and the memory it used in bytes
(int64 each; these three -1 where not known), and how many bytes of keywords follow (uint32):
UTF-8, joined by NUL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError  # noqa: N812 - it is one
from typing import Any, Final

import pytest

from pytest_orchestra.model.usage import Usage
from pytest_orchestra.running.link import Location

_HEAD: Final = Struct("<i11d2qI")
_PHASES: Final = ("setup", "call", "teardown")
_PLAIN: Final = frozenset(
    pytest.TestReport("", ("", None, ""), {}, "passed", None, "call").__dict__
)


def is_plain(report: pytest.TestReport, item: pytest.Item) -> bool:
    """Whether ``report`` of ``item`` says nothing but that its phase passed, and when."""
    return (
        type(report) is pytest.TestReport
        and report.outcome == "passed"
        and not report.sections
        and not report.user_properties
        and report.longrepr is None
        and report.__dict__.keys() == _PLAIN
        and report.location == item.location
        and report.nodeid == item.nodeid
        and tuple(report.keywords.values()).count(1) == len(report.keywords)
    )


def fold(
    index: int, seconds: float, usage: Usage, reports: Sequence[pytest.TestReport]
) -> bytes | None:
    """Return the record of a test from its plain reports; None if they are more than that."""
    if tuple(report.when for report in reports) != _PHASES:
        return None
    setup, call, teardown = reports
    if not setup.keywords == call.keywords == teardown.keywords:
        return None
    spans = (figure for each in reports for figure in (each.start, each.stop, each.duration))
    try:
        text = "\0".join(setup.keywords)
        if text.count("\0") != len(setup.keywords) - 1:
            return None
        keywords = text.encode("utf-8", "surrogatepass")
        known = usage if None not in usage else [-1 if each is None else each for each in usage]
        return _HEAD.pack(index, seconds, *spans, *known, len(keywords)) + keywords
    except (TypeError, StructError):  # a plugin put something else there
        return None


@dataclass(frozen=True, slots=True)
class Passed:
    """What a record says: ``spans`` are start, stop and duration of each phase, in seconds."""

    index: int
    seconds: float
    spans: tuple[float, ...]
    usage: Usage
    keywords: tuple[str, ...]

    def reports(self, nodeid: str, location: Location, **extra: Any) -> list[pytest.TestReport]:
        """Return the reports of the test; ``extra`` become attributes of each."""
        reports = []
        known: Any = nodeid
        for phase, when in enumerate(_PHASES):
            start, stop, duration = self.spans[3 * phase : 3 * phase + 3]
            report = pytest.TestReport(
                known,
                location,
                dict.fromkeys(self.keywords, 1),
                "passed",
                None,
                when,  # type: ignore[arg-type]
                start=start,
                stop=stop,
                duration=duration,
                **extra,
            )
            known = getattr(report, "id", nodeid)  # taken apart already, where pytest does so
            reports.append(report)
        return reports


def unfold(records: bytes) -> Iterator[Passed]:
    """Read records that were written one after the other."""
    place = 0
    while place < len(records):
        index, seconds, *spans, cpu, peak, used, size = _HEAD.unpack_from(records, place)
        place += _HEAD.size
        keywords = records[place : place + size].decode("utf-8", "surrogatepass")
        place += size
        usage = (
            None if cpu < 0 else cpu,
            None if peak < 0 else peak,
            None if used < 0 else used,
        )
        yield Passed(index, seconds, tuple(spans), usage, tuple(keywords.split("\0")))
