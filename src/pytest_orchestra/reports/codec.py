"""Frozen dataclasses as JSON and back, by their annotations: what is added to them is kept as well.

What equals its default is left out. Known are texts, numbers, days, enumerations, tuples, frozen sets,
mappings, dataclasses, any of these or None, and ``str | int | float | bool``, which is finite.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

#: Two halves of one character that stand beside each other, which JSON would join.
_TORN: Final = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")


@dataclass(frozen=True, slots=True)
class Codec:
    """``write`` makes of a value what ``json`` can write, ``read`` makes the value of that again."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _write_text(text: str) -> Any:
    if text.isascii() or not _TORN.search(text):
        return text
    return [ord(each) for each in text]


def _read_text(value: Any) -> str:
    return "".join(map(chr, value)) if isinstance(value, list) else value


def _write_float(value: float) -> Any:
    return value if math.isfinite(value) else str(value)


def _write_scalar(value: Any) -> Any:
    """Finite numbers and booleans are the same in JSON."""
    return _write_text(value) if isinstance(value, str) else value


_PLAIN: Final[Mapping[Any, Codec]] = {
    str: Codec(_write_text, _read_text),
    int: Codec(_same, _same),
    bool: Codec(_same, _same),
    float: Codec(_write_float, float),
    date: Codec(date.isoformat, date.fromisoformat),
}


@cache
def codec_of(kind: Any) -> Codec:
    """Return the codec of a type; raises TypeError if there is none."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        members = {member.value: member for member in kind}
        return Codec(attrgetter("value"), members.__getitem__)
    return _of_class(kind) if is_dataclass(kind) else _of_generic(kind)


def _of_generic(kind: Any) -> Codec:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union) and arguments[1:] == (types.NoneType,):
        codec = _or_none(codec_of(arguments[0]))
    elif origin in (types.UnionType, Union) and set(arguments) == {str, int, float, bool}:
        codec = Codec(_write_scalar, _read_text)
    elif origin is tuple and arguments[1:] == (...,):
        codec = _of_many(codec_of(arguments[0]))
    elif origin is tuple:
        codec = _of_several(tuple(map(codec_of, arguments)))
    elif origin is frozenset:
        codec = _of_set(codec_of(arguments[0]))
    elif origin is Mapping:
        codec = _of_mapping(*map(codec_of, arguments))
    else:
        raise TypeError(f"{kind} cannot be kept in a record file")
    return codec


def _or_none(inner: Codec) -> Codec:
    write, read = inner.write, inner.read
    return Codec(
        lambda value: None if value is None else write(value),
        lambda value: None if value is None else read(value),
    )


def _of_many(inner: Codec) -> Codec:
    write, read = inner.write, inner.read
    return Codec(
        lambda values: [write(value) for value in values],
        lambda values: tuple([read(value) for value in values]),
    )


def _of_set(inner: Codec) -> Codec:
    write, read = inner.write, inner.read
    # Sorted, so that the file of a record is the same each time.
    return Codec(
        lambda values: sorted((write(value) for value in values), key=repr),
        lambda values: frozenset(read(value) for value in values),
    )


def _of_several(inner: tuple[Codec, ...]) -> Codec:
    return Codec(
        lambda values: [each.write(value) for each, value in zip(inner, values, strict=True)],
        lambda values: tuple(each.read(value) for each, value in zip(inner, values, strict=True)),
    )


def _of_mapping(key: Codec, value: Codec) -> Codec:
    return Codec(
        lambda mapping: [[key.write(k), value.write(v)] for k, v in mapping.items()],
        lambda pairs: {key.read(k): value.read(v) for k, v in pairs},
    )


def _of_class(kind: Any) -> Codec:
    hints = get_type_hints(kind)
    names = tuple(each.name for each in fields(kind))
    defaults = tuple(
        each.default_factory() if each.default_factory is not MISSING else each.default
        for each in fields(kind)
    )
    codecs = tuple(codec_of(hints[name]) for name in names)
    readers = {name: each.read for name, each in zip(names, codecs, strict=True)}
    columns = tuple(
        (name, default, each.write)
        for name, default, each in zip(names, defaults, codecs, strict=True)
    )
    values_of = attrgetter(*names) if len(names) > 1 else lambda each: (getattr(each, names[0]),)

    def write(value: Any) -> dict[str, Any]:
        return {
            name: write_one(each)
            for (name, default, write_one), each in zip(columns, values_of(value), strict=True)
            if each is not default and each != default
        }

    def read(entry: dict[str, Any]) -> Any:
        # What a later version has added is not known here, and has a meaning there only.
        known = {name: readers[name](each) for name, each in entry.items() if name in readers}
        return kind(**known)

    return Codec(write, read)
