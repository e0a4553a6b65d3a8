"""The record of a run: what ran where, when, and why not earlier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_orchestra.model.advice import Coverage, Link, Quality, Recommendation
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.capacity import Scope
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.dispatch import Conditions, Dispatch
from pytest_orchestra.model.flakes import FlakeRecord, QuarantineRecord, SuiteFlakes
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.pressure import PressureRecord
from pytest_orchestra.model.requirement import Requirement
from pytest_orchestra.model.shard import ShardRecord
from pytest_orchestra.model.stage import StageRecord
from pytest_orchestra.model.surroundings import Surroundings
from pytest_orchestra.model.verdict import FAILURE, Cause, Verdict


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """One collected test and what became of it.

    Times are seconds since the run began; None for what never happened. ``seconds`` is what
    setup, call and teardown took. ``refused_at`` is when a worker first had to leave it lying
    and ``waited_for`` the resource that was lacking. ``cause`` tells why it was blocked or not
    run.

    ``cpu_seconds`` is the CPU time of the test and of its subprocesses that were waited for.
    ``memory_peak`` is the most memory that its process had in use meanwhile, and
    ``memory_used`` by how much that exceeds what it had in use before, in bytes, each with the
    largest subprocess as far as that is known. None for what was not measured. ``requirements`` are all that the test
    needs, and from whom; their cases are indices of the run's. ``leases`` are what it got of the
    resources that it claims. ``attempts`` are all times that it ran, in their order.
    ``artifacts`` are the paths of files that it left, from the root directory where they are below it.
    """

    spec: CaseSpec
    verdict: Verdict
    worker: str | None = None
    ready_at: float | None = None
    refused_at: float | None = None
    assigned_at: float | None = None
    seconds: float | None = None
    waited_for: str | None = None
    cause: Cause | None = None
    cpu_seconds: float | None = None
    memory_peak: int | None = None
    memory_used: int | None = None
    requirements: tuple[Requirement, ...] = ()
    leases: tuple[Lease, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    artifacts: tuple[str, ...] = ()

    @property
    def waited(self) -> float:
        """Seconds between being ready and being given to a worker; 0.0 if it never was."""
        if self.ready_at is None or self.assigned_at is None:
            return 0.0
        return self.assigned_at - self.ready_at

    @property
    def held_up(self) -> float:
        """Seconds of that in which tokens were lacking for it; 0.0 if they never were."""
        if self.refused_at is None or self.assigned_at is None:
            return 0.0
        return self.assigned_at - self.refused_at

    @property
    def was_skipped_later(self) -> bool:
        """Whether it failed, and was skipped or xfailed when it was tried again."""
        return self.verdict in {Verdict.SKIPPED, Verdict.XFAILED} and any(
            each.verdict in FAILURE for each in self.attempts
        )


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """How one resource was used.

    ``capacity`` and ``peak`` are in tokens (bytes for quantities); a lock that nobody
    declared has no capacity. ``held_up`` is for how many seconds a test that was ready had
    to be left lying for want of it. Of a resource whose ``scope`` is ``machine`` only what this
    run used is known.
    """

    name: str
    capacity: int | None
    peak: int
    held_up: float
    scope: Scope = Scope.RUN
    is_quantity: bool = False


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """How busy one worker was: ``busy`` seconds in ``cases`` tests, of ``present`` seconds.

    ``joined_at`` is in seconds since the run began, and ``host`` where it ran; empty where all ran on one.
    """

    name: str
    cases: int
    busy: float
    present: float
    joined_at: float = 0.0
    host: str = ""

    @property
    def utilisation(self) -> float:
        """The busy share of the time it was present, 0.0 to 1.0."""
        return min(1.0, self.busy / self.present) if self.present > 0 else 0.0


@dataclass(frozen=True, slots=True)
class WarningRecord:
    """A warning that was caught: ``category`` names its class, ``file`` and ``line`` say where it stands.

    ``nodeid`` is that of the test that it came from, empty where it came from none.
    """

    nodeid: str
    category: str
    message: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class UncollectedRecord:
    """A file, or a part of one, whose tests are not known: it was skipped as a whole, or has an error.

    ``text`` is why: all that pytest has to tell of it.
    """

    nodeid: str
    is_skipped: bool
    text: str


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One of the runs that were merged into a record: its ``uuid``, and which shard it was, if it was one."""

    uuid: str
    shard: ShardRecord | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """All that is known of a run, in the order of the collection.

    ``started`` is when the first worker joined, in seconds since the epoch, and ``seconds`` how long it
    was from then to the end. ``stopped`` says why the run was stopped early, if it was. ``unclaimed`` are fixtures, each with the first case that asked
    for it while it ran, so that it could not be known that it would take resources. ``shard`` says which
    part of the suite this is, None for all of it: tests of other shards are no cases.
    ``has_given_up_retrying``: so many tests failed that none was tried again any more.

    ``flakes`` are what the history says of tests that failed, and ``suite_flakes`` of the suite; None where
    there is no history, or the run was an outage. ``quarantine`` are the tests in quarantine that failed.
    ``fails_on_flaky``: the run was to fail if a test is flaky.

    ``uuid`` is the run's alone, and the same in the history. ``parts`` are the runs that this one was
    merged from, none if it is as it was. Then the names of workers say of which part they are (``gw0@2``).

    ``recommendations`` are those first that are worth most; ``unadvised`` says why some were not looked for,
    and is empty if all were. ``quality`` is None where nothing ran. ``coverage`` and ``links`` are of what
    other tools wrote in this run. ``dispatch`` and ``conditions`` are what it takes to run it again; a merged
    run has none. ``stages`` are those of the configuration; each case's spec says to which it belongs.
    ``predicted`` is what ``seconds`` were expected to be before the run, None if nothing was.
    ``pressure`` says when workers were held back, since the machine was short of something.
    """

    cases: tuple[CaseRecord, ...]
    resources: tuple[ResourceRecord, ...]
    workers: tuple[WorkerRecord, ...]
    edges: int
    seconds: float
    stopped: str | None = None
    unclaimed: tuple[tuple[str, int], ...] = ()
    started: float = 0.0
    warnings: tuple[WarningRecord, ...] = ()
    shard: ShardRecord | None = None
    has_given_up_retrying: bool = False
    uncollected: tuple[UncollectedRecord, ...] = ()
    surroundings: Surroundings = field(default_factory=Surroundings)
    flakes: tuple[FlakeRecord, ...] = ()
    suite_flakes: SuiteFlakes | None = None
    quarantine: tuple[QuarantineRecord, ...] = ()
    uuid: str = ""
    parts: tuple[PartRecord, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    unadvised: str = ""
    quality: Quality | None = None
    coverage: Coverage | None = None
    links: tuple[Link, ...] = ()
    fails_on_flaky: bool = False
    stages: tuple[StageRecord, ...] = ()
    predicted: float | None = None
    dispatch: Dispatch = field(default_factory=Dispatch)
    conditions: Conditions = field(default_factory=Conditions)
    pressure: tuple[PressureRecord, ...] = ()

    @property
    def denied(self) -> int:
        """How many cases could not be given what they claim: of them nothing is known."""
        return sum(case.cause is not None and case.cause.is_denied for case in self.cases)

    @property
    def gating(self) -> tuple[QuarantineRecord, ...]:
        """The tests that fail the run although they are in quarantine."""
        return tuple(each for each in self.quarantine if each.gates)

    @property
    def failed_stages(self) -> tuple[StageRecord, ...]:
        """The stages whose gates have failed, and with them the run."""
        return tuple(stage for stage in self.stages if stage.has_failed)

    @property
    def excused(self) -> frozenset[int]:
        """The cases that failed, in some attempt, and do not fail the run since they are in quarantine."""
        return frozenset(each.case for each in self.quarantine if not each.gates)

    @property
    def flaky(self) -> tuple[CaseRecord, ...]:
        """The cases that are flaky, and not excused."""
        return tuple(each for each in self._not_excused if each.verdict is Verdict.FLAKY)

    @property
    def skipped_later(self) -> tuple[CaseRecord, ...]:
        """The cases that failed, and were skipped or xfailed when tried again; without those excused."""
        return tuple(each for each in self._not_excused if each.was_skipped_later)

    @property
    def _not_excused(self) -> Iterable[CaseRecord]:
        excused = self.excused
        return (each for case, each in enumerate(self.cases) if case not in excused)

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many cases ended with each verdict; they add up to what was collected."""
        return Counter(case.verdict for case in self.cases)
