"""Who is asked to tear down fixtures that keep what others need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from pytest_orchestra.model.events import Fixture, Relinquish
from pytest_orchestra.scheduling.crew import Crew
from pytest_orchestra.scheduling.holdings import Holdings
from pytest_orchestra.scheduling.keeps import Keep
from pytest_orchestra.scheduling.parking import Parking
from pytest_orchestra.scheduling.ready import Key, ReadyQueue
from pytest_orchestra.scheduling.reservation import Reservation
from pytest_orchestra.scheduling.tickets import Keeper

#: Says whether a fixture may go down.
_May: TypeAlias = Callable[[Fixture, Keep], bool]


class Asking:
    """Asks for fixtures to go down, once everybody has got the work there is for them.

    A worker that finds nothing asks for what nobody uses at the moment, one case's worth at a
    time. A case that is more urgent than what was given to a worker instead asks for what nobody
    uses, too; with a higher priority, and with a reservation, for what is in use as well. But a
    fixture that is in use, or that is asked for without need, has stayed up for as long as it
    took to set it up: so no more than half of the time goes into setting up the same again.
    Nobody is asked who is needed to finish a case, so this cannot deadlock.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each is a different thing that is known of the run
        self,
        holdings: Holdings,
        crew: Crew,
        ready: ReadyQueue,
        parking: Parking,
        reservation: Reservation,
        levels: Sequence[int],
        tiers: Sequence[int],
        cost: Callable[[Fixture], float],
    ) -> None:
        """``cost`` says what it takes to set a fixture up and tear it down, in seconds."""
        self._holdings: Final = holdings
        self._keeps: Final = holdings.keeps
        self._crew: Final = crew
        self._ready: Final = ready
        self._parking: Final = parking
        self._reservation: Final = reservation
        self._levels: Final = levels
        self._tiers: Final = tiers
        self._cost: Final = cost
        self._early: Final[list[Relinquish]] = []
        self._late: Final[list[Relinquish]] = []

    def drain(self) -> tuple[list[Relinquish], list[Relinquish]]:
        """Return what is to be said before cases are given out, and what after."""
        found = [*self._early], [*self._late]
        self._early.clear()
        self._late.clear()
        return found

    def for_others(self, resource: str, idle: Collection[str]) -> None:
        """Other runs wait for ``resource``: let something that keeps it go down."""
        keepers, _ = self._keeps.choose({resource: 1}, idle, lambda _fixture, _keep: True)
        self._say(self._early, self._keeps.ask(keepers))

    def for_ticket(self, case: int) -> None:
        """``case`` is to run again: let what keeps its tokens go down, so that it may have them."""
        self._say_to(self._keeps.keeping(case))

    def for_case(self, host: str, case: int) -> None:
        """Nothing goes on before ``case`` has run: let all that keeps its tokens on ``host`` go down."""
        self._ask(host, case, (), lambda _fixture, _keep: True, in_part=True)

    def look(self, idle: Collection[str], taken: Mapping[int, str], now: float) -> None:
        """Ask for what is needed, while ``idle`` workers found nothing.

        ``taken`` are the cases that were just given out, each with its worker.
        """

        def is_unused(_: Fixture, keep: Keep) -> bool:
            return not keep.users

        def has_paid(fixture: Fixture, keep: Keep) -> bool:
            return now - keep.since >= self._cost(fixture)

        def is_unused_or_has_paid(fixture: Fixture, keep: Keep) -> bool:
            return not keep.users or has_paid(fixture, keep)

        def is_unused_and_has_paid(fixture: Fixture, keep: Keep) -> bool:
            return not keep.users and has_paid(fixture, keep)

        reserved = self._reservation.case
        for case in (
            *self._reservation.starving_outside,
            *(() if reserved is None else (reserved,)),
        ):
            host = self._reservation.best_host(case)
            if host is not None:
                self._ask(host, case, idle, is_unused_or_has_paid, in_part=True)
        if taken and self._parking.are_there:
            self._for_the_urgent(idle, taken, has_paid, is_unused_and_has_paid)
        if idle and self._parking.are_there:
            self._for_the_idle(idle, is_unused)

    def _for_the_urgent(
        self, idle: Collection[str], taken: Mapping[int, str], has_paid: _May, is_unused: _May
    ) -> None:
        """Ask on behalf of cases that are more urgent than what was given out on their host."""
        least: dict[str, int] = {}
        for case, worker in taken.items():
            host = self._crew.host_of[worker]
            if host not in least or self._levels[case] > self._levels[least[host]]:
                least[host] = case
        for host, chosen in least.items():
            for level, _, case in self._heads(taken[chosen], host):
                if level >= self._levels[chosen]:
                    break
                is_higher = self._tiers[case] < self._tiers[chosen]
                self._ask(host, case, idle, has_paid if is_higher else is_unused)

    def _for_the_idle(self, idle: Collection[str], is_unused: _May) -> None:
        """Ask on behalf of the best case that each idle worker could run, another for each."""
        owners = set(self._ready.owners)
        served: set[int] = set()
        done: set[str] = set()
        for worker in idle:
            host = self._crew.host_of[worker]
            if host in done and worker not in owners:
                continue
            for _, _, case in self._heads(worker, host):
                if case not in served and self._ask(host, case, idle, is_unused):
                    served.add(case)
                    break
            else:
                done.add(host)

    def _heads(self, worker: str, host: str) -> list[Key]:
        """Return the best parked case of each signature, the best first."""
        heads = (
            self._ready.best_of(worker, None, signature) for signature in self._parking.on[host]
        )
        return sorted(head for head in heads if head is not None)

    def _ask(
        self, host: str, case: int, idle: Collection[str], may: _May, *, in_part: bool = False
    ) -> bool:
        """Ask for what ``case`` lacks; say whether it suffices, with what was asked for before."""
        short = self._holdings.short(host, case)
        if not short:
            return False
        keepers, suffices = self._keeps.choose(short, idle, may)
        if suffices or in_part:
            self._say_to(keepers)
        return suffices

    def _say_to(self, keepers: Collection[Keeper]) -> None:
        used = [each for each in keepers if self._keeps.is_used(each)]
        unused = [each for each in keepers if not self._keeps.is_used(each)]
        self._say(self._early, self._keeps.ask(unused))
        self._say(self._late, self._keeps.ask(used))

    @staticmethod
    def _say(commands: list[Relinquish], fixtures: Mapping[str, Iterable[Fixture]]) -> None:
        commands += (Relinquish(worker, tuple(each)) for worker, each in fixtures.items())
