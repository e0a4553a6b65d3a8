"""What a run is predicted to be, and what one more of anything would make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from engines import DB, after, counted, once_over, spec

from pytest_orchestra.model.capacity import Capacity
from pytest_orchestra.model.case import CaseSpec, Claim, Hold, Mode
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.scheduling.capacity import Stock, settle_stock
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.estimates import Estimates
from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.scheduling.forecast import Prospect, forecast, wanted_verdicts
from pytest_orchestra.scheduling.graph import Graph, arrange
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import Scores, score
from pytest_orchestra.scheduling.setups import SetUps
from pytest_orchestra.scheduling.what_if import Gain, gains_of_more, one_more, scarce


def _prospect(
    specs: Sequence[CaseSpec],
    seconds: Sequence[float],
    graph: Graph,
    setups: SetUps | None = None,
    blocked: Mapping[int, str] | None = None,
) -> Prospect:
    def make_engine(pool: Pool, scores: Scores) -> Engine:
        return Engine(specs, graph, scores, pool, Estimates([0] * len(specs), list(seconds)))

    return Prospect(specs, seconds, make_engine, setups or SetUps(), blocked or {})


def _stock(specs: Sequence[CaseSpec], **tokens: int | Capacity) -> Stock:
    stock, problems = settle_stock(specs, counted(tokens))
    assert not problems
    return stock


def test_a_forecast_tells_what_begins_when() -> None:
    """Spans are in the order in which cases begin, of those at one time as the workers are."""
    specs, seconds = [spec()] * 3, [1.0, 5.0, 2.0]
    graph = arrange([{}, {}, after(0)])
    found = forecast(
        _prospect(specs, seconds, graph),
        score(specs, graph, seconds, 2),
        _stock(specs),
        ("gw0", "gw1"),
    )
    assert [(each.case, each.worker, each.start) for each in found.spans] == [
        (1, "gw0", 0.0),
        (0, "gw1", 0.0),
        (2, "gw1", 1.0),
    ]
    assert found.makespan == 5.0


def test_what_cannot_run_is_not_foretold_to() -> None:
    """Nor is what depends on it."""
    specs, graph = [spec()] * 3, arrange([{}, after(0), {}])
    found = forecast(
        _prospect(specs, [1.0] * 3, graph, blocked={0: "no"}),
        score(specs, graph, [1.0] * 3, 1),
        _stock(specs),
        ("gw0",),
    )
    assert [each.case for each in found.spans] == [2]
    assert found.engine.verdicts[1] is Verdict.BLOCKED


def test_what_others_wait_for_is_taken_to_happen() -> None:
    """Who waits for a failure runs in a plan, too; of those who want opposites somebody cannot."""
    failed = frozenset({Verdict.FAILED})
    graph = arrange([{}, {0: failed}, {}, {2: failed}, after(2), once_over(0)])
    assert wanted_verdicts(graph) == {0: Verdict.FAILED}
    specs = [spec()] * 6
    prospect = replace(_prospect(specs, [1.0] * 6, graph), verdicts=wanted_verdicts(graph))
    scores = score(specs, graph, [1.0] * 6, 1)
    found = forecast(prospect, scores, _stock(specs), ("gw0",))
    assert {each.case for each in found.spans} == {0, 1, 2, 4, 5}


def test_shared_fixtures_take_their_time() -> None:
    """Who needs one first on a worker sets it up."""
    specs = [CaseSpec(f"a.py::test_{n}", "a.py") for n in range(2)]
    kits = Kits((("server", "a.py"),), ((0,),), (0, 0))
    setups = SetUps(kits, {("server", "a.py"): 3.0}, [each.nodeid for each in specs])
    graph = arrange([{}, {}])
    found = forecast(
        _prospect(specs, [1.0, 1.0], graph, setups),
        score(specs, graph, [1.0, 1.0], 1),
        _stock(specs),
        ("gw0",),
    )
    assert [each.end for each in found.spans] == [4.0, 5.0]


def test_one_more_is_tried_of_workers_and_of_what_is_asked_for() -> None:
    """Where tokens are what is lacking, a worker more gains nothing and a token more does."""
    specs, graph = [spec(DB)] * 6, arrange([{}] * 6)
    prospect = _prospect(specs, [1.0] * 6, graph)
    gains = tuple(gains_of_more(prospect, graph, _stock(specs, db=2), 3, ("db",)))
    assert gains == (Gain(None, 1, 0.0), Gain("db", 1, 1.0))


def test_one_more_worker_gains_where_there_is_work() -> None:
    """Six tests of a second take three seconds on two workers, and two on three."""
    specs, graph = [spec()] * 6, arrange([{}] * 6)
    prospect = _prospect(specs, [1.0] * 6, graph)
    assert tuple(gains_of_more(prospect, graph, _stock(specs), 2, ())) == (Gain(None, 1, 1.0),)


@pytest.mark.parametrize(
    ("capacity", "amount"),
    [
        (Capacity(2), 1),
        (Capacity(6, slots=3), 3),
        (Capacity(10, is_quantity=True), 7),
    ],
)
def test_one_more_is_an_instance_or_what_a_test_takes(capacity: Capacity, amount: int) -> None:
    """Of a quantity the most that any test takes, itself or by a fixture, to its end."""
    specs = [
        spec(Claim("r", 5), Claim("s", 9)),
        CaseSpec("x", holds=(Hold("f", None, (Claim("r", 7),)),)),
        spec(Claim("r", 99, Mode.WRITE)),
    ]
    assert one_more(specs, "r", capacity) == amount


def test_of_a_quantity_that_nobody_counts_one_more_is_one() -> None:
    """There is nothing to go by."""
    assert one_more([spec()], "r", Capacity(10, is_quantity=True)) == 1


def test_scarce_is_what_cases_were_held_up_for() -> None:
    """Longest first, equals by name, and no more than are wanted."""
    held_up = {"c": 1.0, "b": 2.0, "a": 1.0, "none": 0.0}
    assert scarce(held_up, 9) == ("b", "a", "c")
    assert scarce(held_up, 2) == ("b", "a")
