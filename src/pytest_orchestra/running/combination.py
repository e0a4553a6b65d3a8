"""What the fixture ``matrix`` is: a value of each axis of the stage that multiplied the test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from pytest_orchestra.model.case import Column
from pytest_orchestra.model.stage import AxisValue

#: The name of the fixture, which is what tests of a matrix stage have as a parameter.
MATRIX: Final = "matrix"


class Combination(Mapping[str, AxisValue]):
    """The values of a test on the axes of its stage: ``matrix["db"]``, or ``matrix.db``.

    It cannot be changed.
    """

    __slots__ = ("_key", "_label", "_stage", "_values")

    def __init__(self, values: Mapping[str, AxisValue], stage: int = 0) -> None:
        """``stage`` is the index of the stage whose axes these are."""
        self._values: Final = dict(values)
        self._stage: Final = stage
        self._label = ",".join(f"{axis}={value}" for axis, value in values.items())
        # 1, 1.0 and true are three values here, and a fixture for one of them is none for the others.
        self._key: Final = frozenset(
            (axis, type(value), value) for axis, value in self._values.items()
        )

    def __getitem__(self, axis: str) -> AxisValue:
        """Return the value on ``axis``; raises KeyError, which names the axes that there are."""
        try:
            return self._values[axis]
        except KeyError:
            raise KeyError(self._missing(axis)) from None

    def __getattr__(self, axis: str) -> AxisValue:
        """Return the value on ``axis``, unless all mappings have something of that name."""
        if axis.startswith("_") or axis not in self._values:
            raise AttributeError(self._missing(axis))
        return self._values[axis]

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the axes in the order of the configuration."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return the number of axes."""
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same values; like any mapping, it may also equal a dictionary."""
        if isinstance(other, Combination):
            return self._key == other._key
        return self._values == other if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        """Return what is the same for the same values."""
        return hash(self._key)

    def __repr__(self) -> str:
        """Return it as it would be called: ``matrix(db='sqlite')``."""
        return f"matrix({', '.join(f'{axis}={value!r}' for axis, value in self._values.items())})"

    def _missing(self, axis: str) -> str:
        return f"the matrix has no axis {axis!r}: its axes are {', '.join(self._values)}"


def stage_of(combination: Combination) -> int:
    """Return the index of the stage that multiplies tests by this combination."""
    return combination._stage  # noqa: SLF001 - no public name, since an axis may be called so


def label_of(combination: Combination) -> str:
    """Return what stands for it in node ids: ``db=sqlite,tls=True``."""
    return combination._label  # noqa: SLF001 - as above


def relabel(combination: Combination, label: str) -> None:
    """Note how pytest writes it in node ids: with what is not ASCII escaped, for example."""
    combination._label = label  # noqa: SLF001 - as above


def column_of(combination: Combination) -> Column:
    """Return its axes and their values as texts."""
    return tuple((axis, str(value)) for axis, value in combination.items())


def combination_of(item: pytest.Item) -> Combination | None:
    """Return that of ``item``; None if no matrix has multiplied it."""
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get(MATRIX) if callspec is not None else None
    return found if isinstance(found, Combination) else None
