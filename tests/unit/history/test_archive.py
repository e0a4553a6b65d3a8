"""What may be wrong with a history costs one line; nothing that was in it is lost."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from struct import pack

import pytest
from histories import HERE, PYTHON, attempt, case, run, traces

from pytest_orchestra.history import archive as archive_module
from pytest_orchestra.history.archive import Archive, Recollection
from pytest_orchestra.history.estimates import failure_probability
from pytest_orchestra.history.renames import Trace
from pytest_orchestra.history.retention import Retention
from pytest_orchestra.history.schema import STEPS
from pytest_orchestra.history.store import Store, is_sound

X, Y = "a.py::test_x", "a.py::test_y"

#: A user without any rights.
NOBODY = 65_534


class Told(list[str]):
    """The lines that the user was told."""


def make(path: Path, told: Told, patience: float = 0.2) -> Archive:
    """Return the archive of a run that is about to begin."""
    return Archive(path, "h", told.append, patience=patience)


def recall(path: Path, *nodeids: str, told: Told | None = None) -> Recollection:
    """Return what a run would know that collects these tests; by default it must not complain."""
    lines = Told() if told is None else told
    found = make(path, lines).recall(traces(*nodeids or (X,)), HERE, lambda _: False)
    assert told is not None or not lines
    return found


def keep(path: Path, number: int, told: Told | None = None, tests: int = 1) -> None:
    """Add a run of so many tests; by default that must not go wrong."""
    lines = Told() if told is None else told
    archive = make(path, lines)
    archive.keep(run(number, case(X), *(case(f"b.py::test_{n}") for n in range(tests - 1))), {})
    assert told is not None or not lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a history of one run, in a directory of its own."""
    path = tmp_path / "history" / "history.sqlite3"
    keep(path, 1)
    return path


def in_child(action: Callable[[], Told]) -> list[str]:
    """Run ``action`` in a process of its own and return what it told."""
    context = get_context("fork")
    receiving, sending = context.Pipe(duplex=False)

    def send(pipe: Connection) -> None:
        pipe.send(list(action()))

    child = context.Process(target=send, args=(sending,))
    child.start()
    sending.close()
    try:
        lines: list[str] = receiving.recv()
    finally:
        child.join(60)
        receiving.close()
    assert child.exitcode == 0
    return lines


def without_rights(action: Callable[[], Told]) -> list[str]:
    """Run ``action`` as a user whom permissions bind."""

    def act() -> Told:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        return action()

    return in_child(act)


@pytest.fixture
def public() -> Iterator[Path]:
    """Return a directory that everybody may look into, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


# when all is well


def test_nothing_is_known_at_first(tmp_path: Path) -> None:
    """And nothing is made by asking; a new test fails as new tests do."""
    path = tmp_path / "history" / "history.sqlite3"
    assert recall(path) == Recollection(failing={X: failure_probability(())})
    assert not path.parent.exists()


def test_what_a_run_leaves_the_next_one_knows(path: Path) -> None:
    """Durations, probabilities of failure and costs of fixtures; others stay unknown."""
    archive = make(path, Told())
    failed = case(Y, attempt(seconds=3.0), body="b")
    archive.keep(run(2, case(X), failed, fixtures={("db", ""): 2.0}), {})
    changed = [*traces(X, "a.py::test_z"), *traces(Y, body="c")]
    found = make(path, Told()).recall(changed, HERE, lambda _: False)
    assert found.seconds == {X: 0.5, Y: 3.0}
    assert found.costs == {("db", ""): 2.0}
    assert found.failing["a.py::test_z"] > found.failing[Y] > found.failing[X]


def test_version_control_does_not_see_it(path: Path) -> None:
    """Its directory ignores itself; one that was there before is left as it is."""
    assert (path.parent / ".gitignore").read_text().splitlines()[-1] == "*"
    there = path.parent.parent / "there"
    there.mkdir()
    keep(there / "h.sqlite3", 1)
    assert not (there / ".gitignore").exists()


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_moved_test_is_known_once_the_old_one_is_gone(path: Path, *, is_gone: bool) -> None:
    """A copy is a new test; what has moved is known, and kept under its new name."""
    make(path, Told()).keep(run(2, case("old.py::test_m", attempt(seconds=7.0), body="m")), {})
    archive = make(path, Told())
    moved = [Trace("new.py::test_m", 0, f"{PYTHON}-m")]
    found = archive.recall(moved, HERE, lambda nodeid: is_gone and nodeid.startswith("old"))
    assert found.seconds == ({"new.py::test_m": 7.0} if is_gone else {})
    archive.keep(run(3, case("new.py::test_m", body="m")), found.renamed)
    with Store.open(path) as store:
        lengths = {
            name: len(each)
            for name, each in store.cases(["old.py::test_m", "new.py::test_m"]).items()
        }
    assert lengths == (
        {"new.py::test_m": 2} if is_gone else {"old.py::test_m": 1, "new.py::test_m": 1}
    )


# network file systems


def test_runs_that_cannot_share_a_file_have_one_each(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read together with what is there already; the oldest go."""
    monkeypatch.setattr(archive_module, "is_on_network", lambda _: True)
    before = path.read_bytes()
    for number, seconds in ((2, 4.0), (3, 4.0), (4, 4.0), (5, 4.0)):
        archive = Archive(path, "h", pytest.fail, Retention(runs=3))
        archive.keep(run(number, case(X, attempt(seconds=seconds)), fixtures={("db", ""): 1.0}), {})
    assert path.read_bytes() == before
    assert len(list(path.with_name("history.sqlite3.runs").iterdir())) == 3
    found = recall(path)
    assert found.seconds == {X: 4.0}
    assert found.costs == {("db", ""): 1.0}


