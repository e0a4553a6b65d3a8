"""What an examination finds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class State(StrEnum):
    """How something is, as a sign for people."""

    FINE = "✓"
    ODD = "!"
    BROKEN = "✗"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``text`` says how it is and, if it is not fine, what to do."""

    state: State
    subject: str
    text: str


def is_writable(folder: Path) -> bool:
    """Whether files can be made in ``folder``, or in the next one above that is there."""
    nearest = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
