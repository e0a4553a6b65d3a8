"""When Python looks for garbage: not while tests are collected, and not at the very end.

Collecting makes hundreds of thousands of objects that stay, and each search for garbage walks
over them in vain: an eighth of the time in which 10,000 tests are collected. At the end pytest
searches for what has a finalizer, Python does once more, and takes apart what the operating system
would drop at once. Most processes have nothing with a finalizer that would do anything by then, and to
find that out takes a quarter of the time of such a search.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import sys
from collections.abc import Generator, Iterator
from functools import cache
from itertools import compress
from types import GeneratorType
from typing import Any, ClassVar, Final
from weakref import WeakSet

import pytest

#: Objects to be made between two searches, where Python would make 700 to 10,000.
SELDOM: Final = 200_000

#: Packages whose finalizers, and suspended generators, do nothing at the end of a process that must be
#: done, once files are flushed.
_HARMLESS: Final = frozenset(
    {"_io", "_pytest", "contextlib", "execnet", "pluggy", "pytest_orchestra", "subprocess", "xdist"}
)


#: Whether this Python keeps objects in three generations, and moves all that it has searched to the next.
_GENERATIONS: Final = sys.version_info < (3, 14)


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

    Not at all where nothing has one. What was not found then is still in use. While pytest closes what
    is left, it is not searched a second time; afterwards all is as before, for the process may go on
    with something else.
    ``has_time``: no test runs in this process and it waits for workers to go home, so it
    searches meanwhile.
    """

    def __init__(self, config: pytest.Config, *, has_time: bool = False) -> None:
        self._config = config
        self._is_wanted = config.pluginmanager.has_plugin("unraisableexception")
        self._has_time = has_time
        self._is_frozen = False
        #: All that had a finalizer, if none of it would do anything.
        self._harmless: list[Any] | None = None
        # pytest's own clean-up, which searches, was not added yet, and so comes before.
        config.add_cleanup(self._unfreeze)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Search before xdist waits for its workers."""
        if self._has_time and self._is_wanted and not gc.get_freeze_count():
            if not self._is_over():
                gc.collect()
            self._freeze()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_unconfigure(self) -> Generator[None]:
        """Search after all plugins, if pytest has not done so, and put aside what is in use.

        Where nothing has a finalizer all is put aside before pytest searches.
        """
        is_ours = self._is_wanted and not gc.get_freeze_count()
        if is_ours and self._is_over():
            self._freeze()
        before = _full_searches()
        yield
        if is_ours and not self._is_frozen:
            if _full_searches() == before:
                gc.collect()
            self._freeze()

    def _is_over(self) -> bool:
        """Whether nothing is left that would do anything when it is finalized."""
        # pytest-rerunfailures leaves it open; the system closes it as well.
        line = getattr(getattr(self._config, "failures_db", None), "sock", None)
        if line is not None:
            _Seen.lines.add(line)
        found = _finalizable(gc.get_objects())
        if not all(map(_is_harmless, found)):
            return False
        self._harmless = found
        return True

    def _freeze(self) -> None:
        gc.freeze()
        self._is_frozen = True

    def _unfreeze(self) -> None:
        if self._is_frozen:
            gc.unfreeze()
            if self._harmless is not None:
                _Seen.files = WeakSet(e for e in self._harmless if isinstance(e, io.IOBase))
                _Seen.searches = _searches()
                self._harmless = None


def _full_searches() -> int:
    return _searches()[-1]


def _searches() -> tuple[int, ...]:
    """Return how often each generation of objects was searched."""
    return tuple(each["collections"] for each in gc.get_stats())


class _Seen:
    """What was found the last time that all objects were looked at, and nothing was there to finalize."""

    files: ClassVar[WeakSet[io.IOBase]] = WeakSet()
    #: Sockets of which nobody misses that they are closed in order.
    lines: ClassVar[WeakSet[Any]] = WeakSet()
    #: How often Python had searched by then; empty if it was never so.
    searches: ClassVar[tuple[int, ...]] = ()

    @classmethod
    def unseen(cls) -> list[Any]:
        """Return the objects that were not looked at then."""
        # As long as only the youngest are searched, what comes new stays out of the oldest generation.
        if _GENERATIONS and cls.searches and _searches()[1:] == cls.searches[1:]:
            return [*gc.get_objects(0), *gc.get_objects(1)]
        return gc.get_objects()


@cache
def leave_quickly() -> None:
    """Let this process end without taking apart every object, if nothing alive needs that."""
    atexit.register(_keep_all)


def _keep_all() -> None:
    """Flush open files and make Python overlook all objects, unless one has a finalizer."""
    finalizable = _finalizable(_Seen.unseen())
    if not all(map(_is_harmless, finalizable)):
        return
    for file in (*_Seen.files, *finalizable):
        if isinstance(file, io.IOBase):
            with contextlib.suppress(Exception):  # closed, broken, or taken over by somebody
                file.flush()
    gc.freeze()


def _finalizable(objects: list[Any]) -> list[Any]:
    """Return those of ``objects`` that have a finalizer."""
    kinds = {kind for kind in set(map(type, objects)) if hasattr(kind, "__del__")}
    return list(compress(objects, map(kinds.__contains__, map(type, objects))))


def _is_harmless(finalizable: Any) -> bool:
    """Whether nobody misses what this does when it is finalized."""
    if isinstance(finalizable, GeneratorType):
        frame = finalizable.gi_frame
        return frame is None or _package(frame.f_globals.get("__name__", "")) in _HARMLESS
    if type(finalizable) is io.FileIO and not finalizable.closed and finalizable.closefd:
        # What somebody has opened by its name he should have closed, and might be warned.
        return isinstance(finalizable.name, int) or finalizable.name == os.devnull
    package = _package(type(finalizable).__module__)
    if package == "socket":
        # What makes a file of a socket is asked for its number in vain once it is closed.
        is_closed = getattr(finalizable, "closed", False) or finalizable.fileno() < 0
        return is_closed or finalizable in _Seen.lines
    return package in _HARMLESS


def _package(module: str) -> str:
    return module.partition(".")[0]
