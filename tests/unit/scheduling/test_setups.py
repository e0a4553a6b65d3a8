"""What it costs to run a case away from the fixtures that it shares with others."""

from __future__ import annotations

from pytest_orchestra.scheduling.fixtures import Kits
from pytest_orchestra.scheduling.setups import SetUps

IDS = ["a.py::test_0", "a.py::TestX::test_1", "a.py::test_2", "b.py::test_3", "b.py::test_4"]
DB = ("db", "a.py")
PAGE = ("page", "a.py::TestX")
CONFIG = ("config", "")
PG, LITE = ("engine[pg]", ""), ("engine[lite]", "")


def setups_of(
    *used: tuple[tuple[str, str], ...], costs: dict[tuple[str, str], float] | None = None
) -> SetUps:
    """Return the set-ups where each case uses these fixtures, which cost a second if not said."""
    fixtures = tuple(dict.fromkeys(each for kit in used for each in kit))
    kits = tuple(tuple(fixtures.index(each) for each in kit) for kit in used)
    known = dict.fromkeys(fixtures, 1.0) | (costs or {})
    return SetUps(Kits(fixtures, kits, tuple(range(len(used)))), known, IDS)


def test_nothing_matters_where_nothing_costs() -> None:
    """Cheap fixtures, those of the whole session, and none at all make no difference to an order."""
    assert not SetUps().matter
    assert not setups_of((DB,), (), (), (), (), costs={DB: 0.001}).matter
    assert not setups_of((CONFIG,), (CONFIG,), (), (), ()).matter
    assert setups_of((DB,), (), (), (), ()).matter


def test_what_takes_time_is_known_whether_or_not_it_matters() -> None:
    """A fixture of the whole session takes each worker's time once."""
    assert not SetUps().take_time
    assert not setups_of((DB,), (), (), (), (), costs={DB: 0.001}).take_time
    setups = setups_of((CONFIG,), (DB, CONFIG), (CONFIG,), (), ())
    assert setups.take_time
    assert setups.charges([0.0, 1.0, 3.0, 1.0, 3.0], [1.0] * 5, 1) == [1.0, 1.0, 0.0, 0.0, 0.0]
    benches = setups.benches(["w1", "w2"])
    assert [benches.move("w1", 0), benches.move("w1", 2), benches.move("w2", 2)] == [1.0, 0.0, 1.0]


def test_one_worker_sets_up_once_for_what_it_keeps() -> None:
    """Going elsewhere and coming back costs another set-up."""
    setups = setups_of((DB,), (), (DB,), (), ())
    assert setups.charges([0.0, 1.0, 2.0, 3.0, 4.0], [1.0] * 5, 1) == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert setups.charges([0.0, 1.0, 3.0, 2.0, 4.0], [1.0] * 5, 1) == [1.0, 0.0, 1.0, 0.0, 0.0]


def test_of_several_workers_the_one_goes_on_that_has_it_up() -> None:
    """And others leave it alone while they can."""
    setups = setups_of((DB,), (), (DB,), (), ())
    assert setups.charges([0.0, 0.0, 1.0, 1.0, 2.0], [1.0] * 5, 2) == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert setups.charges([0.0, 1.0, 0.0, 1.0, 2.0], [1.0] * 5, 2) == [1.0, 0.0, 1.0, 0.0, 0.0]


def test_a_worker_that_should_still_be_busy_is_taken_if_there_is_no_other() -> None:
    """Durations are stretched by set-ups only afterwards."""
    setups = setups_of((DB,), (), (DB,), (), ())
    charges = setups.charges([0.0, 0.5, 0.5, 1.0, 2.0], [1.0] * 5, 1)
    assert charges == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_a_class_has_its_own() -> None:
    """What is up for a class goes down when the worker leaves it, what is up for its file stays."""
    setups = setups_of((DB,), (DB, PAGE), (DB,), (), ())
    assert setups.charges([0.0, 1.0, 2.0, 3.0, 4.0], [1.0] * 5, 1) == [1.0, 1.0, 0.0, 0.0, 0.0]


def test_of_a_fixture_with_parameters_one_is_up_at_a_time() -> None:
    """Also of one for the whole session, which counts for that."""
    setups = setups_of((PG,), (LITE,), (PG,), (PG,), (LITE,))
    assert setups.charges([0.0, 1.0, 2.0, 3.0, 4.0], [1.0] * 5, 1) == [1.0, 1.0, 1.0, 0.0, 1.0]


def test_blocks_use_the_same_fixtures() -> None:
    """With what one set-up of all of them costs."""
    setups = setups_of((DB,), (DB, PAGE), (DB,), (), (), costs={PAGE: 0.5})
    assert setups.blocks() == ((1.0, (0, 2)), (1.5, (1,)))


def test_what_stays_up_binds_no_cases_together() -> None:
    """All would be in one block otherwise, and none would be where it is wanted."""
    setups = setups_of((CONFIG,), (DB, CONFIG), (CONFIG,), (CONFIG,), (CONFIG,))
    assert setups.blocks() == ((1.0, (1,)),)
    assert setups.files() == ((1.0, (0, 1, 2)),)


def test_files_hold_all_cases_beside_an_expensive_fixture() -> None:
    """Also those that do not use it; what is not of a file goes by who uses it."""
    setups = setups_of((DB,), (), (), (PG,), ())
    assert setups.files() == ((1.0, (0, 1, 2)), (1.0, (3,)))


def test_benches_tell_what_is_up_where() -> None:
    """Each worker pays for its own."""
    benches = setups_of((DB,), (), (DB,), (), ()).benches(["w1", "w2"])
    assert [benches.move("w1", 0), benches.move("w1", 2), benches.move("w2", 2)] == [1.0, 0.0, 1.0]


def test_the_engine_is_told_what_fixtures_cost() -> None:
    """As earlier runs have measured it."""
    fixtures = setups_of((DB,), (), (), (), (), costs={DB: 2.0}).fixtures()
    assert fixtures.matter
    assert fixtures.cost(DB) == 2.0


def test_the_least_is_to_set_up_each_once() -> None:
    """However often they are used; what is cheap does not count."""
    assert setups_of((DB,), (DB, PAGE), (DB,), (), (), costs={PAGE: 3.0}).least == 4.0
    assert setups_of((DB,), (), (), (), (), costs={DB: 0.001}).least == 0.0
