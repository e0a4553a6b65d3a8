"""Which fixtures of a test take resources, as far as that can be known before it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import unwrap
from types import CodeType
from typing import Any, Final

import pytest

from pytest_orchestra.model.case import Claim, Hold
from pytest_orchestra.running.shared_fixtures import scope_of

#: Where an item keeps what its fixtures take.
_HOLDS: Final = pytest.StashKey[tuple[Hold, ...]]()

#: How a test asks for a fixture while it runs.
_DYNAMIC: Final = "getfixturevalue"

#: pytest's stand-in for a fixture whose value a test's own parametrize gives.
_DIRECT: Final = "get_direct_param_fixture_func"


class FixtureClaims:
    """What fixtures take while they are up, by name, or by ``name[id]`` for one parameter of it."""

    def __init__(self, claims: Mapping[str, tuple[Claim, ...]]) -> None:
        self._claims: Final = claims
        self._names: Final = frozenset(key.partition("[")[0] for key in claims)
        self._asked: Final[dict[CodeType, frozenset[str]]] = {}

    @property
    def are_there(self) -> bool:
        """Whether any fixture takes anything."""
        return bool(self._claims)

    def holds(self, item: pytest.Item) -> tuple[Hold, ...]:
        """Return what the fixtures of ``item`` take, those that other fixtures use included.

        What a test or a fixture asks for with ``getfixturevalue`` counts if the name stands
        in its code as a text; nothing else can be known.
        """
        if not self._claims:
            return ()
        known = item.stash.get(_HOLDS, None)
        if known is None:
            known = item.stash[_HOLDS] = self._find_holds(item)
        return known

    def _find_holds(self, item: pytest.Item) -> tuple[Hold, ...]:
        found: dict[str, Hold] = {}
        for name, definition in self._definitions(item):
            if name in self._names:
                for key in self.keys(name, param_ids(item, name)):
                    scope = None if definition.scope == "function" else scope_of(definition, item)
                    found[key] = Hold(key, scope, self._claims[key])
        return tuple(found[key] for key in sorted(found))

    def keys(self, name: str, ids: Iterable[str]) -> list[str]:
        """Return under which keys something is said of the fixture ``name`` with these parameters."""
        texts = (name, *(f"{name}[{each}]" for each in ids))
        return [key for key in dict.fromkeys(texts) if key in self._claims]

    def _definitions(self, item: pytest.Item) -> Iterator[tuple[str, pytest.FixtureDef[Any]]]:
        """Yield name and definition of all fixtures that ``item`` is known to use."""
        info = getattr(item, "_fixtureinfo", None)  # only functions have one
        if info is None:
            return
        known = {name: each[-1] for name, each in info.name2fixturedefs.items() if each}
        waiting = list(self._dynamic(getattr(item, "function", None)))
        for name, definition in known.items():
            yield name, definition
            if getattr(definition.func, "__name__", "") != _DIRECT:
                waiting += self._dynamic(definition.func)
        manager = item.session._fixturemanager  # noqa: SLF001 - pytest has no public way
        while waiting:
            name = waiting.pop()
            found = manager.getfixturedefs(name, item) if name not in known else None
            if found:
                known[name] = found[-1]
                yield name, found[-1]
                waiting += (*found[-1].argnames, *self._dynamic(found[-1].func))

    def _dynamic(self, function: Callable[..., Any] | None) -> Sequence[str]:
        """Return the names of fixtures that ``function`` seems to ask for while it runs."""
        code = getattr(unwrap(function), "__code__", None) if callable(function) else None
        if code is None:
            return ()
        if code not in self._asked:
            self._asked[code] = frozenset(_texts(code)) if _asks(code) else frozenset()
        return sorted(self._asked[code])


def param_ids(item: pytest.Item, name: str) -> tuple[str, ...]:
    """Return by which texts the parameter that ``item`` gives to the fixture ``name`` may be called.

    Those are the ids of the item's parameters, and the value if it has a plain text.
    """
    callspec = getattr(item, "callspec", None)
    if callspec is None or name not in callspec.params:
        return ()
    value = callspec.params[name]
    text = (str(value),) if isinstance(value, str | int | float) or value is None else ()
    return (*text, *callspec._idlist)  # noqa: SLF001 - pytest has no public way


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _asks(code: CodeType) -> bool:
    return any(_DYNAMIC in each.co_names for each in _codes(code))


def _texts(code: CodeType) -> Iterator[str]:
    for each in _codes(code):
        for constant in each.co_consts:
            if isinstance(constant, str):
                yield constant
            elif isinstance(constant, tuple):  # what a loop goes over
                yield from (part for part in constant if isinstance(part, str))