def test_runs_of_their_own_need_no_locks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are network file systems that have none."""
    monkeypatch.setattr(archive_module, "is_on_network", lambda _: True)
    keep(path, 2, tests=2)
    (own,) = path.with_name("history.sqlite3.runs").iterdir()
    with held(own, "PRAGMA locking_mode = EXCLUSIVE"):
        assert recall(path, "b.py::test_0").seconds == {"b.py::test_0": 0.5}


# corrupt


@pytest.mark.parametrize("content", [b"no database " * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_corrupt_history_is_set_aside(path: Path, content: bytes) -> None:
    """It is kept as it was under another name, and another one is begun."""
    path.write_bytes(content)
    told = Told()
    archive = make(path, told)
    assert not archive.recall(traces(X), HERE, lambda _: False).seconds
    archive.keep(run(2, case(X)), {})
    (line,) = told
    (aside,) = path.parent.glob("*.corrupt-*")
    assert aside.read_bytes() == content
    assert f"kept as {aside.name}" in line
    assert recall(path).seconds == {X: 0.5}


def test_what_is_found_to_be_corrupt_at_the_end_is_set_aside_too(path: Path) -> None:
    """The run that found out is in the new one."""
    path.write_bytes(b"rubbish" * 1000)
    told = Told()
    keep(path, 2, told)
    assert len(told) == 1
    assert recall(path).seconds == {X: 0.5}


def test_damage_in_the_middle_is_found(path: Path) -> None:
    """Also where the head of the file is whole, and in what only we can read."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE test SET recent = x'010203'")
    told = Told()
    assert not recall(path, told=told).seconds
    assert len(told) == 1
    assert len(list(path.parent.glob("*.corrupt-*"))) == 1


def test_damaged_pages_cost_nothing_but_a_line(path: Path) -> None:
    """Every page but the first is overwritten: whatever is read or written first finds it."""
    keep(path, 2, tests=2000)
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    told = Told()
    archive = make(path, told)
    archive.recall(traces(X), HERE, lambda _: False)
    archive.keep(run(3, case(X)), {})
    assert len(told) == 1
    assert recall(path).seconds == {X: 0.5}


def _begin(path: Path, number: int) -> None:
    told = Told()
    archive = make(path, told, patience=60)
    archive.recall(traces(X), HERE, lambda _: False)
    archive.keep(run(number, case(X)), {})


@pytest.mark.parametrize("is_there", [True, False])
def test_several_begin_at_once(path: Path, *, is_there: bool) -> None:
    """One that is corrupt is set aside once; the one that takes its place has the runs of all."""
    path.unlink()
    if is_there:
        path.write_bytes(b"rubbish" * 1000)
    context = get_context("fork")
    finders = [context.Process(target=_begin, args=(path, n)) for n in range(5)]
    for finder in finders:
        finder.start()
    for finder in finders:
        finder.join(100)
    assert [finder.exitcode for finder in finders] == [0] * 5
    aside = [each.read_bytes()[:7] for each in path.parent.glob("*.corrupt-*")]
    assert aside == ([b"rubbish"] if is_there else [])
    with Store.open(path) as store:
        assert len(store.cases([X])[X]) == 5


