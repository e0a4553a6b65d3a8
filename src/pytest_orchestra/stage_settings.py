"""Stages as they stand in the configuration: ``[[tool.pytest_orchestra.stages]]``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, TypeVar

from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.stage import AxisValue, Gate, OnFail, StageSpec, Strategy
from pytest_orchestra.resource_settings import unknown_keys
from pytest_orchestra.scheduling.duration import parse_duration

_KEYS: Final = (
    "name",
    "match",
    "paths",
    "glob",
    "strategy",
    "needs",
    "gate",
    "on_fail",
    "axes",
)
_HUNDRED: Final = 100.0

_Choice = TypeVar("_Choice", bound=StrEnum)
_Read = TypeVar("_Read")


def read_stages(
    value: object, key: str, source: str, problems: list[Problem]
) -> tuple[StageSpec, ...]:
    """Return the stages that ``value`` of the file ``source`` lists, in their order; none if there are problems.

    ``needs`` of the result are complete: where nothing is said, the stage before.
    """
    before = len(problems)
    if not isinstance(value, Sequence) or isinstance(value, str):
        what = f"{key} is {value!r}, not a list of tables"
        problems.append(Problem(what, f"write [[{key}]] above each stage", source))
        return ()
    stages: list[StageSpec] = []
    for number, table in enumerate(value, 1):
        if isinstance(table, Mapping):
            stages.append(_Table(table, f"{key}[{number}]", source, problems).stage(stages))
        else:
            what = f"{key}[{number}] is {table!r}, not a table"
            problems.append(Problem(what, f"write [[{key}]] above each stage", source))
    _check_together(stages, key, source, problems)
    return () if len(problems) > before else tuple(stages)


def _check_together(
    stages: Sequence[StageSpec], key: str, source: str, problems: list[Problem]
) -> None:
    names = [stage.name for stage in stages]
    for number, stage in enumerate(stages):
        if stage.name in names[:number]:
            what = f"{key} has two stages named {stage.name!r}"
            problems.append(Problem(what, "give each stage a name of its own", source))
        problems.extend(
            _needless(stage, name, names[:number], names, key, source)
            for name in stage.needs
            if name not in names[:number]
        )
        if stage.takes_all and number < len(stages) - 1:
            what = (
                f"{key}: stage {stage.name!r} takes every test, so none is left for those after it"
            )
            remedy = "write match, paths or glob, or put it last"
            problems.append(Problem(what, remedy, source))


def _needless(  # noqa: PLR0913, PLR0917 - what the message is made of
    stage: StageSpec,
    name: str,
    earlier: Sequence[str],
    names: Sequence[str],
    key: str,
    source: str,
) -> Problem:
    if name in names:
        what = f"{key}: stage {stage.name!r} needs {name!r}, which does not come before it"
        return Problem(what, f"put stage {name!r} first", source)
    near = get_close_matches(name, earlier, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"before it are {', '.join(earlier) or 'none'}"
    return Problem(f"{key}: stage {stage.name!r} needs {name!r}, which is no stage", hint, source)


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of a file, and where problems with it go."""

    table: Mapping[str, object]
    key: str
    source: str
    problems: list[Problem]

    def stage(self, earlier: Sequence[StageSpec]) -> StageSpec:
        self.problems.extend(unknown_keys(self.table, _KEYS, self.key, self.source))
        name = self._name()
        strategy = self._choice(Strategy, "strategy") or Strategy.PARALLEL
        axes = self._axes()
        if (strategy is Strategy.MATRIX) != ("axes" in self.table):
            self._refuse(
                f"{self.key}: strategy 'matrix' and axes belong together",
                "write strategy = 'matrix' and axes = { db = ['sqlite', 'postgres'] }",
            )
        return StageSpec(
            name=name,
            match=self._text("match", "a mark expression such as 'smoke and not slow'"),
            paths=tuple(map(_normal, self._texts("paths", "['tests/integration']"))),
            globs=self._texts("glob", "'tests/*/test_api.py::*'"),
            strategy=strategy,
            needs=self._needs(earlier),
            gate=self._gate(),
            on_fail=self._choice(OnFail, "on_fail") or OnFail.SKIP_DEPENDENTS,
            axes=axes,
        )

    def _refuse(self, what: str, remedy: str) -> None:
        self.problems.append(Problem(what, remedy, self.source))

    def _name(self) -> str:
        name = self.table.get("name")
        if isinstance(name, str) and name.strip() and name.isprintable():
            return name
        what = "has no name" if name is None else f"has the name {name!r}, which is none"
        self._refuse(f"{self.key} {what}", "write name = 'smoke'")
        return self.key

    def _text(self, key: str, kind: str) -> str | None:
        value = self.table.get(key)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self._refuse(f"{self.key}.{key} is {value!r}, not {kind}", f"write {key} as a string")
        return None

    def _texts(self, key: str, example: str) -> tuple[str, ...]:
        value = self.table.get(key, ())
        texts = (value,) if isinstance(value, str) else value
        if isinstance(texts, Sequence) and (texts or key not in self.table):
            found = tuple(each for each in texts if isinstance(each, str) and each)
            if len(found) == len(texts):
                return found
        self._refuse(
            f"{self.key}.{key} is {value!r}, not a list of texts", f"write {key} = {example}"
        )
        return ()

    def _needs(self, earlier: Sequence[StageSpec]) -> tuple[str, ...]:
        if "needs" not in self.table:
            return (earlier[-1].name,) if earlier else ()
        value = self.table["needs"]
        if value == []:
            return ()
        return tuple(dict.fromkeys(self._texts("needs", "['smoke'], or [] for no barrier")))

    def _choice(self, choices: type[_Choice], key: str) -> _Choice | None:
        value = self.table.get(key)
        found = next((choice for choice in choices if value == choice), None)
        if found is None and value is not None:
            self._refuse(
                f"{self.key}.{key} does not know {value!r}", f"write one of {', '.join(choices)}"
            )
        return found

    def _axes(self) -> dict[str, tuple[AxisValue, ...]]:
        value = self.table.get("axes", {})
        remedy = "write axes = { db = ['sqlite', 'postgres'] }"
        if not isinstance(value, Mapping) or (not value and "axes" in self.table):
            self._refuse(f"{self.key}.axes is {value!r}, not a table of lists", remedy)
            return {}
        axes: dict[str, tuple[AxisValue, ...]] = {}
        for name, values in value.items():
            is_list = isinstance(values, Sequence) and not isinstance(values, str)
            if not is_list or not values or not all(map(_is_axis_value, values)):
                what = f"{self.key}.axes.{name} is {values!r}, not a list of texts, numbers or booleans"
                self._refuse(what, remedy)
            elif len({str(each) for each in values}) < len(values):
                self._refuse(
                    f"{self.key}.axes.{name} has a value twice: {values!r}", "leave one out"
                )
            else:
                axes[name] = tuple(values)
        return axes

    def _gate(self) -> Gate:
        value = self.table.get("gate", {})
        if not isinstance(value, Mapping):
            self._refuse(
                f"{self.key}.gate is {value!r}, not a table",
                "write gate = { pass_rate = 1.0, max_duration = '2min' }",
            )
            return Gate()
        return _GateTable(value, f"{self.key}.gate", self.source, self.problems).gate()


