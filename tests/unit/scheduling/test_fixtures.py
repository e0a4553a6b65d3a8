from collections.abc import Sequence
from itertools import pairwise

import pytest
from engines import make_engine

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.capacity import settle_stock
from pytest_orchestra.scheduling.engine import Engine
from pytest_orchestra.scheduling.estimates import Estimates
from pytest_orchestra.scheduling.fixtures import NEGLIGIBLE, Fixtures, Kits, Taste
from pytest_orchestra.scheduling.graph import arrange
from pytest_orchestra.scheduling.pool import Pool
from pytest_orchestra.scheduling.score import Scores
from pytest_orchestra.scheduling.simulate import Simulation, Span

SERVER = ("server", "test_a.py")
BROWSER = ("browser", "")


def make_fixtures(*kits: tuple[tuple[str, str], ...]) -> Fixtures:
    """Return what is known before a run whose cases use ``kits``, one after the other."""
    fixtures = tuple(dict.fromkeys(each for kit in kits for each in kit))
    numbers = tuple(tuple(fixtures.index(each) for each in kit) for kit in kits)
    nodeids = [f"test_{'abc'[case % 3]}.py::test_{case}" for case in range(len(kits))]
    return Fixtures(Kits(fixtures, numbers, tuple(range(len(kits)))), nodeids)


def test_nothing_matters_until_something_is_expensive() -> None:
    """What is cheap, and what no case uses, is not remembered."""
    fixtures = make_fixtures((SERVER,))
    fixtures.learn(SERVER, NEGLIGIBLE / 2)
    fixtures.learn(("unknown", ""), 5.0)
    assert not fixtures.matter
    fixtures.learn(SERVER, 1.0)
    assert fixtures.matter


def test_without_kits_there_is_nothing_to_know() -> None:
    """As in a run of which nobody said what fixtures it has."""
    fixtures = Fixtures()
    assert fixtures.kits == Kits()
    fixtures.assign("w1", 0)
    fixtures.take_back(0)
    fixtures.release(0)
    fixtures.lose("w1")
    assert fixtures.taste("w1", 0, 1.0, 0.0) is Taste.INDIFFERENT


def test_kits_of_some_cases_are_numbered_anew() -> None:
    """Each of them uses what it used, and what nobody said stays unsaid."""
    kits = Kits((SERVER, BROWSER), ((0,), (1,), ()), (0, 1, 2, 1))
    left = kits.only((1, 2))
    assert [left.of(case) for case in (0, 1)] == [(1,), ()]
    assert Kits().only((1, 2)) == Kits()


def test_a_worker_likes_what_its_fixtures_are_up_for() -> None:
    """Others would have to set them up."""
    fixtures = make_fixtures((BROWSER,), (BROWSER,), ())
    fixtures.learn(BROWSER, 1.0)
    assert fixtures.taste("w1", 0, 10.0, 0.0) is Taste.INDIFFERENT
    fixtures.assign("w1", 0)
    assert fixtures.taste("w1", 1, 10.0, 0.0) is Taste.HAS_ITS_FIXTURES
    assert fixtures.taste("w2", 1, 10.0, 0.0) is Taste.COSTS_A_SET_UP
    assert fixtures.taste("w2", 2, 10.0, 0.0) is Taste.INDIFFERENT


def test_another_set_up_must_be_worth_it() -> None:
    """It is, while more is left than it takes, for those who have the fixture up."""
    fixtures = make_fixtures(*[(BROWSER,)] * 4)
    fixtures.learn(BROWSER, 1.0)
    fixtures.assign("w1", 0)
    assert fixtures.taste("w2", 1, 0.4, 0.0) is Taste.COSTS_A_SET_UP
    fixtures.release(0)
    fixtures.assign("w1", 1)
    assert fixtures.taste("w2", 2, 0.4, 0.0) is Taste.NOT_WORTH_IT
    fixtures.take_back(0)
    assert fixtures.taste("w2", 2, 0.4, 0.0) is Taste.COSTS_A_SET_UP


def test_who_waited_for_as_long_as_a_set_up_takes_waits_no_longer() -> None:
    """Who has the fixture up may be busy with something else."""
    fixtures = make_fixtures((BROWSER,), (BROWSER,))
    fixtures.learn(BROWSER, 1.0)
    fixtures.assign("w1", 0)
    assert fixtures.taste("w2", 1, 0.1, 5.0) is Taste.NOT_WORTH_IT
    assert fixtures.taste("w2", 1, 0.1, 5.9) is Taste.NOT_WORTH_IT
    assert fixtures.taste("w2", 1, 0.1, 6.1) is Taste.COSTS_A_SET_UP


