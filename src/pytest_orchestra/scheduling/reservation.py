"""Cases that others have overtaken for too long, and the one that tokens are kept for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pytest_orchestra.scheduling.crew import Crew
from pytest_orchestra.scheduling.holdings import Holdings
from pytest_orchestra.scheduling.overtaking import Overtaking
from pytest_orchestra.scheduling.pool import EXCLUSIVE
from pytest_orchestra.scheduling.signatures import Signatures


class Reservation:
    """Whose turn it is before all others', if anybody's.

    When a case has been overtaken for ``patience`` seconds it gets a reservation: from then on
    others may only take what it leaves over. There is at most one, and it holds nothing, so it
    cannot deadlock. A case is overtaken by what ranks after it and takes something that it wants.
    """

    def __init__(
        self,
        signs: Signatures,
        holdings: Holdings,
        crew: Crew,
        levels: Sequence[int],
        patience: float,
    ) -> None:
        """Nobody has been overtaken yet; a smaller level ranks higher."""
        self._signs: Final = signs
        self._holdings: Final = holdings
        self._crew: Final = crew
        self._levels: Final = levels
        self._overtaking: Final = Overtaking(patience)
        #: The case that tokens are kept for, and how many of each resource.
        self.case: int | None = None
        self.kept: Mapping[str, int] | None = None
        #: Cases that have waited for too long for what other runs share.
        self.starving_outside: Final[dict[int, None]] = {}

    def mark(self, chosen: int, cases: Iterable[int], now: float) -> None:
        """Mark those of ``cases`` that rank before ``chosen`` and want something of what it takes."""
        rank = self._rank(chosen)
        taken = self._signs.wants[self._signs.of_case[chosen]] | {EXCLUSIVE}
        for case in cases:
            wanted = self._signs.wants[self._signs.of_case[case]]
            if self._rank(case) < rank and not taken.isdisjoint(wanted):
                self._overtaking.mark(case, now)

    def forget(self, case: int) -> None:
        """``case`` waits no more."""
        self._overtaking.forget(case)
        self.starving_outside.pop(case, None)

    def look(self, now: float) -> None:
        """Keep tokens for the best of the cases that have been overtaken for too long by ``now``.

        Those that share tokens with other runs have to get these first: nothing is kept for a
        case while it is not known when it can run.
        """
        if self.case is not None or not self._overtaking.is_due(now):
            return
        able: list[int] = []
        for case in self._overtaking.starving(now):
            outside = self._holdings.outside(case)
            if outside and case not in self._holdings.tickets.granted:
                self._holdings.tickets.ask(self._signs.of_case[case], case, outside)
                self.starving_outside[case] = None
            elif self.best_host(case) is not None:
                able.append(case)
        if able:
            self.reserve(min(able, key=self._rank))

    def granted(self, case: int) -> None:
        """What ``case`` acquired is there: it is to run soon, since others wait for that as well."""
        self.starving_outside.pop(case, None)
        if self.case is None:
            self.reserve(case)

    def reserve(self, case: int) -> None:
        """Keep tokens for ``case``, if there is anybody who could run it."""
        host = self.best_host(case)
        if host is not None:
            self.case = case
            self.kept = dict(self._holdings.demand(case, host))

    def end(self, now: float) -> None:
        """Keep nothing any more, but for the next whose shared tokens are there."""
        self.case = None
        self.kept = None
        self._overtaking.look_again(now)
        for granted in self._holdings.tickets.granted:
            self.granted(granted)

    def best_host(self, case: int) -> str | None:
        """Return the host with a worker on which the least is lacking for ``case``; None if none."""
        home = self._crew.home(case)
        host_of = self._crew.host_of
        hosts = dict.fromkeys(host_of.values()) if home is None else (host_of[home],)
        signature = self._signs.of_case[case]
        able = [host for host in hosts if signature not in self._signs.hopeless[host]]
        return min(able, key=lambda host: len(self._holdings.short(host, case)), default=None)

    def _rank(self, case: int) -> tuple[int, int]:
        return self._levels[case], case
