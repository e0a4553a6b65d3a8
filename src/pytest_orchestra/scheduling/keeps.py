"""Fixtures that stay up when their test is over, and the tokens that they keep meanwhile.

Tokens of a fixture belong to the case that sets it up, then to the worker on which it stays up,
until it is torn down. A case that uses it there needs no tokens for it. A worker may be asked
to tear it down; from then on no case may count on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_orchestra.model.case import CaseSpec, Hold
from pytest_orchestra.model.events import Fixture
from pytest_orchestra.scheduling.pool import Demand, Pool
from pytest_orchestra.scheduling.tickets import Keeper, Tickets


@dataclass(slots=True)
class Keep:
    """One fixture that is up on one worker: ``users`` are cases there that count on it."""

    demand: Demand
    outside: Demand
    users: int = 0
    is_asked: bool = False

    def tokens(self, resource: str) -> int:
        """Return how many tokens of ``resource`` it keeps."""
        return next(
            (tokens for name, tokens in (*self.demand, *self.outside) if name == resource), 0
        )


class Keeps:
    """Which worker keeps what."""

    def __init__(self, specs: Sequence[CaseSpec], pool: Pool, tickets: Tickets) -> None:
        self._pool: Final = pool
        self._tickets: Final = tickets
        self._holds: Final[Mapping[int, Mapping[Fixture, Hold]]] = {
            case: kept
            for case, spec in enumerate(specs)
            if spec.holds
            and (
                kept := {
                    (hold.fixture, hold.scope): hold
                    for hold in spec.holds
                    if hold.scope is not None
                }
            )
        }
        self._up: Final[dict[str, dict[Fixture, Keep]]] = {}
        self._hosts: Final[dict[str, str]] = {}
        #: Cases in the hands of workers that may leave fixtures up, with those known to be down.
        self._running: Final[dict[int, tuple[str, set[Fixture]]]] = {}

    def join(self, worker: str, host: str) -> None:
        """``worker`` keeps nothing yet."""
        self._hosts[worker] = host

    @property
    def are_there(self) -> bool:
        """Whether anybody keeps anything."""
        return bool(self._up)

    def has(self, worker: str) -> bool:
        """Whether ``worker`` keeps anything."""
        return worker in self._up

    def usable(self, worker: str) -> Iterator[str]:
        """Yield the names of the fixtures that cases may count on at ``worker``."""
        for (name, _), keep in self._up.get(worker, {}).items():
            if not keep.is_asked:
                yield name

    def from_others(self) -> frozenset[str]:
        """Return what fixtures keep of that which is shared with other runs."""
        return frozenset(
            name for _, keep in self._all() if not keep.is_asked for name, _ in keep.outside
        )

    # cases

    def still_needs(self, worker: str, case: int, demand: Demand) -> Demand:
        """Return what of ``demand`` is lacking for ``case`` at ``worker``, who may keep some of it."""
        return _less(demand, (keep.demand for keep in self._for(worker, case)))

    def still_needs_outside(self, worker: str, case: int, demand: Demand) -> Demand:
        """Return the same of what is shared with other runs."""
        return _less(demand, (keep.outside for keep in self._for(worker, case)))

    def serving(self, worker: str, case: int) -> tuple[Keeper, ...]:
        """Return the fixtures that are up on ``worker`` and that ``case`` uses."""
        up = self._up.get(worker, {})
        return tuple((worker, fixture) for fixture in self._holds.get(case, ()) if fixture in up)

    def begin(self, worker: str, case: int) -> None:
        """``case`` was given to ``worker``."""
        if case in self._holds:
            self._running[case] = worker, set()
            for keep in self._for(worker, case):
                keep.users += 1

    def end(self, case: int, *, has_run: bool) -> None:
        """``case`` is over: what it set up and what outlives it keeps its tokens."""
        if case not in self._running:
            self._tickets.end(case, ())
            return
        worker, down = self._running.pop(case)
        up = self._up.get(worker, {})
        heirs: list[Keeper] = []
        for fixture, hold in self._holds[case].items():
            if fixture in up:
                up[fixture].users = max(0, up[fixture].users - 1)
            elif has_run and fixture not in down and worker in self._hosts:
                keep = self._keep(worker, case, fixture, hold)
                if keep.outside:
                    heirs.append((worker, fixture))
        self._tickets.end(case, heirs)

    def _keep(self, worker: str, case: int, fixture: Fixture, hold: Hold) -> Keep:
        left = dict(self._pool.held(case))
        demand = tuple(
            (key, min(tokens, left[key]))
            for key, tokens in self._pool.kept(hold, self._hosts[worker])
            if left.get(key)
        )
        self._pool.hand_over(case, (worker, fixture), demand)
        keep = Keep(demand, self._pool.outside(hold.claims))
        self._up.setdefault(worker, {})[fixture] = keep
        return keep

    def _for(self, worker: str, case: int) -> Iterator[Keep]:
        up = self._up.get(worker)
        if up:
            for fixture in self._holds.get(case, ()):
                keep = up.get(fixture)
                if keep is not None and not keep.is_asked:
                    yield keep

    # fixtures

    def down(self, worker: str, fixtures: Iterable[Fixture]) -> list[str]:
        """``fixtures`` are not up on ``worker``; return of which resources tokens came back."""
        freed: list[str] = []
        up = self._up.get(worker, {})
        for fixture in fixtures:
            keep = up.pop(fixture, None)
            if keep is not None:
                freed += self._drop((worker, fixture), keep)
                if keep.users:
                    self._forget(worker, fixture)
            else:
                self._forget(worker, fixture)
        if not up:
            self._up.pop(worker, None)
        return freed

    def lose(self, worker: str) -> list[str]:
        """``worker`` is gone, and what it kept."""
        freed = self.down(worker, tuple(self._up.get(worker, ())))
        del self._hosts[worker]
        return freed

    def _forget(self, worker: str, fixture: Fixture) -> None:
        """Cases that still run on ``worker`` will not leave ``fixture`` up."""
        for at, down in self._running.values():
            if at == worker:
                down.add(fixture)

    def _drop(self, keeper: Keeper, keep: Keep) -> list[str]:
        if keep.outside:
            case = self._tickets.of(keeper)
            if case is not None:
                self._tickets.leave(case, keeper)
        return [key for key, _ in self._pool.give_back(keeper)]

    # who is to give up what

    def to_ask(
        self, short: Mapping[str, int], idle: Collection[str], *, in_use: bool, in_part: bool
    ) -> dict[str, list[Fixture]]:
        """Choose fixtures that are to go down, so that the tokens that are ``short`` come back.

        Those on ``idle`` workers go first. Those that cases count on are chosen only if ``in_use``
        says so. Where all do not suffice none is chosen, unless ``in_part`` says so. What is
        returned, by worker, counts as asked for.
        """
        chosen: dict[Keeper, Keep] = {}
        for resource, missing in short.items():
            left = missing
            able: list[tuple[bool, bool, Keeper]] = []
            for keeper, keep in self._all():
                tokens = keep.tokens(resource)
                if tokens and (keep.is_asked or keeper in chosen):
                    left -= tokens
                elif tokens and (in_use or not keep.users):
                    able.append((bool(keep.users), keeper[0] not in idle, keeper))
            for _, _, keeper in sorted(able):
                if left > 0:
                    chosen[keeper] = keep = self._up[keeper[0]][keeper[1]]
                    left -= keep.tokens(resource)
            if left > 0 and not in_part:
                return {}
        found: dict[str, list[Fixture]] = {}
        for (worker, fixture), keep in chosen.items():
            keep.is_asked = True
            found.setdefault(worker, []).append(fixture)
        return found

    def _all(self) -> Iterator[tuple[Keeper, Keep]]:
        for worker, up in self._up.items():
            for fixture, keep in up.items():
                yield (worker, fixture), keep


def _less(demand: Demand, kept: Iterable[Demand]) -> Demand:
    tokens = dict(demand)
    for each in kept:
        for resource, amount in each:
            if resource in tokens:
                tokens[resource] -= amount
    return tuple((resource, amount) for resource, amount in tokens.items() if amount > 0)
