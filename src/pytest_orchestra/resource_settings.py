"""Resources, the fixtures that imply them, and hosts, as they stand in the configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Final, TypeVar

from pytest_orchestra.model.capacity import CPU, MEMORY, Capacity, Scope
from pytest_orchestra.model.case import Claim, Mode
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.scheduling.duration import parse_duration
from pytest_orchestra.scheduling.quantity import UNITS, format_quantity, parse_quantity

_OPTION: Final = "--orchestrate-resource"
_REMEDY: Final = (
    "write NAME = 2, a quantity such as NAME = '16GB', names as NAME = ['a', 'b'], or a table such "
    "as NAME = { capacity = 2, scope = 'machine' }"
)
_CLAIMS_REMEDY: Final = "write NAME = ['db'], or a table such as NAME = { db = 1, schema = 'read' }"
_KEYS: Final = ("capacity", "names", "slots", "scope", "max_wait")
#: What every host has anyway, whether it is declared or not.
_BUILT_IN: Final = {
    CPU: Capacity(1, scope=Scope.HOST),
    MEMORY: Capacity(1, scope=Scope.HOST, is_quantity=True),
}
_MODES: Final = {"read": Mode.READ, "write": Mode.WRITE}

_Read = TypeVar("_Read")


def read_resources(
    table: object, key: str, source: str, max_wait: float | None, problems: list[Problem]
) -> dict[str, Capacity]:
    """Return the capacities in ``table``; ``max_wait`` is of those that state none."""
    return _read_table(
        table,
        key,
        f"write [{key}] and below it NAME = CAPACITY for each resource",
        source,
        problems,
        lambda name, value: replace_wait(_capacity(name, value), max_wait),
        _REMEDY,
    )


def replace_wait(capacity: Capacity, max_wait: float | None) -> Capacity:
    """Let ``max_wait`` hold where nothing else was said."""
    return replace(capacity, max_wait=max_wait) if capacity.max_wait is None else capacity


def read_fixtures(
    table: object, key: str, source: str, problems: list[Problem]
) -> dict[str, tuple[Claim, ...]]:
    """Return what each fixture in ``table`` takes while it is up."""
    return _read_table(
        table,
        key,
        f"write [{key}] and below it FIXTURE = ['RESOURCE'] for each fixture",
        source,
        problems,
        _claims,
        _CLAIMS_REMEDY,
    )


def read_hosts(
    table: object,
    key: str,
    source: str,
    resources: Mapping[str, Capacity],
    problems: list[Problem],
) -> dict[str, Mapping[str, Capacity]]:
    """Return what each host in ``table`` has otherwise than ``resources`` say."""
    found: dict[str, Mapping[str, Capacity]] = {}
    if not isinstance(table, Mapping):
        problems.append(_no_table(table, key, f'write [{key}."NAME"] for each host', source))
        return found
    for host, overrides in table.items():
        found[host] = _read_table(
            overrides,
            f"{key}.{host}",
            f"write [{key}.{host}] and below it NAME = CAPACITY",
            source,
            problems,
            lambda name, value: _override(name, value, resources),
            _REMEDY,
        )
    return found


def read_options(
    texts: Sequence[str], declared: Mapping[str, Capacity], problems: list[Problem]
) -> dict[str, Capacity]:
    """Return the capacities that the command line states; the rest stays as it was ``declared``."""
    found: dict[str, Capacity] = {}
    for text in texts:
        name, _, written = text.partition("=")
        name = name.strip()
        try:
            capacity = _resize(_capacity(name, written), declared.get(name))
        except ValueError as error:
            remedy = "write NAME=CAPACITY, such as gpu=2 or memory=16GB"
            problems.append(Problem(f"{_OPTION} {text}: {error}", remedy))
            continue
        other = found.setdefault(name, capacity)
        if other != capacity:
            what = (
                f"two different capacities for one resource: {_OPTION} "
                f"{name}={format_quantity(other.instances)} and {text}"
            )
            problems.append(Problem(what, "give it once"))
    return found


def _read_table(  # noqa: PLR0913, PLR0917 - what to read, and what to say if it is no good
    table: object,
    key: str,
    whole_remedy: str,
    source: str,
    problems: list[Problem],
    read: Callable[[str, object], _Read],
    remedy: str,
) -> dict[str, _Read]:
    found: dict[str, _Read] = {}
    if not isinstance(table, Mapping):
        problems.append(_no_table(table, key, whole_remedy, source))
        return found
    for name, value in table.items():
        try:
            found[name] = read(name, value)
        except ValueError as error:
            problems.append(Problem(f"{key}.{name}: {error}", remedy, source))
    return found


def _no_table(value: object, key: str, remedy: str, source: str) -> Problem:
    return Problem(f"{key} is {value!r}, not a table", remedy, source)


def _capacity(name: str, value: object) -> Capacity:
    """Return what ``value`` states; raises ValueError with what is wrong with it."""
    if not name.strip() or name == "*":
        raise ValueError(f"{name!r} is not the name of a resource")
    if isinstance(value, Mapping):
        return _from_table(value)
    return _named(value) if isinstance(value, list) else _plain(value)


def _plain(value: object) -> Capacity:
    """Return a count or a quantity; raises ValueError if it is neither."""
    if isinstance(value, str):
        return Capacity(parse_quantity(value), is_quantity=_has_unit(value))
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < sys.maxsize:
        raise ValueError(f"{value!r} is not a capacity")
    return Capacity(value)


def _from_table(table: Mapping[str, object]) -> Capacity:
    for key in table:
        if key not in _KEYS:
            near = get_close_matches(str(key), _KEYS, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_KEYS)}"
            raise ValueError(f"unknown key {key!r}: {hint}")
    if ("capacity" in table) is ("names" in table):
        raise ValueError("it needs either a capacity or names")
    capacity = _named(table["names"]) if "names" in table else _plain(table["capacity"])
    slots = table.get("slots", 1)
    if not isinstance(slots, int) or isinstance(slots, bool) or slots < 1:
        raise ValueError(f"slots = {slots!r} is not a whole number of at least 1")
    if slots > 1 and capacity.is_quantity:
        raise ValueError("a quantity has no slots")
    scope = table.get("scope", Scope.RUN)
    if scope not in tuple(Scope):  # it may be a list or a table, which no set can be asked for
        raise ValueError(f"there is no scope {scope!r}: write {', '.join(Scope)}")
    return replace(
        capacity,
        tokens=capacity.tokens * slots,
        slots=slots,
        scope=Scope(str(scope)),
        max_wait=parse_duration(table["max_wait"]) if "max_wait" in table else None,
    )


def _named(value: object) -> Capacity:
    names = value if isinstance(value, list) else []
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError(f"{value!r} is not a list of names")
    if len(set(names)) < len(names):
        raise ValueError(f"{value!r} has a name twice")
    return Capacity(len(names), tuple(names))


def _has_unit(text: str) -> bool:
    return text.strip().rstrip("0123456789. ") != "" and any(unit in text for unit in UNITS)


def _override(name: str, value: object, resources: Mapping[str, Capacity]) -> Capacity:
    declared = resources.get(name, _BUILT_IN.get(name))
    if declared is None or declared.scope is not Scope.HOST:
        near = get_close_matches(
            name, [each for each, its in resources.items() if its.scope is Scope.HOST], 1
        )
        hint = f", did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"{name!r} is not declared as {name} = {{ capacity = ..., scope = 'host' }}{hint}"
        )
    if value == 0 and not isinstance(value, bool):
        return replace(declared, tokens=0, names=())
    found = _capacity(name, value)
    if isinstance(value, Mapping):
        return replace(found, scope=Scope.HOST)
    return replace(
        found, tokens=found.tokens * declared.slots, slots=declared.slots, scope=Scope.HOST
    )


def _resize(found: Capacity, declared: Capacity | None) -> Capacity:
    """Return ``declared`` with as many tokens or instances as ``found`` has."""
    if declared is None:
        return found
    if declared.names and found.tokens > len(declared.names):
        raise ValueError(f"it has only {len(declared.names)} named instances")
    return replace(
        declared,
        tokens=found.tokens * declared.slots,
        names=declared.names[: found.tokens],
        is_quantity=found.is_quantity or declared.is_quantity,
    )


def _claims(name: str, value: object) -> tuple[Claim, ...]:
    """Return the claims of a fixture: one of each name, or amounts and modes by name."""
    if not name.strip():
        raise ValueError(f"{name!r} is not the name of a fixture")
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        if not value or not all(isinstance(each, str) and each.strip() for each in value):
            raise ValueError(f"{value!r} is not a list of resources")
        claims = [Claim(each) for each in dict.fromkeys(value)]
    elif isinstance(value, Mapping) and value:
        claims = [_claim(resource, amount) for resource, amount in value.items()]
    else:
        raise ValueError(f"{value!r} names no resources")
    if not all(claim.resource.strip() for claim in claims):
        raise ValueError("a resource has no name")
    if any(claim.resource == "*" for claim in claims):
        raise ValueError("a fixture cannot make its tests run alone: mark them resources('*')")
    return tuple(sorted(claims))


def _claim(resource: str, amount: object) -> Claim:
    if isinstance(amount, str) and amount in _MODES:
        return Claim(resource, mode=_MODES[amount])
    if isinstance(amount, str):
        return Claim(resource, parse_quantity(amount))
    if not isinstance(amount, int) or isinstance(amount, bool) or amount < 1:
        raise ValueError(f"{resource} = {amount!r} is not an amount, 'read' or 'write'")
    return Claim(resource, amount)


def unknown_keys(
    table: Mapping[str, object], known: Sequence[str], prefix: str, source: str
) -> Iterator[Problem]:
    """Yield a problem for each key of ``table`` that is not ``known``."""
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            yield Problem(f"unknown key {prefix}.{key}", hint, source)