def test_what_only_idle_or_dead_workers_have_up_is_nobodys() -> None:
    """They will not run it: an idle one was asked before."""
    fixtures = make_fixtures((BROWSER,), (BROWSER,))
    fixtures.learn(BROWSER, 1.0)
    fixtures.assign("w1", 0)
    fixtures.release(0)
    assert fixtures.taste("w2", 1, 0.1, 0.0) is Taste.INDIFFERENT
    fixtures.assign("w1", 1)
    fixtures.lose("w1")
    assert fixtures.taste("w2", 0, 0.1, 0.0) is Taste.INDIFFERENT
    fixtures.lose("w1")


def test_a_fixture_goes_down_when_its_worker_leaves_its_scope() -> None:
    """One of a module with the module, one of the session never."""
    fixtures = make_fixtures((SERVER, BROWSER), (), (), (SERVER,), (BROWSER,))
    fixtures.learn(SERVER, 1.0)
    fixtures.learn(BROWSER, 1.0)
    fixtures.assign("w1", 0)
    assert fixtures.taste("w1", 3, 9.0, 0.0) is Taste.HAS_ITS_FIXTURES
    fixtures.assign("w1", 1)
    assert fixtures.taste("w1", 3, 9.0, 0.0) is Taste.INDIFFERENT
    assert fixtures.taste("w1", 4, 9.0, 0.0) is Taste.HAS_ITS_FIXTURES


def test_a_parameter_takes_the_place_of_another() -> None:
    """Pytest has one instance of a fixture up at a time."""
    first, second = ("server[0]", "test_a.py"), ("server[1]", "test_a.py")
    fixtures = make_fixtures((first,), (), (), (second,), (), (), (first,))
    fixtures.learn(first, 1.0)
    fixtures.assign("w1", 0)
    assert fixtures.taste("w1", 6, 9.0, 0.0) is Taste.HAS_ITS_FIXTURES
    fixtures.assign("w1", 3)
    assert fixtures.taste("w1", 6, 9.0, 0.0) is Taste.INDIFFERENT


def test_parameters_stay_while_others_need_them() -> None:
    """For ten times what a set-up costs; after that, or when nobody is left, others may have their turn."""
    first, second = ("db[0]", ""), ("db[1]", "")
    fixtures = make_fixtures((first,), (first,), (second,))
    assert fixtures.taste("w1", 2, 9.0, 0.0) is Taste.INDIFFERENT
    fixtures.assign("w1", 0, 5.0)
    assert (
        fixtures.taste("w1", 2, 9.0, 6.0) is Taste.INDIFFERENT
    )  # nobody knows that it costs anything
    fixtures.learn(first, 1.0)
    assert fixtures.taste("w1", 2, 9.0, 6.0) is Taste.OUSTS_OTHERS
    assert fixtures.taste("w1", 2, 9.0, 14.9) is Taste.OUSTS_OTHERS
    assert fixtures.taste("w1", 2, 9.0, 15.0) is Taste.INDIFFERENT
    assert fixtures.taste("w2", 2, 9.0, 6.0) is Taste.INDIFFERENT
    fixtures.assign("w1", 1, 7.0)
    assert fixtures.taste("w1", 2, 9.0, 8.0) is Taste.INDIFFERENT


def test_places_are_told_apart_by_parameters() -> None:
    """Neighbours in one file, of which each would take down what the other has set up, are no segment."""
    kits = Kits((("db[0]", ""), ("db[1]", ""), BROWSER), ((0, 2), (1,), (2,)), (0, 1, 2))
    places = kits.places(["a.py"] * 3)
    assert len(set(places)) == 3
    assert Kits((BROWSER,), ((0,),), (0, 0)).places(["a.py", "b.py"]) == ["a.py", "b.py"]
    assert Kits().places(["a.py"]) == ["a.py"]


@pytest.mark.parametrize("kit", [(SERVER, BROWSER), (BROWSER, SERVER)])
def test_one_set_up_that_is_lacking_counts_for_more(kit: tuple[tuple[str, str], ...]) -> None:
    """Though another fixture is up, and whichever comes first."""
    fixtures = make_fixtures(kit, (BROWSER,), kit)
    fixtures.learn(SERVER, 1.0)
    fixtures.learn(BROWSER, 1.0)
    fixtures.assign("w1", 0)
    fixtures.assign("w2", 1)
    assert fixtures.taste("w2", 2, 9.0, 0.0) is Taste.COSTS_A_SET_UP


