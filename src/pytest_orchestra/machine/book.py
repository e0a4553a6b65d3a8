"""What the files of all other runs say, read again only if they may have changed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from typing import Final

from pytest_orchestra.machine.life import MAIN, SUFFIX, LifeName, Pulse
from pytest_orchestra.machine.place import Place, Signature, signature
from pytest_orchestra.machine.record import Standing, decode

#: What the name of a run's own file ends with.
STANDING: Final = ".run"

#: Clocks of file systems are coarse: what changed less than this many nanoseconds ago may
#: change again without looking different.
_COARSE: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class LifeFile:
    """A proof of life as it was found."""

    life: LifeName
    path: str
    inode: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Another run as its files show it; ``standing`` is None if nobody can read what it has."""

    run: str
    standing: Standing | None
    lives: tuple[LifeFile, ...]
    alive: bool


@dataclass(slots=True)
class _Page:
    """A run's own file as it was read last."""

    signature: Signature
    settled: bool
    standing: Standing | None


@dataclass(slots=True)
class _Found:
    """The names that belong to one run."""

    has_file: bool = False
    lives: list[LifeFile] = field(default_factory=list)


class Book:
    """Everybody's files in one place, without those of the run ``own``."""

    def __init__(self, place: Place, own: str) -> None:
        self._place: Final = place
        self._own: Final = own
        self._pulse: Final = Pulse()
        self._pages: Final[dict[str, _Page]] = {}
        self._runs: dict[str, Seen] = {}
        self._listed: tuple[int, int] | None = None

    def look(self) -> tuple[Seen, ...]:
        """Return the other runs, the dead ones included. Raises OSError if that is refused."""
        self._listed = self._listing()
        found = self._find()
        found.pop(self._own, None)
        runs = {run: self._see(run, each) for run, each in found.items()}
        for run, seen in self._runs.items():
            if run not in runs and seen.alive and self._haunts(seen):
                runs[run] = replace(seen, standing=None)  # until it has written again
        self._runs = runs
        for run in self._pages.keys() - found.keys():
            del self._pages[run]
        self._pulse.keep({(each.path, each.inode) for seen in runs.values() for each in seen.lives})
        return tuple(runs.values())

    def has_changed(self) -> bool:
        """Whether another look may show something else, also because somebody died."""
        if self._listed is None or self._listing() != self._listed:
            return True
        return any(seen.alive and not self._lives(seen) for seen in self._runs.values())

    def forget(self) -> None:
        """Take the next look for a change in any case."""
        self._listed = None

    def has_workers(self) -> bool:
        """Whether other processes of the own run live."""
        own = self._find().get(self._own, _Found())
        return any(self._beats(each) for each in own.lives if each.life.name != MAIN)

    def close(self) -> None:
        """Close the files that are open."""
        self._pulse.close()

    def _listing(self) -> tuple[int, int] | None:
        """Return what tells whether names came or went; None if that cannot be told yet."""
        status = os.stat(self._place.path)  # noqa: PTH116 - a path costs more than the call
        changed = status.st_mtime_ns
        return (status.st_ino, changed) if changed + _COARSE < time.time_ns() else None

    def _find(self) -> dict[str, _Found]:
        found: dict[str, _Found] = {}
        with os.scandir(self._place.path) as entries:
            for entry in entries:
                if entry.name.endswith(STANDING):
                    run = entry.name.removesuffix(STANDING)
                    found.setdefault(run, _Found()).has_file = True
                elif entry.name.endswith(SUFFIX) and (life := LifeName.parse(entry.name)):
                    file = LifeFile(life, self._place.name(entry.name), entry.inode())
                    found.setdefault(life.run, _Found()).lives.append(file)
        return found

    def _see(self, run: str, found: _Found) -> Seen:
        standing = self._read(run) if found.has_file else None
        lives = [*found.lives, *self._deleted(run, found.lives)]
        lives.sort(key=lambda each: each.life.name != MAIN)
        seen = Seen(run, standing, tuple(lives), alive=True)
        return seen if self._lives(seen) or self._lacks_proof(seen) else replace(seen, alive=False)

    def _deleted(self, run: str, lives: list[LifeFile]) -> list[LifeFile]:
        """Return the proofs of life that have no name any more, but are still held."""
        before = self._runs[run].lives if run in self._runs else ()
        return [each for each in before if each not in lives and self._beats(each)]

    def _beats(self, each: LifeFile) -> bool:
        return self._pulse.beats(each.path, each.inode, each.life.process)

    def _lives(self, seen: Seen) -> bool:
        return any(map(self._beats, seen.lives))

    def _lacks_proof(self, seen: Seen) -> bool:
        """Whether only its proof of life has been deleted: its process is known to run."""
        if seen.standing is None or any(each.life.name == MAIN for each in seen.lives):
            return False
        return seen.standing.process.is_running()

    def _haunts(self, seen: Seen) -> bool:
        """Whether a run lives although all its files are gone: somebody deleted the directory."""
        return any(self._beats(each) for each in seen.lives if each.life.name == MAIN)

    def _read(self, run: str) -> Standing | None:
        path = self._place.name(run + STANDING)
        page = self._pages.get(run)
        try:
            status = os.stat(path)  # noqa: PTH116 - as above
            if page and page.settled and page.signature == signature(status):
                return page.standing
            now = time.time_ns()
            with open(path, "rb") as file:  # noqa: PTH123 - as above
                status, data = os.fstat(file.fileno()), file.read()
        except (FileNotFoundError, IsADirectoryError):
            return None
        settled = status.st_mtime_ns + _COARSE < now
        self._pages[run] = _Page(signature(status), settled, decode(data))
        return self._pages[run].standing
