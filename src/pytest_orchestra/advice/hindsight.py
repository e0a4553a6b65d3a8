"""Why a test started when it did, once the run is over: what it waited for, and who had that.

All times are seconds since the run began. What would have let it start earlier is said as the most that
it could have gained: whether others would have come in between nobody can know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pytest_orchestra.advice.readiness import SHORTEST, Readiness, Stay, started, stays_of
from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.case import Mode
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.scheduling.pool import EXCLUSIVE

#: So long may it take, in seconds, until tokens that came back are with somebody else.
_HANDING_ON: Final = 0.05


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would have let a test start earlier, by at most so many ``seconds``."""

    what: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Hindsight:
    """How one test came to start when it did.

    ``began`` is when it began at last, None if it never did, and ``attempts`` are all times that it did.
    ``chain`` are the prerequisites that it waited for: the one that ended last comes last, before it what
    that had waited for longest, and so on. ``stage`` is the stage whose gates it waited for instead, or that where it
    waited for its turn, which was after ``turn``.
    ``resource`` was lacking from ``refused`` on, and ``holders`` had it. ``busy`` is what workers were busy
    with while none was free for it, and ``overtaken`` how many tests workers were given meanwhile.
    ``was_sent_ahead``: its worker was still busy with another one when it got it.
    """

    case: int
    record: CaseRecord
    ready: float | None
    refused: float | None
    given: float | None
    began: float | None
    attempts: tuple[Attempt, ...]
    chain: tuple[Stay, ...]
    prerequisites: int
    stage: str | None
    turn: Stay | None
    resource: str | None
    holders: tuple[Stay, ...]
    busy: tuple[Stay, ...]
    overtaken: int
    remedies: tuple[Remedy, ...]
    was_sent_ahead: bool = False

    @property
    def holders_end(self) -> float:
        """When the last test was over that had what was lacking; 0.0 if none had it."""
        return max((stay.end for stay in self.holders), default=0.0)


def look_back(run: RunRecord, case: int) -> Hindsight:
    """Return how ``case`` of ``run`` came to start when it did."""
    record = run.cases[case]
    ready, given = record.ready_at, record.assigned_at
    refused = record.refused_at if record.waited_for is not None else None
    stays = list(stays_of(run))
    readiness = Readiness(run, case, stays)
    holders: tuple[Stay, ...] = ()
    if record.waited_for is not None and refused is not None and given is not None:
        had = tuple(_holders(run, case, record.waited_for, stays))
        if ready is not None:
            refused = _lacking_since(run, record, had, ready, refused)
        holders = tuple(stay for stay in had if stay.start < given and stay.end > refused)
    busy: tuple[Stay, ...] = ()
    overtaken: tuple[float, ...] = ()
    if ready is not None and given is not None:
        until = given if refused is None else refused
        busy = tuple(
            stay
            for stay in stays
            if stay.case != case and stay.start < until - SHORTEST and stay.end > ready + SHORTEST
        )
        overtaken = tuple(
            at
            for number, each in enumerate(run.cases)
            if number != case and (at := each.assigned_at) is not None and ready < at < until
        )
    stage, turn = readiness.waited_for_stage, readiness.waited_for_turn
    began = started(run, record.attempts[-1]) if record.attempts else None
    return Hindsight(
        case=case,
        record=record,
        ready=ready,
        refused=refused,
        given=given,
        began=given if began is None and record.worker is not None else began,
        attempts=record.attempts,
        chain=() if stage is not None or turn is not None else readiness.chain,
        prerequisites=len(readiness.prerequisites_of(case)),
        stage=_stage_name(run, record) if stage is not None or turn is not None else None,
        turn=turn,
        resource=record.waited_for if refused is not None else None,
        holders=holders,
        busy=busy,
        overtaken=len(overtaken),
        remedies=tuple(
            sorted(
                _remedies(readiness, record, holders, refused, min(overtaken, default=None)),
                key=lambda remedy: -remedy.seconds,
            )
        ),
        was_sent_ahead=given is not None
        and began is not None
        and any(
            stay.worker == record.worker
            and stay.case != case
            and stay.start < began - SHORTEST
            and stay.end > given + SHORTEST
            for stay in stays
        ),
    )


def _stage_name(run: RunRecord, case: CaseRecord) -> str | None:
    return None if case.spec.stage is None else run.stages[case.spec.stage].spec.name


def _holders(run: RunRecord, case: int, resource: str, stays: list[Stay]) -> Iterator[Stay]:
    """Yield who had what ``case`` waited for, and when."""
    wants_all = run.cases[case].spec.alone
    for stay in stays:
        other = run.cases[stay.case]
        if stay.case == case:
            continue
        since = stay.start
        if resource == EXCLUSIVE:
            if wants_all or other.spec.alone:
                yield Stay(stay.case, stay.worker, since, stay.end, 1)
            continue
        amount = sum(lease.amount for lease in other.leases if lease.resource == resource)
        if amount:
            if other.assigned_at is not None and len(other.attempts) <= 1:
                since = min(since, other.assigned_at)
            yield Stay(stay.case, stay.worker, since, stay.end, amount)


