import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from shop.client import ShopClient
from shop.terminal import SimulatedTerminal

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def shop(tmp_path: Path, terminal: SimulatedTerminal) -> Iterator[ShopClient]:
    """A client of a shop that runs in a process of its own, with 3 pieces of everything."""
    host, port = terminal.address
    command = [sys.executable, "-m", "shop", "--port=0", "--stock=3"]
    command += [f"--database={tmp_path / 'shop.sqlite3'}", f"--terminal={host}:{port}"]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield ShopClient(_address(process))
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str]) -> tuple[str, int]:
    """The address that the shop prints as soon as it is open."""
    assert process.stdout is not None
    greeting = process.stdout.readline()
    assert greeting.startswith("The shop is open at "), "the shop did not open"
    host, port = greeting.split()[-1].split(":")
    return host, int(port)
