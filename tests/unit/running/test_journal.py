import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_orchestra.running.journal import SIZE, Journal, Legacy, create, remove


@pytest.fixture
def ends() -> Iterator[tuple[Journal, Journal]]:
    """Return both ends of one journal: the worker's and the controller's."""
    address = create()
    worker, controller = Journal.find(address), Journal.find(address)
    remove(address)
    assert worker is not None
    assert controller is not None
    worker.keep()
    yield worker, controller
    worker.close()
    controller.close()


def test_what_one_end_writes_the_other_reads(ends: tuple[Journal, Journal]) -> None:
    """Although the file has no name any more."""
    worker, controller = ends
    worker.run(0)
    assert controller.legacy(0) == Legacy(b"", 0)
    assert worker.add(b"one")
    assert worker.add(b"two")
    worker.run(None)
    assert controller.legacy(0) == Legacy(b"onetwo", None)
    assert (worker.batch, worker.records) == (1, b"onetwo")


def test_a_batch_that_arrived_is_not_read_again(ends: tuple[Journal, Journal]) -> None:
    """A worker may die after it sent a batch and before it began the next."""
    worker, controller = ends
    worker.add(b"one")
    assert controller.legacy(1) == Legacy(b"", None)
    worker.turn()
    worker.add(b"two")
    assert controller.legacy(1) == Legacy(b"two", None)


def test_what_does_not_fit_is_refused(ends: tuple[Journal, Journal]) -> None:
    """And leaves what is there as it is."""
    worker, controller = ends
    assert worker.add(b"a" * (SIZE // 2))
    assert not worker.add(b"b" * SIZE)
    legacy = controller.legacy(0)
    assert legacy is not None
    assert legacy.records == b"a" * (SIZE // 2)
    worker.turn()
    assert worker.records == b""


def test_a_journal_that_no_worker_keeps_says_nothing() -> None:
    """The worker may have failed to map it, and told everything."""
    address = create()
    controller = Journal.find(address)
    remove(address)
    assert controller is not None
    assert controller.legacy(0) is None
    controller.close()


def test_a_worker_elsewhere_has_none() -> None:
    """On another host, or where the file is gone, or where none could be made."""
    address = create()
    assert address is not None
    host, path = address
    assert host == platform.node()
    assert Journal.find((host + "x", path)) is None
    remove(address)
    assert not Path(path).exists()
    remove(address)
    remove(None)
    assert Journal.find(address) is None
    assert Journal.find(None) is None


def test_a_file_that_is_too_short_is_none(tmp_path: Path) -> None:
    """It is not one of ours."""
    (tmp_path / "short").write_bytes(b"1234")
    assert Journal.find((platform.node(), str(tmp_path / "short"))) is None


def test_no_room_for_files_is_no_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Then results are sent one by one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert create() is None
