"""Whose turn it is, and who is asked for it, when nobody is left who could run it."""

from __future__ import annotations

from engines import counted, make_engine, spec

from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.scheduling.asking import Asking
from pytest_orchestra.scheduling.capacity import Stock
from pytest_orchestra.scheduling.crew import Crew
from pytest_orchestra.scheduling.holdings import Holdings
from pytest_orchestra.scheduling.parking import Parking
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.ready import ReadyQueue
from pytest_orchestra.scheduling.reservation import Reservation
from pytest_orchestra.scheduling.signatures import Signatures
from pytest_orchestra.scheduling.waits import Waits

SPECS = [CaseSpec("a.py::a", claims=frozenset({Claim("db")}))] * 2
LEVELS = (0, 1)


class Desk:
    """All that decides about reservations, with workers or without."""

    def __init__(self, *workers: str) -> None:
        pool = Pool(Stock(counted({"db": 1})))
        signs = Signatures(SPECS, pool)
        self.crew = Crew(SPECS, signs.hosts)
        self.holdings = Holdings(SPECS, pool, signs, self.crew)
        for worker in workers:
            self.holdings.keeps.join(worker, self.crew.join(worker, ""))
        self.reservation = Reservation(signs, self.holdings, self.crew, LEVELS, 1.0)
        self.asking = Asking(
            self.holdings,
            self.crew,
            ReadyQueue(LEVELS, signs.of_case, (0, 0)),
            Parking(signs.hosts, signs.wants, Waits(2)),
            self.reservation,
            LEVELS,
            (0, 0),
            lambda _: 0.0,
        )


def test_a_case_that_starves_gets_a_reservation() -> None:
    """Once its patience is at an end."""
    desk = Desk("w1")
    desk.reservation.mark(1, [0], 0.0)
    desk.reservation.look(0.5)
    assert desk.reservation.case is None
    desk.reservation.look(1.0)
    assert desk.reservation.case == 0
    assert desk.reservation.kept is not None


def test_nothing_is_kept_for_whom_nobody_can_run() -> None:
    """Whether it starves, or was to be kept something for another reason."""
    desk = Desk()
    desk.reservation.mark(1, [0], 0.0)
    desk.reservation.look(2.0)
    desk.reservation.reserve(0)
    assert desk.reservation.case is None


def test_nobody_is_asked_on_behalf_of_whom_nobody_can_run() -> None:
    """There is nowhere where anything is lacking."""
    desk = Desk()
    desk.reservation.starving_outside[0] = None
    desk.asking.look((), {}, 1.0)
    assert desk.asking.drain() == ([], [])


def test_a_run_without_workers_has_nobody_to_ask() -> None:
    """The engine goes on without."""
    engine = make_engine([spec(Claim("db"))], capacities={"db": 1})
    assert engine.handle_all((), 5.0) == ()
