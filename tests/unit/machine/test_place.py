import os
import stat
import tempfile
from pathlib import Path

import pytest

from pytest_orchestra.machine import Ledger, MachineError, Supply
from pytest_orchestra.machine.place import Place


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the runtime directory of this user."""
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    return directory


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory for temporary files, where there is no runtime directory."""
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def mode_of(path: Path | str) -> int:
    """Return the permissions of a file or directory."""
    return stat.S_IMODE(Path(path).stat().st_mode)


def test_each_user_has_a_directory_of_its_own(runtime: Path) -> None:
    """In its runtime directory, closed to others."""
    place = Place.open()
    assert place.path == str(runtime / "pytest-orchestra")
    assert mode_of(place.path) == 0o700
    assert Place.open() == place


def test_without_a_runtime_directory_it_is_among_temporary_files(temporary: Path) -> None:
    """With the user's number in its name, since all users share those."""
    place = Place.open()
    assert place.path == str(temporary / f"pytest-orchestra-{os.geteuid()}")
    assert mode_of(place.path) == 0o700


@pytest.mark.parametrize("runtime", ["run", "", "/nowhere/at/all"])
def test_a_runtime_directory_that_is_none_is_passed_over(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    """One that is relative, empty or not there."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    assert Place.open().path.startswith(str(temporary))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_the_runtime_directory_of_somebody_else_is_passed_over(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The variable survives ``sudo`` and ``su``."""
    other = tmp_path / "other"
    other.mkdir()
    os.chown(other, 12345, 12345)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(other))
    assert Place.open().path.startswith(str(temporary))


def test_a_directory_that_had_been_opened_is_closed_to_others(runtime: Path) -> None:
    """It is the user's own, so nobody is asked."""
    (runtime / "pytest-orchestra").mkdir()
    (runtime / "pytest-orchestra").chmod(0o777)
    assert mode_of(Place.open().path) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_what_somebody_else_has_put_there_is_refused(temporary: Path) -> None:
    """With owner, mode and remedy."""
    trap = temporary / f"pytest-orchestra-{os.geteuid()}"
    trap.mkdir()
    os.chown(trap, 12345, 12345)
    with pytest.raises(MachineError) as caught:
        Place.open()
    problem = caught.value.problem
    assert problem.where == str(trap)
    assert problem.what.endswith("(it belongs to 12345 (uid 12345), mode 0755)")
    assert "let its owner remove it, or name another directory as runtime_dir" in problem.remedy


def test_a_link_in_its_place_is_refused(temporary: Path, tmp_path: Path) -> None:
    """It may lead anywhere."""
    (tmp_path / "elsewhere").mkdir()
    (temporary / f"pytest-orchestra-{os.geteuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MachineError, match="is not a directory of its own"):
        Place.open()
    assert not any((tmp_path / "elsewhere").iterdir())


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    """Of whatever kind, where a directory was named."""
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="is not a directory"):
        Place.open(tmp_path / "file")
    with pytest.raises(MachineError, match="cannot be used: file: "):
        Place.open(tmp_path / "file" / "below")


def test_a_directory_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    """That nobody can have made by mistake; it is named."""
    (tmp_path / "guard.lock").mkdir()
    with pytest.raises(MachineError, match=r"cannot be used: guard\.lock: Is a directory"):
        Ledger.open(tmp_path, project="", supplies={"db": Supply.of(1)})


@pytest.mark.parametrize(
    ("directory", "file"), [(0o700, 0o600), (0o755, 0o600), (0o2770, 0o660), (0o777, 0o666)]
)
def test_who_may_write_in_a_directory_may_write_its_files(
    tmp_path: Path, directory: int, file: int
) -> None:
    """Whatever the mask of the process is that makes them."""
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger").chmod(directory)
    before = os.umask(0o077)
    try:
        ledger = Ledger.open(tmp_path / "ledger", project="", supplies={"db": Supply.of(1)})
        ledger.request("t", {"db": 1}, "")
    finally:
        os.umask(before)
    assert {mode_of(each) for each in (tmp_path / "ledger").iterdir()} == {file}
    assert len(list((tmp_path / "ledger").iterdir())) == 3


def test_a_directory_that_is_made_again_is_as_it_was(tmp_path: Path) -> None:
    """With the same permissions."""
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger").chmod(0o2770)
    place = Place.open(tmp_path / "ledger")
    (tmp_path / "ledger").rmdir()
    place.restore()
    assert mode_of(place.path) == 0o2770


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_that_somebody_else_made_again_is_refused(tmp_path: Path) -> None:
    """Unless it was one that others share."""
    place = Place.open(tmp_path / "ledger")
    os.chown(place.path, 12345, 12345)
    with pytest.raises(MachineError, match="is not the directory that it was"):
        place.restore()
