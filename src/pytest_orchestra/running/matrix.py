"""Multiplies the tests of matrix stages: each runs once for each combination of the values of the stage's axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, Literal

import pytest

from pytest_orchestra.model.case import Cell
from pytest_orchestra.model.stage import StageSpec, Strategy
from pytest_orchestra.running.combination import (
    MATRIX,
    Combination,
    column_of,
    combination_of,
    label_of,
    relabel,
)
from pytest_orchestra.running.stage_choice import StageChoice
from pytest_orchestra.scheduling.nodeid import split_nodeid


class Matrix:
    """Plugin for every process that collects: gives the tests of matrix stages the parameter ``matrix``.

    It goes by what is known of a function before it has parameters: see :class:`.StageChoice`.
    """

    def __init__(self, stages: Sequence[StageSpec]) -> None:
        self._choice: Final = StageChoice(stages)
        # Each is made once: pytest keeps a fixture for as long as its parameter is the same.
        self._combinations: Final = {
            number: tuple(_combinations(stage, number))
            for number, stage in enumerate(stages)
            if stage.strategy is Strategy.MATRIX
        }
        # As we write them: what pytest makes of them, which escapes some characters, is none that it may escape again.
        self._ids: Final = {
            number: [label_of(each) for each in combinations]
            for number, combinations in self._combinations.items()
        }

    @classmethod
    def register(cls, manager: pytest.PytestPluginManager, stages: Sequence[StageSpec]) -> None:
        """Register one if any of ``stages`` has a matrix."""
        if any(stage.strategy is Strategy.MATRIX for stage in stages):
            manager.register(cls(stages), "orchestra-matrix")

    @pytest.hookimpl(trylast=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Multiply the tests of a function, once all others have: so its own parameters come first in node ids."""
        stage = self._choice.of(metafunc.definition)
        combinations = self._combinations.get(-1 if stage is None else stage)
        if combinations is None or stage is None:
            return
        self._refuse_rivals(metafunc, stage)
        if MATRIX not in metafunc.fixturenames:
            # Whoever asks for it while the test runs gets it; pytest drops the name again where nobody did before.
            metafunc.fixturenames.append(MATRIX)
        metafunc.parametrize(
            MATRIX,
            combinations,
            indirect=True,
            ids=self._ids[stage],
            scope=_scope_of_fixture(metafunc),
        )
        for combination, call in zip(combinations, metafunc._calls, strict=False):  # noqa: SLF001 - no public way
            relabel(combination, call._idlist[-1])  # noqa: SLF001 - as above

    def _refuse_rivals(self, metafunc: pytest.Metafunc, stage: int) -> None:
        """Raise an error of collection if the function has a parameter of that name already."""
        if any(MATRIX in call.params for call in metafunc._calls):  # noqa: SLF001 - as above
            name = self._choice.stages[stage].name
            raise pytest.Collector.CollectError(
                f"{metafunc.definition.nodeid} has a parameter {MATRIX!r} of its own, and gets one of that name from "
                f"stage {name!r}, whose strategy is 'matrix': call its own something else"
            )


def cell_of(item: pytest.Item) -> Cell | None:
    """Return where ``item`` stands in the table of its matrix; None if no matrix has multiplied it."""
    combination = combination_of(item)
    if combination is None:
        return None
    ids = list(item.callspec._idlist)  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    label = label_of(combination)
    if label in ids:  # the last such, if somebody's own parameter looks like it
        del ids[len(ids) - 1 - ids[::-1].index(label)]
    return Cell(_row(item, ids), column_of(combination))


def _row(item: pytest.Item, ids: Sequence[str]) -> str:
    """Return the node id that ``item`` would have with these ids of parameters alone."""
    file, name, _ = split_nodeid(item.nodeid)
    return f"{file}::{name}[{'-'.join(ids)}]" if ids else f"{file}::{name}"


def _combinations(stage: StageSpec, number: int) -> Iterator[Combination]:
    for values in product(*stage.axes.values()):
        yield Combination(dict(zip(stage.axes, values, strict=True)), number)


def _scope_of_fixture(
    metafunc: pytest.Metafunc,
) -> Literal["session", "package", "module", "class", "function"]:
    """Return for how long the fixture stays up: ours for the session, a user's in its place as that says."""
    definition = metafunc.definition
    manager = definition.session._fixturemanager  # noqa: SLF001 - as above
    found = manager.getfixturedefs(MATRIX, definition)
    return found[-1].scope if found else "session"
