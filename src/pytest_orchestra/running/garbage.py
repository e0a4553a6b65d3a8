"""When Python looks for garbage: not while tests are collected, and not at the very end.

Collecting makes hundreds of thousands of objects that stay, and each search for garbage walks
over them in vain: an eighth of the time in which 10,000 tests are collected. At the end of the
process Python searches once more, and takes apart what the operating system would drop at once.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
from collections.abc import Iterator
from functools import cache
from typing import Final

#: Objects to be made between two searches, where Python would make 700 to 10,000.
SELDOM: Final = 200_000

#: Finalizers of these modules do nothing at the end of a process that must be done, once files
#: are flushed.
_HARMLESS: Final = frozenset({"_io", "execnet.gateway_base", "subprocess"})


@contextlib.contextmanager
def searched_seldom() -> Iterator[None]:
    """Search seldom; afterwards as before, unless somebody else has changed that meanwhile."""
    before = gc.get_threshold()
    ours = (max(SELDOM, before[0]), *before[1:]) if before[0] else before
    gc.set_threshold(*ours)
    try:
        yield
    finally:
        if gc.get_threshold() == ours:
            gc.set_threshold(*before)


@cache
def leave_quickly() -> None:
    """Let this process end without taking apart every object, if nothing alive needs that."""
    atexit.register(_keep_all)


def _keep_all() -> None:
    """Flush open files and make Python overlook all objects, unless one has a finalizer."""
    objects = gc.get_objects()
    kinds = set(map(type, objects))
    finalized = {kind for kind in kinds if hasattr(kind, "__del__")}
    if not {kind.__module__ for kind in finalized} <= _HARMLESS:
        return
    files = {kind for kind in finalized if issubclass(kind, io.IOBase)}
    for file in [each for each in objects if type(each) in files]:
        with contextlib.suppress(Exception):  # closed, broken, or taken over by somebody
            file.flush()
    gc.freeze()
