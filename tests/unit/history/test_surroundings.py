from __future__ import annotations

from pytest_orchestra.history.surroundings import Scene, Span

#: Two workers, one test after the other on each.
SCENE = Scene(
    [
        Span("b", "gw0", 2.0, 3.0),
        Span("a", "gw0", 0.0, 2.0, ("db",)),
        Span("x", "gw1", 0.5, 1.0),
        Span("y", "gw1", 1.5, 2.5, ("gpu", "port")),
    ]
)


def test_what_ran_before_ran_in_the_same_process() -> None:
    """Whatever other workers did."""
    assert SCENE.before("gw0", 2.0) == {"a"}
    assert SCENE.before("gw0", 0.0) == frozenset()
    assert SCENE.before("gw1", 9.0) == {"x", "y"}
    assert SCENE.before("gw9", 9.0) == frozenset()


def test_what_runs_beside_overlaps() -> None:
    """On other workers only; what ends at that moment is over."""

    def beside(worker: str, began: float, ended: float) -> list[str]:
        return [span.nodeid for span in SCENE.beside(worker, began, ended)]

    assert beside("gw0", 0.0, 2.0) == ["x", "y"]
    assert beside("gw0", 2.0, 3.0) == ["y"]
    assert beside("gw0", 2.5, 3.0) == []
    assert beside("gw0", 1.0, 1.5) == []
    assert beside("gw1", 1.5, 2.5) == ["a", "b"]
    assert beside("gw2", 0.6, 0.7) == ["a", "x"]


def test_nothing_ran() -> None:
    """A run of which no times are known says nothing."""
    assert Scene([]).before("gw0", 1.0) == frozenset()
    assert not Scene([]).beside("gw0", 1.0, 2.0)
