"""What happens to a run, and what is to be done about it.

A driver turns what it sees into events, hands each to the engine and carries out the
commands that come back. A case is its index in the collection; a worker is its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pytest_orchestra.model.stage import StageFigures
from pytest_orchestra.model.verdict import Cause, Verdict

#: Name and scope of a fixture: the node id under which it stays up, empty for the whole session.
Fixture: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class WorkersJoined:
    """Workers can take work now, all of them on ``host``; without hosts there is only one."""

    workers: tuple[str, ...]
    host: str = ""


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker is gone; what it was given and has not finished is to run elsewhere.

    All but ``case``, which went down with it: that has ``verdict`` now, whether it was
    running or had finished and was being torn down. ``again`` as for CaseFinished.
    """

    worker: str
    case: int | None = None
    verdict: Verdict = Verdict.FAILED
    again: bool = False


@dataclass(frozen=True, slots=True)
class WorkersDismissed:
    """Idle workers were told to go home: they get nothing more, and are lost when they have left.

    Until then their fixtures may be up, and keep what they keep.
    """

    workers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DispatchLimited:
    """No more than ``most`` workers, at least one, are to be busy at a time; None: all may be.

    Whoever is busy already ends what runs.
    """

    most: int | None


@dataclass(frozen=True, slots=True)
class CaseBlocked:
    """A case that was not assigned yet cannot run, for a reason outside the graph."""

    case: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class CaseFinished:
    """A case ended with ``verdict`` after ``seconds`` on the worker it was assigned to.

    ``again``: its failure was not reported as such, since it was to be tried again. If that is
    not so any more, GiveUp says it.
    """

    case: int
    verdict: Verdict
    seconds: float
    again: bool = False


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Nothing happened, but it is later now: cases may have rested for long enough."""


@dataclass(frozen=True, slots=True)
class VerdictAmended:
    """A finished case got another verdict: fixtures that outlived it failed to tear down."""

    case: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class CasesReturned:
    """A worker gives back cases that it has not begun; none, if it had begun them all."""

    worker: str
    cases: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Nothing more may start, for this reason; what runs may end.

    ``cleaning``: but what cleans up after cases that have begun still runs, when its time has
    come. A later event without it ends that too.
    """

    reason: str
    cleaning: bool = False


@dataclass(frozen=True, slots=True)
class TokensGranted:
    """What was acquired for ``case`` from all that share it is there, and was not given back since."""

    case: int


@dataclass(frozen=True, slots=True)
class TokensWanted:
    """Others wait for ``resource``, which is shared with them and which fixtures here keep.

    To be said again while they wait: what goes down may not suffice.
    """

    resource: str


@dataclass(frozen=True, slots=True)
class FixturesDown:
    """Fixtures (name and scope each) are not up on ``worker``: torn down, or never set up.

    ``case``: it runs there, and will not leave them up when it is over. Without it, they went
    down between two cases, or were not up when somebody asked for what they keep. A worker
    tears nothing down on its own but for the case that it begins next.
    """

    worker: str
    fixtures: tuple[Fixture, ...]
    case: int | None = None


@dataclass(frozen=True, slots=True)
class StageReviewed:
    """Somebody has looked at a stage that has ended: ``objections`` are why its gate does not pass."""

    stage: int
    objections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CrewComplete:
    """Nobody else is about to join; only a run that is to go like another one waits for workers."""


Event: TypeAlias = (
    WorkersJoined
    | CrewComplete
    | WorkerLost
    | WorkersDismissed
    | DispatchLimited
    | CaseBlocked
    | CaseFinished
    | TimePassed
    | VerdictAmended
    | CasesReturned
    | StopRequested
    | TokensGranted
    | TokensWanted
    | FixturesDown
    | StageReviewed
)


@dataclass(frozen=True, slots=True)
class Assign:
    """Let the worker run the case after what it was given before."""

    worker: str
    case: int


@dataclass(frozen=True, slots=True)
class Recall:
    """Ask the worker to give back the cases it has not begun; answered by CasesReturned."""

    worker: str
    cases: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Conclude:
    """Report a case that will not run: ``BLOCKED`` or ``NOT_RUN``."""

    case: int
    verdict: Verdict
    cause: Cause


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Report the failure of a case that was to be tried again, and will not be."""

    case: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Acquire:
    """Ask for tokens that are shared with other runs, all or nothing; answered by TokensGranted."""

    case: int
    wants: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Give back what was acquired for the case, or ask for it no longer."""

    case: int


@dataclass(frozen=True, slots=True)
class Relinquish:
    """Let the worker tear down fixtures when what it was sent before is over, and nothing after.

    Answered by FixturesDown, which names all of them, also those that were not up.
    """

    worker: str
    fixtures: tuple[Fixture, ...]


@dataclass(frozen=True, slots=True)
class ReviewStage:
    """Let those look at a stage who have a say in its gate; answered by StageReviewed."""

    stage: int
    figures: StageFigures


Command: TypeAlias = (
    Assign | Recall | Conclude | GiveUp | Acquire | GiveBack | Relinquish | ReviewStage
)
