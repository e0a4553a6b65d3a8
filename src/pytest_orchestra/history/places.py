"""Where a history lies: its directory, the files beside it, and what file system that is."""

from __future__ import annotations

import contextlib
import os
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
    {"9p", "afs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "fuse.glusterfs", "gpfs", "lustre"}
    | {"ncpfs", "nfs", "nfs3", "nfs4", "smb2", "smb3", "smbfs"}
)
_MOUNTS: Final = Path("/proc/self/mountinfo")

#: Files that SQLite keeps beside a database.
_BESIDE: Final = ("-wal", "-shm", "-journal")


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
    found = []
    with contextlib.suppress(OSError):
        for each in runs_folder(path).glob("*.sqlite3"):
            with contextlib.suppress(OSError):  # somebody cleans up
                found.append((each.stat().st_mtime, each))
    return [each for _, each in sorted(found, reverse=True)]


def is_on_network(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether the file system at ``path`` is known to be a network's; ``mounts`` lists them all."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    place = path.parent.resolve()
    best, kind = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:  # noqa: PLR2004 - the fifth is the mount point
            continue
        point = Path(fields[4].encode().decode("unicode_escape"))
        # Of several at one place the last one counts.
        if place.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind in _NETWORK


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
