"""Another process on this machine that uses a ledger: ``python neighbour.py COMMAND ...``.

It prints what it has done, a line each, and goes on when it reads a line.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import filelock  # noqa: F401 - another user may be unable to read it later

from pytest_orchestra.machine import Ledger, MachineError, Supply, hold_life


def say(*words: object) -> None:
    """Print a line in one go, so that being killed does not tear it."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def wait_for_line() -> None:
    """Go on when the other end writes a line, and end when it has ended."""
    if not sys.stdin.readline():
        sys.exit()


def join(directory: str, tokens: int) -> Ledger:
    """Open a ledger with so many tokens."""
    supplies = {"token": Supply.of(tokens)}
    return Ledger.open(Path(directory) if directory else None, project="/near", supplies=supplies)


def take(ledger: Ledger, ticket_id: str) -> None:
    """Wait for one token."""
    grant = ledger.request(ticket_id, {"token": 1}, ticket_id)
    while grant is None:
        time.sleep(0.005)
        grant = next(iter(ledger.poll()), None)


def use(directory: str, count: str, milliseconds: str, until: str) -> None:
    """Use one of two tokens so often for so long, and say when (seconds).

    More often if need be: not less than until there is a file of that path.
    """
    ledger = join(directory, 2)
    say("ready")
    wait_for_line()
    for index in itertools.count():
        if index >= int(count) and Path(until).exists():
            break
        say("asked", time.monotonic())
        take(ledger, f"use {index}")
        say("got", time.monotonic())
        time.sleep(int(milliseconds) / 1000)
        say("done", time.monotonic())
        ledger.give_back(f"use {index}")
    ledger.close()


def hold(directory: str) -> None:
    """Hold the one token until told otherwise."""
    ledger = join(directory, 1)
    take(ledger, "held")
    say("held", ledger.run)
    wait_for_line()
    ledger.give_back("held")
    say("free")


def fork(directory: str) -> None:
    """Hold the one token, and fork as C does: the child inherits all, and lives on."""
    ledger = join(directory, 1)
    take(ledger, "held")
    c_fork: Callable[[], int] = ctypes.PyDLL(None).fork
    child = c_fork()
    if child == 0:
        signal.pause()
    say("forked", child)
    wait_for_line()


def work(directory: str, run: str) -> None:
    """Be a worker of that run until told otherwise."""
    life = hold_life(Path(directory), run, "gw0")
    say("works")
    wait_for_line()
    life.close()


def become(uid: str, gid: str, groups: str, directory: str) -> None:
    """Try to use the ledger as another user."""
    os.umask(0o077)
    os.setgroups([int(each) for each in groups.split(",") if each])
    os.setgid(int(gid))
    os.setuid(int(uid))
    try:
        ledger = join(directory, 1)
        take(ledger, "held")
    except MachineError as error:
        say("refused", error)
        return
    say("held", ledger.directory)
    wait_for_line()
    ledger.close()
    say("free")
    wait_for_line()


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "use": use,
    "hold": hold,
    "fork": fork,
    "work": work,
    "become": become,
}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