def test_costs_follow_what_is_measured() -> None:
    """Half of the newest, half of what was known."""
    fixtures = make_fixtures(*[(BROWSER,)] * 2)
    fixtures.learn(BROWSER, 3.0)
    fixtures.learn(BROWSER, 1.0)
    fixtures.assign("w1", 0)
    assert fixtures.taste("w2", 1, 1.9, 0.0) is Taste.NOT_WORTH_IT
    assert fixtures.taste("w2", 1, 2.1, 0.0) is Taste.COSTS_A_SET_UP


def run(
    kits: list[tuple[tuple[str, str], ...]], segments: list[int], cost: float
) -> Sequence[Span]:
    """Run cases of a second each on two workers, ``BROWSER`` known to cost ``cost``."""
    fixtures = make_fixtures(*kits)
    fixtures.learn(BROWSER, cost)
    specs = [CaseSpec(f"test_{case}") for case in range(len(kits))]
    known = [1.0] * len(kits)
    engine = make_engine(specs, seconds=known, segments=segments, fixtures=fixtures)
    return Simulation(engine, known, ("w1", "w2")).run()


def test_users_of_an_expensive_fixture_stay_together() -> None:
    """The other worker takes what costs it nothing, wherever that is in the collection."""
    spans = run([(BROWSER,)] * 4 + [()] * 4, [0, 1, 2, 3, 4, 5, 6, 7], cost=10.0)
    workers = {span.case: span.worker for span in spans}
    assert {workers[case] for case in range(4)} == {"w1"}
    assert {workers[case] for case in range(4, 8)} == {"w2"}


@pytest.mark.parametrize(("cost", "workers"), [(10.0, {"w1"}), (1.5, {"w1", "w2"})])
def test_users_are_split_when_that_pays(cost: float, workers: set[str]) -> None:
    """A worker that has nothing else sets it up if the rest takes longer than that."""
    spans = run([(BROWSER,)] * 4, [0, 0, 1, 1], cost)
    assert {span.worker for span in spans} == workers


def sets_up_again(tier: Sequence[int], cost: float) -> int:
    """Return how often one worker changes the parameters of a fixture, of ten tests of a second in a settled order."""
    names = [("db[0]", ""), ("db[1]", "")]
    fixtures = make_fixtures(*[(names[case % 2],) for case in range(10)])
    for name in names:
        fixtures.learn(name, cost)
    specs = [CaseSpec(f"test_{case}") for case in range(10)]
    nothing = (0.0,) * 10
    engine = Engine(
        specs,
        arrange([{} for _ in specs]),
        Scores(tuple(tier), tuple(range(10)), nothing, nothing),
        Pool(settle_stock(specs, {})[0]),
        Estimates([case % 2 for case in range(10)], [1.0] * 10, fixtures),
    )
    spans = sorted(Simulation(engine, [1.0] * 10, ("w1",)).run(), key=lambda span: span.start)
    return sum(one.case % 2 != other.case % 2 for one, other in pairwise(spans))


def test_what_is_a_little_more_urgent_does_not_change_parameters() -> None:
    """Each test is a little more urgent than the next, which has other parameters: once is often enough."""
    assert sets_up_again([0] * 10, cost=1.0) == 1


def test_nobody_waits_for_long_while_parameters_stay() -> None:
    """Those of a fixture that costs little give way sooner."""
    assert sets_up_again([0] * 10, cost=0.3) == 3
    assert sets_up_again([0] * 10, cost=0.1) == 9


def test_priority_changes_parameters() -> None:
    """What the user wants first is first, whatever that costs."""
    assert sets_up_again(range(10), cost=1.0) == 9


def test_a_fixture_that_went_down_is_nobodys() -> None:
    """Whatever its parameters were; one that was not up changes nothing."""
    server = ("server[1]", "test_a.py")
    fixtures = make_fixtures((server, BROWSER), (server,), ())
    fixtures.learn(server, 1.0)
    fixtures.assign("w1", 0)
    fixtures.release(0)
    assert fixtures.taste("w1", 1, 1.0, 0.0) is Taste.HAS_ITS_FIXTURES
    fixtures.drop("w1", ("other", ""))
    assert fixtures.taste("w1", 1, 1.0, 0.0) is Taste.HAS_ITS_FIXTURES
    fixtures.drop("w1", SERVER)
    assert fixtures.taste("w1", 1, 1.0, 0.0) is Taste.INDIFFERENT
    fixtures.drop("w2", SERVER)
