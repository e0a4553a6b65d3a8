"""What a run writes down for the others: one file, replaced as a whole."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pytest_orchestra.machine.process import Process

#: The first line, with the checksum of the rest; another version's file cannot be read.
_HEAD: Final = b"pytest-orchestra 1 "

#: By resource the instances that were granted, one name for each slot; () without instances.
Shares: TypeAlias = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Ticket:
    """What somebody wants of the machine's resources, all of it or nothing.

    ``number`` is its place in the queue, ``wants`` holds tokens (or bytes) by resource,
    ``what`` it is for and ``since`` when it came or, once granted, when it was, in seconds of
    the epoch. ``got`` is None while it waits.
    """

    id: str
    number: int
    wants: Mapping[str, int]
    what: str
    since: float
    got: Shares | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One run: who it is, and its tickets."""

    process: Process
    user: str
    project: str
    tickets: tuple[Ticket, ...] = ()


def encode(standing: Standing) -> bytes:
    """Return the contents of the file."""
    body = json.dumps(standing, default=_fields, separators=(",", ":")).encode("ascii")
    return b"%b%08x\n%b" % (_HEAD, zlib.crc32(body), body)


def decode(data: bytes) -> Standing | None:
    """Return what ``encode`` was given; None if the file is damaged or another version's."""
    head, _, body = data.partition(b"\n")
    if head != b"%b%08x" % (_HEAD, zlib.crc32(body)):
        return None
    try:
        read: dict[str, Any] = json.loads(body)
        tickets = tuple(map(_ticket, read.pop("tickets")))
        return Standing(**{**read, "process": Process(**read["process"])}, tickets=tickets)
    except (ValueError, TypeError, LookupError):  # pragma: no cover - a bug of who wrote it
        return None


def _fields(each: Standing | Ticket | Process) -> dict[str, object]:
    return {name: getattr(each, name) for name in each.__slots__}


def _ticket(read: dict[str, Any]) -> Ticket:
    if read["got"] is not None:
        read["got"] = {resource: tuple(names) for resource, names in read["got"].items()}
    return Ticket(**read)
