"""What a run does where the ledger that all runs share has become unusable."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_orchestra.errors import MachineError
from pytest_orchestra.machine import Ledger
from pytest_orchestra.model.capacity import Capacity, Scope
from pytest_orchestra.model.lease import Lease
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.sharing import Sharing

LICENSE = {"license": Capacity(1, scope=Scope.MACHINE), "db": Capacity(1)}


def opened(path: Path) -> Sharing:
    """Return this run's part in what is shared in a new directory."""
    directory = path / "runtime"
    directory.mkdir(mode=0o700, exist_ok=True)
    sharing = Sharing.open(LICENSE, str(directory), path)
    assert sharing is not None
    return sharing


def test_a_case_gets_what_is_there_and_others_learn_who_has_it(tmp_path: Path) -> None:
    """The one who waits gets it when it is given back."""
    one, other = opened(tmp_path), opened(tmp_path)
    try:
        assert one.acquire(0, [("license", 1)], "a.py::a")
        assert one.leases(0) == [Lease("license", 1, ("0",))]
        assert not other.acquire(5, [("license", 1)], "b.py::b")
        assert (other.waiting, other.wanted()) == ((5,), ("license",))
        assert "a.py::a" in other.held_by("license")
        assert one.held_by("license") == ""
        assert not one.wanted_by_others("license"), "nobody has waited for long"
        one.give_back(0)
        assert other.poll() == [5]
        assert other.leases(5) == [Lease("license", 1, ("0",))]
    finally:
        one.close()
        other.close()


def test_what_is_not_shared_needs_no_ledger(tmp_path: Path) -> None:
    """Then nothing is opened."""
    assert Sharing.open({"db": Capacity(1)}, None, tmp_path) is None


def test_a_ledger_that_fails_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for something is told; who gives something back, or only looks, goes on."""
    sharing = opened(tmp_path)
    try:
        assert sharing.acquire(0, [("license", 1)], "a.py::a")
        with monkeypatch.context() as broken:
            for method in ("request", "give_back", "holders"):
                broken.setattr(Ledger, method, _fail)
            with pytest.raises(MachineError, match="no room"):
                sharing.acquire(1, [("license", 1)], "a.py::b")
            sharing.give_back(0)
            assert sharing.held_by("license") == ""
            assert not sharing.wanted_by_others("license")
        sharing.give_back(1)  # as the engine does with whoever did not get it
        assert sharing.waiting == ()
    finally:
        sharing.close()


def _fail(*_: object) -> None:
    raise MachineError(Problem("there is no room", "make some", "/somewhere"))
