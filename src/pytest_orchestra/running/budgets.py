"""How many times each test may be tried again when it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Final, TypeAlias

import pytest

from pytest_orchestra.retry_settings import MARK, RetrySettings
from pytest_orchestra.running.repeats import repeater_of
from pytest_orchestra.scheduling.nodeid import is_within, matcher

#: Default, patterns with their numbers, whether nothing is tried again, and whether all tests are
#: asked for: builtin types.
PackedRetries: TypeAlias = tuple[int, list[tuple[str, int]], bool, bool]

#: Says whether a pattern means an item.
_Match: TypeAlias = Callable[[pytest.Item], bool]


def pack_retries(settings: RetrySettings) -> PackedRetries:
    """Write settings, for the way to a worker."""
    return settings.default, [*settings.patterns], settings.is_off, settings.for_all


def unpack_retries(packed: PackedRetries) -> RetrySettings:
    """Read what :func:`pack_retries` wrote."""
    default, patterns, is_off, for_all = packed
    pairs = tuple((name, number) for name, number in patterns)
    return RetrySettings(default, pairs, is_off, for_all)


class Budgets:
    """Knows the number for each item: the marker's, else the first pattern's that matches, else the default.

    Tests that other plugins repeat get none.
    """

    def __init__(self, settings: RetrySettings) -> None:
        self._settings: Final = settings
        #: How many tests are left to each plugin that would have been tried again.
        self.left_to: Final[dict[str, int]] = {}
        #: Patterns that have settled the number of a test.
        self._matched: Final[set[str]] = set()

    def of(self, item: pytest.Item, marked: int | None) -> int:
        """Return how often ``item`` may be tried again; ``marked`` is what its marker says."""
        settings = self._settings
        if settings.is_off:
            return 0
        number = self._settled(item) if marked is None else marked
        if not number:
            return 0
        repeater = repeater_of(item)
        if repeater is None:
            return number
        self.left_to[repeater] = self.left_to.get(repeater, 0) + 1
        return 0

    def notes(self) -> tuple[str, ...]:
        """Return a line for the user for each plugin that tests are left to."""
        return tuple(
            f"{count} {'test is' if count == 1 else 'tests are'} left to {plugin} to repeat, and "
            "not tried again besides"
            for plugin, count in self.left_to.items()
        )

    def misses(self, items: Sequence[pytest.Item]) -> tuple[str, ...]:
        """Return a line for the user if there are patterns that match none of ``items``, which are all tests."""
        settings = self._settings
        if settings.is_off or not settings.for_all or not items:
            return ()
        missed = [
            pattern
            for pattern, match, _ in self._patterns
            if pattern not in self._matched and not any(map(match, items))
        ]
        if not missed:
            return ()
        told = ", ".join(_told(pattern, items) for pattern in missed)
        return (f"patterns in [tool.pytest_orchestra.retries] match no test: {told}",)

    def _settled(self, item: pytest.Item) -> int:
        for pattern, match, number in self._patterns:
            if match(item):
                self._matched.add(pattern)
                return number
        return self._settings.default

    @cached_property
    def _patterns(self) -> tuple[tuple[str, _Match, int], ...]:
        patterns = self._settings.patterns
        return tuple((pattern, _match(pattern), number) for pattern, number in patterns)


def _told(pattern: str, items: Iterable[pytest.Item]) -> str:
    """Return ``pattern``, with the most similar mark that tests have if it means one."""
    near: list[str] = []
    if pattern.startswith(MARK):
        marks = {mark.name for item in items for mark in item.iter_markers()}
        near = get_close_matches(pattern.removeprefix(MARK).strip(), sorted(marks), 1)
    return f"{pattern!r} (did you mean {MARK}{near[0]}?)" if near else repr(pattern)


def _match(pattern: str) -> _Match:
    if pattern.startswith(MARK):
        name = pattern.removeprefix(MARK).strip()
        return lambda item: item.get_closest_marker(name) is not None
    # A glob takes the brackets of parameters for characters, so a node id is tried as it stands.
    place, is_like = pattern.rstrip("/"), matcher(pattern)
    return lambda item: (
        item.nodeid == pattern or is_within(item.nodeid, place) or bool(is_like(item.nodeid))
    )
