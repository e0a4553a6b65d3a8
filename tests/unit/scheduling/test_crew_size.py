"""How many workers a run can use, and why no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from engines import DB, Edges, after, make_graph, make_pool, spec

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.stage import StageSpec, Strategy
from pytest_orchestra.scheduling import crew_size
from pytest_orchestra.scheduling.crew_size import (
    NO_SHORTER,
    WORTH_A_WORKER,
    CrewSize,
    size_crew,
    with_set_ups,
)
from pytest_orchestra.scheduling.staging import Staging


def size(  # noqa: PLR0913 - each is a different thing that a test may care about
    specs: Sequence[CaseSpec],
    edges: Edges | None = None,
    *,
    seconds: Sequence[float | None] | None = None,
    limit: int = 8,
    tokens: Mapping[str, int] | None = None,
    lead: float = 0.0,
    staging: Staging | None = None,
) -> CrewSize:
    """Return how large a crew ``specs`` want."""
    graph = make_graph(len(specs), edges, staging)
    known = [None] * len(specs) if seconds is None else seconds
    return size_crew(specs, graph, make_pool(**(tokens or {})), known, limit, lead)


@pytest.mark.parametrize(
    ("tests", "crew"),
    [
        (0, CrewSize(1, 1, "there is no other test")),
        (1, CrewSize(1, 1, "there is no other test")),
        (3, CrewSize(3, 3, "there are no other tests")),
        (8, CrewSize(8, 8)),
        (200, CrewSize(8, 8)),
        (6000, CrewSize(8, 8)),
    ],
)
def test_no_more_workers_than_tests(tests: int, crew: CrewSize) -> None:
    """Tests of which nothing is known can all run side by side, and nobody waits for that."""
    assert size([spec()] * tests) == crew


def test_a_chain_is_for_one_worker() -> None:
    """Where each test waits for the one before, a second worker is of no use."""
    edges = {case: after(case - 1) for case in range(1, 5)}
    crew = CrewSize(1, 1, "no more than 1 test can run at a time (dependencies)")
    assert size([spec()] * 5, edges) == crew
    assert size([spec()] * 5, edges, seconds=[9.0] * 5) == crew


def test_a_sequential_stage_is_for_one_worker() -> None:
    """One test at a time is all that there is to do."""
    staging = Staging((StageSpec("one", strategy=Strategy.SEQUENTIAL),), (0,) * 5)
    crew = CrewSize(1, 1, "no more than 1 test can run at a time (stages)")
    assert size([spec()] * 5, staging=staging) == crew
    assert size([spec()] * 5, staging=staging, seconds=[9.0] * 5) == crew


@pytest.mark.parametrize("most_scheduled", [100, 9])
def test_what_is_behind_a_gate_appears_later(
    most_scheduled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens it needs one worker; of an empty stage nobody waits for the gate."""
    monkeypatch.setattr(crew_size, "MOST_SCHEDULED", most_scheduled)
    staging = Staging((StageSpec("one"), StageSpec("two", needs=("one",))), (0,) + (1,) * 19)
    crew = size([spec()] * 20, staging=staging, seconds=[5.0] + [2.0] * 19)
    assert (crew.first, crew.most > 1) == (1, True)
    staging = Staging((StageSpec("one"), StageSpec("two", needs=("one",))), (1,) * 20)
    assert size([spec()] * 20, staging=staging) == CrewSize(8, 8)


def test_work_that_appears_later() -> None:
    """A test for which all others wait needs one worker at first, and many later."""
    fan = {case: after(0) for case in range(1, 20)}
    assert size([spec()] * 20, fan) == CrewSize(8, 1)
    assert size([spec()] * 20, fan, seconds=[5.0] + [1.0] * 19) == CrewSize(7, 1, NO_SHORTER)


@pytest.mark.parametrize(("there", "first"), [(1, 2), (3, 3), (9, 7)])
def test_who_is_there_already_stays(there: int, first: int) -> None:
    """As long as he may be of use later; those that are missing come."""
    assert CrewSize(7, 2).with_present(there) == CrewSize(7, first)


def test_work_that_appears_soon() -> None:
    """Whoever takes as long to start as the first test does is started with it."""
    fan = {case: after(0) for case in range(1, 9)}
    seconds = [0.5] + [1.0] * 8
    assert size([spec()] * 9, fan, seconds=seconds, lead=0.6) == CrewSize(8, 8)
    assert size([spec()] * 9, fan, seconds=seconds, lead=0.4) == CrewSize(8, 1)


def test_a_resource_is_named() -> None:
    """Two tokens are for two workers."""
    crew = CrewSize(2, 2, "no more than 2 tests can run side by side (resource db)")
    assert size([spec(DB)] * 6, tokens={"db": 2}) == crew


def test_tests_that_run_alone_are_named() -> None:
    """Where all want to be alone one worker does it all."""
    crew = CrewSize(1, 1, "no more than 1 test can run at a time (tests that run alone)")
    assert size([spec(alone=True)] * 4) == crew


def test_groups_are_named() -> None:
    """What stays on one worker is for one worker, whether it is known how long it takes or not."""
    specs = [spec(group="a")] * 5 + [spec(group="b")] * 5
    reason = "no more than 2 tests can run side by side (groups that stay on one worker)"
    assert size(specs) == CrewSize(2, 2, reason)
    assert size(specs, seconds=[1.0] * 10) == CrewSize(2, 2, reason)


def test_known_durations_tell_how_many_are_enough() -> None:
    """Where one test takes as long as all others, two workers are as good as eight."""
    assert size([spec()] * 11, seconds=[10.0] + [1.0] * 10) == CrewSize(2, 2, NO_SHORTER)


def test_a_worker_must_be_worth_its_start() -> None:
    """A suite that is over in no time is for one worker."""
    tiny = WORTH_A_WORKER / 100
    assert size([spec()] * 50, seconds=[tiny] * 50) == CrewSize(1, 1, NO_SHORTER)
    assert size([spec()] * 50, seconds=[0.0] * 50) == CrewSize(1, 1, NO_SHORTER)


def test_large_runs_are_reckoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more tests than can be scheduled, the bounds tell how wide the run is."""
    monkeypatch.setattr(crew_size, "MOST_SCHEDULED", 9)
    chain = {case: after(case - 1) for case in range(1, 12)}
    reason = "no more than 1 test can run at a time (dependencies)"
    assert size([spec()] * 12, chain) == CrewSize(1, 1, reason)
    fan = {case: after(0) for case in range(1, 12)}
    assert size([spec()] * 12, fan).first == 1
    assert size([spec()] * 12, fan).most == 6
    reason = "no more than 2 tests can run side by side (resource db)"
    assert size([spec(DB)] * 12, tokens={"db": 2}) == CrewSize(2, 2, reason)
    assert size([spec(DB)] * 12, tokens={"db": 2}, seconds=[0.0] * 12).most == 1


def test_shared_fixtures_count_as_work() -> None:
    """What a fixture costs is spread over those that use it, whether their durations are known or not."""
    assert with_set_ups([1.0, None, None, 2.0], ((4.0, (0, 1)), (1.0, (3,)))) == [
        3.0,
        2.0,
        None,
        3.0,
    ]