# locked


HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE test SET line = 99")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path, pragma: str = "SELECT 1") -> Iterator[None]:
    """Let another process be in the middle of writing."""
    command = (sys.executable, "-c", HOLDER, str(path), pragma)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:  # noqa: S603 - a command of ours
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.communicate()


def test_a_locked_history_is_read_and_not_waited_for(path: Path) -> None:
    """Who writes keeps nobody from reading; who is kept from writing says so and goes on."""
    told = Told()
    with held(path):
        assert recall(path).seconds == {X: 0.5}
        keep(path, 2, told)
    assert told == ["history h is locked by another process: this run is not added to it"]
    keep(path, 3)
    with Store.open(path) as store:
        assert [trial.run.uuid for trial in store.cases([X])[X]] == ["run-1", "run-3"]


def test_a_history_that_is_locked_altogether_costs_one_line(path: Path) -> None:
    """Nothing is known then; when the lock is gone the run is added all the same."""
    told = Told()
    archive = make(path, told)
    with held(path, "PRAGMA locking_mode = EXCLUSIVE"):
        assert not archive.recall(traces(X), HERE, lambda _: False).seconds
        archive.keep(run(2, case(X)), {})
    (line,) = told
    assert "is locked by another process" in line
    archive.keep(run(3, case(X)), {})
    with Store.open(path) as store:
        assert [trial.run.uuid for trial in store.cases([X])[X]] == ["run-1", "run-3"]


#: Says so when it begins to wait.
WAITER = """
import os, sys, time
sys.path.append(sys.argv[2])
pause = time.sleep
def first_pause(seconds):
    time.sleep = pause
    os.write(1, b"waits\\n")
    pause(seconds)
time.sleep = first_pause
from pathlib import Path
from histories import case, run
from pytest_orchestra.history.archive import Archive
archive = Archive(Path(sys.argv[1]), "h", print)
archive.keep(run(2, case("a.py::test_x")), {})
print("went on", flush=True)
"""


def test_nobody_has_to_wait_for_a_lock_who_will_not(path: Path) -> None:
    """Ctrl-C ends the waiting, which may take a minute, and nothing else."""
    support = Path(__file__).parent.parent.parent / "support"
    command = (sys.executable, "-c", WAITER, str(path), str(support))
    with held(path), subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiter:  # noqa: S603 - ours
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == "waits\n"
        waiter.send_signal(signal.SIGINT)
        output, _ = waiter.communicate(timeout=55)  # it would wait for a minute
    assert output.splitlines() == [
        "history h could not be written before Ctrl-C: this run is not added to it",
        "went on",
    ]
    assert recall(path).seconds == {X: 0.5}


# of others


def test_a_history_from_the_future_is_left_alone(path: Path) -> None:
    """An older plugin neither reads nor writes what it does not understand."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    before, told = path.read_bytes(), Told()
    archive = make(path, told)
    assert not archive.recall(traces(X), HERE, lambda _: False).seconds
    archive.keep(run(2, case(X)), {})
    (line,) = told
    assert "newer pytest-orchestra" in line
    assert path.read_bytes() == before


def test_a_database_of_others_is_left_alone(path: Path) -> None:
    """Whoever names the wrong file does not lose it."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (name)")
    before, told = path.read_bytes(), Told()
    archive = make(path, told)
    archive.recall(traces(X), HERE, lambda _: False)
    archive.keep(run(2, case(X)), {})
    (line,) = told
    assert "not a history" in line
    assert path.read_bytes() == before


# read-only


def _use(path: Path) -> Told:
    """Read what is there, which must work, and fail to write."""
    told = Told()
    assert recall(path).seconds == {X: 0.5}
    keep(path, 2, told)
    return told


@pytest.mark.parametrize("mode", [0o555, 0o777])
def test_what_is_read_only_is_read_only(public: Path, mode: int) -> None:
    """The file, or its directory too: what is known is used, and the run is not added."""
    path = public / "history" / "history.sqlite3"
    keep(path, 1)
    path.chmod(0o444)
    path.parent.chmod(mode)
    before = path.read_bytes()
    (line,) = without_rights(lambda: _use(path))
    assert "read-only" in line or "cannot be opened" in line
    assert "not added" in line
    assert path.read_bytes() == before


