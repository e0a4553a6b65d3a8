"""Where files lie, as seen from a report."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote


def link_to(path: str, root: str, folder: str) -> str:
    """Return what a page in ``folder`` links to, for a ``path`` that counts from ``root``.

    Relative where it can be, so that it still holds where both were moved to.
    """
    target = Path(root, path)
    try:
        found = Path(os.path.relpath(target, folder)) if root and folder else target
    except ValueError:  # on another drive
        found = target
    text = found.as_posix()
    try:
        name = text.encode("utf-8", "surrogateescape")  # as the file system has it
    except UnicodeEncodeError:  # it has not
        name = text.encode("utf-8", "replace")
    return quote(name, safe="/:" if found.is_absolute() else "/")
