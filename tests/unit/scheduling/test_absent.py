from pytest_orchestra.model.case import CaseSpec, Need
from pytest_orchestra.scheduling.absent import Absent


def case(name: str, *needs: str) -> CaseSpec:
    """Return the test ``name`` of one file, with what it depends on."""
    return CaseSpec(f"test_a.py::{name}", needs=tuple(Need(need) for need in needs))


def test_all_that_selected_cases_need_is_found() -> None:
    """Also over steps, but nothing that nobody needs; in the order of the collection."""
    absent = Absent(
        [case("z", "c"), case("y")],
        [case("a"), case("b"), case("c", "a", "y"), case("d", "b")],
    )
    assert absent.closure() == (0, 2)


def test_a_need_is_followed_once() -> None:
    """Absent cases may need one another in a circle; that is found out later."""
    absent = Absent([case("z", "a")], [case("a", "b"), case("b", "a")])
    assert absent.closure() == (0, 1)


def test_selected_cases_are_preferred_to_nobody() -> None:
    """What needs only selected cases needs nothing absent."""
    absent = Absent([case("z", "y"), case("y")], [case("a")])
    assert absent.needed_by == {}
    assert absent.closure() == ()


def test_each_case_is_explained_by_the_first_that_it_misses() -> None:
    """One is enough to say why it cannot run."""
    absent = Absent([case("y"), case("z", "y", "b", "a")], [case("a"), case("b")])
    assert absent.needed_by == {1: 1}


def test_a_loosened_case_no_longer_insists_on_what_is_absent() -> None:
    """The others stay as they are."""
    selected = [case("y", "z"), case("z", "a")]
    first, second = Absent(selected, [case("a")]).loosened()
    assert first is selected[0]
    assert second.needs == (Need("a", optional=True),)


def test_a_loosened_case_still_insists_on_the_rest() -> None:
    """A misspelt name beside an absent one is not forgiven."""
    (loosened,) = Absent([case("z", "a", "tpyo")], [case("a")]).loosened()
    assert loosened.needs == (Need("a", optional=True), Need("tpyo"))
