from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_orchestra.live.status import StageState, StageStatus, Status, Waiting, WorkerStatus
from pytest_orchestra.live.words import end_of, minute_line, screen_lines, spell
from pytest_orchestra.model.verdict import Verdict

WORKERS = (
    WorkerStatus("gw0", "tests/test_a.py::test_x[1]", 55.0),
    WorkerStatus("gw1", "tests/test_b.py::test_y", 20.0),
    WorkerStatus("gw2", None, 50.0),
)

STATUS = Status(
    now=65.0,
    tests=1200,
    counts={Verdict.PASSED: 335, Verdict.FAILED: 3, Verdict.BLOCKED: 2},
    workers=WORKERS,
    ready=12,
    waiting=(
        Waiting("'db'", 30, 53.0, ("tests/test_b.py::test_y",)),
        Waiting("tests they depend on", 10),
    ),
    ends_at=255.0,
)


STAGES = (
    StageStatus("smoke", 4, 3, 0, StageState.PASSED),
    StageStatus("unit", 12, 5, 1),
    StageStatus("slow", 3, 3, 1, StageState.FAILED, why="1 failed"),
    StageStatus("api", 6, 0, 0, StageState.WAITS, ("smoke", "unit")),
    StageStatus("last", 2, 0, 0, StageState.HELD),
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3.0, "0 s"),
        (59.9, "59 s"),
        (60.0, "1 min"),
        (190.0, "3 min 10 s"),
        (3600.0, "1 h"),
        (3725.0, "1 h 2 min"),
    ],
)
def test_times_are_as_exact_as_one_needs(seconds: float, words: str) -> None:
    """Seconds count in the first hour."""
    assert spell(seconds) == words


def test_a_line_of_a_log_says_all() -> None:
    """How far, how it goes, who waits for what, when it ends, and who takes longest."""
    assert minute_line(STATUS, 65.0) == (
        "1 min 5 s: 340 of 1,200 done (3 failed, 2 blocked), 2 running, 12 ready, 40 wait (30 for 'db', "
        "10 for tests they depend on), predicted end in 3 min 10 s; longest running: "
        "tests/test_b.py::test_y 45 s on gw1"
    )


def test_what_is_not_known_is_not_said() -> None:
    """No end is predicted where nothing is known of what tests take, and nobody waits if nobody does."""
    line = minute_line(Status(now=61.0, tests=7), 61.0)
    assert line == "1 min 1 s: 0 of 7 done, 0 running, 0 ready"


def test_a_run_that_stops_says_so() -> None:
    """In place of when it would have ended."""
    line = minute_line(Status(now=1.0, tests=7, ends_at=9.0, stopping="maxfail"), 1.0)
    assert line.endswith("stopping")


def test_a_run_that_is_late_ends_now() -> None:
    """Nothing negative is predicted."""
    assert "predicted end now" in minute_line(Status(now=9.0, tests=7, ends_at=8.0), 9.0)


def test_a_screen_has_a_line_for_each_worker() -> None:
    """With what it runs, and for how long."""
    assert screen_lines(STATUS, 65.0, 100, 24) == [
        "340 of 1,200 done (3 failed, 2 blocked), 12 ready; 1 min 5 s, predicted end in 3 min 10 s",
        "40 wait: 30 for 'db' (12 s, held by tests/test_b.py::test_y), 10 for tests they depend on",
        "gw0       10 s  tests/test_a.py::test_x[1]",
        "gw1       45 s  tests/test_b.py::test_y",
        "gw2             idle",
    ]


@pytest.mark.parametrize("columns", range(10, 130, 7))
@pytest.mark.parametrize("rows", [3, 9, 10, 13, 24])
@pytest.mark.parametrize("stages", [(), STAGES])
def test_nothing_is_wider_or_higher_than_there_is_room(
    columns: int, rows: int, stages: tuple[StageStatus, ...]
) -> None:
    """A third of a screen at the most; what does not fit is said in fewer words."""
    lines = screen_lines(replace(STATUS, stages=stages), 65.0, columns, rows)
    assert max(map(len, lines)) <= columns
    assert len(lines) <= max(1, rows // 3)
    assert lines[0].startswith("340")


def test_of_many_workers_those_are_shown_that_run_longest() -> None:
    """The others are counted."""
    many = tuple(WorkerStatus(f"gw{n}", f"t.py::test_{n}", float(n)) for n in range(20))
    lines = screen_lines(Status(20.0, 50, workers=many), 20.0, 80, 24)
    assert lines[1].endswith("t.py::test_0")
    assert lines[-1] == "and 14 more workers"
    assert len(lines) == 8


def test_on_a_small_screen_one_line_has_to_do() -> None:
    """It says how far the run is, and who takes longest."""
    (line,) = screen_lines(STATUS, 65.0, 59, 24)
    assert line == "340/1,200 (3 failed, 2 blocked); gw1 test_y 45 s and 1 more"
    (line,) = screen_lines(Status(5.0, 7), 5.0, 59, 5)
    assert line == "0 of 7 done, 0 ready; 5 s"


def test_one_kind_of_wait_is_counted_once() -> None:
    """Nobody has to add up one number."""
    status = Status(5.0, 7, waiting=(Waiting("'db'", 3),))
    assert screen_lines(status, 5.0, 80, 24)[1] == "3 wait for 'db'"


def test_of_a_long_name_the_end_is_left() -> None:
    """Tests differ in how their names end."""
    assert end_of("tests/test_a.py::test_x", 8) == "…:test_x"
    assert end_of("test_x", 6) == "test_x"
    assert end_of("test_x", 1) == ""


def test_stages_have_a_line() -> None:
    """What has become of their gates, or how far they are, or what they wait for."""
    status = replace(STATUS, stages=STAGES)
    words = (
        "stages: smoke gate passed (3 of 4 done), unit 5 of 12 done (1 failed), slow gate failed (1 failed), "
        "api waits for smoke and unit, last held back"
    )
    assert screen_lines(status, 65.0, 160, 24)[2] == words
    assert f"; {words}; longest running" in minute_line(status, 65.0)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            110,
            "unit 5 of 12 done (1 failed), slow gate failed (1 failed), last held back, and 2 more",
        ),
        (85, "unit 5 of 12 done (1 failed), slow gate failed (1 failed), and 3 more"),
        (70, "slow gate failed (1 failed), and 4 more"),
    ],
)
def test_what_goes_wrong_with_stages_is_left_out_last(columns: int, words: str) -> None:
    """Where there is no room for all."""
    status = replace(STATUS, stages=STAGES)
    assert screen_lines(status, 65.0, columns, 24)[2] == f"stages: {words}"


def test_many_stages_are_counted() -> None:
    """Where there is no room for their names."""
    many = tuple(StageStatus(f"stage-{n}", 1, 0, 0) for n in range(20))
    line = screen_lines(replace(STATUS, stages=many), 65.0, 80, 24)[2]
    assert line == "stages: 20 open"
