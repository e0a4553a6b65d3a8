import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ledgers import DAMAGES, die, ids, ids_in_time, join, life_of, standing_of

from pytest_orchestra.machine import Grant, Ledger, MachineError, Supply, hold_life
from pytest_orchestra.machine.guard import file_lock


def test_what_is_free_is_granted_at_once(tmp_path: Path) -> None:
    """And not reported again."""
    ledger = join(tmp_path, license=1, gpu=Supply.of(("cuda:0", "cuda:1")))
    grant = ledger.request("t1", {"license": 1, "gpu": 1}, "test_x")
    assert grant is not None
    assert (grant.ticket_id, grant.names) == ("t1", {"license": (), "gpu": ("cuda:0",)})
    assert ledger.poll() == []


def test_what_one_run_holds_no_other_gets(tmp_path: Path) -> None:
    """Until it is given back."""
    one, other = join(tmp_path, license=1), join(tmp_path, license=1)
    assert one.request("t1", {"license": 1}, "")
    assert other.request("t2", {"license": 1}, "") is None
    assert other.poll() == []
    one.give_back("t1")
    assert ids(other.poll()) == ["t2"]
    assert other.poll() == []


def test_two_runs_get_different_instances(tmp_path: Path) -> None:
    """Also where instances have slots."""
    supply = Supply.of(("a", "b"), slots=2)
    runs = [join(tmp_path, staging=supply) for _ in range(5)]
    granted = [each.request("t", {"staging": 1}, "") for each in runs]
    assert [each and each.names["staging"] for each in granted] == [
        ("a",),
        ("b",),
        ("a",),
        ("b",),
        None,
    ]


def test_who_came_first_is_served_first(tmp_path: Path) -> None:
    """Although a later and smaller wish would fit."""
    one, two, three = (join(tmp_path, db=3) for _ in range(3))
    assert one.request("a", {"db": 2}, "")
    assert two.request("b", {"db": 2}, "") is None
    assert three.request("c", {"db": 1}, "") is None
    assert three.poll() == []
    one.give_back("a")
    assert three.poll() == []
    assert ids(two.poll()) == ["b"]
    assert ids(three.poll()) == ["c"]


def test_who_wants_something_else_does_not_wait(tmp_path: Path) -> None:
    """Only those who want the same resource stand in one queue."""
    one, two = join(tmp_path, db=1, license=1), join(tmp_path, db=1, license=1)
    assert one.request("a", {"db": 1}, "")
    assert one.request("b", {"db": 1}, "") is None
    assert two.request("c", {"license": 1}, "")


def test_nobody_holds_one_thing_while_waiting_for_another(tmp_path: Path) -> None:
    """All or nothing, so nothing can deadlock."""
    one, two = join(tmp_path, db=1, license=1), join(tmp_path, db=1, license=1)
    assert one.request("a", {"db": 1}, "")
    assert two.request("b", {"db": 1, "license": 1}, "") is None
    assert [each.waiting for each in two.holders("license")] == [True]


def test_a_wish_that_is_withdrawn_lets_others_pass(tmp_path: Path) -> None:
    """A waiting ticket may be given back, too."""
    one, two, three = (join(tmp_path, db=2) for _ in range(3))
    one.request("a", {"db": 1}, "")
    two.request("b", {"db": 2}, "")
    three.request("c", {"db": 1}, "")
    two.give_back("b")
    assert ids(three.poll()) == ["c"]
    assert two.poll() == []


def test_runs_may_disagree_on_how_much_there_is(tmp_path: Path) -> None:
    """Each takes only what is there by its own account, whoever holds the rest."""
    wide, narrow = join(tmp_path, db=4), join(tmp_path, db=2)
    assert wide.request("a", {"db": 2}, "")
    assert narrow.request("b", {"db": 1}, "") is None
    wide.give_back("a")
    assert ids(narrow.poll()) == ["b"]
    assert wide.request("c", {"db": 3}, "")


def test_readers_share_and_a_writer_wants_all(tmp_path: Path) -> None:
    """A lock is a resource of as many tokens as there may be readers."""
    most = 2**63 - 1
    one, two = join(tmp_path, schema=most), join(tmp_path, schema=most)
    assert one.request("read", {"schema": 1}, "")
    assert two.request("read", {"schema": 1}, "")
    assert one.request("write", {"schema": most}, "") is None
    one.give_back("read")
    two.give_back("read")
    assert ids(one.poll()) == ["write"]


def test_what_can_never_be_granted_is_refused(tmp_path: Path) -> None:
    """It would wait for ever."""
    ledger = join(tmp_path, db=2)
    with pytest.raises(ValueError, match="3 of 'db' can never be granted to test_x"):
        ledger.request("t", {"db": 3}, "test_x")
    with pytest.raises(ValueError, match="'gpu'"):
        ledger.request("t", {"gpu": 1}, "test_x")
    assert ledger.holders("db") == ()


