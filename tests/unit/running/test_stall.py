from __future__ import annotations

from engines import after, spec
from watched import Watched

from pytest_orchestra.model.stage import StageSpec
from pytest_orchestra.running.stall import describe_stall
from pytest_orchestra.scheduling.staging import Staging


def test_who_is_behind_a_gate_waits_for_that() -> None:
    """Not for tests that it depends on, of which there may be none."""
    staging = Staging((StageSpec("smoke"), StageSpec("rest", needs=("smoke",))), (0, 0, 1, 1))
    watched = Watched([spec()] * 4, {1: after(0)}, staging=staging)
    watched.begin("gw0")
    line = describe_stall(watched.run, 30.0)
    assert line.endswith("; waiting: 2 for the gate of smoke, 1 for tests they depend on")
    watched.passes(0)
    watched.passes(1)
    assert "the gate of" not in describe_stall(watched.run, 30.0)
