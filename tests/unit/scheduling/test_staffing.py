"""When another worker is worth its start, and when one may go."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pytest_orchestra.scheduling.engine import Vacancies
from pytest_orchestra.scheduling.staffing import PATIENCE, Muster

#: Four workers that all have their hands full, and twenty cases that wait.
BUSY = Muster(
    limit=8,
    hired=4,
    starting=0,
    idle=0,
    vacancies=Vacancies(8, 0, 60.0),
    pending=20,
    start_up=0.5,
)


@pytest.mark.parametrize(
    ("muster", "wanted"),
    [
        (BUSY, 4),
        (replace(BUSY, limit=6), 2),
        (replace(BUSY, limit=4), 0),
        (replace(BUSY, vacancies=Vacancies(3, 0, 60.0)), 3),
        (replace(BUSY, vacancies=Vacancies(3, 0, math.inf)), 3),
        (replace(BUSY, vacancies=Vacancies(3, 0, 60.0), starting=2), 1),
        (replace(BUSY, vacancies=Vacancies(3, 0, 60.0), starting=4), 0),
        (replace(BUSY, vacancies=Vacancies(0, 3, 60.0)), 3),
        (replace(BUSY, vacancies=Vacancies(0, 3, 60.0), idle=1), 2),
        (replace(BUSY, vacancies=Vacancies(0, 0, 0.0)), 0),
    ],
)
def test_as_many_as_there_is_work_for(muster: Muster, wanted: int) -> None:
    """As many are started as there are cases for them, now or soon, and as may be."""
    assert muster.wanted == wanted


def test_what_is_soon_over_is_not_worth_a_start() -> None:
    """Where those who are there have begun everything before another has started, none is."""
    assert replace(BUSY, vacancies=Vacancies(8, 0, 0.5)).wanted == 0
    assert replace(BUSY, vacancies=Vacancies(8, 0, 0.6)).wanted == 4


def test_what_idle_workers_leave_lying_is_for_nobody() -> None:
    """It is bound to others, so one more would leave it lying too."""
    assert replace(BUSY, idle=1).wanted == 0


@pytest.mark.parametrize(
    ("muster", "surplus"),
    [
        (BUSY, 0),
        (replace(BUSY, idle=2), 0),
        (replace(BUSY, idle=2, pending=2), 0),
        (replace(BUSY, idle=2, pending=1), 1),
        (replace(BUSY, idle=2, pending=0), 2),
        (replace(BUSY, idle=4, pending=0), 3),
        (replace(BUSY, idle=4, pending=0, spare=2), 2),
        (replace(BUSY, idle=1, starting=2, pending=2), 1),
        (replace(BUSY, hired=1, idle=1, pending=0, spare=2), 0),
    ],
)
def test_more_workers_than_cases_are_left(muster: Muster, surplus: int) -> None:
    """Those go for whom nothing is left, but never the last, nor whoever is to try again."""
    assert muster.surplus == surplus


def test_who_may_be_needed_again_waits_a_while() -> None:
    """An idle worker goes after some times its start, unless there is work soon, or it is the last."""
    long = PATIENCE * BUSY.start_up
    assert BUSY.may_go(long)
    assert not BUSY.may_go(0.9 * long)
    assert not replace(BUSY, vacancies=Vacancies(0, 1, 0.0)).may_go(long)
    assert not replace(BUSY, hired=1).may_go(long)
