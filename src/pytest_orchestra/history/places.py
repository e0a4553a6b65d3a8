"""Where a history lies: its directory, the files beside it, and what file system that is."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

#: Where a history is, below the root directory, unless the user says otherwise.
DEFAULT: Final = ".pytest_orchestra/history.sqlite3"

#: File systems on which processes of several machines share files, but no memory.
_NETWORK: Final = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "fakeowner", "fuse", "glusterfs", "gpfs", "lustre"}
    | {"ncpfs", "nfs", "nfs3", "nfs4", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs"}
)

#: Most others that a process provides are a network's, and a file per run does no harm to the rest.
_BY_PROCESS: Final = "fuse."
_LOCAL: Final = frozenset({"fuse.fuse-overlayfs", "fuse.fuse2fs", "fuse.ntfs-3g", "fuse.exfat"})
_MOUNTS: Final = Path("/proc/self/mountinfo")

#: How blanks and backslashes stand there.
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")

#: What a file is called that is meant to be a database.
_SUFFIXES: Final = frozenset({".db", ".sqlite", ".sqlite3"})

#: By so many runs it is told what the time is: most clocks are right.
LATEST: Final = 9

_DAY: Final = 86_400.0

#: Files that SQLite keeps beside a database.
_BESIDE: Final = ("-wal", "-shm", "-journal")


def is_there(path: Path) -> bool:
    """Whether there is anything at ``path``, as far as one may look."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def what_else(path: Path) -> str:
    """Say what is at ``path`` if that can be no history, in words that go on from it; else nothing."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    if stat.S_ISDIR(mode):
        return "is a directory"
    return "" if stat.S_ISREG(mode) else "is no file, but a device or a pipe"


def is_meant_as_database(path: Path) -> bool:
    """Whether the file at ``path``, by its name, can be nothing else that somebody needs."""
    return path.suffix in _SUFFIXES


def prepare(path: Path) -> None:
    """Make the directory of ``path`` if there is none, such that version control ignores it."""
    folder = path.parent
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath(".gitignore").write_text("# made by pytest-orchestra\n*\n", encoding="utf-8")


def runs_folder(path: Path) -> Path:
    """Return where runs have a file each, if they cannot share the one at ``path``."""
    return path.with_name(f"{path.name}.runs")


def run_files(path: Path) -> list[Path]:
    """Return the files of runs, newest first."""
    return [each for _, each in _newest_first(runs_folder(path), "*.sqlite3")]


def clean_up(folder: Path, runs: int, seconds: float) -> None:
    """Delete files of runs beyond the newest ``runs``, and what is older than ``seconds``.

    What a run left half-written goes after a day. A clock that is wrong must not delete anything:
    the time is that of most of the latest files.
    """
    found = _newest_first(folder, "*.sqlite3")
    latest = found[:LATEST]
    now = latest[len(latest) // 2][0] if latest else 0.0
    for number, (changed, each) in enumerate(found):
        if number >= runs or changed < now - seconds:
            each.unlink(missing_ok=True)
    for changed, each in _newest_first(folder, "*.part*"):
        if changed < now - _DAY:
            each.unlink(missing_ok=True)


def _newest_first(folder: Path, pattern: str) -> list[tuple[float, Path]]:
    """Return when each file was changed, in seconds since the epoch, and its path."""
    found = []
    with contextlib.suppress(OSError):
        for each in folder.glob(pattern):
            with contextlib.suppress(OSError):  # somebody cleans up
                found.append((each.stat().st_mtime, each))
    return sorted(found, reverse=True)


def is_on_network(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether the file system at ``path`` is known to be a network's; ``mounts`` lists them all."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError:
        return False
    place = path.parent.resolve()
    best, kind = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:  # noqa: PLR2004 - the fifth is the mount point
            continue
        point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        # Of several at one place the last one counts.
        if place.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind in _NETWORK or (kind.startswith(_BY_PROCESS) and kind not in _LOCAL)


def identify(path: Path) -> tuple[int, int] | None:
    """Return what tells the file at ``path`` from another that takes its place."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def set_aside(path: Path, identity: tuple[int, int] | None) -> Path | None:
    """Give a file another name, and what belongs to it; return that, or None if it is not there.

    Only if it is still the one with that ``identity``: another process may have done it already, and
    begun a new one. Raises OSError if it cannot be done.
    """
    with _alone_in(path.parent):
        if identity is None or identify(path) != identity:
            return None
        stamp = time.strftime("%Y%m%d-%H%M%S")
        number, target = 1, path.with_name(f"{path.name}.corrupt-{stamp}")
        while target.exists():
            number += 1
            target = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
        # The file itself goes last: as soon as it has gone others begin anew, and what lies
        # beside it is theirs.
        for ending in _BESIDE:
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + ending).rename(target.with_name(target.name + ending))
        path.rename(target)
        return target


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let no other process of ours do the same in ``folder`` meanwhile."""
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
