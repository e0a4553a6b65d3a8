from __future__ import annotations

import threading

from pytest_orchestra.running.alarm import Alarm

#: Seconds that a loaded machine may take to start a thread.
PATIENCE = 30.0


def test_it_rings_when_its_time_has_come() -> None:
    """Once, also if it is set to the same time again."""
    rings = threading.Semaphore(0)
    alarm = Alarm(rings.release)
    alarm.set(6.0, 5.0)
    alarm.set(6.0, 5.0)
    assert rings.acquire(timeout=PATIENCE)
    assert not rings.acquire(timeout=0.1)


def test_a_time_that_has_gone_by_is_now() -> None:
    """It rings all the same."""
    rang = threading.Event()
    Alarm(rang.set).set(1.0, 5.0)
    assert rang.wait(PATIENCE)


def test_another_time_takes_the_place_of_the_first() -> None:
    """And none, or a stop, of any."""
    rang = threading.Event()
    alarm = Alarm(rang.set)
    alarm.set(6.0, 5.0)
    alarm.set(1000.0, 5.0)
    alarm.set(6.0, 5.0)
    alarm.set(None, 5.0)
    alarm.set(6.0, 5.0)
    alarm.stop()
    assert not rang.wait(1.3)
