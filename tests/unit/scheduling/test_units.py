"""What hangs together."""

from __future__ import annotations

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.units import bundle, find_units


def test_prerequisites_groups_and_twins_stay_together() -> None:
    """Whatever ties two cases, in any number of steps, puts them into one unit."""
    specs = [
        CaseSpec("b"),
        CaseSpec("e", group="g"),
        CaseSpec("a"),
        CaseSpec("c"),
        CaseSpec("d", group="g"),
        CaseSpec("f"),
        CaseSpec("f"),
    ]
    found = find_units(specs, [[2], [], [], [0], [], [], []])
    assert found == [(2, 0, 3), (4, 1), (5, 6)]


def test_circles_are_units() -> None:
    """Cases that wait for one another stay together; that this is an error is told elsewhere."""
    assert find_units([CaseSpec("a"), CaseSpec("b")], [[1], [0]]) == [(0, 1)]


def test_bundles_share_something() -> None:
    """Units are in one bundle if they have a fixture in common, if only through others."""
    assert bundle([[1], [], [1, 2], [3], [2]]) == [[0, 2, 4], [1], [3]]