def test_an_id_is_used_once_at_a_time(tmp_path: Path) -> None:
    """What is given back may be requested again, what is unknown not be given back."""
    ledger = join(tmp_path, db=2)
    assert ledger.request("t", {"db": 1}, "")
    with pytest.raises(ValueError, match="'t' has been requested already"):
        ledger.request("t", {"db": 1}, "")
    ledger.give_back("t")
    assert ledger.request("t", {"db": 1}, "")
    with pytest.raises(KeyError):
        ledger.give_back("u")


def test_everybody_sees_who_holds_and_who_waits(tmp_path: Path) -> None:
    """With what is needed to find the culprit."""
    one = join(tmp_path, "/home/a/shop", license=1)
    two = join(tmp_path, "/home/b/till", license=1)
    one.request("a", {"license": 1}, "tests/test_a.py::test_x")
    two.request("b", {"license": 1}, "test_y")
    one.request("c", {"license": 1}, "test_z")
    holder, *waiting = two.holders("license")
    assert str(holder) == f"pid {os.getpid()} (/home/a/shop, tests/test_a.py::test_x)"
    assert (holder.amount, holder.waiting, holder.is_own) == (1, False, False)
    assert [(each.what, each.waiting, each.is_own) for each in waiting] == [
        ("test_y", True, True),
        ("test_z", True, False),
    ]
    assert holder.since <= waiting[0].since <= waiting[1].since


def test_to_leave_is_to_give_back(tmp_path: Path) -> None:
    """And leaves nothing behind but the guard."""
    one, two = join(tmp_path, db=1), join(tmp_path, db=1)
    one.request("a", {"db": 1}, "")
    one.request("b", {"db": 1}, "")
    two.request("c", {"db": 1}, "")
    one.close()
    one.close()
    assert ids(two.poll()) == ["c"]
    two.close()
    assert [each.name for each in tmp_path.iterdir()] == ["guard.lock"]
    with pytest.raises(MachineError, match="has been closed"):
        two.poll()


def test_the_dead_hold_nothing(tmp_path: Path) -> None:
    """Whoever waits notices, at the next poll, and clears away what they left."""
    one, two = join(tmp_path, db=1), join(tmp_path, db=1)
    one.request("a", {"db": 1}, "")
    one.request("b", {"db": 1}, "")
    two.request("c", {"db": 1}, "")
    assert two.poll() == []
    die(one)
    assert two.holders("db")[0].what == ""
    assert len(two.holders("db")) == 1
    assert ids(two.poll()) == ["c"]
    assert not standing_of(one).exists()
    assert not life_of(one).exists()


def test_a_death_is_noticed_although_no_file_changes(tmp_path: Path) -> None:
    """Also when nothing has happened for a while, and polls look at next to nothing."""
    one, two = join(tmp_path, db=1), join(tmp_path, db=1)
    one.request("a", {"db": 1}, "")
    two.request("b", {"db": 1}, "")
    time.sleep(0.05)
    assert two.poll() == []
    assert not two._book.has_changed()
    die(one)
    assert ids(two.poll()) == ["b"]


def test_a_name_that_came_or_went_within_one_tick_is_noticed(tmp_path: Path) -> None:
    """Clocks of file systems are coarse: what changed just now is not taken for settled."""
    one, two = join(tmp_path, db=1), join(tmp_path, db=1)
    one.request("a", {"db": 1}, "")
    two.request("b", {"db": 1}, "")
    now = time.time_ns() + 10**9
    os.utime(tmp_path, ns=(now, now))
    assert two.poll() == []
    one.give_back("a")
    os.utime(tmp_path, ns=(now, now))
    assert ids(two.poll()) == ["b"]


def test_what_is_written_within_one_tick_is_noticed(tmp_path: Path) -> None:
    """The same for a file that is as long as before."""
    one, two = join(tmp_path, db=1), join(tmp_path, db=1)
    one.request("a", {"db": 1}, "test_a")
    now = time.time_ns() + 10**9
    os.utime(standing_of(one), ns=(now, now))
    assert two.holders("db")[0].what == "test_a"
    standing_of(one).write_bytes(standing_of(one).read_bytes()[::-1])
    os.utime(standing_of(one), ns=(now, now))
    assert two.holders("db")[0].what == "nobody can say what: its file is damaged"