def test_where_no_directory_can_be_made_the_run_goes_on(public: Path) -> None:
    """It says why."""
    path = public / "closed" / "inner" / "history.sqlite3"
    path.parent.parent.mkdir(mode=0o555)

    def act() -> Told:
        told = Told()
        recall(path)
        keep(path, 1, told)
        return told

    (line,) = without_rights(act)
    assert "Permission denied" in line


def test_a_path_that_can_be_no_file_costs_a_line(tmp_path: Path) -> None:
    """A directory, or something below a file."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "history.sqlite3"):
        told = Told()
        archive = make(path, told)
        archive.recall(traces(X), HERE, lambda _: False)
        archive.keep(run(1, case(X)), {})
        assert len(told) == 1


# no room


def test_a_full_disk_loses_nothing(path: Path) -> None:
    """The limit of the size of a file stands in for the disk: what was there is whole."""
    size = path.stat().st_size

    def act() -> Told:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, size + 8192))
        told = Told()
        keep(path, 2, told, tests=5000)
        return told

    (line,) = in_child(act)
    assert "disk" in line
    assert recall(path, X, "b.py::test_0").seconds == {X: 0.5}
    keep(path, 3)


def test_a_full_disk_for_real(tmp_path: Path) -> None:
    """On a file system of 300 KB: one line, and what was there is whole."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=300k", "none", str(place))
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True)  # noqa: S603 - a command of ours
    except OSError:
        pytest.skip("there is no mount")
    if mounted.returncode:
        pytest.skip(f"may not mount: {mounted.stderr.decode().strip()}")
    try:
        path = place / "history" / "history.sqlite3"
        keep(path, 1)
        told = Told()
        keep(path, 2, told, tests=20_000)
        (line,) = told
        assert "disk" in line
        assert recall(path, X, "b.py::test_0").seconds == {X: 0.5}
        keep(path, 3)
    finally:
        subprocess.run(("umount", str(place)), check=True)  # noqa: S603, S607 - a command of ours


# damage of all kinds


def test_damage_of_any_kind_costs_one_line(tmp_path: Path) -> None:
    """Bytes changed, cut off, put in or exchanged: one line, the past set aside, a new one begun."""
    source = tmp_path / "source" / "history.sqlite3"
    names = [f"b.py::test_{n}[\u00e9]" for n in range(60)]
    for number in range(2):
        tests = (case(name, attempt(), body=name[-9:]) for name in names)
        make(source, Told()).keep(run(number, *tests, fixtures={("db", ""): 1.0}), {})
    whole = source.read_bytes()
    random = Random(7)  # noqa: S311 - the same damage each time
    for number, damage in enumerate(DAMAGES * 8):
        path = tmp_path / str(number) / "history.sqlite3"
        path.parent.mkdir()
        path.write_bytes(damage(whole, random))
        told = Told()
        archive = make(path, told)
        found = archive.recall(traces(*names), HERE, lambda _: True)
        tests = (case(name, body=name[-9:]) for name in names)
        archive.keep(run(50, *tests, fixtures={("db", ""): 1.0}), found.renamed)
        recall(path, *names)
        keep(path, 51)
        assert len(told) == len(list(path.parent.glob("*.corrupt-*"))) <= 1, (number, told)
        assert all("is corrupt (" in line and "kept as" in line for line in told)


def _cut(whole: bytes, random: Random) -> bytes:
    return whole[: random.randrange(len(whole))]


def _change(whole: bytes, random: Random) -> bytes:
    content = bytearray(whole)
    for _ in range(random.randrange(1, 200)):
        content[random.randrange(len(content))] = random.randrange(256)
    return bytes(content)


def _put_in(whole: bytes, random: Random) -> bytes:
    place = random.randrange(len(whole))
    return whole[:place] + random.randbytes(random.randrange(1, 100)) + whole[place:]


def _exchange(whole: bytes, random: Random) -> bytes:
    pages = [whole[place : place + 4096] for place in range(0, len(whole), 4096)]
    pages[random.randrange(len(pages))] = random.choice([*pages, bytes(4096)])
    return b"".join(pages)


#: Four ways to damage a file.
DAMAGES = [_cut, _change, _put_in, _exchange]


def test_what_no_test_can_take_is_not_believed(path: Path) -> None:
    """A length that is none, of a test or a fixture, is as good as not known."""
    make(path, Told()).keep(run(2, case(Y), fixtures={("db", ""): 1.0}), {})
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, seconds in (("test", -1.0), ("fixture", float("nan"))):
            recent = pack("<dfBi", 1.7e9, seconds, 0, 1)
            connection.execute(f"UPDATE {table} SET recent = ?", (recent,))  # noqa: S608 - ours
    found = recall(path, X, Y)
    assert not found.seconds
    assert not found.costs


