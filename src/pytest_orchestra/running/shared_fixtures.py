"""Fixtures that outlive a test: which tests use them, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from time import perf_counter  # by name: tests may replace what is in the module
from typing import Any, Final

import pytest

from pytest_orchestra.scheduling.fixtures import Kits

#: Name and scope of a fixture, as in :class:`Kits`.
Fixture = tuple[str, str]

#: What is set up and torn down faster is not worth a message, in seconds.
CHEAP: Final = 0.001


def read_kits(items: Iterable[pytest.Item]) -> Kits:
    """Return which shared fixtures ``items`` use, those included that other fixtures use.

    What a test asks for while it runs (``getfixturevalue``) cannot be known.
    """
    fixtures: dict[Fixture, int] = {}
    kits: dict[tuple[int, ...], int] = {}
    of_case = []
    for item in items:
        used = sorted(fixtures.setdefault(each, len(fixtures)) for each in _shared(item))
        of_case.append(kits.setdefault(tuple(used), len(kits)))
    return Kits(tuple(fixtures), tuple(kits), tuple(of_case)) if fixtures else Kits()


def _shared(item: pytest.Item) -> Iterator[Fixture]:
    info = getattr(item, "_fixtureinfo", None)  # only functions have one
    if info is None or not info.name2fixturedefs:
        return
    callspec = getattr(item, "callspec", None)
    indices = callspec.indices if callspec is not None else {}
    for name, definitions in info.name2fixturedefs.items():
        definition = definitions[-1]
        if definition.scope != "function":
            yield _named(name, indices.get(name)), scope_of(definition, item)


def _named(name: str, index: int | None) -> str:
    return name if index is None else f"{name}[{index}]"


def scope_of(definition: pytest.FixtureDef[Any], item: pytest.Item) -> str:
    """Return the node id under which the fixture stays up once ``item`` has set it up."""
    if definition.scope == "session":
        return ""
    if definition.scope == "package":
        return definition.baseid
    inside = item.getparent(pytest.Class) if definition.scope == "class" else None
    node = inside or item.getparent(pytest.Module)
    return node.nodeid if node is not None else item.nodeid.partition("::")[0]


class FixtureClock:
    """Plugin for a worker: calls ``tell`` with each shared fixture and what it costs, in seconds.

    That is its set-up and its tear-down together, each as it last was. It also knows what all
    of them took of the running test's time.
    """

    def __init__(self, tell: Callable[[Fixture, float], None]) -> None:
        self._tell = tell
        self._item: pytest.Item | None = None
        self._set_up: dict[Fixture, float] = {}
        self._torn_down: dict[Fixture, float] = {}
        self._since: dict[int, tuple[Fixture, float]] = {}
        self._setting_up = 0
        #: Seconds of set-ups and tear-downs since :meth:`begin`.
        self.spent = 0.0

    def begin(self) -> None:
        """A test is about to run."""
        self.spent = 0.0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Remember for which test fixtures are set up."""
        self._item = item

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Take the time of a set-up, and be there when it is torn down."""
        if fixturedef.scope == "function" or self._item is None:
            return (yield)
        index = getattr(request, "param_index", 0) if hasattr(request, "param") else None
        fixture = _named(fixturedef.argname, index), scope_of(fixturedef, self._item)
        self._setting_up += 1
        began = perf_counter()
        try:
            return (yield)
        finally:
            seconds = self._set_up[fixture] = perf_counter() - began
            self._setting_up -= 1
            self._add(seconds)
            self._say(fixture)
            # The finalizers of those who use it come later, and so go first.
            fixturedef.addfinalizer(lambda: self._begin(fixturedef, fixture))

    def _begin(self, fixturedef: pytest.FixtureDef[Any], fixture: Fixture) -> None:
        self._since[id(fixturedef)] = fixture, perf_counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """Take the time of a tear-down."""
        begun = self._since.pop(id(fixturedef), None)
        if begun is not None:
            fixture, since = begun
            seconds = self._torn_down[fixture] = perf_counter() - since
            self._add(seconds)
            self._say(fixture)

    def _add(self, seconds: float) -> None:
        """Count ``seconds`` once: a fixture may ask for another while it is set up itself."""
        if not self._setting_up:
            self.spent += seconds

    def _say(self, fixture: Fixture) -> None:
        seconds = self._set_up.get(fixture, 0.0) + self._torn_down.get(fixture, 0.0)
        if seconds >= CHEAP:
            self._tell(fixture, seconds)