def test_a_grant_is_withdrawn_if_the_guard_was_replaced_while_it_was_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is not known which of the two files this run has locked."""
    ledger = join(tmp_path, db=1)
    lock = ledger._guard._lock
    acquire = lock.acquire

    def acquire_and_replace(*, poll_interval: float) -> object:
        held = acquire(poll_interval=poll_interval)
        (tmp_path / "guard.lock").unlink()
        (tmp_path / "guard.lock").touch()
        return held

    monkeypatch.setattr(lock, "acquire", acquire_and_replace)
    assert ledger.request("a", {"db": 1}, "") is None
    monkeypatch.undo()
    assert ids(ledger.poll()) == ["a"]


def test_the_dead_do_not_wait(tmp_path: Path) -> None:
    """Who waits behind one that was killed moves up."""
    one, two, three = (join(tmp_path, db=2) for _ in range(3))
    one.request("a", {"db": 1}, "")
    two.request("b", {"db": 2}, "")
    three.request("c", {"db": 1}, "")
    die(two)
    assert ids(three.poll()) == ["c"]


def test_tokens_are_used_while_a_worker_lives(tmp_path: Path) -> None:
    """Its test goes on although the run was killed."""
    one, two = join(tmp_path, db=1), join(tmp_path, db=1)
    worker = hold_life(one.directory, one.run, "gw0")
    one.request("a", {"db": 1}, "")
    two.request("b", {"db": 1}, "")
    die(one)
    assert two.poll() == []
    worker.close()
    assert ids(two.poll()) == ["b"]


def test_a_run_that_leaves_keeps_what_a_worker_may_still_use(tmp_path: Path) -> None:
    """What waits is withdrawn, though."""
    one, two = join(tmp_path, db=1, gpu=1), join(tmp_path, db=1, gpu=1)
    worker = hold_life(one.directory, one.run, "gw/0 [x]")
    one.request("a", {"db": 1}, "")
    one.request("b", {"db": 1, "gpu": 1}, "")
    one.close()
    assert two.request("c", {"gpu": 1}, "")
    assert two.request("d", {"db": 1}, "") is None
    worker.close()
    assert ids(two.poll()) == ["d"]


def test_a_run_that_holds_nothing_leaves_while_its_workers_live(tmp_path: Path) -> None:
    """They end a moment later, and nobody waits for that."""
    one, two = join(tmp_path, db=1), join(tmp_path, db=1)
    worker = hold_life(one.directory, one.run, "gw0")
    one.close()
    assert two.request("a", {"db": 1}, "")
    worker.close()


def test_nobody_works_for_a_run_that_has_ended(tmp_path: Path) -> None:
    """A worker that comes too late is told so."""
    one = join(tmp_path, db=1)
    one.close()
    with pytest.raises(MachineError, match="has ended"):
        hold_life(one.directory, one.run, "gw0")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_holder_keeps_its_tokens_whatever_is_done_to_its_files(
    tmp_path: Path, damage: Callable[[Ledger], object]
) -> None:
    """Also before it has noticed; and it writes them again at its next operation."""
    directory = tmp_path / "ledger"
    one, two = join(directory, db=2), join(directory, db=2)
    one.request("a", {"db": 1}, "test_a")
    two.request("b", {"db": 2}, "test_b")
    assert two.poll() == []
    damage(one)
    assert two.poll() == []
    assert one.poll() == []
    newcomer = join(directory, db=2)
    assert newcomer.request("c", {"db": 2}, "test_c") is None
    assert {each.what for each in newcomer.holders("db")} == {"test_a", "test_b", "test_c"}
    one.give_back("a")
    assert ids_in_time(two) == ["b"]
    two.give_back("b")
    assert ids_in_time(newcomer) == ["c"]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_who_waits_keeps_waiting_whatever_is_done_to_its_files(
    tmp_path: Path, damage: Callable[[Ledger], object]
) -> None:
    """It gets its turn in the end."""
    directory = tmp_path / "ledger"
    one, two = join(directory, db=1), join(directory, db=1)
    one.request("a", {"db": 1}, "")
    two.request("b", {"db": 1}, "")
    damage(two)
    one.give_back("a")
    assert ids_in_time(two) == ["b"]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_every_operation_heals(tmp_path: Path, damage: Callable[[Ledger], object]) -> None:
    """There may be none but this one for a long time."""
    operations: list[Callable[[Ledger], object]] = [
        lambda each: each.request("new", {"db": 1}, ""),
        lambda each: each.poll(),
        lambda each: each.give_back("old"),
        lambda each: each.holders("db"),
    ]
    for at, operate in enumerate(operations):
        ledger = join(tmp_path / str(at), db=4)
        ledger.request("old", {"db": 1}, "")
        ledger.request("held", {"db": 1}, "test_held")
        damage(ledger)
        operate(ledger)
        newcomer = join(tmp_path / str(at), db=4)
        assert "test_held" in {each.what for each in newcomer.holders("db")}


def test_a_file_that_nobody_can_read_counts_as_everything(tmp_path: Path) -> None:
    """While its run lives; and people are told which process it is."""
    one, two = join(tmp_path, db=2), join(tmp_path, db=2)
    standing_of(one).write_bytes(b"?")
    assert two.request("a", {"db": 1}, "") is None
    assert [each.what for each in two.holders("db")] == [
        "nobody can say what: its file is damaged",
        "",
    ]
    assert two.holders("db")[0].pid == os.getpid()
    die(one)
    assert ids(two.poll()) == ["a"]
    assert not standing_of(one).exists()


def test_a_process_that_runs_lives_although_its_proof_was_deleted(tmp_path: Path) -> None:
    """Who comes new has never seen it, but can see that the process is there."""
    one = join(tmp_path, db=1)
    one.request("a", {"db": 1}, "")
    life_of(one).unlink()
    assert join(tmp_path, db=1).request("b", {"db": 1}, "") is None


def test_what_was_taken_just_before_all_was_deleted_is_not_taken_again(tmp_path: Path) -> None:
    """A run whose files are gone may have more than anybody has seen."""
    one, two = join(tmp_path / "ledger", db=1), join(tmp_path / "ledger", db=1)
    assert one.holders("db") == two.holders("db") == ()
    assert one.request("a", {"db": 1}, "")
    shutil.rmtree(tmp_path / "ledger")
    assert two.request("b", {"db": 1}, "") is None
    assert two.poll() == []
    die(one)
    assert ids(two.poll()) == ["b"]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    """Also those that look a little like ours."""
    names = ["README", "a.life", "a~b~c~d~e.life", "old.run.new"]
    for name in names:
        (tmp_path / name).write_text("")
    (tmp_path / "folder.run").mkdir()
    one = join(tmp_path, db=1)
    assert one.request("a", {"db": 1}, "")
    one.close()
    assert {*names, "folder.run"} <= {each.name for each in tmp_path.iterdir()}


def test_a_guard_that_is_not_let_go_is_a_clear_error(tmp_path: Path) -> None:
    """It says for how long, and how to find out by whom."""
    ledger = Ledger.open(tmp_path, project="", supplies={"db": Supply.of(1)}, timeout=0.05)
    lock = file_lock(str(tmp_path / "guard.lock"), 0o600, 1.0)
    lock.acquire(poll_interval=0.001)
    with pytest.raises(MachineError, match=r"for more than 0.05 s.*fuser .*guard\.lock"):
        ledger.request("a", {"db": 1}, "")
    lock.release()
    assert ledger.request("a", {"db": 1}, "")


def test_a_grant_is_withdrawn_if_the_guard_was_deleted_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else may have taken the same at that moment; it is tried again."""
    ledger = join(tmp_path, db=1)
    write = ledger._write

    def write_and_delete() -> None:
        write()
        (tmp_path / "guard.lock").unlink(missing_ok=True)

    monkeypatch.setattr(ledger, "_write", write_and_delete)
    assert ledger.request("a", {"db": 1}, "") is None
    assert [each.waiting for each in ledger.holders("db")] == [True]
    monkeypatch.undo()
    assert ids(ledger.poll()) == ["a"]


