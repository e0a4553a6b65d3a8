import gc
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_orchestra.running.garbage import SELDOM, searched_seldom


def test_the_threshold_is_as_before_afterwards() -> None:
    """However it was."""
    before = gc.get_threshold()
    with searched_seldom():
        assert gc.get_threshold()[0] == SELDOM
    assert gc.get_threshold() == before


def test_a_threshold_that_somebody_sets_inside_stays() -> None:
    """A conftest.py may have its own idea."""
    before = gc.get_threshold()
    try:
        with searched_seldom():
            gc.set_threshold(1234, 5, 6)
        assert gc.get_threshold()[:2] == (1234, 5)
    finally:
        gc.set_threshold(*before)


def test_what_is_searched_never_stays_so() -> None:
    """A threshold of 0 switches the search off."""
    before = gc.get_threshold()
    try:
        gc.set_threshold(0)
        with searched_seldom():
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)


def test_what_was_made_inside_counts_as_old() -> None:
    """So that it is not walked over again as soon as that is over, and it stays in sight."""
    with searched_seldom():
        made: list[object] = [[]]
    assert not any(each is made for each in gc.get_objects(generation=0))
    assert any(each is made for each in gc.get_objects())


def test_what_somebody_froze_stays_frozen() -> None:
    """A conftest.py that wants to fork may have put everything aside."""
    gc.freeze()
    try:
        count = gc.get_freeze_count()
        with searched_seldom():
            pass
        assert gc.get_freeze_count() >= count > 0
    finally:
        gc.unfreeze()


PROGRAM = """
import atexit, gc, os, sys
from pathlib import Path
from pytest_orchestra.running.garbage import leave_quickly

folder, left = Path(sys.argv[1]), sys.argv[2]
atexit.register(lambda: folder.joinpath("frozen").write_text(str(gc.get_freeze_count() > 0)))
leave_quickly()
leave_quickly()

class Log:
    number = os.open(folder.joinpath("log"), os.O_WRONLY | os.O_CREAT)
    file = open(number, "w")

Log.file.write("something")

class Finalized:
    itself = None
    def __del__(self):
        folder.joinpath("finalized").write_text("yes")

def generate():
    try:
        yield
    finally:
        Finalized.itself = None
        folder.joinpath("finalized").write_text("yes")

if left == "finalizer":
    Finalized.itself = Finalized()
elif left == "generator":
    Finalized.itself = generate()
    next(Finalized.itself)
elif left == "file":
    Finalized.itself = folder.joinpath("other").open("w")
elif "socket" in left:
    import socket
    Finalized.itself = socket.socket()
    if left == "closed file of a socket":
        file = Finalized.itself.makefile("rb", buffering=0)
        Finalized.itself.close()
        file.close()
        Finalized.itself = file
    elif left == "closed socket":
        Finalized.itself.close()
"""


@pytest.mark.parametrize(
    "left",
    [
        "nothing",
        "finalizer",
        "generator",
        "file",
        "socket",
        "closed socket",
        "closed file of a socket",
    ],
)
def test_at_the_end_nothing_is_lost(tmp_path: Path, left: str) -> None:
    """Open files are flushed, and what has something to do when it is finalized gets to do it."""
    subprocess.run([sys.executable, "-c", PROGRAM, tmp_path, left], check=True)  # noqa: S603 - ours
    assert (tmp_path / "log").read_text() == "something"
    assert (tmp_path / "frozen").read_text() == str(left == "nothing" or left.startswith("closed"))
    assert (tmp_path / "finalized").exists() == (left in {"finalizer", "generator"})
