"""Ledgers of several runs in one process, and what can happen to them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from pytest_orchestra.machine import Grant, Ledger, Supply


def join(directory: Path, project: str = "/shop", **declared: int | Supply) -> Ledger:
    """Open a ledger; a supply that is a number is one of so many tokens."""
    supplies = {
        name: each if isinstance(each, Supply) else Supply.of(each)
        for name, each in declared.items()
    }
    return Ledger.open(directory, project=project, supplies=supplies, timeout=60.0)


def die(ledger: Ledger) -> None:
    """Let go of its lock and nothing else, as the system does when a process is killed."""
    lock = ledger._life._lock
    assert lock is not None
    lock.release()


def ids(grants: list[Grant]) -> list[str]:
    """Return whose tickets were granted."""
    return [each.ticket_id for each in grants]


def ids_in_time(ledger: Ledger, seconds: float = 60.0) -> list[str]:
    """Poll until something is granted, for at most so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if granted := ids(ledger.poll()):
            return granted
        time.sleep(0.005)
    return []


def standing_of(ledger: Ledger) -> Path:
    """Return the file in which it keeps its tickets."""
    return ledger.directory / f"{ledger.run}.run"


def life_of(ledger: Ledger) -> Path:
    """Return the file that it holds locked while it lives."""
    return ledger.directory / ledger._life.name.file


def _delete_directory(ledger: Ledger) -> None:
    shutil.rmtree(ledger.directory)


def _delete_both(ledger: Ledger) -> None:
    life_of(ledger).unlink()
    standing_of(ledger).unlink()


#: What somebody may do to the files of a run that lives.
DAMAGES: dict[str, Callable[[Ledger], object]] = {
    "standing deleted": lambda each: standing_of(each).unlink(),
    "standing emptied": lambda each: standing_of(each).write_bytes(b""),
    "standing overwritten": lambda each: standing_of(each).write_bytes(b"\0\xff{}"),
    "standing cut off": lambda each: standing_of(each).write_bytes(
        standing_of(each).read_bytes()[:-3]
    ),
    "life deleted": lambda each: life_of(each).unlink(),
    "life and standing deleted": _delete_both,
    "guard deleted": lambda each: (each.directory / "guard.lock").unlink(missing_ok=True),
    "directory deleted": _delete_directory,
}