@dataclass(frozen=True, slots=True)
class _GateTable:
    """The table of a gate, and where problems with it go."""

    table: Mapping[str, object]
    key: str
    source: str
    problems: list[Problem]

    def gate(self) -> Gate:
        self.problems.extend(
            unknown_keys(self.table, tuple(Gate.__dataclass_fields__), self.key, self.source)
        )
        return Gate(
            pass_rate=self._read("pass_rate", _share, "1.0"),
            max_failures=self._read("max_failures", _number, "0"),
            max_flaky_rate=self._read("max_flaky_rate", _share, "0.05"),
            max_blocked=self._read("max_blocked", _number, "0"),
            max_duration=self._read("max_duration", parse_duration, "'2min'"),
            max_slowest=self._read("max_slowest", parse_duration, "'10s'"),
            min_coverage=self._read("min_coverage", _percent, "80"),
        )

    def _read(self, key: str, read: Callable[[object], _Read], example: str) -> _Read | None:
        if key not in self.table:
            return None
        try:
            return read(self.table[key])
        except ValueError as error:
            what = f"{self.key}.{key}: {error}"
            self.problems.append(Problem(what, f"write {key} = {example}", self.source))
            return None


def _share(value: object) -> float:
    return _within(value, 1.0, "a share from 0.0 to 1.0")


def _percent(value: object) -> float:
    return _within(value, _HUNDRED, "a percentage from 0 to 100")


def _within(value: object, most: float, kind: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"{value!r} is not {kind}")
    return float(value)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is not a whole number of at least 0")
    return value


def _is_axis_value(value: object) -> bool:
    return isinstance(value, str | int | bool) or (
        isinstance(value, float) and math.isfinite(value)
    )


def _normal(path: str) -> str:
    """Return ``path`` without what means nothing: ``./tests/`` is ``tests``."""
    parts: Iterable[str] = path.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", "."))
