"""Ledgers between real processes, some of which are killed."""

import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Callable, Iterator
from itertools import accumulate, cycle
from pathlib import Path
from typing import Final

import ledgers
import neighbour
import pytest
from ledgers import ids_in_time, join

PROGRAM: Final = str(Path(neighbour.__file__))

#: How often each of four processes uses one of two tokens, and for how many milliseconds.
USES: Final = 40
USE: Final = 10

#: Seconds after which something is taken to hang.
PATIENCE: Final = 120

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users")


class Neighbour:
    """One process that uses a ledger."""

    def __init__(self, *arguments: object, out: Path | None = None) -> None:
        self.out: Final = out
        command = [sys.executable, PROGRAM, *map(str, arguments)]
        output = subprocess.PIPE if out is None else out.open("ab")
        self.process: Final = subprocess.Popen(  # noqa: S603 - a program of ours
            command, stdin=subprocess.PIPE, stdout=output, text=True
        )
        if out is not None:
            output.close()  # type: ignore[union-attr]

    def heard(self) -> list[str]:
        """Return the words of the next line that it prints."""
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], PATIENCE)[0]
        return self.process.stdout.readline().split()

    def tell(self) -> None:
        """Let it go on."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """End it at once; its exit code is not asked for, so it becomes a zombie."""
        os.kill(self.process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)

    def close(self) -> None:
        """End it in any case."""
        self.process.kill()
        for each in (self.process.stdin, self.process.stdout):
            if each is not None:
                each.close()
        self.process.wait()


@pytest.fixture
def neighbours() -> Iterator[list[Neighbour]]:
    """End the processes that a test puts in here."""
    started: list[Neighbour] = []
    yield started
    for each in started:
        each.close()


class Slot:
    """A process, its predecessors that were killed, and what they wrote."""

    def __init__(self, directory: Path, out: Path, neighbours: list[Neighbour], uses: int) -> None:
        self.directory, self.out, self.neighbours = directory, out, neighbours
        #: Until there is this file, it goes on.
        self.until: Final = out.with_name("enough")
        self.wanted: Final = uses
        self.current: Neighbour | None = None
        out.touch()

    def lines(self) -> list[list[str]]:
        """Return what has been written, the words of each line."""
        return [line.split() for line in self.out.read_text(encoding="ascii").splitlines()]

    def left(self) -> int:
        """Return how many uses are still to be made."""
        return self.wanted - sum(words[0] == "done" for words in self.lines())

    def start(self) -> None:
        """Start a process that is to do what is left."""
        ready = self.lines().count(["ready"])
        arguments = ("use", self.directory, self.left(), USE, self.until)
        self.current = Neighbour(*arguments, out=self.out)
        self.neighbours.append(self.current)
        while self.lines().count(["ready"]) == ready:
            assert self.current.process.poll() is None
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill it."""
        assert self.current is not None
        at = time.monotonic()
        self.current.kill()
        with self.out.open("a", encoding="ascii") as file:
            file.write(f"killed {at}\n")

    def uses(self) -> Iterator[tuple[float, float, float]]:
        """Yield when it asked, got and gave back, or was killed."""
        asked = got = None
        for word, *at in self.lines():
            if word == "asked":
                asked, got = float(at[0]), None
            elif word == "got":
                got = float(at[0])
            elif word in ("done", "killed") and asked is not None and got is not None:
                yield asked, got, float(at[0])
                asked = got = None


def finish(slots: list[Slot]) -> None:
    """Wait until all have done what they wanted."""
    slots[0].until.touch()
    for slot in slots:
        assert slot.current is not None
        assert slot.current.process.wait(PATIENCE) == 0
        assert slot.left() <= 0


def most_at_once(slots: list[Slot]) -> int:
    """Return how many had a token at the same moment, by their own stamps."""
    changes = [
        change
        for slot in slots
        for _, got, end in slot.uses()
        for change in ((got, 1), (max(got, end), -1))
    ]
    return max(accumulate(step for _, step in sorted(changes)))


