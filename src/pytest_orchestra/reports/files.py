"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of the one at ``path`` when all went well; makes directories.

    A link stays one. What is no ordinary file, such as /dev/stdout, is written to and not
    replaced. Raises OSError.
    """
    # Asked of the path itself: what /dev/stdout leads to need not have a path.
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        with path.open("wb") as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not from tempfile: its files are for their owner alone, and a report is for others.
    new = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with new.open("wb") as file:
            yield file
        new.replace(target)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
