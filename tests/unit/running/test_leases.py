"""What the environment says while a test runs, and afterwards."""

from __future__ import annotations

import os

import pytest

from pytest_orchestra.model.lease import Lease
from pytest_orchestra.running.leases import Leases


@pytest.mark.parametrize("before", [None, "mine"])
def test_the_environment_is_restored_where_two_resources_share_a_variable(
    before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable of gpu-a and gpu_a is afterwards what it was before either was set."""
    variable = "PYTEST_ORCHESTRA_GPU_A"
    monkeypatch.setenv(variable, "")
    if before is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, before)
    leases = Leases()
    leases.begin("test_a.py::test_it", [Lease("gpu-a", 1, ("x",)), Lease("gpu_a", 1, ("p",))])
    leases.end()
    assert os.environ.get(variable) == before
