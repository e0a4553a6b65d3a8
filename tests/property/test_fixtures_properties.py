"""Whatever fixtures cost, every test runs, and no worker waits for one that nobody uses."""

from __future__ import annotations

from random import Random

from engines import make_engine
from hypothesis import given
from hypothesis import strategies as st

from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.scheduling.fixtures import Fixtures, Kits
from pytest_orchestra.scheduling.simulate import Simulation


@given(st.randoms(use_true_random=False), st.integers(1, 30), st.integers(1, 4))
def test_every_case_runs_whatever_its_fixtures_cost(
    random: Random, cases: int, workers: int
) -> None:
    """Workers refuse cases for their fixtures, but never all of them all cases."""
    segments = sorted(random.randrange(6) for _ in range(cases))
    nodeids = [f"test_{segment}.py::test_{case}" for case, segment in enumerate(segments)]
    table = (("a", ""), ("b", ""), *((f"m{number}", f"test_{number}.py") for number in range(6)))
    kits = [
        tuple(each for each in (0, 1, 2 + segment) if random.random() < 0.5) for segment in segments
    ]
    fixtures = Fixtures(Kits(table, tuple(kits), tuple(range(cases))), nodeids)
    for fixture in table:
        fixtures.learn(fixture, random.choice((0.0, 0.1, 1.0, 100.0)))
    seconds = [random.choice((0.01, 0.1, 1.0, 5.0)) for _ in range(cases)]
    specs = [
        CaseSpec(
            nodeid,
            claims=frozenset({Claim("db")} if random.random() < 0.2 else ()),
            priority=random.choice((0.0, 0.0, 1.0)),
            group=random.choice((None, None, None, "g")),
            alone=random.random() < 0.1,
        )
        for nodeid in nodeids
    ]
    engine = make_engine(
        specs, seconds=seconds, segments=segments, workers=workers, fixtures=fixtures, horizon=0.05
    )
    names = tuple(f"w{number}" for number in range(workers))
    spans = Simulation(engine, seconds, names).run()
    assert sorted(span.case for span in spans) == list(range(cases))
    assert engine.done
