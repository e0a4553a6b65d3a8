"""What the orchestra knows of a test before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from pytest_orchestra.model.verdict import SUCCESS, Verdict


class Mode(StrEnum):
    """In which way a claim takes tokens."""

    COUNT = "count"
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """What a case takes of one resource while it runs.

    ``amount`` is in tokens, or in bytes for a quantity. A ``READ`` claim takes one token and
    a ``WRITE`` claim takes all there are, whatever the amount says.
    """

    resource: str
    amount: int = 1
    mode: Mode = Mode.COUNT


@dataclass(frozen=True, slots=True)
class Need:
    """One dependency as its marker states it, before the name is resolved.

    ``target`` is the name as it was written. ``accepts`` holds the verdicts of the
    prerequisite that satisfy it. ``within`` limits the search to names that begin with this
    prefix of node ids (a file, a class) before all others, as pytest-dependency's scopes do.
    ``match_params`` pairs the case with the parameter set of the same id only. ``marker``
    names the marker, for messages. ``optional`` needs may stay unresolved. ``anywhere``: a name
    that nothing near the case has is looked for in every file, as pytest-depends-on does.
    """

    target: str
    accepts: frozenset[Verdict] = SUCCESS
    match_params: bool = False
    within: str = ""
    marker: str = "depends"
    optional: bool = False
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """What a fixture takes while it is up.

    ``scope`` is the node id under which it stays up when its test is over, empty for the whole
    session; None: it goes down with its test.
    """

    fixture: str
    scope: str | None
    claims: tuple[Claim, ...]


#: Axes of a matrix, each with one of its values as a text.
Column: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a case stands in the table of a matrix stage, which runs each test once for each column.

    ``row`` is the node id of the test without the values of axes.
    """

    row: str
    column: Column

    def agrees(self, other: Cell) -> bool:
        """Whether both have the same values on the axes that both have."""
        mine = dict(self.column)
        return all(mine.get(axis, value) == value for axis, value in other.column)


@dataclass(frozen=True, slots=True)
class CaseSpec:
    """One collected test and what its markers say.

    ``nodeid`` is pytest's; ``file`` is relative to the root directory with forward slashes
    and ``line`` is 1-based (0: unknown), both of the test function. ``names`` are the
    custom names that others may depend on. ``needs`` are its dependencies and ``feeds`` are
    the cases that name this one as theirs (``order(before=...)``). ``claims`` holds at most one claim per resource, and
    ``holds`` what its fixtures take; what the case takes of a resource is the claim, or what its fixtures take in
    all if that is more. ``alone``: nothing else may run meanwhile. Cases with the same ``group`` run on one worker.

    ``provides``, ``uses`` and ``cleans`` are names of data that it makes for others, needs from
    another, and cleans up after. ``forgone`` are those of the latter two whose provider was left
    out on purpose: the case does not wait for them. ``retries`` is how many times it may be tried
    again when it fails; None: nothing was said of that. ``stage`` is the index of the stage that it belongs
    to; None where the run has no stages. ``cell`` is where it stands in that stage's matrix, if that has one.
    """

    nodeid: str
    file: str = ""
    line: int = 0
    names: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    feeds: tuple[Need, ...] = ()
    priority: float = 0.0
    claims: frozenset[Claim] = frozenset()
    holds: tuple[Hold, ...] = ()
    alone: bool = False
    group: str | None = None
    provides: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    cleans: tuple[str, ...] = ()
    forgone: tuple[str, ...] = ()
    retries: int | None = None
    stage: int | None = None
    cell: Cell | None = None

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of data that the case may read: what it uses and what it cleans."""
        return tuple(dict.fromkeys((*self.uses, *self.cleans)))
