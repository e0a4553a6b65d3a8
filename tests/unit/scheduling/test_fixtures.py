from collections.abc import Sequence

import pytest
from engines import make_engine

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.scheduling.fixtures import NEGLIGIBLE, Fixtures, Kits, Taste
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
