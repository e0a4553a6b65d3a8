from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, TypeAlias, cast

import pytest

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.markers import read_item

Read: TypeAlias = Callable[..., tuple[CaseSpec, tuple[Problem, ...]]]


@dataclass(frozen=True)
class StandInConfig:
    """As much of pytest's configuration as readers of markers ask for."""

    rootpath: Path = Path("/suite")
    options: Mapping[str, object] = field(default_factory=dict)

    def getoption(self, name: str, default: object) -> object:
        """Return the value of the option, or the default if no plugin defines it."""
        return self.options.get(name, default)


@dataclass(frozen=True, eq=False)
class StandInItem:
    """As much of a test item as readers of markers ask for."""

    nodeid: str
    own: tuple[pytest.Mark, ...]
    around: tuple[pytest.Mark, ...]
    location: tuple[str, int | None, str]
    config: StandInConfig
    module: ModuleType | None

    def iter_markers_with_node(self) -> Iterator[tuple[object, pytest.Mark]]:
        """Yield the markers of the function, then those of the class or module around it."""
        yield from ((self, mark) for mark in self.own)
        yield from (("the class", mark) for mark in self.around)


@pytest.fixture
def mark() -> Callable[..., pytest.Mark]:
    """Make a marker, also one that pytest does not know under --strict-markers."""

    def make(name: str, /, *args: Any, **kwargs: Any) -> pytest.Mark:
        return pytest.Mark(name, args, kwargs, _ispytest=True)

    return make


@pytest.fixture
def read() -> Read:
    """Read an item with these markers of its own, and others of what is ``around`` it."""

    def read_marks(
        *own: pytest.Mark,
        around: tuple[pytest.Mark, ...] = (),
        nodeid: str = "tests/test_a.py::test_x",
        location: tuple[str, int | None, str] = ("tests/test_a.py", 11, "test_x"),
        module: ModuleType | None = None,
        weights: Mapping[str, float] = MappingProxyType({}),
        **options: object,
    ) -> tuple[CaseSpec, tuple[Problem, ...]]:
        config = StandInConfig(options=options)
        item = StandInItem(nodeid, own, around, location, config, module)
        return read_item(cast("pytest.Item", item), weights)

    return read_marks
