"""While tests run, Python's searches for garbage leave out what was there before the first one.

Python searches everything again and again as objects are made. Most of what it walks over was made by imports and by
the collection, and stays to the end: with a large program under test these searches take a quarter of the
time of its tests. Whoever looks for objects himself finds all of them.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Generator
from typing import Any, ClassVar, Final

import pytest

#: Names of auditing events: somebody looks for objects, and would not see those that were set aside.
_LOOKS: Final = frozenset({"gc.get_objects", "gc.get_referrers"})

#: The youngest and the oldest objects.
_YOUNGEST: Final = 0
_OLDEST: Final = 2


class SetAside:
    """Plugin for a process that runs tests."""

    #: Python keeps auditing hooks for good, so there is one for all sessions of this process.
    _active: ClassVar[SetAside | None] = None
    _is_audited: ClassVar[bool] = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, Any, Any]:
        """Set aside what is there, unless somebody else has done so, until all tests have run."""
        if gc.get_freeze_count() or SetAside._active is not None:
            return (yield)
        if not SetAside._is_audited:
            SetAside._is_audited = True
            sys.addaudithook(_audit)
        SetAside._active = self
        gc.freeze()
        gc.callbacks.append(self._notice)
        try:
            return (yield)
        finally:
            with contextlib.suppress(ValueError):  # a test may have emptied the list
                gc.callbacks.remove(self._notice)
            self.take_back()

    def take_back(self) -> None:
        """Let Python's searches see everything again."""
        if SetAside._active is self:
            SetAside._active = None
            gc.unfreeze()

    def _notice(self, phase: str, info: dict[str, int]) -> None:
        """Take back what was set aside when somebody calls ``gc.collect()``, before it begins."""
        if phase == "start" and info["generation"] == _OLDEST and not _is_due():
            self.take_back()


def _is_due() -> bool:
    """Whether Python itself may have begun to search the oldest objects.

    It does so only when an object has been made too many, and the counter of the oldest has passed
    its threshold. The latter alone shows nothing: while few objects stay it goes on counting.
    """
    counts, thresholds = gc.get_count(), gc.get_threshold()
    return gc.isenabled() and all(counts[each] > thresholds[each] for each in (_YOUNGEST, _OLDEST))


def _audit(event: str, _: tuple[object, ...]) -> None:
    if event in _LOOKS:
        active = SetAside._active  # noqa: SLF001 - our own
        if active is not None:
            active.take_back()
