"""Tests that are flaky in ways that are known, and some that are not."""

# ruff: noqa: PLR2004 - rates and commits stand where they are used

from __future__ import annotations

import os
import random
import socket
import time
from pathlib import Path

import pytest

SHARED = Path(os.environ["ZOO_RECORD"], "shared.txt")
PORT = int(os.environ["ZOO_PORT"])
LIMIT = 0.12


@pytest.mark.parametrize("number", range(20))
def test_healthy(number: int) -> None:
    """Passes."""
    time.sleep(0.005 * (number % 3))


def test_random() -> None:
    """Fails in one of five."""
    assert random.SystemRandom().random() >= 0.2


@pytest.mark.parametrize("number", range(4))
def test_race(number: int) -> None:
    """Checks what it wrote, while others write as well."""
    SHARED.write_text(str(number), encoding="utf-8")
    time.sleep(0.05)
    assert SHARED.read_text(encoding="utf-8") == str(number)


def test_polluter() -> None:
    """Leaves something behind."""
    os.environ["ZOO_POLLUTION"] = "1"


def test_victim() -> None:
    """Cannot stand what the polluter leaves behind."""
    assert "ZOO_POLLUTION" not in os.environ


def test_setter() -> None:
    """Makes what the brittle test takes for granted."""
    os.environ["ZOO_SETTING"] = "1"


def test_brittle() -> None:
    """Needs what another test made."""
    assert "ZOO_SETTING" in os.environ


@pytest.mark.parametrize("number", range(4))
def test_port(number: int) -> None:
    """Uses a port that others use too."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", PORT))
        server.listen(number + 1)
        time.sleep(0.05)


def test_timeout() -> None:
    """Takes about as long as it may."""
    began = time.monotonic()
    time.sleep(max(0.0, random.SystemRandom().gauss(0.09, 0.025)))
    if time.monotonic() - began > LIMIT:
        raise TimeoutError("it took too long")


def test_regression() -> None:
    """Is broken by some commits, and mended by a later one."""
    assert not 10 <= int(os.environ["ZOO_COMMIT"]) < 14
