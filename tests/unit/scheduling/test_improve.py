"""Schedules that are bettered by rescheduling."""

from __future__ import annotations

from engines import make_pool

from pytest_orchestra.model.case import CaseSpec, Claim, Mode
from pytest_orchestra.model.verdict import SUCCESS
from pytest_orchestra.scheduling.graph import Graph, arrange
from pytest_orchestra.scheduling.improve import Shop, improve, make_shop


def shop_of(
    specs: list[CaseSpec],
    seconds: list[float],
    edges: tuple[tuple[int, int], ...] = (),
    workers: int = 2,
    **capacities: int,
) -> Shop:
    """Return a shop; ``edges`` are (prerequisite, case)."""
    prerequisites: list[dict[int, frozenset[str]]] = [{} for _ in specs]
    for prerequisite, case in edges:
        prerequisites[case][prerequisite] = SUCCESS
    graph: Graph = arrange(prerequisites)  # type: ignore[arg-type]
    return make_shop(specs, graph, make_pool(**capacities), seconds, workers)


def plain(count: int) -> list[CaseSpec]:
    """Return cases that claim nothing."""
    return [CaseSpec(f"test_{number}") for number in range(count)]


def test_starts_in_order_of_keys() -> None:
    """With one worker, cases follow one another in order of their keys."""
    schedule = shop_of(plain(3), [1.0, 2.0, 3.0], workers=1).schedule([2.0, 0.0, 1.0])
    assert schedule.starts == (5.0, 0.0, 2.0)
    assert schedule.makespan == 6.0


def test_edges_and_tokens_hold() -> None:
    """A case starts after its prerequisite, and never without its token."""
    specs = [CaseSpec("a", claims=frozenset({Claim("db")})) for _ in range(2)]
    specs += [CaseSpec("c")]
    schedule = shop_of(specs, [1.0, 1.0, 1.0], ((0, 2),), workers=9, db=1).schedule([0.0, 1.0, 2.0])
    assert schedule.starts == (0.0, 1.0, 1.0)


def test_a_case_waits_for_all_prerequisites() -> None:
    """The last of several prerequisites decides when a case starts."""
    shop = shop_of(plain(3), [1.0, 3.0, 1.0], ((0, 2), (1, 2)), workers=3)
    assert shop.schedule([0.0, 1.0, 2.0]).starts == (0.0, 0.0, 3.0)


def test_what_is_worse_is_not_kept() -> None:
    """However often it is tried, the result is no worse than the start."""
    machines = [[0, 1, 2], [2, 0, 1], [1, 2, 0], [0, 2, 1]]
    specs = [
        CaseSpec(f"m{machine}", claims=frozenset({Claim(f"m{machine}")}))
        for row in machines
        for machine in row
    ]
    edges = tuple((3 * job + step, 3 * job + step + 1) for job in range(4) for step in range(2))
    seconds = [5.0, 3.0, 7.0, 2.0, 6.0, 4.0, 3.0, 3.0, 8.0, 6.0, 1.0, 5.0]
    shop = shop_of(specs, seconds, edges, workers=12, m0=1, m1=1, m2=1)
    for rounds in range(12):
        found = improve(shop, [float(number) for number in range(12)], rounds)
        assert found.best.makespan <= found.first.makespan


def test_alone_and_groups_hold() -> None:
    """A case that runs alone overlaps nothing, and cases of a group take turns."""
    specs = [CaseSpec("a", alone=True), CaseSpec("b", group="g"), CaseSpec("c", group="g")]
    schedule = shop_of(specs, [1.0, 1.0, 1.0], workers=3).schedule([0.0, 1.0, 2.0])
    assert schedule.starts == (0.0, 1.0, 2.0)


def test_writers_exclude_readers() -> None:
    """A writer takes all tokens of its resource."""
    specs = [
        CaseSpec("w", claims=frozenset({Claim("db", mode=Mode.WRITE)})),
        CaseSpec("r", claims=frozenset({Claim("db", mode=Mode.READ)})),
        CaseSpec("s", claims=frozenset({Claim("db", mode=Mode.READ)})),
    ]
    schedule = shop_of(specs, [1.0, 1.0, 1.0], workers=3, db=2).schedule([0.0, 1.0, 2.0])
    assert schedule.starts == (0.0, 1.0, 1.0)


def test_a_bad_order_is_bettered() -> None:
    """Two workers, the longest last: rescheduling finds the optimum."""
    shop = shop_of(plain(5), [1.0, 1.0, 1.0, 1.0, 4.0])
    found = improve(shop, [0.0, 1.0, 2.0, 3.0, 4.0], 50)
    assert found.first.makespan == 6.0
    assert found.best.makespan == 4.0
    assert found.rounds == 50


def test_same_seed_same_schedule() -> None:
    """The result depends on the seed and nothing else."""
    shop = shop_of(plain(9), [float(number % 4 + 1) for number in range(9)])
    keys = [float(number) for number in range(9)]
    assert improve(shop, keys, 20, seed=7) == improve(shop, keys, 20, seed=7)


def test_tiers_keep_going_first() -> None:
    """What is more urgent by priority is not put last for a shorter run."""
    shop = shop_of(plain(5), [1.0, 1.0, 1.0, 1.0, 4.0])
    found = improve(shop, [0.0, 1.0, 2.0, 3.0, 4.0], 50, tiers=[0, 0, 0, 0, 1])
    assert found.best.starts[4] >= 1.0
    assert found.best.makespan == 6.0


def test_stops_when_told_to() -> None:
    """No round is begun once the caller has had enough."""
    shop = shop_of(plain(2), [1.0, 1.0])
    assert improve(shop, [0.0, 1.0], 50, go_on=lambda: False).rounds == 0


def test_nothing_to_schedule() -> None:
    """An empty shop is done at once."""
    assert improve(shop_of([], []), [], 3).best.makespan == 0.0