def is_fair(slots: list[Slot]) -> bool:
    """Whether each got a token before the others had one twice, of whom two may just have asked.

    By their own stamps: who stops for breath between saying that it asks and asking is overtaken. So
    this is asked of most uses, and not of all.
    """
    uses = [list(slot.uses()) for slot in slots]
    for mine in uses:
        others = sorted(got for theirs in uses if theirs is not mine for _, got, _ in theirs)
        overtaken = [bisect(others, got) - bisect(others, asked) for asked, got, _ in mine]
        if sorted(overtaken)[len(overtaken) * 3 // 4] > 2 * (len(slots) - 1):
            return False
    return True


def slots_in(tmp_path: Path, neighbours: list[Neighbour], uses: int = USES) -> list[Slot]:
    """Return four slots whose processes have begun."""
    directory = tmp_path / "ledger"
    slots = [Slot(directory, tmp_path / f"{each}.log", neighbours, uses) for each in range(4)]
    for slot in slots:
        slot.start()
    for slot in slots:
        assert slot.current is not None
        slot.current.tell()
    until = time.monotonic() + PATIENCE
    while not all(list(slot.uses()) for slot in slots) and time.monotonic() < until:
        time.sleep(0.01)
    return slots


def test_four_processes_share_two_tokens_fairly(
    tmp_path: Path, neighbours: list[Neighbour]
) -> None:
    """Never more than two have one, both are used, and who asked later does not get one earlier."""
    slots = slots_in(tmp_path, neighbours)
    finish(slots)
    assert most_at_once(slots) == 2
    assert is_fair(slots)


def test_processes_that_are_killed_again_and_again_disturb_nobody(
    tmp_path: Path, neighbours: list[Neighbour]
) -> None:
    """One at a time is killed and started again, then all of them do what they wanted."""
    slots = slots_in(tmp_path, neighbours)
    for slot, _ in zip(cycle(slots), range(12), strict=False):
        time.sleep(0.1)
        slot.kill()
        slot.start()
        assert slot.current is not None
        slot.current.tell()
    finish(slots)
    assert most_at_once(slots) == 2
    assert is_fair(slots)


def test_what_a_killed_process_held_is_free_at_once(
    tmp_path: Path, neighbours: list[Neighbour]
) -> None:
    """Although nobody has asked for its exit code yet."""
    holder = Neighbour("hold", tmp_path)
    neighbours.append(holder)
    assert holder.heard()[0] == "held"
    ledger = join(tmp_path, token=1)
    assert ledger.request("t", {"token": 1}, "") is None
    assert ledger.poll() == []
    assert [each.pid for each in ledger.holders("token")] == [holder.process.pid, os.getpid()]
    holder.kill()
    assert ledgers.ids(ledger.poll()) == ["t"]


def test_a_test_that_outlives_its_controller_keeps_its_tokens(
    tmp_path: Path, neighbours: list[Neighbour]
) -> None:
    """They are free when the worker that runs it has ended, too."""
    holder = Neighbour("hold", tmp_path)
    neighbours.append(holder)
    worker = Neighbour("work", tmp_path, holder.heard()[1])
    neighbours.append(worker)
    assert worker.heard() == ["works"]
    ledger = join(tmp_path, token=1)
    assert ledger.request("t", {"token": 1}, "") is None
    holder.kill()
    assert ids_in_time(ledger, 1.0) == []
    worker.kill()
    assert ledgers.ids(ledger.poll()) == ["t"]


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="needs /proc")
def test_a_fork_that_outlives_the_holder_keeps_nothing(
    tmp_path: Path, neighbours: list[Neighbour]
) -> None:
    """It inherited the lock and never lets go of it; but the holder is known to have ended."""
    parent = Neighbour("fork", tmp_path)
    neighbours.append(parent)
    child = int(parent.heard()[1])
    try:
        ledger = join(tmp_path, token=1)
        assert ledger.request("t", {"token": 1}, "") is None
        (life,) = tmp_path.glob(f"*~{parent.process.pid}~*.life")
        with life.open("rb") as file:
            parent.kill()
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert ids_in_time(ledger) == ["t"]
    finally:
        os.kill(child, signal.SIGKILL)


def overwrite(directory: Path, pattern: str) -> None:
    """Put something else into the files of everybody."""
    for file in directory.glob(pattern):
        file.write_bytes(b"?")