def _lacking_since(
    run: RunRecord, case: CaseRecord, had: tuple[Stay, ...], ready: float, refused: float
) -> float:
    """Return from when on, after ``ready``, what ``case`` waited for was lacking until ``refused``.

    Workers are told so of the first of all tests that want the same; the others wait as well.
    """
    most = _most_beside(run, case)
    if most is None:
        return refused
    times = sorted(
        {ready, refused, *(t for s in had for t in (s.start, s.end) if ready < t < refused)}
    )
    since = refused
    for start, end in reversed(tuple(pairwise(times))):
        in_use = sum(stay.amount for stay in had if stay.start <= start < stay.end)
        if in_use <= most and end - start > _HANDING_ON:
            break
        since = start
    return since


def _most_beside(run: RunRecord, case: CaseRecord) -> int | None:
    """Return how much of what ``case`` waited for others may have while it runs; None if that is not known."""
    known = next((each for each in run.resources if each.name == case.waited_for), None)
    claims = [each for each in case.spec.claims if each.resource == case.waited_for]
    if any(claim.mode is Mode.WRITE for claim in claims):
        return 0
    if any(claim.mode is Mode.READ for claim in claims) or known is None or known.capacity is None:
        return None
    wanted = sum(each.amount for each in case.leases if each.resource == case.waited_for) or 1
    return known.capacity - wanted


def _remedies(
    readiness: Readiness,
    case: CaseRecord,
    holders: tuple[Stay, ...],
    refused: float | None,
    first_overtaken: float | None,
) -> Iterator[Remedy]:
    ready, given = case.ready_at, case.assigned_at
    if ready is None or given is None:
        return
    yield from _ready_earlier(readiness, case, given)
    if case.waited_for is not None and refused is not None:
        yield from _with_tokens(readiness.run, case, holders, refused, given)
    waited = (given if refused is None else refused) - ready
    if waited > SHORTEST:
        yield Remedy("one more worker, free when it was ready", waited)
    if first_overtaken is not None and refused is None and given - first_overtaken > SHORTEST:
        yield Remedy(
            "a higher priority, so that it goes before what workers were given meanwhile",
            given - first_overtaken,
        )


def _ready_earlier(readiness: Readiness, case: CaseRecord, given: float) -> Iterator[Remedy]:
    stage, turn = readiness.waited_for_stage, readiness.waited_for_turn
    if readiness.is_tried_again:
        first = started(readiness.run, case.attempts[0])
        if first is not None:
            yield Remedy("not failing when it was first tried", given - first)
    elif stage is not None:
        names = " and ".join(map(repr, stage.spec.needs)) or "other stages"
        gained = readiness.opened - max(readiness.chain_end, readiness.turn_end)
        yield Remedy(f"not to wait for the gate of {names}", gained)
    elif turn is not None:
        gained = readiness.turn_end - max(readiness.chain_end, readiness.opened)
        yield Remedy("not to wait for its turn: another strategy than sequential", gained)
    else:
        yield from _without_prerequisites(readiness)


def _without_prerequisites(readiness: Readiness) -> Iterator[Remedy]:
    run, chain = readiness.run, readiness.chain
    if not chain:
        return
    last = chain[-1]
    ends = {stay.case: stay.end for stay in readiness.stays}
    before = readiness.prerequisites_of(readiness.case)
    others = [ends.get(each, 0.0) for each in before if each != last.case]
    gained = last.end - max((*others, readiness.opened, readiness.turn_end))
    if gained > SHORTEST:
        yield Remedy(f"not to wait for {_name(run, last.case)}", gained)
    for stay in chain:
        took = stay.end - stay.start
        if min(took, gained) > SHORTEST:
            yield Remedy(f"{_name(run, stay.case)} taking no time", min(took, gained))
        waited = run.cases[stay.case].waited
        if min(waited, gained) > SHORTEST:
            yield Remedy(f"{_name(run, stay.case)} not waiting itself", min(waited, gained))


def _with_tokens(
    run: RunRecord,
    case: CaseRecord,
    holders: tuple[Stay, ...],
    refused: float,
    given: float,
) -> Iterator[Remedy]:
    resource = case.waited_for or ""
    if resource == EXCLUSIVE:
        if case.spec.alone:
            yield Remedy("not asking to run alone", given - refused)
        elif holders:
            yield Remedy(f"{_name(run, holders[0].case)} not asking to run alone", given - refused)
        return
    claim = next((each for each in case.spec.claims if each.resource == resource), None)
    if claim is not None and claim.mode is not Mode.COUNT:
        yield Remedy(f"no test beside it that wants {resource!r} in another way", given - refused)
        return
    most = _most_beside(run, case)
    if most is None or any(each.is_quantity for each in run.resources if each.name == resource):
        yield Remedy(f"more of {resource!r}", given - refused)
        return
    at = _free_from(holders, most + 1, refused, given)
    if given - at > SHORTEST:
        yield Remedy(f"one more token of {resource!r}", given - at)


def _free_from(holders: tuple[Stay, ...], most: int, since: float, until: float) -> float:
    """Return when, from ``since`` on, no more than ``most`` tokens are in use; ``until`` at the latest."""
    for at in sorted({since, *(stay.end for stay in holders if since < stay.end < until)}):
        in_use = sum(stay.amount for stay in holders if stay.start <= at < stay.end)
        if in_use <= most:
            return at
    return until


def _name(run: RunRecord, case: int) -> str:
    return run.cases[case].spec.nodeid
