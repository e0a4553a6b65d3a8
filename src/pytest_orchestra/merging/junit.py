"""A JUnit file of any tool, read as the record of a run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from pytest_orchestra.merging.cases import Several
from pytest_orchestra.merging.elements import Elements
from pytest_orchestra.merging.testcase import Origin, read_testcase
from pytest_orchestra.model.run import CaseRecord, PartRecord, RunRecord
from pytest_orchestra.model.shard import ShardRecord
from pytest_orchestra.model.surroundings import Surroundings

#: What we write into our files as the property of this name; see reports/junit.py.
GENERATOR: Final = ("generator", "pytest-orchestra")

#: What pytest calls its only suite, unless the user says otherwise.
_PYTEST: Final = "pytest"
#: What is later than this, the year 3000, is a mistake, and may be no date when durations are added.
_LATEST: Final = 32_503_680_000.0

_SHARD: Final = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class JunitFile:
    """What a file says. ``is_ours``: this plugin wrote it."""

    run: RunRecord
    is_ours: bool


@dataclass(slots=True)
class _Suite:
    """A suite that is being read; what is not said of it is said of the one around it."""

    name: str = ""
    file: str = ""
    host: str = ""
    started: float | None = None


@dataclass(slots=True)
class _Reader:
    """Gathers what :class:`Elements` hears. ``known`` has node ids by classname and name."""

    known: Mapping[tuple[str, str], str]
    suites: list[_Suite] = field(default_factory=lambda: [_Suite()])
    found: dict[str, Several] = field(default_factory=dict)
    host: str = ""
    started: float | None = None
    ended: float = 0.0
    spent: float = 0.0
    is_ours: bool = False
    shard: str = ""
    digest: str = ""

    def enter(self, attributes: Mapping[str, str]) -> None:
        around = self.suites[-1]
        started = instant_of(attributes.get("timestamp", ""))
        self.suites.append(
            _Suite(
                attributes.get("name", around.name),
                attributes.get("file", around.file),
                attributes.get("hostname", around.host),
                around.started if started is None else started,
            )
        )
        self.host = self.host or self.suites[-1].host
        self._see(started, 0.0)

    def leave(self) -> None:
        del self.suites[-1]

    def note(self, name: str, value: str) -> None:
        self.is_ours = self.is_ours or (name, value) == GENERATOR
        if name == "shard":
            self.shard = value
        elif name == "shard_digest":
            self.digest = value

    def case(self, element: ET.Element) -> None:
        suite = self.suites[-1]
        started = instant_of(element.get("timestamp", ""))
        is_pytest = self.is_ours or suite.name == _PYTEST
        # Of pytest's own files the suite's start is not that of each test.
        origin = Origin(suite.name, suite.file, started, is_pytest=is_pytest, is_ours=self.is_ours)
        record = read_testcase(element, origin, self.known)
        seconds = sum(each.seconds for each in record.attempts)
        self.spent += seconds
        self._see(started, seconds)
        several = self.found.setdefault(record.spec.nodeid, Several())
        several.add(0, suite.started or 0.0, record)

    def _see(self, started: float | None, seconds: float) -> None:
        if started is not None:
            self.started = started if self.started is None else min(self.started, started)
            self.ended = max(self.ended, started + seconds)

    def run(self, uuid: str) -> RunRecord:
        cases: tuple[CaseRecord, ...] = tuple([each.join() for each in self.found.values()])
        started = self.started or 0.0
        return RunRecord(
            cases=cases,
            resources=(),
            workers=(),
            edges=0,
            seconds=max(self.ended - started, self.spent) if self.started else self.spent,
            started=started,
            surroundings=Surroundings(host=self.host),
            uuid=uuid,
            parts=(PartRecord(uuid, self._shard()),),
        )

    def _shard(self) -> ShardRecord | None:
        """Return which shard it was; of the others only their number and the digest are known."""
        found = _SHARD.fullmatch(self.shard)
        if not self.is_ours or found is None:
            return None
        return ShardRecord(int(found[1]), int(found[2]), self.digest, (), ())


def read_junit(
    path: Path,
    known: Mapping[tuple[str, str], str],
    tell: Callable[[int], None] = lambda _: None,
) -> JunitFile:
    """Return what the file at ``path`` says.

    ``known`` maps classnames and names, as pytest's files have them, to node ids. A test that is in
    the file several times has several attempts. Raises ReportError.
    """
    reader = _Reader(known)
    Elements(reader.enter, reader.leave, reader.note, reader.case).read(path, tell)
    with path.open("rb") as file:
        uuid = hashlib.file_digest(file, "sha256").hexdigest()[:32]
    return JunitFile(reader.run(uuid), reader.is_ours)


def instant_of(text: str) -> float | None:
    """Return the seconds since the epoch of a time in ISO 8601, in UTC if it does not say; None if it is none."""
    try:
        instant = datetime.fromisoformat(text)
        seconds = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if 0.0 <= seconds < _LATEST else None
