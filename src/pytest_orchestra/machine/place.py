"""The directory of a ledger: where it is, who may use it, and how files get into it."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from pytest_orchestra.errors import MachineError
from pytest_orchestra.model.problem import Problem

_NAME: Final = "pytest-orchestra"

#: Read and write for the owner, for the group and for everybody.
_OWNER, _GROUP, _OTHERS = 0o600, 0o060, 0o006

#: The mode of a directory that its owner shares with nobody.
_CLOSED: Final = 0o700

#: What makes a directory writable for others than its owner.
_SHARED: Final = stat.S_IWGRP | stat.S_IWOTH

#: What tells whether a file is still what it was: inode, nanoseconds of its last change, bytes.
Signature: TypeAlias = tuple[int, int, int]


def signature(status: os.stat_result) -> Signature:
    """Return what tells whether the file has been replaced or written to since."""
    return status.st_ino, status.st_mtime_ns, status.st_size


@dataclass(frozen=True, slots=True)
class Place:
    """A directory that may be used; ``mode``, ``owner`` and ``group`` are its own."""

    path: str
    mode: int
    owner: int
    group: int

    @classmethod
    def open(cls, directory: Path | None = None) -> Place:
        """Make sure of ``directory``, made if need be, or of the one that each user has.

        Whoever may write there shares the ledger. Raises MachineError if that cannot work.
        """
        path = _own_directory() if directory is None else directory.resolve()
        with refusing(str(path)):
            if directory is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=_CLOSED)
            status = path.lstat()
            if directory is None:
                status = _insist_on_own(path, status)
        place = cls(str(path), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
        place.check()
        return place

    def check(self) -> None:
        """Raise MachineError unless files can be made, replaced and removed here."""
        if not stat.S_ISDIR(os.stat(self.path).st_mode):  # noqa: PTH116 - asked for often
            raise trouble(self.path, "is not a directory", "remove it, or name another one")
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            remedy = "let its owner permit it (chmod 2770 and a common group)"
            raise trouble(self.path, f"may not be written by {_user(os.geteuid())}", remedy)
        if self.mode & stat.S_ISVTX and self.mode & _SHARED:
            what = "is sticky, so users cannot remove each other's files"
            raise trouble(
                self.path, what, f"make a directory in it with mkdir -m 2770, or {_PLAIN}"
            )

    @property
    def file_mode(self) -> int:
        """The mode of files here: whoever may write in the directory may write them."""
        group = _GROUP if self.mode & stat.S_IWGRP else 0
        return _OWNER | group | (_OTHERS if self.mode & stat.S_IWOTH else 0)

    def name(self, name: str) -> str:
        """Return the path of a file in here."""
        return f"{self.path}/{name}"

    def restore(self) -> None:
        """Make the directory again if somebody removed it, with the permissions that it had."""
        try:
            os.mkdir(self.path, _CLOSED)  # noqa: PTH102 - a path costs more than the call
        except FileExistsError:
            self._recognise()
            return
        os.chmod(self.path, self.mode)  # noqa: PTH101
        with contextlib.suppress(PermissionError):
            os.chown(self.path, -1, self.group)

    def _recognise(self) -> None:
        """Raise MachineError if somebody else has put a directory of theirs in its place."""
        status = os.lstat(self.path)
        is_shared = self.mode & _SHARED
        if not stat.S_ISDIR(status.st_mode) or (status.st_uid != self.owner and not is_shared):
            raise trouble(self.path, "is not the directory that it was", "remove it")

    def write(self, name: str, data: bytes, draft: str) -> Signature:
        """Put a file with ``data`` in the place of the one called ``name``, in one go.

        ``draft`` is the name of a file that nobody else writes. Returns the new signature.
        """
        path = self.name(draft)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _OWNER)
        try:
            self.adopt(handle)
            os.write(handle, data)
            status = os.fstat(handle)
        finally:
            os.close(handle)
        if status.st_size != len(data):
            raise OSError(28, "No space left on device", path)
        os.replace(path, self.name(name))  # noqa: PTH105
        return signature(status)

    def make(self, name: str, draft: str) -> None:
        """Make an empty file unless there is one, that is never seen with other permissions."""
        path = self.name(name)
        if os.path.lexists(path):
            return
        own = self.name(draft)
        os.close(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, _OWNER))
        try:
            self.adopt(own)
            with contextlib.suppress(FileExistsError):
                os.link(own, path)
        finally:
            os.unlink(own)  # noqa: PTH108

    def adopt(self, file: int | str) -> None:
        """Let whoever shares the directory use a file that the caller made."""
        if self.file_mode != _OWNER:
            os.chmod(file, self.file_mode)  # noqa: PTH101
        if self.file_mode & _GROUP and not self.file_mode & _OTHERS:
            self._give_to_group(file)
        if os.geteuid() == 0 and self.owner != 0:
            os.chown(file, self.owner, -1)

    def _give_to_group(self, file: int | str) -> None:
        try:
            if os.stat(file).st_gid != self.group:  # noqa: PTH116
                os.chown(file, -1, self.group)
        except PermissionError as error:
            what = f"is of group {self.group}, to which {_user(os.geteuid())} does not belong"
            remedy = "set its group-id bit (chmod g+s), so that files in it get its group"
            raise trouble(self.path, what, remedy) from error


_PLAIN: Final = "name another directory as runtime_dir"


def trouble(path: str, what: str, remedy: str) -> MachineError:
    """Return the error that ``path`` is of no use, with its owner and mode if it has any."""
    with contextlib.suppress(OSError):
        status = os.lstat(path)
        mode = stat.S_IMODE(status.st_mode)
        what = f"{what} (it belongs to {_user(status.st_uid)}, mode {mode:04o})"
    if _PLAIN not in remedy:
        remedy = f"{remedy}, or {_PLAIN}"
    return MachineError(Problem(what, remedy, path))


@contextlib.contextmanager
def refusing(directory: str) -> Iterator[None]:
    """Turn what the system refuses to do in ``directory`` into a MachineError."""
    try:
        yield
    except OSError as error:
        raise refusal(directory, error) from error


def refusal(directory: str, error: OSError) -> MachineError:
    """Return the error for what the system refused to do in ``directory``."""
    reason = error.strerror or str(error)
    file = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else directory
    if file == directory or isinstance(error, FileNotFoundError):
        return trouble(directory, f"cannot be used: {reason}", "see who owns it and who may write")
    what = f"cannot be used: {os.path.basename(file)}: {reason}"  # noqa: PTH119
    with contextlib.suppress(OSError):
        status = os.lstat(file)
        mode = stat.S_IMODE(status.st_mode)
        what = f"{what}, it belongs to {_user(status.st_uid)} with mode {mode:04o}"
    remedy = "remove that file, or share the directory by a common group (chmod 2770)"
    return trouble(directory, what, remedy)


def _own_directory() -> Path:
    """Return where the ledger of this user is, unless another directory is named."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if runtime.is_absolute() and _is_usable(runtime):
        return runtime / _NAME
    return Path(tempfile.gettempdir()).resolve() / f"{_NAME}-{os.geteuid()}"


def _is_usable(runtime: Path) -> bool:
    """Whether it is this user's; after ``sudo`` or ``su`` it may be that of somebody else."""
    try:
        status = runtime.stat()
    except OSError:
        return False
    is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return is_own and os.access(runtime, os.W_OK | os.X_OK)


def _insist_on_own(path: Path, status: os.stat_result) -> os.stat_result:
    """Return the status of the directory of a user, closed to others; raises MachineError."""
    if stat.S_ISLNK(status.st_mode) or not stat.S_ISDIR(status.st_mode):
        raise trouble(str(path), "is not a directory of its own", "remove it")
    if status.st_uid != os.geteuid():
        what = f"is not {_user(os.geteuid())}'s, who would keep files there"
        raise trouble(str(path), what, "let its owner remove it")
    if stat.S_IMODE(status.st_mode) & (_GROUP | _OTHERS):
        path.chmod(_CLOSED)
    return path.lstat()


def _user(uid: int) -> str:
    return f"{user_name(uid)} (uid {uid})"


def user_name(uid: int) -> str:
    """Return the name of a user, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
