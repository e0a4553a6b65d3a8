"""Which stage a test belongs to: one answer for tests, and for functions before they have parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

import pytest
from _pytest.mark import MarkMatcher, expression

from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.stage import AxisValue, StageSpec, Strategy
from pytest_orchestra.running.combination import combination_of, stage_of
from pytest_orchestra.scheduling.nodeid import is_within, matcher, split_nodeid

#: What pytest raises for an expression: before pytest 9 an error of its own.
_NotUnderstood: Final = getattr(expression, "ParseError", SyntaxError)

#: Of a stage what decides who belongs to it and how often that runs: name, match, paths, globs, strategy,
#: axes. Builtin types, for the way to a worker.
PackedStage: TypeAlias = tuple[
    str, str | None, list[str], list[str], str, list[tuple[str, list[AxisValue]]]
]

#: Whether a stage takes a test.
_Taking: TypeAlias = Callable[[pytest.Item], bool]


def pack_stages(stages: Iterable[StageSpec]) -> list[PackedStage]:
    """Write what a worker has to know of ``stages``: not their gates, which it does not judge."""
    return [
        (
            stage.name,
            stage.match,
            [*stage.paths],
            [*stage.globs],
            str(stage.strategy),
            [(axis, [*values]) for axis, values in stage.axes.items()],
        )
        for stage in stages
    ]


def unpack_stages(packed: Iterable[PackedStage]) -> tuple[StageSpec, ...]:
    """Read what :func:`pack_stages` wrote."""
    return tuple(
        StageSpec(
            name,
            match,
            tuple(paths),
            tuple(globs),
            Strategy(strategy),
            axes={axis: tuple(values) for axis, values in axes},
        )
        for name, match, paths, globs, strategy, axes in packed
    )


def broken_expressions(stages: Iterable[StageSpec], key: str, source: str) -> list[Problem]:
    """Return a problem for each of ``stages`` whose mark expression pytest does not understand.

    ``key`` is that of the list of stages in the file ``source``.
    """
    problems: list[Problem] = []
    for number, stage in enumerate(stages, 1):
        if stage.match is None:
            continue
        try:
            expression.Expression.compile(stage.match)
        except _NotUnderstood as error:
            why = getattr(error, "msg", None) or str(error)
            what = f"{key}[{number}].match is {stage.match!r}, which is no mark expression: {why}"
            remedy = "write it like one for -m, such as 'smoke and not slow'"
            problems.append(Problem(what, remedy, source))
    return problems


class StageChoice:
    """Finds the stage of a test, or of a function of which pytest is about to make tests.

    The answer is the same for both: parameters in a node id do not count. What only a test has is a mark on a
    single one of its parameter sets, or one that it was given after collection.
    """

    def __init__(self, stages: Sequence[StageSpec]) -> None:
        """A stage whose mark expression is broken takes nothing: see :func:`broken_expressions`."""
        self.stages: Final = tuple(stages)
        self._takers: Final = [_taking(stage) for stage in stages]

    def taking(self, item: pytest.Item) -> int | None:
        """Return the index of the first stage that takes ``item``, a test or ``metafunc.definition``; None if none does.

        A test that a matrix stage has multiplied is that stage's.
        """
        combination = combination_of(item)
        if combination is not None:
            return stage_of(combination)
        return next((number for number, takes in enumerate(self._takers) if takes(item)), None)

    def of(self, item: pytest.Item) -> int | None:
        """Return the index of the stage that ``item`` belongs to: the last if none takes it; None without stages."""
        found = self.taking(item)
        return len(self.stages) - 1 if found is None and self.stages else found


def _taking(stage: StageSpec) -> _Taking:
    """Return whether an item meets every condition of ``stage``."""
    conditions: list[_Taking] = []
    if stage.match is not None:
        try:
            compiled = expression.Expression.compile(stage.match)
        except _NotUnderstood:
            return lambda _: False
        conditions.append(
            lambda item: compiled.evaluate(MarkMatcher.from_markers(item.iter_markers()))
        )
    if stage.paths or stage.globs:
        conditions.append(_Place(stage.paths, stage.globs))
    return lambda item: all(meets(item) for meets in conditions)


class _Place:
    """Whether a test is where one of paths, if there are any, and one of globs, if there are any, mean.

    Answered once for all tests of a function.
    """

    def __init__(self, paths: Sequence[str], globs: Sequence[str]) -> None:
        self._paths: Final = paths
        self._globs: Final = [(glob, glob.rstrip("/"), matcher(glob)) for glob in globs]
        self._known: Final[dict[str, bool]] = {}

    def __call__(self, item: pytest.Item) -> bool:
        file, name, _ = split_nodeid(item.nodeid)
        nodeid = f"{file}::{name}"
        known = self._known.get(nodeid)
        if known is None:
            known = self._known[nodeid] = self._is_meant(nodeid)
        return known

    def _is_meant(self, nodeid: str) -> bool:
        if self._paths and not any(is_within(nodeid, path) for path in self._paths):
            return False
        return not self._globs or any(
            nodeid == glob or is_within(nodeid, place) or bool(is_like(nodeid))
            for glob, place, is_like in self._globs
        )
