"""When Python looks for garbage: not while tests are collected, and not at the very end.

Collecting makes hundreds of thousands of objects that stay, and each search for garbage walks
over them in vain: an eighth of the time in which 10,000 tests are collected. At the end pytest
searches several times in a row, Python does once more, and takes apart what the operating system
would drop at once.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
from collections.abc import Generator, Iterator
from functools import cache
from itertools import compress
from typing import Final

import pytest

#: Objects to be made between two searches, where Python would make 700 to 10,000.
SELDOM: Final = 200_000

#: Finalizers of these modules do nothing at the end of a process that must be done, once files
#: are flushed.
_HARMLESS: Final = frozenset({"_io", "execnet.gateway_base", "subprocess"})


@contextlib.contextmanager
def searched_seldom() -> Iterator[None]:
    """Search seldom; afterwards as before, unless somebody else has changed that meanwhile.

    What was made meanwhile counts as old afterwards, as it would have become by being searched.
    """
    before = gc.get_threshold()
    ours = (max(SELDOM, before[0]), *before[1:]) if before[0] else before
    gc.set_threshold(*ours)
    try:
        yield
    finally:
        if gc.get_threshold() == ours:
            gc.set_threshold(*before)
            if before[0] and not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()


class LastSearch:
    """Plugin that lets pytest search once at the end, for errors in finalizers, and not again.

    What was not found then is still in use. While pytest closes what is left, it is not searched
    a second time; afterwards all is as before, for the process may go on with something else.
    ``has_time``: no test runs in this process and it waits for workers to go home, so it
    searches meanwhile.
    """

    def __init__(self, config: pytest.Config, *, has_time: bool = False) -> None:
        self._is_wanted = config.pluginmanager.has_plugin("unraisableexception")
        self._has_time = has_time
        self._is_over = False
        # pytest's own clean-up, which searches, was not added yet, and so comes before.
        config.add_cleanup(self._unfreeze)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Search before xdist waits for its workers."""
        if self._has_time and self._is_wanted and not gc.get_freeze_count():
            gc.collect()
            self._freeze()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_unconfigure(self) -> Generator[None]:
        """Search after all plugins, if pytest has not done so, and put aside what is in use."""
        before = _full_searches()
        yield
        if self._is_wanted and not gc.get_freeze_count():
            if _full_searches() == before:
                gc.collect()
            self._freeze()

    def _freeze(self) -> None:
        gc.freeze()
        self._is_over = True

    def _unfreeze(self) -> None:
        if self._is_over:
            gc.unfreeze()


def _full_searches() -> int:
    searches: int = gc.get_stats()[-1]["collections"]
    return searches


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
    for file in list(compress(objects, map(files.__contains__, map(type, objects)))):
        with contextlib.suppress(Exception):  # closed, broken, or taken over by somebody
            file.flush()
    gc.freeze()
