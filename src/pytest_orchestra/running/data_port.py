"""What the fixtures ``outputs`` and ``inputs`` are, and how they reach the run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_orchestra.errors import DataError
from pytest_orchestra.model.case import CaseSpec

#: The name of the plugin by which the fixtures find it.
DATA_PORT: Final = "orchestra-data"

#: The most that one value may be, in bytes of JSON.
MOST_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Hand:
    """The test that runs, and the data that it was given: JSON in UTF-8 by name."""

    spec: CaseSpec
    values: Mapping[str, bytes]


class Outputs:
    """Takes what a test provides: ``outputs["user"] = {"id": 7}``.

    What is given is copied at once; given again, the later value counts.
    """

    def __init__(self, spec: CaseSpec, give: Callable[[str, bytes], None]) -> None:
        self._spec: Final = spec
        self._give: Final = give
        self._is_closed = False

    def __setitem__(self, name: str, value: object) -> None:
        """Provide ``value``; raises DataError if it is not JSON, too large, or not announced."""
        __tracebackhide__ = True
        if self._is_closed:
            raise DataError(f"{self._spec.nodeid} is over: it can provide {name!r} no more")
        if name not in self._spec.provides:
            raise DataError(
                f"{self._spec.nodeid} does not say that it provides {name!r}: "
                f"mark it with @pytest.mark.provides({name!r})"
            )
        self._give(name, encode(name, value))

    def __repr__(self) -> str:
        return f"<outputs of {self._spec.nodeid}: {', '.join(self._spec.provides) or 'none'}>"

    def close(self) -> None:
        """The test is over."""
        self._is_closed = True


class Inputs(Mapping[str, Any]):
    """What others provided for a test, by name: ``inputs["user"]["id"]``.

    Each test has a copy of its own, which it may change.
    """

    def __init__(self, hand: Hand) -> None:
        self._spec: Final = hand.spec
        self._values: Final = hand.values
        self._read: Final[dict[str, Any]] = {}

    def __getitem__(self, name: str) -> Any:
        """Return the value; raises DataError if the test does not take it, or it is not there."""
        __tracebackhide__ = True
        if name not in self:
            raise DataError(self._why_not(name))
        if name not in self._read:
            self._read[name] = json.loads(self._values[name].decode("utf-8", "surrogatepass"))
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        """Whether the value is there; raises DataError if the test does not take it."""
        __tracebackhide__ = True
        if name not in self._spec.takes:
            raise DataError(
                f"{self._spec.nodeid} does not depend on data {name!r}: "
                f"mark it with @pytest.mark.depends(data={name!r})"
            )
        return name in self._values

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value, or ``default`` if it is not there; raises as ``in`` does."""
        __tracebackhide__ = True
        return self[name] if name in self else default  # noqa: SIM401 - this is what get is

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._spec.takes if name in self._values)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<inputs of {self._spec.nodeid}: {', '.join(self) or 'none'}>"

    def _why_not(self, name: str) -> str:
        if name in self._spec.forgone:
            why = (
                "the test that provides it was deselected; "
                "--orchestrate-missing=pull selects it again"
            )
        else:
            why = f"nobody provided it; to ask beforehand write: if {name!r} in inputs"
        return f"there is no {name!r} for {self._spec.nodeid}: {why}"


class DataPort:
    """Plugin through which the fixtures know the running test, and give what it provides.

    ``hand`` returns what the running test was given; ``give`` takes a name and its value, or
    None for a value that does not count any more.
    """

    def __init__(self, hand: Callable[[], Hand], give: Callable[[str, bytes | None], None]) -> None:
        self._hand: Final = hand
        self._give: Final = give
        self._given: set[str] = set()
        self._giver = ""

    def inputs(self) -> Inputs:
        """Return the inputs of the running test."""
        return Inputs(self._hand())

    def outputs(self) -> Outputs:
        """Return the outputs of the running test; if it is repeated, what it gave is void."""
        spec = self._hand().spec
        if self._giver == spec.nodeid:
            for name in self._given:
                self._give(name, None)
        self._giver = spec.nodeid
        self._given = set()
        return Outputs(spec, self._note)

    def _note(self, name: str, value: bytes) -> None:
        self._given.add(name)
        self._give(name, value)


def encode(name: str, value: object) -> bytes:
    """Return ``value`` as JSON in UTF-8; raises DataError, which names ``name``, if it is none."""
    __tracebackhide__ = True
    try:
        stranger = _stranger(value, "")
        text = "" if stranger else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        stranger = "it is nested too deeply, or contains itself"
    except ValueError as error:
        stranger = str(error)
    if stranger:
        raise DataError(
            f"{name!r} must be JSON (dict with texts as keys, list, str, int, float, bool, None): "
            f"{stranger}"
        )
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > MOST_BYTES:
        raise DataError(
            f"{name!r} is {len(data) / MOST_BYTES:.1f} MB of JSON, more than 1 MB: write it to a "
            "file or keep it in an environment that both tests reach, and provide its path or name"
        )
    return data


def _stranger(value: object, path: str) -> str | None:
    """Return what in ``value`` is not JSON and where; None if all of it is."""
    match value:
        case None | bool() | int() | str():
            return None
        case float() if math.isfinite(value):
            return None
        case float():
            return f"{_at(path)} is {value}"
        case dict():
            return _odd_key(value, path) or _first_stranger(value.items(), path)
        case list():
            return _first_stranger(enumerate(value), path)
        case _:
            return f"{_at(path)} is a {type(value).__name__}"


def _odd_key(value: Mapping[object, object], path: str) -> str | None:
    keys = (key for key in value if not isinstance(key, str))
    return next((f"{_at(path)} has the key {key!r}, a {type(key).__name__}" for key in keys), None)


def _first_stranger(members: Iterable[tuple[object, object]], path: str) -> str | None:
    found = (_stranger(value, f"{path}[{key!r}]") for key, value in members)
    return next(filter(None, found), None)


def _at(path: str) -> str:
    return f"the value at {path}" if path else "it"
