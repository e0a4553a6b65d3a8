"""Lets a test run that may be tried again, or that has failed before, it or what it uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest


@contextmanager
def failures_not_counted(session: pytest.Session) -> Iterator[None]:
    """Leave it to the controller whether a failure of the test that runs counts for ``--maxfail``."""
    option = session.config.option
    most, failed = option.maxfail, session.testsfailed
    option.maxfail = 0
    try:
        yield
    finally:
        option.maxfail, session.testsfailed = most, failed


def renew(item: pytest.Item) -> None:
    """Forget what earlier attempts have left with ``item`` in this process, but for what is up.

    pytest prepares for tests that are repeated, but keeps failures of wider fixtures for all
    tests, instances of classes with their attributes, and what was captured.
    """
    _forget_failed_fixtures(item)
    # What was captured, and what subtests said, would be told of this attempt too.
    item._report_sections.clear()  # noqa: SLF001 - pytest has no public way
    _forget_subtests(item)
    if getattr(item, "_instance", None) is not None:
        del item._instance  # type: ignore[attr-defined]  # noqa: SLF001 - as above
        item._obj = None  # type: ignore[attr-defined]  # noqa: SLF001 - it is bound to that instance


def _forget_failed_fixtures(item: pytest.Item) -> None:
    info: Any = getattr(item, "_fixtureinfo", None)
    for definitions in info.name2fixturedefs.values() if info is not None else ():
        for definition in definitions:
            if definition.cached_result is not None and definition.cached_result[2] is not None:
                request: Any = _Request(item)
                # What it had got up before it failed goes down; it has failed already, so that
                # another failure says nothing new.
                with suppress(Exception):
                    definition.finish(request)


class _Request:
    """What pytest asks of a request when a fixture is finished: whose it is."""

    def __init__(self, item: pytest.Item) -> None:
        self.node = item


def _forget_subtests(item: pytest.Item) -> None:
    try:
        from _pytest.subtests import failed_subtests_key  # noqa: PLC0415 - since pytest 9.0
    except ImportError:
        return
    failed = item.config.stash.get(failed_subtests_key, None)
    if failed is not None:
        # The key is the node id, in another form since pytest 9.1.
        for key in (item.nodeid, getattr(item, "id", None)):
            failed.pop(key, None)  # type: ignore[arg-type]