def delete(directory: Path, pattern: str) -> None:
    """Remove the files of everybody."""
    for file in directory.glob(pattern):
        file.unlink(missing_ok=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda directory: overwrite(directory, "*.run"),
        lambda directory: delete(directory, "*.run"),
        lambda directory: delete(directory, "*.life"),
        lambda directory: delete(directory, "guard.lock"),
        lambda directory: delete(directory, "*"),
        lambda directory: shutil.rmtree(directory, ignore_errors=True),
    ],
    ids=["overwritten", "no standing", "no lives", "no guard", "no files", "no directory"],
)
def test_damage_under_running_processes_heals(
    tmp_path: Path, neighbours: list[Neighbour], damage: Callable[[Path], None]
) -> None:
    """All of them get what they wanted, and never more than two at once."""
    slots = slots_in(tmp_path, neighbours)
    for _ in range(20):
        time.sleep(0.05)
        damage(tmp_path / "ledger")
    finish(slots)
    assert most_at_once(slots) == 2
    assert [each.name for each in (tmp_path / "ledger").iterdir()] == ["guard.lock"]


@pytest.fixture
def shared() -> Iterator[Path]:
    """Return a directory that other users can get at."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        (Path(directory) / "ledger").mkdir()
        yield Path(directory) / "ledger"


@needs_root
def test_users_share_a_directory_by_a_common_group(
    shared: Path, neighbours: list[Neighbour]
) -> None:
    """Whatever their own groups and file masks are: what one has, the other waits for."""
    os.chown(shared, 0, 54321)
    for mode in (0o770, 0o2770):
        shared.chmod(mode)
        first = Neighbour("become", 12345, 12345, "54321", shared)
        neighbours.append(first)
        assert first.heard()[0] == "held"
        second = Neighbour("become", 12346, 12346, "54321", shared)
        neighbours.append(second)
        first.tell()
        assert first.heard() == ["free"]
        assert second.heard()[0] == "held"
        third = join(shared, token=1)
        assert third.request("t", {"token": 1}, "") is None
        assert {each.user for each in third.holders("token")} == {"12346", "root"}
        second.kill()
        assert ids_in_time(third) == ["t"]
        third.close()


@needs_root
def test_users_share_a_directory_that_is_open_to_all(
    shared: Path, neighbours: list[Neighbour]
) -> None:
    """Whoever is killed leaves nothing that others could not remove."""
    shared.chmod(0o777)
    one = Neighbour("become", 12345, 12345, "", shared)
    neighbours.append(one)
    assert one.heard()[0] == "held"
    other = Neighbour("become", 12346, 12346, "", shared)
    neighbours.append(other)
    time.sleep(0.2)
    one.kill()
    assert other.heard()[0] == "held"
    other.tell()
    assert other.heard() == ["free"]
    assert [each.name for each in shared.iterdir()] == ["guard.lock"]


@needs_root
def test_root_shares_the_directory_of_a_user(shared: Path, neighbours: list[Neighbour]) -> None:
    """What root makes there the user can use."""
    os.chown(shared, 12345, 12345)
    shared.chmod(0o700)
    root = join(shared, token=1)
    assert root.request("t", {"token": 1}, "")
    user = Neighbour("become", 12345, 12345, "", shared)
    neighbours.append(user)
    time.sleep(0.2)
    root.close()
    assert user.heard()[0] == "held"


@needs_root
@pytest.mark.parametrize(
    ("mode", "groups", "reason"),
    [
        (0o755, "", "may not be written by 12345 (uid 12345)"),
        (0o1777, "", "is sticky"),
        (0o2770, "", "may not be written by 12345 (uid 12345)"),
    ],
)
def test_a_directory_that_cannot_be_shared_is_a_clear_error(
    shared: Path, neighbours: list[Neighbour], mode: int, groups: str, reason: str
) -> None:
    """It names the directory, its owner and mode, and what to do."""
    shared.chmod(mode)
    one = Neighbour("become", 12345, 12345, groups, shared)
    neighbours.append(one)
    words = " ".join(one.heard())
    assert words.startswith(f"refused {shared}: {reason}")
    assert f"(it belongs to root (uid 0), mode {mode:04o})" in words
    assert "name another directory as runtime_dir" in words


@needs_root
def test_what_another_user_has_made_for_itself_is_a_clear_error(
    shared: Path, neighbours: list[Neighbour]
) -> None:
    """A file that one may not use is named with its owner and mode."""
    (shared / "guard.lock").touch()
    (shared / "guard.lock").chmod(0o600)
    shared.chmod(0o777)
    one = Neighbour("become", 12345, 12345, "", shared)
    neighbours.append(one)
    words = " ".join(one.heard())
    assert words.startswith(f"refused {shared}: cannot be used: guard.lock: Permission denied")
    assert "belongs to root (uid 0) with mode 0600" in words
    assert "remove that file" in words
