"""The file of tests in quarantine, read and changed from the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pytest_orchestra.cli.project import CommandError, History, Project
from pytest_orchestra.errors import UsageProblems
from pytest_orchestra.history.judgement.quarantine import Entry
from pytest_orchestra.history.judgement.quarantine_file import (
    add_entry,
    read_entries,
    remove_entries,
)
from pytest_orchestra.settings import DEFAULT_QUARANTINE, NO_QUARANTINE


@dataclass(frozen=True, slots=True)
class Ward:
    """The file at ``path`` with its ``text`` and its ``entries``, by node id; it need not be there yet."""

    path: Path
    text: str
    entries: Mapping[str, Entry]
    is_wanted: bool = True

    @classmethod
    def of(cls, place: Project) -> Ward:
        """Return that of a project; raises UsageProblems for mistakes in the file."""
        wish = place.settings.quarantine or DEFAULT_QUARANTINE
        if wish == NO_QUARANTINE:
            return cls(place.root / DEFAULT_QUARANTINE, "", {}, is_wanted=False)
        path = place.root / Path(wish).expanduser()
        try:
            text = path.read_bytes().decode()  # with the ends of lines that it has
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from error
        entries, problems = read_entries(text, str(path))
        if problems:
            raise UsageProblems(problems)
        return cls(path, text, {entry.nodeid: entry for entry in entries})

    def add(self, entry: Entry) -> None:
        """Write one more entry to the end of the file; raises CommandError."""
        self._replace(add_entry(self.text, entry), {**self.entries, entry.nodeid: entry})

    def prune(self, root: Path, history: History | None, today: date) -> list[tuple[Entry, str]]:
        """Take out what has expired and what is not there any more; return it, and why."""
        removed = list(self._removable(root, history, today))
        if removed:
            gone = {entry.nodeid for entry, _ in removed}
            try:
                text = remove_entries(self.text, [entry for entry, _ in removed])
            except ValueError as error:
                raise CommandError(f"{self.path}: {error}, so take them out by hand") from error
            left = {name: entry for name, entry in self.entries.items() if name not in gone}
            self._replace(text, left)
        return removed

    def _removable(
        self, root: Path, history: History | None, today: date
    ) -> Iterator[tuple[Entry, str]]:
        for entry in self.entries.values():
            if entry.is_expired(today):
                yield entry, f"the entry expired on {entry.expires}"
            elif is_gone(entry.nodeid, root, history):
                yield entry, "there is no such test any more"

    def _replace(self, text: str, entries: Mapping[str, Entry]) -> None:
        """Write ``text``, if it says what it should; all at once, so that nothing is lost halfway."""
        if not self.is_wanted:
            raise CommandError(f'the project has quarantine = "{NO_QUARANTINE}"')
        found, problems = read_entries(text, str(self.path))
        if problems or {entry.nodeid: entry for entry in found} != dict(entries):
            raise CommandError(
                f"{self.path} is written in a way that only you can change: do it by hand"
            )
        real = Path(os.path.realpath(self.path))  # a link to the file is to stay one
        part = real.with_name(f".{real.name}.{os.getpid()}")
        try:
            real.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(text.encode())
            part.replace(real)
        except OSError as error:
            raise CommandError(f"{self.path} cannot be written: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)


def is_gone(nodeid: str, root: Path, history: History | None) -> bool:
    """Whether there is certainly no such test any more, as far as that shows without collecting.

    Its file is not there; or the file does not have the name of its function, and the test was not
    in the last run of that file: a test may be inherited or made up.
    """
    name, _, rest = nodeid.partition("::")
    file = root / name
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return not file.exists()
    function = rest.partition("[")[0].rpartition("::")[2]
    if not function or re.search(rf"\b{re.escape(function)}\b", text):
        return False
    seen = history.ask(lambda store: store.last_seen(nodeid)) if history else []
    return bool(seen) and all((own or 0.0) < of_file for own, of_file in seen)
