"""What a worker is about and has not told yet, kept where its death cannot take it away.

A file that controller and worker both map into memory: what a process wrote there outlives it,
also where it was killed. Four words of 64 bits in the machine's own order, then room for records:

====  =============================================================
word  meaning
====  =============================================================
0     number of the batch that is being gathered, from 1
1     bytes of records gathered for it
2     1 + index of the test that runs; 0 while none does
3     1 once the worker keeps it; before, it says nothing
====  =============================================================

A word is written in one go, and what it is about before it, so at any moment the words are true.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

_WORD: Final = 8
_BATCH, _FILLED, _RUNNING, _KEPT = range(4)
_HEAD_BYTES: Final = 4 * _WORD

#: Room for about 20 ms of the tiniest tests, in bytes.
SIZE: Final = 32 * 1024


#: The host and path by which both ends find a journal; None where none could be made.
Address: TypeAlias = tuple[str, str] | None


def create() -> Address:
    """Make a file for a journal. Its blocks exist, so that writing to it cannot fail later."""
    try:
        handle, path = tempfile.mkstemp(prefix="pytest-orchestra-")
    except OSError:
        return None
    address = platform.node(), path
    try:
        with os.fdopen(handle, "wb") as file:
            file.write((1).to_bytes(_WORD, sys.byteorder).ljust(SIZE, b"\0"))
    except OSError:  # pragma: no cover - a full disk
        remove(address)
        return None
    return address


def remove(address: Address) -> None:
    """Remove the file's name; who has it mapped keeps it. Some systems keep the name as well."""
    if address is not None:
        with contextlib.suppress(OSError):
            Path(address[1]).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Legacy:
    """What a dead worker left behind: records of tests that passed, and what it was running."""

    records: bytes
    running: int | None


class Journal:
    """One worker's file, seen from either end."""

    def __init__(self, path: Path) -> None:
        """Map an existing file; raises OSError or ValueError where that cannot be done."""
        with path.open("r+b") as file:
            self._memory: Final = mmap.mmap(file.fileno(), SIZE)
        self._words: Final = memoryview(self._memory)[:_HEAD_BYTES].cast("Q")

    @classmethod
    def find(cls, address: Address) -> Journal | None:
        """Map the journal at ``address``; None where it cannot be reached from here."""
        if address is None or address[0] != platform.node():
            return None
        try:
            return cls(Path(address[1]))
        except (OSError, ValueError):
            return None

    # the worker's end

    def keep(self) -> None:
        """Say that from now on the worker writes here."""
        self._words[_KEPT] = 1

    def run(self, index: int | None) -> None:
        """Note that the test at ``index`` runs from now on; None: that it is over."""
        self._words[_RUNNING] = 0 if index is None else index + 1

    def add(self, record: bytes) -> bool:
        """Put ``record`` behind the others of the batch; False if there is no room."""
        begin = _HEAD_BYTES + self._words[_FILLED]
        end = begin + len(record)
        if end > SIZE:
            return False
        self._memory[begin:end] = record
        self._words[_FILLED] = end - _HEAD_BYTES
        return True

    @property
    def batch(self) -> int:
        """The number of the batch that is being gathered."""
        return self._words[_BATCH]

    @property
    def records(self) -> bytes:
        """What was gathered for it."""
        return self._memory[_HEAD_BYTES : _HEAD_BYTES + self._words[_FILLED]]

    def turn(self) -> None:
        """The batch is on its way: begin the next."""
        self._words[_FILLED] = 0
        self._words[_BATCH] += 1

    # the controller's end

    def legacy(self, heard: int) -> Legacy | None:
        """Return what a dead worker left, whose last batch that arrived was number ``heard``.

        None if the worker never wrote here: it could not map the file, say.
        """
        if not self._words[_KEPT]:
            return None
        running = self._words[_RUNNING]
        records = self.records if self.batch > heard else b""
        return Legacy(records, running - 1 if running else None)

    def close(self) -> None:
        """Give the memory back."""
        self._words.release()
        self._memory.close()
