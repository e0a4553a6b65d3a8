"""Digests of what tests do, by which one that has changed is told from one that has not.

Of the compiled function, without reading its source: instructions, names and constants, those of
functions inside included. Where it stands and what it is called does not matter. Other Pythons
compile it otherwise, so a digest begins with the one that did.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from hashlib import blake2b
from types import CodeType, FunctionType
from typing import Any, Final

import pytest

#: Bytes of a digest: enough that no two of a million tests share one by chance.
_BYTES: Final = 8

#: Constants that are the same text wherever they are the same.
_PLAIN: Final = frozenset({bool, bytes, complex, float, int, str, type(None), type(...)})

_PYTHON: Final = sys.implementation.cache_tag or sys.implementation.name


def digest_bodies(items: Iterable[pytest.Item]) -> tuple[str, ...]:
    """Return a digest of the code of each item, empty for what is no function."""
    known: dict[int, str] = {}
    return tuple([_digest_item(item, known) for item in items])


def digest_code(code: CodeType) -> str:
    """Return what is the same for code that does the same, compiled by the same Python."""
    return f"{_PYTHON}-{blake2b(_content(code), digest_size=_BYTES).hexdigest()}"


def _digest_item(item: pytest.Item, known: dict[int, str]) -> str:
    function = getattr(item, "function", None)
    code = _code_of(function)
    if code is None:
        return ""
    # By identity: to compare codes takes as long as to digest one, and their functions live.
    digest = known.get(id(code))
    if digest is None:
        digest = known[id(code)] = digest_code(code)
    return digest


def _code_of(function: Any) -> CodeType | None:
    """Return the code of a function, below all that decorators have put around it."""
    for _ in range(sys.getrecursionlimit()):
        if not isinstance(function, FunctionType):
            break
        inner = function.__dict__.get("__wrapped__")
        if inner is None:
            return function.__code__
        function = inner
    return None


def _content(code: CodeType) -> bytes:
    constants = code.co_consts
    if not all(type(each) in _PLAIN for each in constants):
        constants = tuple(map(_constant, constants))
    return code.co_code + repr((code.co_names, constants)).encode(errors="backslashreplace")


def _constant(value: object) -> object:
    """Return something whose text does not depend on addresses, files or the order of hashes."""
    match value:
        case CodeType():
            return _content(value)
        case tuple():
            return tuple(map(_constant, value))
        case frozenset():
            return sorted(repr(_constant(each)) for each in value)
    return value