def test_a_request_that_could_not_be_written_was_never_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is a clear error, and the ledger as it was."""
    ledger = join(tmp_path, db=1)

    def refuse(file: int, data: bytes) -> int:
        return len(data) - len(data[file:])

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(MachineError, match="No space left"):
        ledger.request("a", {"db": 1}, "")
    monkeypatch.undo()
    assert ledger.holders("db") == ()
    assert ledger.request("a", {"db": 1}, "")


def test_threads_may_share_a_ledger(tmp_path: Path) -> None:
    """One polls while others request and give back; nothing is granted twice or lost."""
    ledger = join(tmp_path, db=2)
    polled: list[Grant] = []
    asked: set[str] = set()
    at_once: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set() or len(polled) + len(at_once) < len(asked):
            for grant in ledger.poll():
                polled.append(grant)
                ledger.give_back(grant.ticket_id)

    def use(name: str) -> None:
        for index in range(40):
            asked.add(f"{name}{index}")
            if ledger.request(f"{name}{index}", {"db": 1}, ""):
                at_once.add(f"{name}{index}")
                ledger.give_back(f"{name}{index}")

    watcher = threading.Thread(target=watch, daemon=True)
    users = [threading.Thread(target=use, args=(name,), daemon=True) for name in "abc"]
    for each in (watcher, *users):
        each.start()
    for each in users:
        each.join(60)
    done.set()
    watcher.join(60)
    assert sorted([*ids(polled), *at_once]) == sorted(asked)
    assert len(asked) == 120
    assert ledger.holders("db") == ()
