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
    params = _Params(item)
    for definitions in info.name2fixturedefs.values():
        definition = definitions[-1]
        if definition.scope != "function":
            yield params.named(definition), scope_of(definition, item)


class _Params:
    """Which parameters the shared fixtures of an item depend on: their own, and those of fixtures that they use.

    pytest sets a fixture up again when any of them changes.
    """

    def __init__(self, item: pytest.Item) -> None:
        info = getattr(item, "_fixtureinfo", None)
        callspec = getattr(item, "callspec", None)
        self._definitions: Final = info.name2fixturedefs if info is not None else {}
        #: Numbers of the parameters of fixtures that outlive a test.
        self._indices: Final[dict[str, int]] = {
            name: index
            for name, index in (callspec.indices.items() if callspec is not None else ())
            if (known := self._definitions.get(name)) and known[-1].scope != "function"
        }

    def named(self, definition: pytest.FixtureDef[Any]) -> str:
        """Return what tells the fixture with these parameters from itself with others, such as ``db[1]``."""
        name = definition.argname
        if not self._indices:
            return name
        used = self._used(definition)
        numbers = [str(index) for each, index in self._indices.items() if each in used]
        return f"{name}[{','.join(numbers)}]" if numbers else name

    def _used(self, definition: pytest.FixtureDef[Any]) -> set[str]:
        """Return the names of the fixture and of all that it uses."""
        used, waiting = {definition.argname}, list(definition.argnames)
        while waiting:
            name = waiting.pop()
            if name not in used:
                used.add(name)
                waiting += (
                    arg for each in self._definitions.get(name, ())[-1:] for arg in each.argnames
                )
        return used


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
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, object, object]:
        """Take the time of a set-up, and be there when it is torn down."""
        if fixturedef.scope == "function" or self._item is None:
            return (yield)
        fixture = _Params(self._item).named(fixturedef), scope_of(fixturedef, self._item)
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