@pytest.mark.parametrize("name", ["README.md", "history"])
def test_what_is_no_database_by_its_name_is_left_alone(tmp_path: Path, name: str) -> None:
    """Who names the wrong file finds it as it was."""
    path = tmp_path / name
    path.write_text("something that somebody wrote")
    told = Told()
    archive = make(path, told)
    archive.recall(traces(X), HERE, lambda _: False)
    archive.keep(run(1, case(X)), {})
    (line,) = told
    assert "is no history, and is left alone: name another file" in line
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert path.read_text() == "something that somebody wrote"


# odd places


def test_what_a_link_names_is_the_history(path: Path) -> None:
    """A link stays one: what is set aside is the file that it names, with all that belongs to it."""
    link = path.parent.parent / "link.sqlite3"
    link.symlink_to(path)
    assert recall(link).seconds == {X: 0.5}
    keep(link, 2)
    path.write_bytes(b"rubbish" * 1000)
    told = Told()
    keep(link, 3, told)
    assert len(told) == 1
    assert link.is_symlink()
    assert len(list(path.parent.glob("*.corrupt-*"))) == 1
    assert recall(path).seconds == {X: 0.5}


def test_a_link_to_nothing_gets_its_file(tmp_path: Path) -> None:
    """Its directory is made, too; links in a circle cost a line."""
    link = tmp_path / "link.sqlite3"
    link.symlink_to(tmp_path / "far" / "history.sqlite3")
    keep(link, 1)
    assert (tmp_path / "far" / "history.sqlite3").is_file()
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    told = Told()
    recall(circle, told=told)
    keep(circle, 1, told)
    assert told


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody would ever write to it."""
    path = tmp_path / "pipe.sqlite3"
    os.mkfifo(path)
    told = Told()
    archive = make(path, told)
    archive.recall(traces(X), HERE, lambda _: False)
    archive.keep(run(1, case(X)), {})
    (line,) = told
    assert "is no file, but a device or a pipe" in line


def test_a_name_that_is_too_long_costs_a_line(tmp_path: Path) -> None:
    """It is as if there were nothing, until something is to be written."""
    told = Told()
    path = tmp_path / ("x" * 300)
    recall(path)
    keep(path, 1, told)
    assert len(told) == 1


@pytest.mark.parametrize("mode", [0o444, 0o000])
def test_where_nobody_may_look_the_run_goes_on(public: Path, mode: int) -> None:
    """Not even whether there is a history can be known then."""
    path = public / "history" / "history.sqlite3"
    keep(path, 1)
    path.parent.chmod(mode)

    def act() -> Told:
        told = Told()
        recall(path)
        keep(path, 2, told)
        return told

    try:
        (line,) = without_rights(act)
    finally:
        path.parent.chmod(0o755)
    assert "this run is not added to it" in line
    assert recall(path).seconds == {X: 0.5}


# killed


KILLED = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from histories import case, run
from pytest_orchestra.history.archive import Archive
for number in range(1000):
    tests = (case(f"b.py::test_{n}") for n in range(300))
    Archive(Path(sys.argv[1]), "h", print).keep(run(number, *tests), {})
    print(number, flush=True)
"""


def test_a_run_that_is_killed_while_it_writes_loses_only_itself(tmp_path: Path) -> None:
    """Whatever was added before is there, and the next run needs nobody to mend anything."""
    random = Random(3)  # noqa: S311 - no secret
    support = Path(__file__).parent.parent.parent / "support"
    for number in range(6):
        path = tmp_path / str(number) / "history.sqlite3"
        command = (sys.executable, "-c", KILLED, str(path), str(support))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603 - ours
            assert writer.stdout is not None
            assert writer.stdout.readline() == "0\n"
            time.sleep(random.random() / 10)
            writer.kill()
            added = 1 + len(writer.stdout.read().splitlines())
        told = Told()
        found = recall(path, "b.py::test_7", told=told)
        assert found.seconds == {"b.py::test_7": 0.5}
        assert not told
        with Store.open(path) as store:
            kept = len(store.cases(["b.py::test_7"])["b.py::test_7"])
        assert kept - added in {0, 1}  # one may have been added that could not say so any more
        keep(path, 5000)
        assert is_sound(path)
