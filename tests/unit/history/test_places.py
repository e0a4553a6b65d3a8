from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_orchestra.history.places import clean_up, identify, is_on_network, run_files, set_aside

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw - nfs4 server:/home rw
31 30 0:41 / /home/local rw - tmpfs none rw
32 22 0:42 / /my\\040share rw - cifs //server/share rw
33 22 0:43 / /twice rw - nfs server:/ rw
34 22 0:44 / /twice rw - ext4 /dev/sdb1 rw
35 22 0:45 / /données\\040\u00a0x rw - fuse.rclone remote: rw
36 22 0:46 / /container rw - fuse.fuse-overlayfs fuse-overlayfs rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/srv/project/h", False),
        ("/home/me/project/h", True),
        ("/homely/h", False),
        ("/home/local/h", False),
        ("/my share/h", True),
        ("/twice/h", False),
        ("/données \u00a0x/h", True),
        ("/container/h", False),
    ],
)
def test_network_file_systems_are_known(tmp_path: Path, path: str, *, expected: bool) -> None:
    """By the innermost file system at that place, and the last one that was put there."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS, encoding="utf-8")
    assert is_on_network(Path(path), mounts) is expected


def test_where_nothing_is_known_it_is_taken_for_local(tmp_path: Path) -> None:
    """SQLite finds out whether it can share the file."""
    assert not is_on_network(tmp_path / "h", tmp_path / "none")


def test_a_file_is_set_aside_with_what_belongs_to_it(tmp_path: Path) -> None:
    """Nothing is overwritten, even if it happens twice in one second."""
    path = tmp_path / "h"
    kept = []
    for number in range(3):
        path.write_text(f"main {number}")
        (tmp_path / "h-wal").write_text(f"log {number}")
        target = set_aside(path, identify(path))
        assert target is not None
        assert not path.exists()
        assert target.read_text() == f"main {number}"
        assert target.with_name(target.name + "-wal").read_text() == f"log {number}"
        kept.append(target)
    assert len(set(kept)) == 3


def test_another_file_in_its_place_stays(tmp_path: Path) -> None:
    """Whoever comes second must not set aside what the first one has begun anew."""
    path = tmp_path / "h"
    path.write_text("old")
    identity = identify(path)
    path.rename(tmp_path / "elsewhere")
    path.write_text("new")
    assert set_aside(path, identity) is None
    assert set_aside(path, None) is None
    assert path.read_text() == "new"
    assert identify(tmp_path / "none") is None


def test_runs_are_found_newest_first(tmp_path: Path) -> None:
    """Half-written ones are not."""
    folder = tmp_path / "h.runs"
    assert run_files(tmp_path / "h") == []
    folder.mkdir()
    for number, name in enumerate(("b.sqlite3", "a.sqlite3", "c.part")):
        (folder / name).touch()
        os.utime(folder / name, (number, number))
    assert [path.name for path in run_files(tmp_path / "h")] == ["a.sqlite3", "b.sqlite3"]


def test_run_files_are_kept_for_so_long_and_so_many(tmp_path: Path) -> None:
    """The newest stay, what a run left half-written goes after a day; one wrong clock is no matter."""
    now = 2e9
    ages = {"a": 0.0, "b": 1.0, "c": 2.0, "d": 40.0, "e": 3.0, "future": -9_000.0}
    for name, days in ages.items():
        (tmp_path / f"{name}.sqlite3").touch()
        os.utime(tmp_path / f"{name}.sqlite3", (0, now - 86_400 * days))
    for name, days in (("old.part", 5), ("old.part-journal", 5), ("new.part", 1)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, now - 86_400 * days))
    clean_up(tmp_path, 4, 30 * 86_400)
    assert {each.name for each in tmp_path.iterdir()} == {
        *(f"{name}.sqlite3" for name in ("future", "a", "b", "c")),
        "new.part",
    }
    clean_up(tmp_path, 100, 86_400 / 2)
    left = {each.name for each in tmp_path.glob("*.sqlite3")}
    assert "future.sqlite3" in left
    assert "c.sqlite3" not in left
