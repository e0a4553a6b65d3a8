"""Where a project, its history and its quarantine are."""

from __future__ import annotations

import argparse
import sqlite3
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pytest_orchestra.errors import HistoryError, OrchestraError, UsageProblems
from pytest_orchestra.history.places import DEFAULT, run_files
from pytest_orchestra.history.recent import KEPT
from pytest_orchestra.history.store import Store
from pytest_orchestra.history_settings import NO_HISTORY
from pytest_orchestra.settings import Settings, load_settings, read_table

T = TypeVar("T")

#: Files that are in the root directory of a project, by which it is found.
_MARKS: Final = (".pytest_orchestra", "pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg")

#: What reading may come to; a byte that was changed may make anything of a number.
_TROUBLES: Final = (sqlite3.Error, OSError, HistoryError, struct.error, LookupError, TypeError)

#: For how many seconds to wait for somebody who writes.
_PATIENCE: Final = 10.0


class CommandError(OrchestraError):
    """What was asked for cannot be done; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project: its root directory and what is settled there."""

    root: Path
    settings: Settings

    @classmethod
    def find(cls, options: argparse.Namespace) -> Project:
        """Return the project that the ``options`` of :func:`add_options` mean.

        Raises CommandError or UsageProblems.
        """
        root = _root(options.rootdir)
        path = options.config or root / "pyproject.toml"
        table = read_table(path) if options.config or path.is_file() else {}
        settings, problems = load_settings(table, source=str(path))
        if problems:
            raise UsageProblems(problems)
        return cls(root, settings)

    @property
    def has_history(self) -> bool:
        """Whether there is a history where the project has its own."""
        path = self._own_history
        return path is not None and (path.is_file() or bool(run_files(path)))

    @property
    def _own_history(self) -> Path | None:
        wish = self.settings.history.path or DEFAULT
        return None if wish == NO_HISTORY else self.root / Path(wish).expanduser()

    def history_path(self, wish: Path | None) -> Path:
        """Return the path ``wish``, by default that of the project's history, which need not be there.

        Raises CommandError where the project keeps none.
        """
        path = wish or self._own_history
        if path is None:
            raise CommandError(
                'the project keeps no history (history = "none"): name one by --history'
            )
        return path

    def history(self, wish: Path | None) -> History:
        """Return the history at the path ``wish``, by default that of the project.

        Raises CommandError where there is none.
        """
        path = self.history_path(wish)
        files = [path] if path.is_file() else []
        files += run_files(path)[:KEPT]
        if not files:
            raise CommandError(
                f"there is no history at {path}: run pytest --orchestrate first, or name another by "
                "--history"
            )
        return History(path, tuple(files))


@dataclass(frozen=True, slots=True)
class History:
    """A history at ``path``, that is to say in these ``files``; it is only read."""

    path: Path
    files: tuple[Path, ...]

    def ask(self, question: Callable[[Store], T]) -> list[T]:
        """Put a ``question`` to every file, and return the answers.

        Raises CommandError if one cannot be read. Nothing is set aside: whoever names a file by
        mistake finds it where it was.
        """
        return [_ask(path, question) for path in self.files]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say on the command line which project is meant."""
    parser.add_argument(
        "--rootdir",
        metavar="DIR",
        type=Path,
        help="the root directory of the project (default: the next one above that looks like it)",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="read [tool.pytest_orchestra] from there instead of pyproject.toml",
    )
    parser.add_argument(
        "--history",
        metavar="PATH",
        type=Path,
        help=f"the history to read (default: that of the project, {DEFAULT})",
    )


def _root(wish: Path | None) -> Path:
    if wish is not None:
        if not wish.is_dir():
            raise CommandError(f"--rootdir {wish} is not a directory")
        return wish.resolve()
    here = Path.cwd()
    above = (here, *here.parents)
    return next((each for each in above if any((each / mark).exists() for mark in _MARKS)), here)


def _ask(path: Path, question: Callable[[Store], T]) -> T:
    try:
        with Store.open_to_read(path, patience=_PATIENCE) as store:
            return question(store)
    except _TROUBLES as error:
        raise CommandError(f"the history {path} cannot be read: {error}") from error
