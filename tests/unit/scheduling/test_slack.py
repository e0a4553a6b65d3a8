"""Balanced orders of runs that are too large to try any."""

from __future__ import annotations

from engines import make_pool, spec

from pytest_orchestra.scheduling.feedback import weigh
from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.scheduling.graph import arrange
from pytest_orchestra.scheduling.score import Demands, score
from pytest_orchestra.scheduling.setups import SetUps
from pytest_orchestra.scheduling.slack import by_slack

#: A giant, 400 short cases that are healthy, and one that is likely to fail.
SECONDS = [50.0, *[0.2] * 400, 0.2]
FAILING = [0.01, *[0.01] * 400, 0.9]


def level_of(
    seconds: list[float], failing: list[float], workers: int, setups: SetUps | None = None
) -> tuple[int, ...]:
    """Return the balanced order of cases without edges."""
    specs = [spec() for _ in seconds]
    graph = arrange([{} for _ in seconds])
    scores = score(specs, graph, seconds, workers, Demands.read(specs, make_pool()))
    setups = setups or SetUps()
    worth = weigh(failing, seconds, graph, setups.files(), whole=True)
    return by_slack(scores, worth, seconds, workers, setups)


def test_a_suspect_goes_before_the_urgent_and_the_rest_after() -> None:
    """There is room for little, before that which the end of the run waits for."""
    level = level_of(SECONDS, FAILING, 2)
    assert level[-1] == 0
    assert sum(each < level[0] for each in level) == 6  # of 0.2 s each, two workers for 0.65 s
    assert all(each != level[0] for each in level[1:])


def test_one_worker_has_no_urgency() -> None:
    """Every order takes the same time, so worth alone counts."""
    level = level_of(SECONDS, FAILING, 1)
    assert level[-1] == 0
    assert level[0] == max(level)


def test_files_that_bind_a_worker_for_long_go_before_what_fills_gaps() -> None:
    """As they were collected, since their fixtures are set up once that way."""
    db = ("db", "a.py")
    nodeids = [
        *[f"c.py::test_{n}" for n in range(999)],
        "b.py::test_999",
        *[f"a.py::test_{n}" for n in range(20)],
    ]
    pg = ("pg", "b.py")  # costs too little to bind anybody
    kits = Kits((db, pg), ((), (0,), (1,)), (0,) * 999 + (2,) + (1,) * 20)
    setups = SetUps(kits, {db: 1.0, pg: 0.006}, nodeids)
    level = level_of([0.01] * 1020, [0.1] * 500 + [0.01] * 520, 2, setups)
    assert set(level[1000:]) == {1}
    assert set(level[:500]) == {0, 2}
    assert set(level[500:999]) == {3}
