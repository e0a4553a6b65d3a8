"""Tests that are flaky in ways that are known, and some that are not."""

from __future__ import annotations

import os
import random
import socket
import time
from pathlib import Path

import pytest

SHARED = Path(os.environ["ZOO_SHARED"])
PORT = int(os.environ["ZOO_PORT"])
LIMIT = 0.12


def chance(rate: float) -> bool:
    """Return True as often as ``rate`` says."""
    return random.SystemRandom().random() < rate


@pytest.mark.parametrize("number", range(20))
def test_healthy(number: int) -> None:
    """Passes."""
    time.sleep(0.005 * (number % 3))


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("rate", [0.02, 0.05, 0.1, 0.2, 0.4])
def test_random(rate: float, number: int) -> None:
    """Fails as often as its name says."""
    del number
    assert not chance(rate)


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_mixed(rate: float, is_broken: bool) -> None:  # noqa: FBT001 - a fixture
    """Fails by chance, and in the same way where a commit breaks it."""
    fails = is_broken or chance(rate)
    assert not fails


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


@pytest.mark.parametrize("number", range(4))
def test_regression(number: int, is_broken: bool) -> None:  # noqa: FBT001 - a fixture
    """Is broken by some commits, and mended by later ones."""
    del number
    assert not is_broken


def test_broken(is_broken: bool) -> None:  # noqa: FBT001 - a fixture
    """Is broken by one of the last commits, and not mended."""
    assert not is_broken
