"""Which commit the tests are of, asked of git while other things happen."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

#: For how many seconds to wait for git when all else is done.
PATIENCE: Final = 10.0

_COMMAND: Final = ("git", "status", "--porcelain=v2", "--branch", "--untracked-files=normal")
_COMMIT: Final = "# branch.oid "


class Checkout:
    """Begins to ask when it is made; without git or a repository there is no answer."""

    def __init__(self, folder: Path) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._answer: tuple[str | None, bool] = None, False
        with suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603 - a command of ours
                _COMMAND,
                cwd=folder,
                env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},  # others may want to commit
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )

    def read(self) -> tuple[str | None, bool]:
        """Return the commit, None where there is none, and whether the files are those of it."""
        process, self._process = self._process, None
        if process is None:
            return self._answer
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return self._answer
        if process.returncode == 0:
            self._answer = parse(output.decode(errors="replace"))
        return self._answer

    def close(self) -> None:
        """Nobody will ask any more."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def parse(output: str) -> tuple[str | None, bool]:
    """Return the commit and whether nothing has been changed, from what git says."""
    lines = output.splitlines()
    commit = next((line[len(_COMMIT) :] for line in lines if line.startswith(_COMMIT)), "")
    is_clean = all(line.startswith("#") for line in lines)
    return (commit, is_clean) if commit and commit != "(initial)" else (None, False)
