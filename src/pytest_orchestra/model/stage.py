"""Stages of a run: what belongs to them, how they run, and the gates between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from pytest_orchestra.model.verdict import Verdict

#: A value on an axis of a matrix.
AxisValue: TypeAlias = str | int | float | bool


class Strategy(StrEnum):
    """How the tests of a stage run.

    ``SEQUENTIAL``: one at a time, in the order of the collection. ``MATRIX``: in parallel, once for each
    combination of the values of its axes.
    """

    PARALLEL = "parallel"
    SEQUENTIAL = "sequential"
    MATRIX = "matrix"


class OnFail(StrEnum):
    """What becomes of others when the gate of a stage fails.

    ``HALT``: no other test begins any more. ``SKIP_DEPENDENTS``: those of the stages that need
    this one, and of those that need them, do not. ``CONTINUE``: all run; the run has failed all the same.
    """

    HALT = "halt"
    CONTINUE = "continue"
    SKIP_DEPENDENTS = "skip-dependents"


@dataclass(frozen=True, slots=True)
class Gate:
    """What a stage must come to; None for what does not matter.

    ``pass_rate`` is the least share of its tests that must pass, of those that ran, and ``max_flaky_rate`` the
    largest that may be flaky, both 0.0 to 1.0. ``max_failures`` and ``max_blocked`` are numbers of tests.
    ``max_duration`` is how long the stage may take, from its first test to its last, and ``max_slowest`` how
    long any of its tests may, in seconds. ``min_coverage`` is in percent, of the whole run.
    """

    pass_rate: float | None = None
    max_failures: int | None = None
    max_flaky_rate: float | None = None
    max_blocked: int | None = None
    max_duration: float | None = None
    max_slowest: float | None = None
    min_coverage: float | None = None

    @property
    def is_barrier(self) -> bool:
        """Whether it cannot pass before the last test of the stage is over, even if all pass."""
        early = (
            self.pass_rate not in (None, 1.0),
            bool(self.max_failures),
            bool(self.max_flaky_rate),
            bool(self.max_blocked),
        )
        late = (
            self.pass_rate == 1.0,
            self.max_failures == 0,
            self.max_flaky_rate == 0.0,
            self.max_blocked == 0,
            self.max_duration is not None,
            self.max_slowest is not None,
        )
        return any(late) or not any(early)


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One stage as the user wrote it.

    A test belongs to the first stage of which it meets every condition that there is: the mark expression
    ``match``, one of ``paths`` (files or directories from the root directory, with forward slashes), one of
    ``globs`` (of node ids). ``needs`` are the names of stages whose gates must have passed before it starts.
    ``axes`` maps the names of axes to their values, for a matrix.
    """

    name: str
    match: str | None = None
    paths: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    strategy: Strategy = Strategy.PARALLEL
    needs: tuple[str, ...] = ()
    gate: Gate = field(default_factory=Gate)
    on_fail: OnFail = OnFail.SKIP_DEPENDENTS
    axes: Mapping[str, tuple[AxisValue, ...]] = field(default_factory=dict)

    @property
    def takes_all(self) -> bool:
        """Whether every test that is left belongs to it."""
        return self.match is None and not self.paths and not self.globs


@dataclass(frozen=True, slots=True)
class Check:
    """One criterion of a gate and what became of it: ``detail`` has its figure and its limit.

    ``is_met`` is None where it could not be judged, since the stage did not come to its end.
    """

    criterion: str
    is_met: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What became of one stage.

    ``opened_at`` is when its tests were free to start and ``ended_at`` when the last of them that ran was over,
    in seconds since the run began; None for what never happened. ``judged_at`` is when it was certain that its
    gate had passed, or had failed. ``checks`` are those of its gate, none where it has no gate.
    """

    spec: StageSpec
    opened_at: float | None = None
    ended_at: float | None = None
    judged_at: float | None = None
    checks: tuple[Check, ...] = ()

    @property
    def has_failed(self) -> bool:
        """Whether some criterion of its gate was not met."""
        return any(check.is_met is False for check in self.checks)

    @property
    def has_passed(self) -> bool:
        """Whether its gate was judged, and nothing was wrong."""
        is_sure = all(check.is_met for check in self.checks)
        return is_sure and (bool(self.checks) or self.judged_at is not None)


@dataclass(frozen=True, slots=True)
class StageFigures:
    """What the tests of a stage came to, for who judges its gate.

    ``counts`` are numbers of tests by verdict. ``duration`` is from its first test to its last, and
    ``slowest_seconds`` what the test ``slowest`` took, in seconds. ``failures`` are the node ids of tests that
    failed, in the order in which they did.
    """

    name: str
    counts: Mapping[Verdict, int] = field(default_factory=dict)
    duration: float = 0.0
    slowest: str = ""
    slowest_seconds: float = 0.0
    failures: tuple[str, ...] = ()
